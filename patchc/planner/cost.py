"""What running a kernel costs: a function of what it executes.

The search adds costs up and compares them, and bounds from below what is still to come by the least
that a node can execute. So a cost is an integer, never negative, and never falls where a feature
rises. Nothing else is assumed of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patchc.errors import PatchcError
from patchc.kernels.features import Count, Features
from patchc.kernels.kernel import Kernel
from patchc.schedule.types import Schedule
from patchc.schedule.work import executed
from patchc.targets.cost_table import CostTable

# (kernel, what it executes of a node) -> an int, or an int64 array: an entry per number of stripes.
Cost = Callable[[Kernel, Features], Count]

SCALE = 1000  # coefficients are thousandths


def macs(kernel: Kernel, features: Features) -> Count:
    """Multiply-accumulates executed."""
    return features.macs


def nothing(kernel: Kernel, features: Features) -> Count:
    """Where only bytes matter."""
    return 0 * features.macs


@dataclass(frozen=True, slots=True)
class CoreCost:
    """Cycles on one core, each kernel of a node rounded to whole ones."""

    table: CostTable

    def __call__(self, kernel: Kernel, features: Features) -> Count:
        """Raises PatchcError where the table says nothing of kernels of this flavour."""
        line = self.table.kernels.get(kernel.name) or self.table.flavours.get(kernel.flavour)
        if line is None:
            raise PatchcError(
                f"the cost table has no line for {kernel.name} or for flavour {kernel.flavour!r}"
            )
        thousandths: Count = 0
        for feature, price in line.terms:
            thousandths = thousandths + price * getattr(features, feature)
        return (thousandths + SCALE // 2) // SCALE


def node_costs(schedule: Schedule, cost: Cost) -> dict[str, int]:
    """Node -> what a schedule costs because of it, the moves of its rows among that; the empty
    name stands for the moves of inputs."""
    found: dict[str, int] = {}
    for one in executed(schedule):
        found[one.node] = found.get(one.node, 0) + int(cost(one.kernel, one.features))
    return found


def executed_cost(schedule: Schedule, cost: Cost) -> int:
    """What a schedule costs."""
    return sum(node_costs(schedule, cost).values())
