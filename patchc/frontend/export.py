"""Graph -> ONNX file of pure integer operators, which onnxruntime computes as the Graph means.

Every tensor of the Graph is an int8 tensor of the same name, NCHW with batch 1. A clamp narrower
than int8 is a Clip behind the operator, a table a Gather. onnxruntime gives the same at every
optimisation level and on every processor, as all products are of int8 and int8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import singledispatch
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from patchc.errors import PatchcError
from patchc.frontend.export_norm import write_local_response, write_normalization
from patchc.frontend.load import MICROSOFT
from patchc.ir import (
    FULL_RANGE,
    Add,
    AveragePool,
    Binary,
    Clamp,
    Concat,
    Conv,
    ConvSums,
    DepthToSpace,
    Extremum,
    GlobalAveragePool,
    Graph,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    MatMul,
    MaxPool,
    Mul,
    Node,
    Op,
    Padding,
    Permute,
    Quantization,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Softmax,
    Sub,
    Tensor,
    Upsample,
    Window,
)
from patchc.ir.graph import INT8_MAX, INT8_MIN, SUM_BYTES
from patchc.numerics.linear import ALL_VALUES, dequantize, quantize

OPSET = 17
IR_VERSION = 8


def to_qoperator(graph: Graph) -> onnx.ModelProto:
    """The Graph as an ONNX model of QLinearConv, QLinearAdd and the like.

    Inputs and outputs are int8, (1, channels, height, width), named as in the Graph. Raises
    PatchcError for a pool with a position that lies wholly in padding, which ONNX does not have.
    """
    writer = _Writer(graph)
    for node in graph.nodes:
        name = node.output
        clamp = getattr(node.op, "clamp", FULL_RANGE)
        if clamp != FULL_RANGE:
            name = writer.fresh(f"{node.output}_unclamped")
        _write(node.op, writer, node, name)
        if clamp != FULL_RANGE:
            writer.clip(name, node.output, clamp)
    inputs = [_value_info(graph.tensors[name]) for name in graph.inputs]
    outputs = [_value_info(graph.tensors[name]) for name in graph.outputs]
    body = helper.make_graph(writer.nodes, graph.name, inputs, outputs, writer.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION)


@dataclass(slots=True)
class _Writer:
    """The ONNX graph as it grows."""

    graph: Graph
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # of the tensors that the Graph does not have

    def fresh(self, wanted: str) -> str:
        """A tensor name that nothing else has."""
        name = wanted
        while name in self.graph.tensors or name in self.names:
            name += "_"
        self.names.add(name)
        return name

    def constant(self, array: np.ndarray | np.generic, what: str) -> str:
        """A new initializer."""
        name = self.fresh(what)
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(
        self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any
    ) -> None:
        """A new node, named like its output."""
        self.nodes.append(
            helper.make_node(kind, inputs, [output], output, domain=domain, **attributes)
        )

    def quantization(self, quant: Quantization, of: str, *, unsigned: bool = False) -> list[str]:
        """Scale and zero point as two inputs."""
        zero_point = np.uint8(quant.zero_point + 128) if unsigned else np.int8(quant.zero_point)
        scale = self.constant(np.float32(quant.scale), f"{of}_scale")
        return [scale, self.constant(zero_point, f"{of}_zero_point")]

    def operand(self, name: str, *, unsigned: bool = False) -> list[str]:
        """A tensor, or its uint8 form, with scale and zero point."""
        quantization = self.quantization(self.graph.tensors[name].quant, name, unsigned=unsigned)
        if not unsigned:
            return [name, *quantization]
        shifted = self.fresh(f"{name}_unsigned")
        self.table(name, shifted, np.arange(256, dtype=np.uint8))
        return [shifted, *quantization]

    def pair(self, op: Binary, node: Node, *, unsigned: bool) -> list[list[str]]:
        """Both operands in the order of the formula, each with scale and zero point."""
        found = [self.operand(name, unsigned=unsigned) for name in node.inputs]
        if op.constant is not None:
            values = op.constant.values[None, :, None, None]
            if unsigned:
                values = values.view(np.uint8) ^ np.uint8(0x80)
            name = self.constant(values, f"{node.output}_constant")
            found.append([name, *self.quantization(op.constant.quant, name, unsigned=unsigned)])
        return found[::-1] if op.reverse else found

    def result(self, node: Node, *, unsigned: bool = False) -> list[str]:
        """Scale and zero point of what a node writes."""
        quant = self.graph.tensors[node.output].quant
        return self.quantization(quant, node.output, unsigned=unsigned)

    def integer_op(
        self, kind: str, node: Node, output: str, operands: Iterable[list[str]], **attributes: Any
    ) -> None:
        """An operator of com.microsoft, on uint8 where its rounding has to be that of uint8.

        operands: each with scale and zero point, of that type.
        """
        unsigned = getattr(node.op, "unsigned", False)
        inputs = [item for operand in operands for item in operand]
        inputs += self.result(node, unsigned=unsigned)
        target = self.fresh(f"{output}_unsigned") if unsigned else output
        self.node(kind, inputs, target, MICROSOFT, **attributes)
        if unsigned:
            self.gather(target, output, np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int8))

    def resize(
        self, op: ResizeNearest | ResizeLinear, node: Node, source: str, output: str, **mode: Any
    ) -> None:
        """Of the values of `node`, by sizes where its scales follow from them, else by scales."""
        axes = (op.cols,) if isinstance(op, ResizeLinear) and op.signal else (op.rows, op.cols)
        if all(axis.by_size for axis in axes):
            channels = self.graph.tensors[node.output].shape[2]
            sizes = np.array([1, channels, *(axis.target for axis in axes)], np.int64)
            given = ["", "", self.constant(sizes, f"{output}_sizes")]
        else:
            scales = np.array([1, 1, *(axis.scale for axis in axes)], np.float32)
            given = ["", self.constant(scales, f"{output}_scales")]
        mode["coordinate_transformation_mode"] = op.rows.coordinates
        self.node("Resize", [source, *given], output, **mode)

    def clip(self, source: str, output: str, clamp: Clamp) -> None:
        """Clip of the integers themselves."""
        bounds = [
            self.constant(np.int8(clamp.lo), f"{output}_lo"),
            self.constant(np.int8(clamp.hi), f"{output}_hi"),
        ]
        self.node("Clip", [source, *bounds], output)

    def table(self, source: str, output: str, entries: np.ndarray) -> None:
        """A table of 256 over int8: Gather's index -1 is the last entry, so it starts at 0."""
        self.gather(source, output, np.roll(entries, -128))

    def tables(self, source: str, output: str, entries: np.ndarray) -> None:
        """One such table per channel: row c of `entries` begins at 256 * c.

        With Sub, because an Add is what verification takes for a sum left in float.
        """
        index, place = self.fresh(f"{output}_index"), self.fresh(f"{output}_place")
        ahead = np.arange(len(entries), dtype=np.int32).reshape(1, -1, 1, 1) * -256 - 128
        self.node("Cast", [source], index, to=TensorProto.INT32)
        self.node("Sub", [index, self.constant(ahead, f"{output}_ahead")], place)
        table = self.constant(entries.reshape(-1), f"{output}_tables")
        self.node("Gather", [table, place], output, axis=0)

    def gather(self, source: str, output: str, entries: np.ndarray) -> None:
        """entries[source]."""
        index = self.fresh(f"{output}_index")
        self.node("Cast", [source], index, to=TensorProto.INT32)
        self.node("Gather", [self.constant(entries, f"{output}_table"), index], output, axis=0)


