"""Whose kernels a plan takes: patchc's own, those that call CMSIS-NN, or what costs least."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from patchc.choices import Kernels, Numerics, Rounding
from patchc.errors import PatchcError
from patchc.kernels.cmsis_nn import (
    CMSIS_NN_KERNELS,
    cmsis_nn_kernels,
    flavours_for,
)
from patchc.kernels.features import Count, Features
from patchc.kernels.kernel import Kernel, Site
from patchc.kernels.registry import KERNELS, Registry
from patchc.libraries.cmsis_nn import OPTIONAL, SIGNATURES, CmsisNN
from patchc.planner.cost import Cost
from patchc.planner.machine import Machine, machine_of
from patchc.targets.core import Core

# What another kernel costs more where the library is preferred: no plan is so much slower.
PREFERENCE = 64

# By how much, in percent, a kernel of the library has to cost less than patchc's own to be taken by
# itself: prices are that far off at most (docs/figures.md), and what is chosen must not be slower.
DOUBT = 10

# Three nodes of four flavours choose freely.
_MOST_ASSIGNMENTS = 64


@dataclass(frozen=True, slots=True)
class Preferring:
    """The cost of a plan, if the operators that the library has functions for cost much more
    elsewhere."""

    cost: Cost
    operators: frozenset[type]

    def __call__(self, kernel: Kernel, features: Features) -> Count:
        price = self.cost(kernel, features)
        elsewhere = kernel.operator in self.operators and not kernel.cmsis_nn
        return price * PREFERENCE if elsewhere else price


@dataclass(frozen=True, slots=True)
class Doubting:
    """The cost of a plan, if the library's kernels cost somewhat more than is predicted."""

    cost: Cost

    def __call__(self, kernel: Kernel, features: Features) -> Count:
        price = self.cost(kernel, features)
        return price * (100 + DOUBT) // 100 if kernel.cmsis_nn else price


@lru_cache(maxsize=16)
def registry_of(
    numerics: Numerics, functions: frozenset[str] = frozenset((*SIGNATURES, *OPTIONAL))
) -> Registry:
    """The kernels that may compute a layer, with a library that has these functions."""
    found = {kernel.name: kernel for kernel in KERNELS.entries}
    if numerics is not Numerics.EXACT:
        lenient = cmsis_nn_kernels(exact=False, rounding=numerics.rounding)
        found |= {kernel.name: kernel for kernel in lenient}
    for name, kernel in found.items():
        missing = sorted(set(kernel.cmsis_nn) - functions)
        if missing:
            found[name] = replace(kernel, refuses=_Never(f"this CMSIS-NN has no {missing[0]}"))
    return Registry(tuple(found.values()))


@dataclass(frozen=True, slots=True)
class _Never:
    """Refuses every site."""

    reason: str

    def __call__(self, site: Site) -> str:
        return self.reason


def _priced(registry: Registry, core: Core) -> Registry:
    """Without kernels of the library that the core's table says nothing of."""
    table, own = core.cost_table, flavours_for(core.flavours)
    if table is None:
        return registry

    def one(kernel: Kernel) -> Kernel:
        known = kernel.name in table.kernels or kernel.flavour in table.flavours
        if known or kernel.flavour not in own or isinstance(kernel.refuses, _Never):
            return kernel
        return replace(kernel, refuses=_Never(f"nobody has measured what it costs on {core.name}"))

    return Registry(tuple(map(one, registry.entries)))


def rounding_of(numerics: Numerics) -> Rounding | None:
    """`Machine.rounding`."""
    return None if numerics is Numerics.EXACT else numerics.rounding


def machine_for(
    core: Core,
    kernels: Kernels,
    numerics: Numerics = Numerics.EXACT,
    library: CmsisNN | None = None,
) -> Machine:
    """A core, as the planner sees it, with some kernels. `library`: None: a complete one. Raises
    PatchcError for one that the library is not for."""
    if not core.toolchain.has_libc:
        if kernels is Kernels.CMSIS_NN:
            raise PatchcError(
                f"--kernels cmsis-nn: CMSIS-NN is for Arm's cores, not for {core.name}"
            )
        kernels = Kernels.PATCHC
    registry = (
        registry_of(numerics) if library is None else registry_of(numerics, library.functions)
    )
    registry = _priced(registry, core)
    plain = replace(machine_of(core, registry), rounding=rounding_of(numerics))
    if kernels is Kernels.PATCHC:
        return plain
    flavours = (*flavours_for(core.flavours), *core.flavours)
    cost: Cost = Doubting(plain.cost)
    if kernels is Kernels.CMSIS_NN:
        there = [k for k in CMSIS_NN_KERNELS if not isinstance(registry[k.name].refuses, _Never)]
        cost = Preferring(plain.cost, frozenset(kernel.operator for kernel in there))
    return replace(plain, flavours=flavours, cost=cost, most_assignments=_MOST_ASSIGNMENTS)
