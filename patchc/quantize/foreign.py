"""Operators that exporters leave in a float model although ONNX does not have them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper

from patchc.errors import PatchcError
from patchc.frontend.refusal import node_name

ONNX_DOMAINS = ("", "ai.onnx")


def rewrite_foreign(model: onnx.ModelProto, name: str) -> None:
    """Write TensorFlow's Erfc, which tf2onnx leaves of Keras' gelu, as 1 - Erf. Raises PatchcError
    for another operator of ONNX' own domain that ONNX does not have."""
    found: list[onnx.NodeProto] = []
    for index, node in enumerate(model.graph.node):
        if node.domain not in ONNX_DOMAINS or defs.has(node.op_type):
            found.append(node)
        elif node.op_type == "Erfc":
            found.extend(_erfc(node, node.name or f"Erfc_{index}", model.graph))
        else:
            raise PatchcError(
                f"{name}: {node_name(node)} ({node.op_type}): ONNX has no such operator: the "
                "exporter has left it as its framework has it; write it in the framework with "
                "others, or export it with another exporter"
            )
    del model.graph.node[:]
    model.graph.node.extend(found)


def _erfc(node: onnx.NodeProto, name: str, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    one, erf = f"{name}_one", f"{name}_erf"
    graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), one))
    return [
        helper.make_node("Erf", [node.input[0]], [erf], erf),
        helper.make_node("Sub", [one, erf], [node.output[0]], name),
    ]