@singledispatch
def _write(op: Op, writer: _Writer, node: Node, output: str) -> None:
    """Write the operator of `node`, unclamped, as the ONNX tensor `output`."""
    raise NotImplementedError(f"no ONNX form of {op.kind}")


@_write.register
def _(op: Conv, writer: _Writer, node: Node, output: str) -> None:
    zeros = np.zeros(op.channels_out, np.int8)
    inputs = [
        *writer.operand(node.inputs[0]),
        writer.constant(op.weights.transpose(0, 3, 1, 2), f"{node.output}_weights"),
        writer.constant(op.weight_scales, f"{node.output}_weight_scales"),
        writer.constant(zeros, f"{node.output}_weight_zero_points"),
        *writer.result(node),
        writer.constant(op.bias, f"{node.output}_bias"),
    ]
    writer.node("QLinearConv", inputs, output, group=op.groups, **_attributes(op.window))


@_write.register
def _(op: ConvSums, writer: _Writer, node: Node, output: str) -> None:
    """The bytes of a sum lie side by side along the channels."""
    source, _, zero_point = writer.operand(node.inputs[0])
    weights = writer.constant(op.weights.transpose(0, 3, 1, 2), f"{node.output}_weights")
    sums, whole, bits = (writer.fresh(f"{output}_{word}") for word in ("sums", "whole", "bits"))
    window = {"group": op.groups, **_attributes(op.window)}
    writer.node("ConvInteger", [source, weights, zero_point], sums, **window)
    # With Sub, because an Add is what verification takes for a sum left in float.
    ahead = writer.constant(np.negative(op.bias).reshape(1, -1, 1, 1), f"{output}_ahead")
    writer.node("Sub", [sums, ahead], whole)
    writer.node("Cast", [whole], bits, to=TensorProto.UINT32)
    axis = writer.constant(np.array([2], np.int64), f"{output}_axis")
    parts = []
    for byte in range(SUM_BYTES):
        shifted, part, signed, parted = (
            writer.fresh(f"{output}_{word}{byte}") for word in ("shifted", "byte", "signed", "part")
        )
        shift = writer.constant(np.array(8 * byte, np.uint32), f"{output}_shift{byte}")
        writer.node("BitShift", [bits, shift], shifted, direction="RIGHT")
        writer.node("Cast", [shifted], part, to=TensorProto.UINT8)
        writer.node("Cast", [part], signed, to=TensorProto.INT8)
        writer.node("Unsqueeze", [signed, axis], parted)
        parts.append(parted)
    stacked = writer.fresh(f"{output}_stacked")
    writer.node("Concat", parts, stacked, axis=2)
    height, width, channels = writer.graph.tensors[node.output].shape
    shape = writer.constant(np.array([1, channels, height, width], np.int64), f"{output}_shape")
    writer.node("Reshape", [stacked, shape], output)


