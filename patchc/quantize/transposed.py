"""ConvTranspose of a float model -> Conv, DepthToSpace, Slice, which compute the same sums and have
integer kernels (`patchc.frontend.transposed` says how)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.frontend.transposed import TransposedAxis, dilated, small_weights, transposed_axes

RANGES = ("Clip", "Relu")


def rewrite_transposed(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names; those of other
    than two dimensions or with strides that differ stay as they are."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    found: list[onnx.NodeProto] = []
    replaced: set[str] = set()  # tensors whose nodes are written already
    for node in graph.node:
        if node.output[0] in replaced:
            continue
        form = _form(node, constants, shapes)
        if form is None:
            found.append(node)
            continue
        after = _range_behind(graph, node, constants)
        found.extend(_written(node, form, after, graph))
        replaced.update(after.output if after else ())
    del graph.node[:]
    graph.node.extend(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """A ConvTranspose that can be rewritten."""

    axes: tuple[TransposedAxis, TransposedAxis]
    weights: np.ndarray  # of the small convolutions
    bias: np.ndarray | None
    groups: int

    @property
    def stride(self) -> int:
        return self.axes[0].stride


def _form(
    node: onnx.NodeProto, constants: Mapping[str, np.ndarray], shapes: Mapping[str, list[int]]
) -> _Form | None:
    if node.op_type != "ConvTranspose" or node.input[1] not in constants:
        return None
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    source, output = (shapes.get(name, []) for name in (node.input[0], node.output[0]))
    weights = constants[node.input[1]]
    strides = given.get("strides", [1, 1])
    if weights.ndim != 4 or len(source) != 4 or len(output) != 4 or strides[0] != strides[1]:
        return None
    axes = transposed_axes(given, source[2:], weights.shape[2:])
    if axes is None or [axis.output for axis in axes] != output[2:]:
        return None
    bias = node.input[2] if len(node.input) > 2 else ""
    if bias and bias not in constants:
        return None
    rows, cols = axes
    groups = given.get("group", 1)
    weights = dilated(weights, given.get("dilations", [1, 1]))
    small = small_weights(weights, groups, (rows, cols))
    return _Form((rows, cols), small, constants.get(bias), groups)


def _range_behind(
    graph: onnx.GraphProto, node: onnx.NodeProto, constants: Mapping[str, np.ndarray]
) -> onnx.NodeProto | None:
    """A Relu or Clip that alone reads the result: it belongs to the convolution."""
    (name,) = node.output
    readers = [other for other in graph.node if name in other.input]
    if len(readers) != 1 or readers[0].op_type not in RANGES:
        return None
    known = all(bound in constants for bound in readers[0].input[1:] if bound)
    is_output = any(value.name == name for value in graph.output)
    return readers[0] if known and not is_output else None


def _written(
    node: onnx.NodeProto, form: _Form, after: onnx.NodeProto | None, graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    """Conv, perhaps the range behind it, DepthToSpace, Slice; the last one has the old output."""
    name, (rows, cols) = node.name, form.axes

    def constant(array: np.ndarray, what: str) -> str:
        graph.initializer.append(numpy_helper.from_array(array, f"{name}_{what}"))
        return f"{name}_{what}"

    inputs = [node.input[0], constant(form.weights, "small_weights")]
    if form.bias is not None:
        inputs.append(constant(form.bias.repeat(form.stride**2), "small_bias"))
    pads = [rows.pads[0], cols.pads[0], rows.pads[1], cols.pads[1]]
    nodes = [helper.make_node("Conv", inputs, [""], name, group=form.groups, pads=pads)]
    if after is not None:
        behind = onnx.NodeProto()
        behind.CopyFrom(after)
        nodes.append(behind)
    if form.stride > 1:
        spread = f"{name}_spread"
        size = form.stride
        nodes.append(
            helper.make_node("DepthToSpace", [""], [""], spread, blocksize=size, mode="CRD")
        )
    if rows.is_cropped or cols.is_cropped:
        bounds = [
            constant(np.array(pair, np.int64), what)
            for what, pair in (
                ("starts", (rows.crop, cols.crop)),
                ("ends", (rows.crop + rows.output, cols.crop + cols.output)),
                ("axes", (2, 3)),
            )
        ]
        nodes.append(helper.make_node("Slice", ["", *bounds], [""], f"{name}_crop"))
    for index, made in enumerate(nodes):
        if index:
            made.input[0] = nodes[index - 1].output[0]
        made.output[0] = f"{name}_{index}"
    nodes[-1].output[0] = (after or node).output[0]
    return nodes
