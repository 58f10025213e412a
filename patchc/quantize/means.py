"""ReduceMean over rows and columns of a float model -> GlobalAveragePool, which onnxruntime has an
integer kernel for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

SPATIAL = {2, 3}  # of a tensor of four dimensions, channels first


def name_means(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names."""
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: list[onnx.NodeProto] = []
    for node in graph.node:
        spatial = node.op_type == "ReduceMean" and _is_spatial(node, ranks, constants)
        found.extend(_pool(node, graph) if spatial else [node])
    del graph.node[:]
    graph.node.extend(found)


def _is_spatial(
    node: onnx.NodeProto, ranks: Mapping[str, int], constants: Mapping[str, np.ndarray]
) -> bool:
    axes: Sequence[int] = _attribute(node, "axes", ())
    if len(node.input) > 1 and node.input[1]:
        axes = [int(axis) for axis in constants.get(node.input[1], np.zeros(0)).reshape(-1)]
    rank = ranks.get(node.input[0], 0)
    return rank == 4 and {axis % rank for axis in axes} == SPATIAL


def _pool(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The same mean, without its dimensions where the file drops them."""
    source, output = node.input[0], node.output[0]
    if _attribute(node, "keepdims", 1):
        return [helper.make_node("GlobalAveragePool", [source], [output], node.name)]
    pooled, axes = f"{output}_pooled", f"{output}_axes"
    graph.initializer.append(numpy_helper.from_array(np.array([2, 3], np.int64), axes))
    return [
        helper.make_node("GlobalAveragePool", [source], [pooled], node.name),
        helper.make_node("Squeeze", [pooled, axes], [output], f"{node.name}_squeezed"),
    ]


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    found = (item for item in node.attribute if item.name == name)
    return next(map(helper.get_attribute_value, found), default)
