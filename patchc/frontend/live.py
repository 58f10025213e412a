"""Which nodes of a file count."""

from __future__ import annotations

import onnx


def live_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that an output of the file depends on, in the file's order."""
    needed = {value.name for value in graph.output}
    found = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            found.append(node)
            needed.update(node.input)
    return found[::-1]
