"""ConvTranspose of a float model -> Conv, DepthToSpace, Slice, which compute the same sums and have
integer kernels.

With stride s, output position q * s + p (its begin pad included) adds weights p, p + s, p + 2 * s
and so on of the kernel over inputs q, q - 1, q - 2 ... So each of the s * s positions p of a block
is a small convolution of stride 1; together they are one with s * s times the channels, which
DepthToSpace spreads. Slice drops the begin pad, and what the last block has too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

RANGES = ("Clip", "Relu")


def rewrite_transposed(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names; those of other
    than two dimensions, with strides that differ or an output_shape stay as they are."""
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


@dataclass(frozen=True, slots=True)
class _Axis:
    """Rows or columns."""

    size: int  # of the input
    kernel: int
    stride: int
    begin: int  # pad
    output: int

    @property
    def taps(self) -> int:
        """Of the small convolutions."""
        return -(-self.kernel // self.stride)

    @property
    def skipped(self) -> int:
        """Whole blocks that lie in the begin pad."""
        return min(self.begin // self.stride, self.taps - 1)

    @property
    def crop(self) -> int:
        """Positions before the first of the output."""
        return self.begin - self.skipped * self.stride

    @property
    def pads(self) -> tuple[int, int]:
        """Of the small convolutions."""
        blocks = -(-(self.crop + self.output) // self.stride)
        before = self.taps - 1 - self.skipped
        return before, max(blocks + self.taps - 1 - self.size - before, 0)

    @property
    def is_cropped(self) -> bool:
        blocks = self.size + sum(self.pads) - self.taps + 1
        return blocks * self.stride != self.output


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """A ConvTranspose that can be rewritten."""

    axes: tuple[_Axis, _Axis]
    weights: np.ndarray  # (c_in, c_out / groups, kernel_h, kernel_w)
    bias: np.ndarray | None
    groups: int

    @property
    def stride(self) -> int:
        return self.axes[0].stride

    def small_weights(self) -> np.ndarray:
        """(c_out * stride * stride, c_in / groups, taps_h, taps_w), positions innermost."""
        c_in, per_group = self.weights.shape[:2]
        s, (rows, cols) = self.stride, self.axes
        full = np.zeros((c_in, per_group, rows.taps * s, cols.taps * s), np.float32)
        full[:, :, : rows.kernel, : cols.kernel] = self.weights
        parts = full.reshape(
            self.groups, c_in // self.groups, per_group, rows.taps, s, cols.taps, s
        )
        # Tap j of position p is weight j * s + p, and reads the input j before: hence flipped.
        turned = parts[:, :, :, ::-1, :, ::-1].transpose(0, 2, 4, 6, 1, 3, 5)
        return turned.reshape(-1, c_in // self.groups, rows.taps, cols.taps)


def _form(
    node: onnx.NodeProto, constants: Mapping[str, np.ndarray], shapes: Mapping[str, list[int]]
) -> _Form | None:
    if node.op_type != "ConvTranspose" or node.input[1] not in constants:
        return None
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    source, output = (shapes.get(name, []) for name in (node.input[0], node.output[0]))
    weights = constants[node.input[1]]
    strides = given.get("strides", [1, 1])
    if weights.ndim != 4 or min([0, *source]) < 0 or len(source) != 4 or len(output) != 4:
        return None
    if strides[0] != strides[1] or "output_shape" in given:
        return None
    weights = _dilated(weights, given.get("dilations", [1, 1]))
    begins = _begins(given, strides, weights)
    if min(begins) < 0:
        return None
    bias = node.input[2] if len(node.input) > 2 else ""
    if bias and bias not in constants:
        return None
    rows, cols = (
        _Axis(source[2 + i], weights.shape[2 + i], strides[i], begins[i], output[2 + i])
        for i in range(2)
    )
    if min(rows.size, cols.size, rows.output, cols.output) < 1:
        return None
    return _Form((rows, cols), weights, constants.get(bias), given.get("group", 1))


def _dilated(weights: np.ndarray, dilations: Sequence[int]) -> np.ndarray:
    """With zeros between its rows and columns, so that they lie side by side."""
    sizes = [(size - 1) * d + 1 for size, d in zip(weights.shape[2:], dilations, strict=True)]
    found = np.zeros((*weights.shape[:2], *sizes), np.float32)
    found[:, :, :: dilations[0], :: dilations[1]] = weights
    return found


def _begins(given: Mapping[str, Any], strides: Sequence[int], weights: np.ndarray) -> list[int]:
    """The begin pads of rows and columns; auto_pad makes the output `strides` times the input.
    Negative where that takes more than the sums reach."""
    mode = given.get("auto_pad", b"NOTSET")
    if mode == b"NOTSET":
        return list(given.get("pads", [0, 0, 0, 0])[:2])
    if mode == b"VALID":
        return [0, 0]
    added = given.get("output_padding", [0, 0])
    totals = [weights.shape[2 + i] - strides[i] + added[i] for i in range(2)]
    return [total // 2 if mode == b"SAME_UPPER" else total - total // 2 for total in totals]


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

    inputs = [node.input[0], constant(form.small_weights(), "small_weights")]
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
