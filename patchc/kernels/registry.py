"""All kernels, by name. A family of operators has a file; a flavour is one more entry in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from patchc.ir import Op
from patchc.kernels.cmsis_nn import CMSIS_NN_KERNELS
from patchc.kernels.convolutions import CONVOLUTIONS
from patchc.kernels.dsp import DSP_KERNELS
from patchc.kernels.elementwise import ELEMENTWISE
from patchc.kernels.kernel import Kernel, Role, Site
from patchc.kernels.loops import DSP_LOOPS, MVE_LOOPS
from patchc.kernels.moves import MOVES
from patchc.kernels.mve import MVE_KERNELS
from patchc.kernels.narrow import NARROW_KERNELS
from patchc.kernels.pools import POOLS
from patchc.kernels.products import PRODUCTS
from patchc.kernels.sums import SUMS_KERNELS


@dataclass(frozen=True)
class Registry(Mapping[str, Kernel]):
    """Kernels by name, in the order in which they are tried."""

    entries: tuple[Kernel, ...]

    @cached_property
    def _by_name(self) -> dict[str, Kernel]:
        return {kernel.name: kernel for kernel in self.entries}

    @cached_property
    def _by_task(self) -> dict[tuple[type[Op], Role], list[Kernel]]:
        """By operator and role, in the order of the entries."""
        found: dict[tuple[type[Op], Role], list[Kernel]] = {}
        for kernel in self.entries:
            found.setdefault((kernel.operator, kernel.role), []).append(kernel)
        return found

    def __getitem__(self, name: str) -> Kernel:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def candidates(self, site: Site, flavours: Collection[str]) -> tuple[Kernel, ...]:
        """The kernels that can run at a site: of each flavour the first that does not refuse, in
        the order of the entries, but for what another one supersedes."""
        found: dict[str, Kernel] = {}
        for kernel in self._by_task.get((type(site.op), site.role), ()):
            if (
                kernel.flavour in flavours
                and kernel.flavour not in found
                and kernel.refusal(site) is None
            ):
                found[kernel.flavour] = kernel
        superseded = {kernel.supersedes for kernel in found.values()}
        return tuple(kernel for kernel in found.values() if kernel.flavour not in superseded)

    def refusals(self, site: Site, flavours: Collection[str]) -> dict[str, str]:
        """Kernel -> why it cannot run at a site, for those of its operator and role."""
        return {
            kernel.name: reason
            for kernel in self._by_task.get((type(site.op), site.role), ())
            if kernel.flavour in flavours and (reason := kernel.refusal(site)) is not None
        }

    def extended(self, *kernels: Kernel) -> Registry:
        """The same with more kernels behind those there are."""
        return Registry((*self.entries, *kernels))


KERNELS = Registry(
    (
        *CONVOLUTIONS,
        *NARROW_KERNELS,
        *DSP_KERNELS,
        *MVE_KERNELS,
        *ELEMENTWISE,
        *SUMS_KERNELS,
        *PRODUCTS,
        *POOLS,
        *MOVES,
        *DSP_LOOPS,
        *MVE_LOOPS,
        *CMSIS_NN_KERNELS,
    )
)
