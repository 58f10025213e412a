"""What units of a tunnel need and cost, for many numbers of stripes at once, without lowering."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from patchc.geometry.columns import MAX_COLUMN, Demand, stripes
from patchc.geometry.step import piece_tensor
from patchc.ir import Graph, Node
from patchc.kernels.slide import SLIDE, slide_work
from patchc.plan.types import StepPlan
from patchc.planner.machine import Machine
from patchc.planner.step_cost import StepParts, step_cost
from patchc.planner.units import Unit
from patchc.schedule.extents import tile_count
from patchc.schedule.scratch import scratch_layout

# More bytes than any budget allows: of what does not run.
TOO_MANY = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class UnitPrice:
    """One way to run a unit. An entry per count of stripes."""

    scratch: list[int]  # bytes; TOO_MANY where the unit does not run
    cost: list[int]


def _shape(step: StepPlan) -> StepPlan:
    """What is left of a step without what changes its scratch and its cost alone: kernels, the
    width of tiles, the size of groups."""
    return replace(step, kernels=(), tile=0, group=min(step.group, 1))


def _worse(
    options: Sequence[Sequence[StepPlan]], prices: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[np.ndarray]:
    """Per way to run a unit, and count of stripes: is there another one of the same rings that
    needs no more scratch and costs no more? Of equal ones the first is kept."""
    shapes = [tuple(_shape(step) for step in steps) for steps in options]
    worse = [np.zeros(len(cost), dtype=bool) for _, cost in prices]
    for one, (scratch, cost) in enumerate(prices):
        for other, (its_scratch, its_cost) in enumerate(prices):
            if other == one or shapes[other] != shapes[one]:
                continue
            no_worse = (its_scratch <= scratch) & (its_cost <= cost)
            equal = (its_scratch == scratch) & (its_cost == cost)
            worse[one] |= no_worse & ~(equal & (one < other))
    return worse


class Prices:
    """The units before one cut, in tunnels that end there."""

    def __init__(
        self,
        graph: Graph,
        nodes: Sequence[Node],
        outputs: Sequence[str],
        counts: Sequence[int],
        units: Mapping[int, Unit],
        machine: Machine,
        parts: Mapping[StepPlan, StepParts],
        streamed: Collection[str] = (),
    ) -> None:
        """`nodes`: all before the cut. `outputs`: the maps they make that are read behind it.
        `counts`: numbers of stripes. `units`: by position. `parts`: of all their steps.
        `streamed`: images of which every pixel comes, also those that nobody reads.
        """
        self.graph, self.counts, self.units = graph, tuple(counts), units
        self._demand = Demand(graph, nodes, outputs, stripes(counts))
        self._widest = {name: [graph.tensors[name].shape[1]] * len(counts) for name in streamed}
        self._options: dict[int, tuple[UnitPrice, ...]] = {}
        self._machine, self._parts = machine, parts
        self._columns: dict[str, np.ndarray] = {}
        self._widths: dict[str, np.ndarray] = {}
        self._stripes: dict[str, np.ndarray] = {}
        self._tiles: dict[tuple[str, int], np.ndarray] = {}
        self._least: dict[int, np.ndarray] = {}

    def widest(self, tensor: str) -> list[int]:
        """Columns of the widest stripe, per count of stripes."""
        if tensor not in self._widest:
            columns = self._demand.columns(tensor)
            self._widest[tensor] = self._demand.cut.widest(columns).tolist()
        return self._widest[tensor]

    def _widest_array(self, tensor: str) -> np.ndarray:
        """The same: int64 (counts,)."""
        if tensor not in self._widths:
            self._widths[tensor] = np.array(self.widest(tensor), dtype=np.int64)
        return self._widths[tensor]

    def row_bytes(self, tensor: str, k: int) -> int:
        """Bytes of one row of its ring, with the k-th number of stripes."""
        return self.widest(tensor)[k] * self.graph.tensors[tensor].shape[2]

    def move_cost(self, tensor: str, k: int, times: int, rows: int) -> int:
        """What moving the rows of its ring costs, with the k-th number of stripes: so many moves a
        stripe, of so many rows in all."""
        if tensor not in self._stripes:
            self._stripes[tensor] = self._demand.cut.present(self._demand.columns(tensor))
        count = int(self._stripes[tensor][k])
        work = slide_work(times * count, rows * count, self.row_bytes(tensor, k))
        return int(self._machine.cost(SLIDE, work))

    def narrow(self, start: int, stop: int) -> dict[int, int]:
        """Nodes from `start` to `stop` that, in the first number of stripes, do not compute all
        columns: by position, those that they compute."""
        self._demand.down_to(start)
        found = self._demand.narrow
        return {at: found[at] for at in found if start <= at < stop} if found else {}

    def options(self, position: int) -> tuple[UnitPrice, ...]:
        """Every way to run the unit at `position`."""
        if position not in self._options:
            self._demand.down_to(position)
            unit = self.units[position]
            prices = [self._price(unit, steps) for steps in unit.options]
            self._least[position] = np.minimum.reduce([cost for _, cost in prices])
            worse = _worse(unit.options, prices)
            self._options[position] = tuple(
                UnitPrice(np.where(drop, TOO_MANY, scratch).tolist(), cost.tolist())
                for (scratch, cost), drop in zip(prices, worse, strict=True)
            )
        return self._options[position]

    def least_cost(self, position: int) -> np.ndarray:
        """The unit at `position` costs no less, per count of stripes: int64 (counts,)."""
        self.options(position)
        return self._least[position]

    def _price(self, unit: Unit, steps: Sequence[StepPlan]) -> tuple[np.ndarray, np.ndarray]:
        """Scratch and cost of one way to run a unit."""
        scratch = cost = np.zeros(len(self.counts), dtype=np.int64)
        for step in steps:
            parts = self._parts[step]
            scratch = np.maximum(scratch, scratch_layout(parts.contents, self._widest_array).bytes)
            scratch[self._too_wide(step)] = TOO_MANY
            cost = cost + step_cost(parts, self._machine, self._total_columns, self._total_tiles)
        return scratch, cost

    def _total_columns(self, tensor: str) -> np.ndarray:
        """Columns that are computed of a tensor, over all stripes."""
        if tensor not in self._columns:
            self._columns[tensor] = self._demand.cut.total(self._demand.columns(tensor))
        return self._columns[tensor]

    def _total_tiles(self, tensor: str, tile: int) -> np.ndarray:
        """Pieces along its columns, over all stripes."""
        if (tensor, tile) not in self._tiles:
            columns = self._demand.columns(tensor)
            tiles = tile_count(columns.stop - columns.start, tile)
            self._tiles[tensor, tile] = self._demand.cut.sum(tiles)
        return self._tiles[tensor, tile]

    def _too_wide(self, plan: StepPlan) -> np.ndarray:
        """Does lowering refuse the step for its columns? bool, per count of stripes. Every step
        lists the columns of its pieces, and those of an inner tensor unless they are all there
        are."""
        graph, demand = self.graph, self._demand
        found = np.zeros(len(self.counts), dtype=bool)
        piece = piece_tensor(graph, plan)
        for name in (piece, *(graph.node(name).output for name in plan.nodes[:-1])):
            width = graph.tensors[name].shape[1]
            if width > MAX_COLUMN:
                columns = demand.columns(name)
                listed = demand.cut.widest(columns) < width if name != piece else True
                found |= listed & (demand.cut.last(columns) > MAX_COLUMN)
        return found
