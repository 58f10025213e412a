"""What plans are made for: the kernels that there are, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.choices import Rounding
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS, Registry
from patchc.planner.cost import CoreCost, Cost, macs
from patchc.targets.core import Core


@dataclass(frozen=True, slots=True)
class Machine:
    """All that the planner knows of the core."""

    registry: Registry = KERNELS
    flavours: tuple[str, ...] = (PORTABLE,)  # that the core can run; the portable one among them
    cost: Cost = macs
    # Nodes of a unit choose their kernels freely up to so many combinations; beyond, together.
    most_assignments: int = 32
    # Layers that CMSIS-NN computes mean what it makes of them; None: what onnxruntime does.
    rounding: Rounding | None = None


ANY_CORE = Machine()


def machine_of(core: Core, registry: Registry = KERNELS) -> Machine:
    """A core, as the planner sees it: priced in its cycles where it has a cost table, else in
    multiply-accumulates."""
    cost = macs if core.cost_table is None else CoreCost(core.cost_table)
    return Machine(registry, core.flavours, cost)
