"""Blocks in rounds of channels: an expansion and the depthwise convolution behind it, a few
channels at a time, into a map that several nodes read, as in front of a squeeze and excite.

Nothing of the expanded tensor is there but the channels of a round, and where all rows of a map run
at once no row of it is computed twice. Such a block is a tunnel of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from patchc.geometry.rows import first_bytes, overlap_distance, tunnel_rows
from patchc.geometry.span import Span
from patchc.geometry.step import reach
from patchc.ir import Graph, Lut, Node
from patchc.plan.types import StepPlan, TunnelPlan
from patchc.planner.assign import assignments
from patchc.planner.machine import Machine
from patchc.planner.pareto import ParetoFront
from patchc.planner.step_cost import step_cost, step_parts
from patchc.planner.units import (
    GROUP_CHANNELS,
    LARGE_GROUP_CHANNELS,
    Unit,
    is_channelwise,
    is_per_channel,
    is_pointwise,
)
from patchc.schedule.scratch import scratch_layout
from patchc.schedule.sites import places

# Output rows at a time, beside half of them and all: fewer take less memory and compute rows again.
ROWS = (4, 8, 16)


@dataclass(frozen=True, slots=True)
class Rounds:
    """One way to run such a block."""

    stop: int  # the cut behind it
    step: StepPlan
    in_place: tuple[tuple[str, str], ...]
    bytes: int  # of scratch memory
    cost: int
    source: str  # the map that it reads
    target: str  # the map that it makes
    distance: int  # of the two, where one is written over the other: `overlap_distance`
    length: int = 1  # of equal ones the first is kept


def find_rounds(
    graph: Graph, units: Mapping[int, Unit], machine: Machine
) -> dict[int, tuple[Rounds, ...]]:
    """By the position of the block: the ways that differ in memory and cost, none of them worse in
    both. `units`: by position."""
    found = {}
    for position, unit in units.items():
        behind = position + len(unit.nodes)
        if behind in units:
            names = (*unit.nodes, *units[behind].nodes)
            if _is_block(graph, [graph.node(name) for name in names]):
                ways = _ways(graph, names, position + len(names), machine)
                found[position] = tuple(ways)
    return found


def _is_block(graph: Graph, nodes: Sequence[Node]) -> bool:
    """Expansion, depthwise convolution, tables behind both: each read by the next one alone."""
    others = [node for node in nodes[1:] if not isinstance(node.op, Lut)]
    return (
        is_pointwise(nodes[0])
        and len(others) == 1
        and is_channelwise(others[0])
        and not any(map(is_per_channel, nodes))
        and all(
            graph.consumers[one.output] == (two,) and two.inputs == (one.output,)
            for one, two in pairwise(nodes)
        )
        and not any(node.output in graph.outputs for node in nodes[:-1])
        and places(graph, StepPlan(tuple(node.name for node in nodes), group=1))
    )


def _ways(graph: Graph, names: Sequence[str], stop: int, machine: Machine) -> Iterator[Rounds]:
    nodes = [graph.node(name) for name in names]
    # The last table reads the channels of a round, and writes all.
    pairs = tuple((n.output, n.inputs[0]) for n in nodes[:-1] if isinstance(n.op, Lut))
    overwriting = {graph.producer[target].name for target, _ in pairs}
    source, target = nodes[0].inputs[0], nodes[-1].output
    height, width, _ = graph.tensors[target].shape
    spans = reach(graph, StepPlan(tuple(names)), Span(0, 1), Span(0, width))
    columns = {
        node.output: span.stop - span.start for node, (_, span) in zip(nodes, spans, strict=True)
    }.__getitem__
    best: ParetoFront[Rounds] = ParetoFront()
    for rows in sorted({one for one in (*ROWS, -(-height // 2), height) if one <= height}):
        apart = _distance(graph, StepPlan(tuple(names), group=1, rows=rows), source, target)
        for group in (GROUP_CHANNELS, LARGE_GROUP_CHANNELS):
            plain = StepPlan(tuple(names), group=group, rows=rows)
            for (step,) in assignments(graph, (plain,), machine, overwriting):
                parts = step_parts(graph, step, machine, {source for _, source in pairs})
                if parts.wide:
                    continue
                size = scratch_layout(parts.contents, columns).bytes
                cost = step_cost(parts, machine, columns, _one_piece)
                best.add(Rounds(stop, step, pairs, int(size), int(cost), source, target, apart))
    yield from best


def _distance(graph: Graph, step: StepPlan, source: str, target: str) -> int:
    rows = tunnel_rows(graph, TunnelPlan((step,)), ())
    first = first_bytes(graph, source, rows.tensors[source].readers, reverse=False)
    return overlap_distance(graph, source, first, target, rows.clock(target))


def _one_piece(tensor: str, tile: int) -> int:
    """Pieces along the columns: there are no tiles."""
    return 1