@_write.register
def _(op: Add, writer: _Writer, node: Node, output: str) -> None:
    a, b = writer.pair(op, node, unsigned=op.unsigned)
    if prod(writer.graph.tensors[node.output].shape) == 1:  # onnxruntime swaps such operands
        a, b = b, a
    writer.integer_op("QLinearAdd", node, output, (a, b))


@_write.register
def _(op: Mul, writer: _Writer, node: Node, output: str) -> None:
    writer.integer_op("QLinearMul", node, output, writer.pair(op, node, unsigned=op.unsigned))


@_write.register(Sub)
@_write.register(Extremum)
def _(op: Sub | Extremum, writer: _Writer, node: Node, output: str) -> None:
    """onnxruntime has no integer form with scales."""
    reals = []
    for name, *quantization in writer.pair(op, node, unsigned=False):
        reals.append(writer.fresh(f"{name}_real"))
        writer.node("DequantizeLinear", [name, *quantization], reals[-1])
    result = writer.fresh(f"{output}_real")
    writer.node(op.kind, reals, result)
    writer.node("QuantizeLinear", [result, *writer.result(node)], output)


@_write.register
def _(op: Concat, writer: _Writer, node: Node, output: str) -> None:
    graph = writer.graph
    target = graph.tensors[node.output]
    filled = quantize(op.background, target.quant)
    inputs = writer.result(node)
    done = 0
    for name, start in zip((*node.inputs, ""), (*op.starts, op.channels_out), strict=True):
        if start > done:
            part = np.broadcast_to(
                filled[done:start, None, None], (start - done, *target.shape[:2])
            )
            inputs += [writer.constant(part[None], f"{output}_constant"), *writer.result(node)]
        if name:
            inputs += writer.operand(name)
            done = start + graph.tensors[name].shape[2]
    writer.node("QLinearConcat", inputs, output, MICROSOFT, axis=1)


@_write.register
def _(op: MaxPool, writer: _Writer, node: Node, output: str) -> None:
    window = _tight(op.window, node, writer.graph)
    writer.node("MaxPool", [node.inputs[0]], output, **_attributes(window))


@_write.register
def _(op: AveragePool, writer: _Writer, node: Node, output: str) -> None:
    source = writer.graph.tensors[node.inputs[0]]
    target = writer.graph.tensors[node.output]
    window, include = _tight(op.window, node, writer.graph), op.count_include_pad
    if window.dilation != (1, 1):
        raise PatchcError(f"{node.name}: onnxruntime has no integer average pool with dilations")
    # onnxruntime would make a pool over the whole map a global one, which rounds otherwise.
    if window.kernel == source.shape[:2] and window.pads == Padding():
        if window.kernel == (1, 1):
            writer.table(node.inputs[0], output, _mean_of_one(op, source.quant, target.quant))
            return
        window, include = _with_idle_padding(window), False
    attributes = _attributes(window)
    del attributes["dilations"]
    attributes["count_include_pad"] = int(include)
    operand = writer.operand(node.inputs[0], unsigned=op.unsigned)
    writer.integer_op("QLinearAveragePool", node, output, [operand], **attributes)


