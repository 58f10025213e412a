"""Gemm of a float model -> Gemm of plain operands, which has an integer kernel: no factors, no
transposed activation, a bias with one value per output."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


def plain_gemms(graph: onnx.GraphProto) -> None:
    """Rewrite them in `graph`, whose nodes have names. One whose weights are not constant stays as
    it is, a bias that is not constant too; one that differs from row to row is added behind."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Gemm" and node.input[1] in constants:
            found.extend(_plain(node, graph, constants))
        else:
            found.append(node)
    del graph.node[:]
    graph.node.extend(found)


def _plain(
    node: onnx.NodeProto, graph: onnx.GraphProto, constants: dict[str, np.ndarray]
) -> list[onnx.NodeProto]:
    """The same product, perhaps with a Transpose before it and an Add behind."""
    nodes = []
    if _attribute(node, "transA", 0):
        turned = f"{node.name}_turned"
        nodes.append(helper.make_node("Transpose", [node.input[0]], [turned], turned, perm=[1, 0]))
        node.input[0] = turned
        _drop(node, "transA")
    weights = constants[node.input[1]]
    alpha, beta = _attribute(node, "alpha", 1.0), _attribute(node, "beta", 1.0)
    if alpha != 1:
        node.input[1] = _constant(graph, weights * np.float32(alpha), f"{node.name}_weights")
        _drop(node, "alpha")
    bias = constants.get(node.input[2]) if len(node.input) > 2 else None
    outputs = weights.shape[0 if _attribute(node, "transB", 0) else 1]
    if bias is None or (beta == 1 and bias.shape == (outputs,)):
        return [*nodes, node]
    _drop(node, "beta")
    bias = bias * np.float32(beta)
    if bias.size == 1 or bias.size == bias.shape[-1] == outputs:
        values = np.broadcast_to(bias.reshape(-1), (outputs,))
        node.input[2] = _constant(graph, values, f"{node.name}_bias")
        return [*nodes, node]
    output, product = node.output[0], f"{node.name}_product"
    added = [product, _constant(graph, bias, f"{node.name}_bias")]
    del node.input[2:]
    node.output[0] = product
    return [*nodes, node, helper.make_node("Add", added, [output], f"{node.name}_sum")]


def _constant(graph: onnx.GraphProto, values: np.ndarray, name: str) -> str:
    array = np.ascontiguousarray(values, np.float32)
    graph.initializer.append(numpy_helper.from_array(array, name))
    return name


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    found = (item for item in node.attribute if item.name == name)
    return next(map(helper.get_attribute_value, found), default)


def _drop(node: onnx.NodeProto, name: str) -> None:
    kept = [item for item in node.attribute if item.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
