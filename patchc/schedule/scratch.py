"""The scratch memory of a step: inner tensors of one piece, and int32 sums."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from patchc.geometry.axis import axis_maps
from patchc.geometry.span import Span
from patchc.geometry.step import piece_tensor, reach
from patchc.ir import GlobalAveragePool, Graph
from patchc.plan.types import StepPlan
from patchc.schedule.sites import projection
from patchc.schedule.types import Storage, Sums

SUM_BYTES = 4  # of one int32


@dataclass(frozen=True, slots=True)
class StepScratch:
    """What one step needs for the time of a call. Offsets count from the scratch buffer's start;
    the buffer's name is left empty."""

    storages: tuple[Storage, ...]
    sums: tuple[Sums, ...]
    bytes: int


def step_scratch(
    graph: Graph,
    plan: StepPlan,
    cols: Mapping[str, tuple[Span, ...]],
    aliased: Collection[str],
) -> StepScratch:
    """`aliased`: inner tensors that lie in the memory of the step's output instead."""
    nodes = [graph.node(name) for name in plan.nodes]
    piece = piece_tensor(graph, plan)
    spans = cols[piece]
    rows = piece_rows(graph, plan)
    at = projection(graph, plan) if plan.group else -1
    inner = nodes[:-1]
    sums: list[Sums] = []
    offset = 0
    if plan.group:
        width = max(span.stop - span.start for span in spans)
        channels = graph.tensors[nodes[at].output].shape[2]
        sums.append(Sums(nodes[at].output, "", 0, plan.rows, width, channels, per_piece=True))
        offset = plan.rows * width * channels * SUM_BYTES
    storages: list[Storage] = []
    for position, node in enumerate(inner):
        if node.output in aliased:
            continue
        channels = graph.tensors[node.output].shape[2]
        depth = min(plan.group, channels) if position < at else channels
        reached = tuple(reach(graph, plan, Span(0, 1), span)[position][1] for span in spans)
        width = max(span.stop - span.start for span in reached)
        tile = min(plan.tile, width) if plan.tile else width
        storage = Storage(
            tensor=node.output,
            buffer="",
            offset=offset,
            slots=rows[position],
            pitch=tile * depth,
            cols=reached,
            tile=tile,
            depth=depth,
        )
        storages.append(storage)
        offset += storage.slots * storage.pitch
    return StepScratch(tuple(storages), tuple(sums), offset)


def piece_rows(graph: Graph, plan: StepPlan) -> list[int]:
    """Per node: rows of its output behind a piece, at most."""
    behind = {piece_tensor(graph, plan): plan.rows}
    found: list[int] = []
    for name in reversed(plan.nodes):
        node = graph.node(name)
        if isinstance(node.op, GlobalAveragePool):
            found.insert(0, 1)
            continue
        rows = min(behind[node.output], graph.tensors[node.output].shape[0])
        found.insert(0, rows)
        down, _ = axis_maps(node.op)
        rows = ((rows - 1) * down.stride + down.last - down.first + down.up - 1) // down.up + 1
        behind.update(dict.fromkeys(node.inputs, rows))
    return found
