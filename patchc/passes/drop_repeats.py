"""Drop repeats of one pixel in front of an operator that takes a pixel for a map.

1. y = Upsample(p) of one pixel, z = op(x, y): z = op(x, p).
2. The same where y comes first and the order of the operands does not matter.
"""

from __future__ import annotations

from dataclasses import replace

from patchc.ir import Binary, Graph, Mul, Node, Upsample
from patchc.ir.graph import Extremum


def drop_repeats(graph: Graph) -> Graph:
    """The graph with these operands; the Upsamples that nothing reads any more are dead."""
    return graph.with_nodes(tuple(_direct(graph, node) for node in graph.nodes))


def _direct(graph: Graph, node: Node) -> Node:
    op = node.op
    if not isinstance(op, Binary) or len(node.inputs) < 2:
        return node
    first, second = node.inputs
    pixel = None if op.reverse else _pixel(graph, second)
    if pixel is not None:
        return replace(node, inputs=(first, pixel))
    pixel = _pixel(graph, first) if isinstance(op, Mul | Extremum) else None
    return node if pixel is None else replace(node, inputs=(second, pixel))


def _pixel(graph: Graph, name: str) -> str | None:
    """What `name` is repeated of, where that has one pixel."""
    made = graph.producer.get(name)
    if made is None or not isinstance(made.op, Upsample):
        return None
    (source,) = made.inputs
    return source if graph.tensors[source].shape[:2] == (1, 1) else None
