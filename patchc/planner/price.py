"""What units of a tunnel need and cost, for many numbers of stripes at once, without lowering."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.geometry.columns import MAX_COLUMN, Demand, stripes
from patchc.geometry.span import Span
from patchc.geometry.step import macs_per_pixel, piece_tensor, reach
from patchc.ir import Graph, Node, macs
from patchc.kernels.registry import KERNELS
from patchc.plan.types import StepPlan
from patchc.planner.units import Unit
from patchc.schedule.scratch import scratch_layout
from patchc.schedule.sites import placed_kernels

# More bytes than any budget allows: of what does not run.
TOO_MANY = 2**62


def computed_rows(graph: Graph, plan: StepPlan) -> list[int]:
    """Per node of a step: rows computed over all its pieces, recomputed ones included."""
    height = graph.tensors[piece_tensor(graph, plan)].shape[0]
    chunk = plan.rows if plan.group else height
    totals = [0] * len(plan.nodes)
    for start in range(0, height, chunk):
        spans = reach(graph, plan, Span(start, min(start + chunk, height)), Span(0, 1))
        for position, (rows, _) in enumerate(spans):
            totals[position] += rows.stop - rows.start
    return totals


@dataclass(frozen=True, slots=True, eq=False)
class UnitPrice:
    """One way to run a unit. An entry per count of stripes."""

    scratch: list[int]  # bytes; TOO_MANY where the unit does not run
    extra: list[int]  # multiply-accumulates on top of those of the plain nodes


class Prices:
    """The units before one cut, in tunnels that end there."""

    def __init__(
        self,
        graph: Graph,
        nodes: Sequence[Node],
        outputs: Sequence[str],
        counts: Sequence[int],
        units: Mapping[int, Unit],
        computed: dict[StepPlan, list[int]],
        streamed: Collection[str] = (),
    ) -> None:
        """`nodes`: all before the cut. `outputs`: the maps they make that are read behind it.
        `counts`: numbers of stripes. `units`: by position. `computed`: a cache of `computed_rows`.
        `streamed`: images of which every pixel comes, also those that nobody reads.
        """
        self.graph, self.counts, self.units = graph, tuple(counts), units
        self._demand = Demand(graph, nodes, outputs, stripes(counts))
        self._widest = {name: [graph.tensors[name].shape[1]] * len(counts) for name in streamed}
        self._options: dict[int, tuple[UnitPrice, ...]] = {}
        self._computed = computed
        self._least = {len(nodes): np.zeros(len(counts), dtype=np.int64)}

    def widest(self, tensor: str) -> list[int]:
        """Columns of the widest stripe, per count of stripes."""
        if tensor not in self._widest:
            columns = self._demand.columns(tensor)
            self._widest[tensor] = self._demand.cut.widest(columns).tolist()
        return self._widest[tensor]

    def row_bytes(self, tensor: str, k: int) -> int:
        """Bytes of one row of its ring, with the k-th number of stripes."""
        return self.widest(tensor)[k] * self.graph.tensors[tensor].shape[2]

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
            self._options[position] = tuple(self._price(unit, steps) for steps in unit.options)
        return self._options[position]

    def least_extra(self, start: int) -> np.ndarray:
        """No tunnel from position `start` on costs less on top of the plain nodes, per count of
        stripes."""
        ahead = []
        position = start
        while position not in self._least:
            ahead.append(position)
            position += len(self.units[position].nodes)
        for position in reversed(ahead):
            behind = position + len(self.units[position].nodes)
            least = np.min([price.extra for price in self.options(position)], axis=0)
            self._least[position] = self._least[behind] + least
        return self._least[start]

    def _price(self, unit: Unit, steps: Sequence[StepPlan]) -> UnitPrice:
        aliased = {operand for _, operand in unit.in_place}
        scratch = np.zeros(len(self.counts), dtype=np.int64)
        extra = scratch - sum(macs(self.graph, self.graph.node(name)) for name in unit.nodes)
        for step in steps:
            scratch = np.maximum(scratch, self._scratch(step, aliased))
            scratch[self._too_wide(step)] = TOO_MANY
            extra += self._macs(step)
        return UnitPrice(scratch.tolist(), extra.tolist())

    def _macs(self, plan: StepPlan) -> np.ndarray:
        """Multiply-accumulates of a step."""
        graph, demand = self.graph, self._demand
        if plan not in self._computed:
            self._computed[plan] = computed_rows(graph, plan)
        total = np.zeros(len(self.counts), dtype=np.int64)
        for name, rows in zip(plan.nodes, self._computed[plan], strict=True):
            node = graph.node(name)
            per_pixel = macs_per_pixel(graph, node)
            if per_pixel:
                total += per_pixel * rows * demand.cut.total(demand.columns(node.output))
        return total

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

    def _scratch(self, plan: StepPlan, aliased: Collection[str]) -> np.ndarray:
        """Bytes of the scratch memory of a step."""
        chosen = placed_kernels(self.graph, plan, KERNELS)
        layout = scratch_layout(
            self.graph, plan, chosen, lambda tensor: np.array(self.widest(tensor)), aliased
        )
        return np.zeros(len(self.counts), dtype=np.int64) + layout.bytes
