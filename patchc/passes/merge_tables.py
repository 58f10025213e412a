"""Make one table of two in a row.

z = Lut[g](y), y = Lut[f](x), y read by nobody else and no graph output: z = Lut[f+g](x). The
quantisation of y is in the tables already, so the result is the same for every byte.
"""

from __future__ import annotations

import numpy as np

from patchc.ir import Graph, Lut, Node


def merge_tables(graph: Graph) -> Graph:
    """The graph with such pairs made one node, which keeps the name of the second."""
    nodes: dict[str, Node] = {}  # by output
    for node in graph.nodes:
        first = nodes.get(node.inputs[0])
        if (
            isinstance(node.op, Lut)
            and first is not None
            and isinstance(first.op, Lut)
            and len(graph.consumers[first.output]) == 1
            and first.output not in graph.outputs
        ):
            op = Lut(_composed(first.op, node.op), f"{first.op.function}+{node.op.function}")
            del nodes[first.output]
            node = Node(node.name, op, first.inputs, node.output)
        nodes[node.output] = node
    return graph.with_nodes(tuple(nodes.values()))


def _composed(first: Lut, second: Lut) -> np.ndarray:
    """The table of second(first(x)); one per channel where either has these."""
    index = first.table.astype(int) + 128
    if second.per_channel:
        rows = np.arange(len(second.table))[:, None]
        return second.table[rows, index]
    return second.table[index]
