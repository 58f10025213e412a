"""What the ways to run a unit need and cost, for many numbers of stripes at once, without lowering.

All cuts of one order share what is worked out: a unit far before a cut has the columns that it has
before the next cut, more often than not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.plan.types import StepPlan
from patchc.planner.cost import nothing
from patchc.planner.cut_columns import CutColumns
from patchc.planner.machine import Machine
from patchc.planner.step_cost import StepParts, step_cost
from patchc.planner.units import Unit
from patchc.schedule.scratch import scratch_layout

# More bytes than any budget allows: of what does not run.
TOO_MANY = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class UnitPrice:
    """One way to run a unit. An entry per count of stripes."""

    scratch: list[int]  # bytes; TOO_MANY where the unit does not run
    cost: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class UnitPrices:
    """Every way to run a unit, and what none of them costs less than: int64 (counts,)."""

    ways: tuple[UnitPrice, ...]
    least_cost: np.ndarray


@dataclass(frozen=True, slots=True)
class _Asked:
    """The columns that the prices of a unit depend on."""

    widest: tuple[str, ...]  # tensors
    total: tuple[str, ...]
    tiles: tuple[tuple[str, int], ...]  # tensors, and the columns of a tile of each
    last: tuple[str, ...]


def _worse(alike: Sequence[Sequence[int]], scratch: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Per way to run a unit, and count of stripes: is there another one of the same rings that
    needs no more scratch and costs no more? Of equal ones the first is kept."""
    worse = np.zeros(cost.shape, dtype=bool)
    for group in map(list, alike):
        if len(group) > 1:
            both = np.stack((scratch[group], cost[group]))
            own, its = both[:, :, None], both[:, None]
            no_worse, equal = (its <= own).all(axis=0), (its == own).all(axis=0)
            behind = ~np.tri(len(group), dtype=bool)[:, :, None]  # [one, other]: one < other
            itself = np.eye(len(group), dtype=bool)[:, :, None]
            worse[group] = (no_worse & ~(equal & behind) & ~itself).any(axis=1)
    return worse


class Pricing:
    """The units of one order, before any cut."""

    def __init__(
        self,
        units: Mapping[int, Unit],
        machine: Machine,
        parts: Mapping[StepPlan, StepParts],
    ) -> None:
        """`units`: by position. `parts`: of all their steps."""
        self.units, self.machine, self._parts = units, machine, parts
        self._is_free = machine.cost is nothing
        self._asked: dict[int, _Asked] = {}
        self._found: dict[tuple[int, int, tuple[bytes, ...]], UnitPrices] = {}

    def price(self, position: int, columns: CutColumns) -> UnitPrices:
        """The unit at `position`, of which `columns` knows all that is read."""
        if position not in self._asked:
            self._asked[position] = self._asks(self.units[position])
        asked = self._asked[position]
        facts = (
            *(columns.widest(tensor) for tensor in asked.widest),
            *(columns.total(tensor) for tensor in asked.total),
            *(columns.tiles(tensor, tile) for tensor, tile in asked.tiles),
            *(columns.last(tensor) for tensor in asked.last),
        )
        key = position, len(columns.counts), tuple(fact.tobytes() for fact in facts)
        if key not in self._found:
            self._found[key] = self._price(self.units[position], columns)
        return self._found[key]

    def _asks(self, unit: Unit) -> _Asked:
        steps = [self._parts[step] for step in {step for steps in unit.options for step in steps}]
        wide = {tensor for step in steps for tensor in step.wide}
        held = {tensor for step in steps for tensor in step.contents.tensors}
        # Without costs only scratch depends on columns.
        costs = [] if self._is_free else steps
        total = {part.tensor for step in costs for part in step.parts if part.tensor}
        tiles = {(step.piece, step.tile) for step in costs}
        return _Asked(
            widest=tuple(sorted(held | wide)),
            total=tuple(sorted(total)),
            tiles=tuple(sorted(tiles)),
            last=tuple(sorted(wide)),
        )

    def _price(self, unit: Unit, columns: CutColumns) -> UnitPrices:
        by_step = {
            step: self._price_of_step(self._parts[step], columns)
            for steps in unit.options
            for step in steps
        }
        scratch = np.array(
            [np.max([by_step[step][0] for step in steps], axis=0) for steps in unit.options]
        )
        cost = np.array([sum(by_step[step][1] for step in steps) for steps in unit.options])
        least = cost.min(axis=0)
        scratch[_worse(unit.alike, scratch, cost)] = TOO_MANY
        return UnitPrices(tuple(map(UnitPrice, scratch.tolist(), cost.tolist())), least)

    def _price_of_step(
        self, parts: StepParts, columns: CutColumns
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scratch and cost."""
        scratch = np.zeros(len(columns.counts), dtype=np.int64)
        scratch += scratch_layout(parts.contents, columns.widest).bytes
        for tensor in parts.wide:
            scratch[columns.too_wide(tensor, tensor == parts.piece)] = TOO_MANY
        cost = np.zeros(len(columns.counts), dtype=np.int64)
        if not self._is_free:
            cost += step_cost(parts, self.machine, columns.total, columns.tiles)
        return scratch, cost
