"""Drop tables that change nothing.

1. y = Lut[identity](x), same quantisation, y not a graph output: readers of y read x.
2. y a graph output, x written by a node that nothing else reads: that node writes y.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from patchc.ir import Graph, Lut, Node
from patchc.ir.graph import INT8_MAX, INT8_MIN

IDENTITY = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int8)


def drop_identity_tables(graph: Graph) -> Graph:
    """The graph without identity tables, but for those from a graph input or shared tensor to an
    output: these are copies that the output needs."""
    renamed: dict[str, str] = {}  # dropped tensor -> the one that stands for it
    absorbed: dict[str, str] = {}  # tensor of case 2 -> the output that its node writes instead
    for node in graph.nodes:
        if not _is_identity(graph, node):
            continue
        source = node.inputs[0]
        if node.output not in graph.outputs:
            renamed[node.output] = source
        elif _is_private(graph, source) and source not in renamed:
            absorbed[source] = node.output
    nodes = []
    for node in graph.nodes:
        if node.output in renamed or node.output in absorbed.values():
            continue
        inputs = tuple(_resolve(renamed, name) for name in node.inputs)
        nodes.append(replace(node, inputs=inputs, output=absorbed.get(node.output, node.output)))
    return graph.with_nodes(tuple(nodes))


def _is_identity(graph: Graph, node: Node) -> bool:
    return (
        isinstance(node.op, Lut)
        and np.array_equal(node.op.table, IDENTITY)
        and graph.tensors[node.inputs[0]].quant == graph.tensors[node.output].quant
    )


def _is_private(graph: Graph, name: str) -> bool:
    """Written by a node, read by one, not an output."""
    return name in graph.producer and len(graph.consumers[name]) == 1 and name not in graph.outputs


def _resolve(renamed: dict[str, str], name: str) -> str:
    while name in renamed:
        name = renamed[name]
    return name
