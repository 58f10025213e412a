"""Make one table of two in a row.

z = Lut[g](y), y = Lut[f](x), y read by nobody else and no graph output: z = Lut[f+g](x). The
quantisation of y is in the tables already, so the result is the same for every byte.
"""

from __future__ import annotations

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
            entries = node.op.table[first.op.table.astype(int) + 128]
            op = Lut(entries, f"{first.op.function}+{node.op.function}")
            del nodes[first.output]
            node = Node(node.name, op, first.inputs, node.output)
        nodes[node.output] = node
    return graph.with_nodes(tuple(nodes.values()))