@_write.register
def _(op: GlobalAveragePool, writer: _Writer, node: Node, output: str) -> None:
    operand = writer.operand(node.inputs[0])
    writer.integer_op("QLinearGlobalAveragePool", node, output, [operand])


@_write.register
def _(op: Softmax, writer: _Writer, node: Node, output: str) -> None:
    operand = writer.operand(node.inputs[0])
    writer.integer_op("QLinearSoftmax", node, output, [operand], axis=1, opset=13)


@_write.register
def _(op: LayerNormalization, writer: _Writer, node: Node, output: str) -> None:
    write_normalization(op, writer, node, output)


@_write.register
def _(op: LocalResponseNormalization, writer: _Writer, node: Node, output: str) -> None:
    write_local_response(op, writer, node, output)


@_write.register
def _(op: Upsample, writer: _Writer, node: Node, output: str) -> None:
    scales = writer.constant(np.array([1, 1, *op.factor], np.float32), f"{node.output}_scales")
    writer.node(
        "Resize",
        [node.inputs[0], "", scales],
        output,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


@_write.register
def _(op: ResizeNearest, writer: _Writer, node: Node, output: str) -> None:
    """On the integers themselves, as onnxruntime does it."""
    writer.resize(op, node, node.inputs[0], output, mode="nearest", nearest_mode=op.rows.rounding)


@_write.register
def _(op: ResizeLinear, writer: _Writer, node: Node, output: str) -> None:
    """Between DequantizeLinear and QuantizeLinear: on integers onnxruntime rounds otherwise."""
    real, resized = writer.fresh(f"{node.inputs[0]}_real"), writer.fresh(f"{output}_real")
    writer.node("DequantizeLinear", writer.operand(node.inputs[0]), real)
    if op.signal:  # its formula is that of three dimensions
        flat, long = writer.fresh(f"{real}_signal"), writer.fresh(f"{resized}_signal")
        no_rows = writer.constant(np.array([2], np.int64), f"{resized}_axes")
        writer.node("Squeeze", [real, no_rows], flat)
        writer.resize(op, node, flat, long, mode="linear")
        writer.node("Unsqueeze", [long, no_rows], resized)
    else:
        writer.resize(op, node, real, resized, mode="linear")
    writer.node("QuantizeLinear", [resized, *writer.result(node)], output)


@_write.register
def _(op: DepthToSpace, writer: _Writer, node: Node, output: str) -> None:
    """Reshape, Transpose, Reshape: ONNX's DepthToSpace has square blocks only."""
    rows, cols, channels = writer.graph.tensors[node.output].shape
    up_h, up_w = op.factor
    if op.interleaved:
        parts, perm = [channels, up_h, up_w], (0, 1, 4, 2, 5, 3)
    else:
        parts, perm = [up_h, up_w, channels], (0, 3, 4, 1, 5, 2)
    cut, moved = writer.fresh(f"{output}_cut"), writer.fresh(f"{output}_moved")
    apart = np.array([1, *parts, rows // up_h, cols // up_w], np.int64)
    writer.node("Reshape", [node.inputs[0], writer.constant(apart, f"{cut}_shape")], cut)
    writer.node("Transpose", [cut], moved, perm=perm)
    shape = writer.constant(np.array([1, channels, rows, cols], np.int64), f"{output}_shape")
    writer.node("Reshape", [moved, shape], output)


@_write.register
def _(op: Rearrange, writer: _Writer, node: Node, output: str) -> None:
    """Every tap as a Slice of the map, their channels side by side, of which a Gather chooses."""
    window, (rows, cols, _) = op.window, writer.graph.tensors[node.output].shape
    parts = []
    for y in range(window.kernel[0]):
        for x in range(window.kernel[1]):
            start = (
                y * window.dilation[0] - window.pads.top,
                x * window.dilation[1] - window.pads.left,
            )
            stop = (
                start[0] + (rows - 1) * window.stride[0] + 1,
                start[1] + (cols - 1) * window.stride[1] + 1,
            )
            part = writer.fresh(f"{output}_tap")
            bounds = [
                writer.constant(np.array(pair, np.int64), f"{part}_{word}")
                for word, pair in (
                    ("start", start), ("stop", stop), ("axes", (2, 3)), ("step", window.stride),
                )
            ]  # fmt: skip
            writer.node("Slice", [node.inputs[0], *bounds], part)
            parts.append(part)
    taps = writer.fresh(f"{output}_taps")
    writer.node("Concat", parts, taps, axis=1)
    source = writer.constant(op.source, f"{output}_source")
    writer.node("Gather", [taps, source], output, axis=1)


@_write.register
def _(op: Permute, writer: _Writer, node: Node, output: str) -> None:
    """A Transpose of the digits, between two of the axes."""
    height, width, channels = op.shape
    digits = (*op.rows, *op.cols, *op.channels)
    held = sorted(digits, key=lambda digit: -digit[1])
    last, cut, moved, whole = (
        writer.fresh(f"{output}_{word}") for word in ("last", "cut", "moved", "whole")
    )
    writer.node("Transpose", [node.inputs[0]], last, perm=(0, 2, 3, 1))
    counts = writer.constant(np.array([count for count, _ in held], np.int64), f"{cut}_shape")
    writer.node("Reshape", [last, counts], cut)
    writer.node("Transpose", [cut], moved, perm=[held.index(digit) for digit in digits])
    shape = writer.constant(np.array([1, height, width, channels], np.int64), f"{whole}_shape")
    writer.node("Reshape", [moved, shape], whole)
    writer.node("Transpose", [whole], output, perm=(0, 3, 1, 2))


@_write.register
def _(op: MatMul, writer: _Writer, node: Node, output: str) -> None:
    """Of matrices with the channels, or the columns of a transposed one, last."""
    (a, *a_quant), (b, *b_quant) = map(writer.operand, node.inputs)
    first, second, product = (writer.fresh(f"{output}_{word}") for word in ("a", "b", "product"))
    writer.node("Transpose", [a], first, perm=(0, 2, 3, 1))
    writer.node("Transpose", [b], second, perm=(0, 2, 1, 3) if op.transposed else (0, 2, 3, 1))
    inputs = [first, *a_quant, second, *b_quant, *writer.result(node)]
    writer.node("QLinearMatMul", inputs, product)
    writer.node("Transpose", [product], output, perm=(0, 3, 1, 2))


@_write.register
def _(op: Lut, writer: _Writer, node: Node, output: str) -> None:
    if op.per_channel:
        writer.tables(node.inputs[0], output, op.table)
    else:
        writer.table(node.inputs[0], output, op.table)


def _mean_of_one(op: AveragePool, source: Quantization, target: Quantization) -> np.ndarray:
    """QLinearAveragePool of one value, as a table: the zero point is added before rint."""
    shift = 128 if op.unsigned else 0
    steps = dequantize(ALL_VALUES, source) / np.float32(target.scale)
    rounded = np.rint(steps + np.float32(target.zero_point + shift)) - shift
    return np.clip(rounded, INT8_MIN, INT8_MAX).astype(np.int8)


def _with_idle_padding(window: Window) -> Window:
    """The same single position over a whole map, and one row or column of padding behind it."""
    if window.kernel[0] > 1:
        return replace(window, stride=(2, window.stride[1]), pads=Padding(bottom=1))
    return replace(window, stride=(window.stride[0], 2), pads=Padding(right=1))


def _tight(window: Window, node: Node, graph: Graph) -> Window:
    """The window without end pads that no position reaches. Raises PatchcError (see above).

    onnxruntime takes no pool whose pads are as large as its kernel.
    """
    shape, outputs = graph.tensors[node.inputs[0]].shape, graph.tensors[node.output].shape
    begins = (window.pads.top, window.pads.left)
    ends = []
    for axis in range(2):
        reach = (outputs[axis] - 1) * window.stride[axis] + window.extent[axis]
        end = max(reach - begins[axis] - shape[axis], 0)
        if max(begins[axis], end) >= window.extent[axis]:
            raise PatchcError(f"{node.name}: a position of its window lies wholly in padding")
        ends.append(end)
    return replace(window, pads=Padding(*begins, *ends))


def _attributes(window: Window) -> dict[str, Any]:
    pads = window.pads
    return {
        "kernel_shape": list(window.kernel),
        "strides": list(window.stride),
        "dilations": list(window.dilation),
        "pads": [pads.top, pads.left, pads.bottom, pads.right],
    }


def _value_info(tensor: Tensor) -> onnx.ValueInfoProto:
    h, w, c = tensor.shape
    return helper.make_tensor_value_info(tensor.name, TensorProto.INT8, [1, c, h, w])
