"""Cores that there are not: any prices, and a second flavour of some kernels."""

from __future__ import annotations

from hypothesis import strategies as st

from patchc.kernels.kernel import Role
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS
from patchc.planner.cost import CoreCost, macs
from patchc.planner.machine import Machine
from patchc.targets.cost_table import Coefficients, CostTable
from tests.flavours import TWIN, TWINS

# Portable first, as cores list their flavours.
BOTH = KERNELS.extended(*TWINS)


COEFFICIENTS = st.builds(
    Coefficients,
    per_call=st.integers(0, 400_000),
    per_row=st.integers(0, 50_000),
    per_pixel=st.integers(0, 20_000),
    per_output=st.integers(0, 10_000),
    per_mac=st.integers(1, 3_000),
    per_weight_byte=st.integers(0, 500),
    per_tap=st.integers(0, 3_000),
)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """Multiply-accumulates, or coefficients of any size: per flavour, and per kernel for some, so
    that keeping sums may be cheaper than computing at once, and tunnels than layer by layer."""
    both = draw(st.booleans())
    registry, flavours = (BOTH, (PORTABLE, TWIN)) if both else (KERNELS, (PORTABLE,))
    if draw(st.integers(0, 4)) == 4:
        return Machine(registry, flavours, macs)
    often = [name for name, kernel in registry.items() if kernel.role is not Role.COMPUTE]
    often += [name for name in registry if name.startswith("conv2d")]
    table = CostTable(
        flavours={flavour: draw(COEFFICIENTS) for flavour in flavours},
        kernels=draw(st.dictionaries(st.sampled_from(sorted(often)), COEFFICIENTS, max_size=4)),
    )
    return Machine(registry, flavours, CoreCost(table))
