"""The constants of an ONNX graph."""

from __future__ import annotations

import onnx
from onnx import TensorProto


def constant_tensors(graph: onnx.GraphProto) -> dict[str, TensorProto]:
    """By name: initializers, and the tensors that Constant nodes hold. Exporters of PyTorch and
    Brevitas write scales and zero points so; onnxruntime makes initializers of them."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    return found
