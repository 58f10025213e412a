"""Sum of a float model -> Add, one after the other, which have an integer kernel."""

from __future__ import annotations

import onnx
from onnx import helper


def split_sums(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`; a Sum of one tensor is that tensor."""
    found: list[onnx.NodeProto] = []
    for index, node in enumerate(graph.node):
        if node.op_type != "Sum":
            found.append(node)
            continue
        name, total = node.name or f"Sum_{index}", node.input[0]
        if len(node.input) == 1:
            found.append(helper.make_node("Identity", [total], node.output, name))
        for place, other in enumerate(node.input[1:], start=2):
            last = place == len(node.input)
            output = node.output[0] if last else f"{name}_first_{place}"
            found.append(
                helper.make_node("Add", [total, other], [output], name if last else output)
            )
            total = output
    del graph.node[:]
    graph.node.extend(found)
