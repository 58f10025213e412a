"""Drop the nodes that no output depends on."""

from __future__ import annotations

from patchc.ir import Graph


def drop_dead_nodes(graph: Graph) -> Graph:
    """The graph without nodes whose results nobody reads. Its inputs stay."""
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
            kept.append(node)
    return graph.with_nodes(tuple(reversed(kept)))
