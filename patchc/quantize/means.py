"""ReduceMean and ReduceSum of a float model over rows and columns -> GlobalAveragePool, over
channels -> a convolution to one channel: onnxruntime has integer kernels for these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.quantize.nodes import attribute

REDUCED = ("ReduceMean", "ReduceSum")
SPATIAL, CHANNELS = {2, 3}, 1  # of a tensor of four dimensions, channels first


def name_means(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names."""
    shapes = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: list[onnx.NodeProto] = []
    for node in graph.node:
        shape = shapes.get(node.input[0], ()) if node.op_type in REDUCED else ()
        axes = reduced_axes(node, len(shape), constants)
        if len(shape) == 4 and axes == SPATIAL:
            made = _pool(node, shape[2] * shape[3], graph)
        elif len(shape) == 4 and axes == {CHANNELS}:
            made = [_convolution(node, shape[CHANNELS], graph)]
        else:
            found.append(node)
            continue
        found.extend(_written(node, made, sorted(axes), graph))
    del graph.node[:]
    graph.node.extend(found)


def reduced_axes(node: onnx.NodeProto, rank: int, constants: Mapping[str, np.ndarray]) -> set[int]:
    """The dimensions that a Reduce... is over, if they are known."""
    axes: Sequence[int] = attribute(node, "axes", ())
    if len(node.input) > 1 and node.input[1]:
        axes = [int(axis) for axis in constants.get(node.input[1], np.zeros(0)).reshape(-1)]
    return {axis % rank for axis in axes} if rank else set()


def _pool(node: onnx.NodeProto, pixels: int, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The mean; for a sum, times the pixels, which is a table."""
    mean = helper.make_node("GlobalAveragePool", [node.input[0]], [""], node.name)
    if node.op_type == "ReduceMean":
        return [mean]
    mean.name = mean.output[0] = f"{node.name}_mean"
    name = f"{node.name}_pixels"
    graph.initializer.append(numpy_helper.from_array(np.array(pixels, np.float32), name))
    return [mean, helper.make_node("Mul", [mean.output[0], name], [""], node.name)]


def _convolution(node: onnx.NodeProto, channels: int, graph: onnx.GraphProto) -> onnx.NodeProto:
    """All weights are one number, which 8 bits hold exactly beside their scale."""
    weight = 1 / channels if node.op_type == "ReduceMean" else 1
    weights = np.full((1, channels, 1, 1), weight, np.float32)
    graph.initializer.append(numpy_helper.from_array(weights, f"{node.name}_weights"))
    return helper.make_node("Conv", [node.input[0], f"{node.name}_weights"], [""], node.name)


def _written(
    node: onnx.NodeProto,
    made: Sequence[onnx.NodeProto],
    axes: Sequence[int],
    graph: onnx.GraphProto,
) -> list[onnx.NodeProto]:
    """`made` in the place of `node`, without its dimensions where the file drops them."""
    *_, last = made
    output = node.output[0]
    if attribute(node, "keepdims", 1):
        last.output[0] = output
        return [*made]
    last.output[0], name = f"{output}_kept", f"{output}_axes"
    graph.initializer.append(numpy_helper.from_array(np.array(axes, np.int64), name))
    inputs = [last.output[0], name]
    return [*made, helper.make_node("Squeeze", inputs, [output], f"{node.name}_squeezed")]
