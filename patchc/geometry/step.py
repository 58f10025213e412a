"""The geometry of one step: what its pieces are, and what they read.

Rows stream (rows.py). Columns go the other way: a stripe of the outputs demands a hull of columns
of each operand, halo included (regions.demand, columns.py).
"""

from __future__ import annotations

from patchc.geometry.axis import axis_maps, demand
from patchc.geometry.columns import MAX_COLUMN
from patchc.geometry.span import Span
from patchc.ir import Conv, ConvSums, GlobalAveragePool, Graph, Node, needs_whole
from patchc.plan.types import StepPlan


def last_tensor(graph: Graph, step: StepPlan) -> str:
    """The tensor that a step writes."""
    return graph.node(step.nodes[-1]).output


def is_mean(graph: Graph, step: StepPlan) -> bool:
    """Does the step add its input up while rows arrive, to finish it at the end?"""
    return isinstance(graph.node(step.nodes[-1]).op, GlobalAveragePool)


def piece_tensor(graph: Graph, step: StepPlan) -> str:
    """The tensor whose rows and columns a step's pieces are: its output, or a mean's input."""
    node = graph.node(step.nodes[-1])
    return node.inputs[0] if is_mean(graph, step) else node.output


def outside_reads(graph: Graph, step: StepPlan) -> tuple[tuple[str, int], ...]:
    """(tensor, position of the node that reads it), for tensors made outside the step."""
    inner = {graph.node(name).output for name in step.nodes}
    return tuple(
        (tensor, position)
        for position, name in enumerate(step.nodes)
        for tensor in dict.fromkeys(graph.node(name).inputs)
        if tensor not in inner
    )


def reach(graph: Graph, step: StepPlan, rows: Span, cols: Span) -> list[tuple[Span, Span]]:
    """Per node of a step: the rows and columns of its output behind a piece of the last one.

    A mean's own entry is the piece itself (of its input).
    """
    spans = {piece_tensor(graph, step): (rows, cols)}
    found: list[tuple[Span, Span]] = []
    for name in reversed(step.nodes):
        node = graph.node(name)
        mean = isinstance(node.op, GlobalAveragePool)
        own = (rows, cols) if mean else spans[node.output]
        found.insert(0, own)
        if not mean:
            for tensor in node.inputs:
                spans[tensor] = operand_span(graph, node, tensor, *own)
    return found


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


def operand_span(
    graph: Graph, node: Node, tensor: str, rows: Span, cols: Span
) -> tuple[Span, Span]:
    """Rows and columns of `tensor` behind a piece of `node` (of a mean: the piece itself)."""
    if isinstance(node.op, GlobalAveragePool):
        return rows, cols
    height, width, _ = graph.tensors[tensor].shape
    if needs_whole(graph, node, tensor) and rows.start < rows.stop and cols.start < cols.stop:
        return Span(0, height), Span(0, width)
    return demand(node.op, rows, cols, height, width)


def broadcast_input(graph: Graph, tensor: str) -> bool:
    """Does some node need all of it for each of its rows?"""
    return any(needs_whole(graph, node, tensor) for node in graph.consumers[tensor])


def comes_in_rows(graph: Graph, tensor: str) -> bool:
    """May a tunnel fetch the rows of an image as it needs them? Others are fetched in full."""
    return not broadcast_input(graph, tensor) and graph.tensors[tensor].shape[1] <= MAX_COLUMN


def macs_per_pixel(graph: Graph, node: Node) -> int:
    """Multiply-accumulates behind one output pixel of a node."""
    if not isinstance(node.op, Conv | ConvSums):
        return 0
    return int(node.op.weights.size)
