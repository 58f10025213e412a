"""What units of a tunnel need and cost, for many numbers of stripes at once, without lowering."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.geometry.columns import MAX_COLUMN, Demand, stripes
from patchc.ir import Graph, Node
from patchc.kernels.slide import SLIDE, slide_work
from patchc.plan.types import StepPlan
from patchc.planner.cost import nothing
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
        may_be_narrow: Callable[[int, int], bool] = lambda start, stop: True,
    ) -> None:
        """`nodes`: all before the cut. `outputs`: the maps they make that are read behind it.
        `counts`: numbers of stripes. `units`: by position. `parts`: of all their steps.
        `streamed`: images of which every pixel comes, also those that nobody reads.
        `may_be_narrow`: are there nodes between two positions that need not compute all columns?
        """
        self.graph, self.counts, self.units = graph, tuple(counts), units
        self._stop = len(nodes)
        self._demand = Demand(graph, nodes, outputs, stripes(counts))
        self._widest = {name: [graph.tensors[name].shape[1]] * len(counts) for name in streamed}
        self._options: dict[int, tuple[UnitPrice, ...]] = {}
        self._machine, self._parts, self._may_be_narrow = machine, parts, may_be_narrow
        self._columns: dict[str, np.ndarray] = {}
        self._widths: dict[str, np.ndarray] = {}
        self._stripes: dict[str, np.ndarray] = {}
        self._tiles: dict[tuple[str, int], np.ndarray] = {}
        self._least: dict[int, np.ndarray] = {}
        self._fewer: dict[int, np.ndarray] = {}  # from a unit to the last one
        self._takes_no_more: dict[int, np.ndarray] = {}

    def look_back(self, position: int) -> None:
        """From now on, tensors that are read from `position` on only have their columns."""
        self._demand.down_to(position)

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
        if not self._may_be_narrow(start, stop):
            return {}
        self._demand.down_to(start)
        found = self._demand.narrow
        return {at: found[at] for at in found if start <= at < stop} if found else {}

    def options(self, position: int) -> tuple[UnitPrice, ...]:
        """Every way to run the unit at `position`."""
        if position not in self._options:
            self._demand.down_to(position)
            unit = self.units[position]
            by_step = {step: self._price(step) for steps in unit.options for step in steps}
            scratch = np.array(
                [np.max([by_step[step][0] for step in steps], axis=0) for steps in unit.options]
            )
            cost = np.array([sum(by_step[step][1] for step in steps) for steps in unit.options])
            self._least[position] = cost.min(axis=0)
            scratch[_worse(unit.alike, scratch, cost)] = TOO_MANY
            self._options[position] = tuple(map(UnitPrice, scratch.tolist(), cost.tolist()))
        return self._options[position]

    def least_cost(self, position: int) -> np.ndarray:
        """The unit at `position` costs no less, per count of stripes: int64 (counts,)."""
        self.options(position)
        return self._least[position]

    def no_more_bytes(self, start: int, end: int) -> np.ndarray:
        """Whatever way the units from `start` to `end` run: bool (counts, counts), [one, other]:
        one number of stripes takes no more bytes than the other."""
        at = start
        ahead: list[int] = []
        while at < end and (end < self._stop or at not in self._fewer):
            ahead.append(at)
            at += len(self.units[at].nodes)
        found = np.ones((len(self.counts),) * 2, dtype=bool)
        if at < end:
            found = self._fewer[at]
        for position in reversed(ahead):
            found = found & self._unit_takes_no_more(position)
            if end == self._stop:
                self._fewer[position] = found
        return found

    def _unit_takes_no_more(self, position: int) -> np.ndarray:
        """As `no_more_bytes`, of one unit."""
        if position not in self._takes_no_more:
            unit = self.units[position]
            scratch = np.array([way.scratch for way in self.options(position)])
            least = [scratch[list(group)].min(axis=0) for group in unit.alike]  # by rings
            made = [self.graph.node(name).output for name in unit.nodes]
            bytes_ = np.array([*map(self._widest_array, made), *least])
            fewer: np.ndarray = np.all(bytes_[:, :, None] <= bytes_[:, None], axis=0)
            self._takes_no_more[position] = fewer
        return self._takes_no_more[position]

    def _price(self, step: StepPlan) -> tuple[np.ndarray, np.ndarray]:
        """Scratch and cost of a step."""
        parts = self._parts[step]
        scratch = np.zeros(len(self.counts), dtype=np.int64)
        scratch += scratch_layout(parts.contents, self._widest_array).bytes
        for tensor in parts.wide:
            scratch[self._too_wide(tensor, tensor == parts.piece)] = TOO_MANY
        cost = np.zeros(len(self.counts), dtype=np.int64)
        if self._machine.cost is not nothing:
            cost += step_cost(parts, self._machine, self._total_columns, self._total_tiles)
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

    def _too_wide(self, tensor: str, is_piece: bool) -> np.ndarray:
        """Does lowering refuse a step for the columns of a wide tensor? bool, per count of stripes.
        Every step lists the columns of its pieces, and those of an inner tensor unless they are all
        there are."""
        cut, columns = self._demand.cut, self._demand.columns(tensor)
        far = cut.last(columns) > MAX_COLUMN
        return (
            far if is_piece else far & (cut.widest(columns) < self.graph.tensors[tensor].shape[1])
        )
