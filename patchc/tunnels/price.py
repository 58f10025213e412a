"""What a tunnel needs and costs, for many numbers of stripes at once, without lowering it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.ir import Graph
from patchc.tunnels.columns import Columns, Stripes
from patchc.tunnels.geometry import macs_per_pixel, piece_tensor, reach
from patchc.tunnels.plan import StepPlan
from patchc.tunnels.schedule import Span
from patchc.tunnels.scratch import SUM_BYTES, piece_rows, projection


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
class Widths:
    """How wide the stripes of each tensor are: int64 arrays, an entry per count of stripes."""

    counts: int
    widest: Mapping[str, np.ndarray]
    total: Mapping[str, np.ndarray]

    @staticmethod
    def of(columns: Mapping[str, Columns], cut: Stripes) -> Widths:
        return Widths(
            len(cut.counts),
            {name: cut.widest(found) for name, found in columns.items()},
            {name: cut.total(found) for name, found in columns.items()},
        )

    def zeros(self) -> np.ndarray:
        return np.zeros(self.counts, dtype=np.int64)


def step_macs(graph: Graph, plan: StepPlan, computed: Sequence[int], widths: Widths) -> np.ndarray:
    """Multiply-accumulates of a step, per count of stripes. `computed`: its computed_rows."""
    total = widths.zeros()
    for name, rows in zip(plan.nodes, computed, strict=True):
        node = graph.node(name)
        per_pixel = macs_per_pixel(graph, node)
        if per_pixel:
            total += per_pixel * rows * widths.total[node.output]
    return total


def step_scratch_bytes(
    graph: Graph, plan: StepPlan, widths: Widths, aliased: Collection[str]
) -> np.ndarray:
    """Bytes of `scratch.step_scratch`, per count of stripes."""
    nodes = [graph.node(name) for name in plan.nodes]
    total = widths.zeros()
    at = -1
    if plan.group:
        at = projection(graph, plan)
        channels = graph.tensors[nodes[at].output].shape[2]
        total += SUM_BYTES * plan.rows * channels * widths.widest[nodes[at].output]
    for position, (node, rows) in enumerate(zip(nodes[:-1], piece_rows(graph, plan), strict=False)):
        if node.output not in aliased:
            channels = graph.tensors[node.output].shape[2]
            depth = min(plan.group, channels) if position < at else channels
            width = widths.widest[node.output]
            total += rows * depth * (np.minimum(width, plan.tile) if plan.tile else width)
    return total
