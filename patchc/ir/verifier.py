"""The rules that every Graph obeys, checked after every pass."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from patchc.ir.graph import (
    INT8_MAX,
    INT8_MIN,
    SUMS,
    Add,
    AveragePool,
    Binary,
    Clamp,
    Concat,
    Conv,
    ConvSums,
    Copy,
    DepthToSpace,
    Enlargement,
    Extremum,
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
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Tensor,
    Window,
)
from patchc.ir.resize import COORDINATES, ROUNDINGS
from patchc.ir.rules import output_shape

# With more taps than this, a sum of int8 products could leave int32 before the bias is added.
MAX_TAPS = (2**31 - 1) // (128 * 128)
# The same where both have zero points.
MAX_PRODUCTS = (2**31 - 1) // (255 * 255)


class GraphError(Exception):
    """A Graph broke a rule: a bug of the importer or of a pass, never of the user's file."""


def verify(graph: Graph) -> Graph:
    """Check every rule and return `graph` itself. Raises GraphError naming node and rule."""
    known = set(graph.inputs)
    names: set[str] = set()
    for name in (*graph.inputs, *graph.outputs):
        _require(name in graph.tensors, f"graph {graph.name}: no tensor {name!r}")
    for name, tensor in graph.tensors.items():
        _require(name == tensor.name, f"tensor {tensor.name!r} is filed under {name!r}")
        _check_tensor(tensor)
    for node in graph.nodes:
        _require(node.name not in names, f"two nodes are called {node.name!r}")
        names.add(node.name)
        for name in node.inputs:
            _require(name in known, f"{node.name} reads {name!r} before it is written")
        _require(node.output not in known, f"{node.name} writes {node.output!r} a second time")
        _require(node.output in graph.tensors, f"{node.name}: no tensor {node.output!r}")
        known.add(node.output)
        _check_node(graph, node)
    for name in graph.outputs:
        _require(name in known, f"output {name!r} is never written")
    unused = set(graph.tensors) - known
    _require(not unused, f"tensors that nothing writes: {', '.join(sorted(unused))}")
    return graph


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise GraphError(message)


def _check_tensor(tensor: Tensor) -> None:
    scale, zero_point = tensor.quant.scale, tensor.quant.zero_point
    where = f"tensor {tensor.name!r}"
    _require(min(tensor.shape) >= 1, f"{where}: shape {tensor.shape}")
    _require(float(np.float32(scale)) == scale, f"{where}: scale {scale!r} is not a float32")
    _require(0 < scale < float("inf"), f"{where}: scale {scale!r}")
    _require(INT8_MIN <= zero_point <= INT8_MAX, f"{where}: zero point {zero_point}")


def _check_node(graph: Graph, node: Node) -> None:
    inputs = [graph.tensors[name] for name in node.inputs]
    output = graph.tensors[node.output]
    _check_op(node.op, node, inputs, output)
    expected = output_shape(node.op, *(tensor.shape for tensor in inputs))
    _require(
        output.shape == expected,
        f"{node.name}: {node.op.kind} gives {expected}, its tensor says {output.shape}",
    )


@singledispatch
def _check_op(op: Op, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: {op.kind} takes one input, not {len(inputs)}")
    _check_clamp(node, getattr(op, "clamp", Clamp()))


@_check_op.register(Conv)
@_check_op.register(ConvSums)
def _(op: Conv | ConvSums, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: {op.kind} takes one input, not {len(inputs)}")
    if isinstance(op, Conv):
        _check_clamp(node, op.clamp)
    else:
        _require(output.quant == SUMS, f"{node.name}: bytes of sums have no scale of their own")
    _check_window(node, op.window)
    c_out, kernel_h, kernel_w, depth = op.weights.shape
    c_in = inputs[0].shape[2]
    _require(op.window.kernel == (kernel_h, kernel_w), f"{node.name}: kernel and weights differ")
    _require(
        op.groups >= 1 and depth * op.groups == c_in and c_out % op.groups == 0,
        f"{node.name}: {op.groups} groups of {depth} do not divide {c_in} -> {c_out} channels",
    )
    _require(op.bias.shape == (c_out,), f"{node.name}: bias of shape {op.bias.shape}")
    _require(op.weight_scales.shape == (c_out,), f"{node.name}: one weight scale per channel")
    taps = kernel_h * kernel_w * depth
    _require(taps <= MAX_TAPS, f"{node.name}: {taps} taps could overflow int32")


@_check_op.register(MaxPool)
@_check_op.register(AveragePool)
def _(op: MaxPool | AveragePool, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: {op.kind} takes one input, not {len(inputs)}")
    _check_clamp(node, op.clamp)
    _check_window(node, op.window)
    if isinstance(op, MaxPool):
        _require(
            inputs[0].quant == output.quant, f"{node.name}: MaxPool cannot change quantisation"
        )


@_check_op.register
def _(op: Binary, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    wanted = "one input beside its constant" if op.constant else "two inputs"
    _require(
        len(inputs) == (1 if op.constant else 2),
        f"{node.name}: {op.kind} takes {wanted}, not {len(inputs)}",
    )
    _check_clamp(node, op.clamp)
    shape = inputs[0].shape
    second = (1, 1, len(op.constant.values)) if op.constant else inputs[1].shape
    _require(
        second in (shape, (1, 1, shape[2]), (1, 1, 1)),
        f"{node.name}: {op.kind} of {shape} and {second}",
    )
    ordered = not isinstance(op, Mul | Extremum)
    _require(ordered or not op.reverse, f"{node.name}: {op.kind} has no order to reverse")
    if isinstance(op, Add) and op.reverse:
        _require(second == shape, f"{node.name}: Add cannot broadcast what comes first")


@_check_op.register
def _(op: Copy, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: {op.kind} takes one input, not {len(inputs)}")
    _require(inputs[0].quant == output.quant, f"{node.name}: {op.kind} cannot change quantisation")
    if isinstance(op, Enlargement):
        _require(min(op.factor) >= 1, f"{node.name}: {op.factor} times")
    if isinstance(op, DepthToSpace):
        channels = inputs[0].shape[2]
        _require(
            channels % op.positions == 0,
            f"{node.name}: {channels} channels for {op.positions} pixels",
        )
    if isinstance(op, Rearrange):
        _check_rearrange(op, node, inputs[0])
    if isinstance(op, ResizeNearest):
        _check_resize(op, node, inputs[0])
    if isinstance(op, Permute):
        _check_permute(op, node, inputs[0])


@_check_op.register
def _(op: ResizeLinear, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: {op.kind} takes one input, not {len(inputs)}")
    _check_clamp(node, op.clamp)
    _check_resize(op, node, inputs[0])
    height = op.rows.size, op.rows.target
    _require(not op.signal or height == (1, 1), f"{node.name}: a signal of {height} rows")
    # onnxruntime copies, and its formula for the last pixel would round.
    same = all(axis.size == axis.target and axis.scale == 1 for axis in (op.rows, op.cols))
    _require(not same, f"{node.name}: it resizes nothing")


def _check_resize(op: ResizeNearest | ResizeLinear, node: Node, source: Tensor) -> None:
    sizes = op.rows.size, op.cols.size
    _require(source.shape[:2] == sizes, f"{node.name}: {sizes} pixels of {source.shape}")
    for axis in (op.rows, op.cols):
        _require(
            axis.target >= 1
            and axis.scale > 0
            and float(np.float32(axis.scale)) == axis.scale
            and axis.coordinates in COORDINATES
            and axis.rounding in ROUNDINGS,
            f"{node.name}: {axis}",
        )
    _require(
        op.rows.coordinates == op.cols.coordinates and op.rows.rounding == op.cols.rounding,
        f"{node.name}: rows and columns are resized in different ways",
    )


def _check_rearrange(op: Rearrange, node: Node, source: Tensor) -> None:
    window, pads = op.window, op.window.pads
    _require(
        min(*window.kernel, *window.stride, *window.dilation) >= 1
        and max(pads.top, pads.left, pads.bottom, pads.right) <= 0,
        f"{node.name}: {window}",
    )
    values = window.kernel[0] * window.kernel[1] * source.shape[2]
    _require(
        len(op.source) > 0 and int(op.source.min()) >= 0 and int(op.source.max()) < values,
        f"{node.name}: it takes values that its window of {values} has not",
    )


def _check_permute(op: Permute, node: Node, source: Tensor) -> None:
    """Every value of the input is in the output once: each digit's step is the product of the
    counts of those of smaller steps."""
    known = 1
    for count, step in sorted((*op.rows, *op.cols, *op.channels), key=lambda digit: digit[1]):
        _require(count > 1 and step == known, f"{node.name}: a digit to {count} by {step}")
        known *= count
    _require(known == source.bytes, f"{node.name}: it moves {known} of {source.bytes} values")


@_check_op.register
def _(op: MatMul, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _check_clamp(node, op.clamp)
    _require(
        len(inputs) == 2 and len(set(node.inputs)) == 2,
        f"{node.name}: MatMul takes two different inputs",
    )
    (height, _, depth), (rows, *matrix) = (tensor.shape for tensor in inputs)
    _require(
        rows in (1, height) and matrix[1 if op.transposed else 0] == depth,
        f"{node.name}: MatMul of {inputs[0].shape} and {inputs[1].shape}",
    )
    _require(depth <= MAX_PRODUCTS, f"{node.name}: {depth} products could overflow int32")


@_check_op.register
def _(op: Concat, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _check_clamp(node, op.clamp)
    _require(
        len(inputs) == len(op.starts) >= 1,
        f"{node.name}: Concat of {len(inputs)} inputs with {len(op.starts)} starts",
    )
    shapes = [tensor.shape for tensor in inputs]
    _require(
        len({shape[:2] for shape in shapes}) == 1,
        f"{node.name}: Concat of {', '.join(map(str, shapes))}",
    )
    done = 0
    for start, shape in zip(op.starts, shapes, strict=True):
        _require(start >= done, f"{node.name}: its inputs overlap, or are out of order")
        done = start + shape[2]
    _require(done <= op.channels_out, f"{node.name}: {done} channels in {op.channels_out}")


@_check_op.register
def _(op: LayerNormalization, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: LayerNormalization takes one input")
    shape = (inputs[0].shape[2],)
    _require(
        op.scale.shape == op.bias.shape == shape,
        f"{node.name}: factors of {op.scale.shape}, biases of {op.bias.shape} for {shape[0]} "
        "channels",
    )
    _require(op.epsilon >= 0, f"{node.name}: an epsilon of {op.epsilon}")


@_check_op.register
def _(op: LocalResponseNormalization, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: LocalResponseNormalization takes one input")
    _require(op.size >= 1, f"{node.name}: a window of {op.size} channels")
    _require(
        op.alpha >= 0 and op.bias > 0 and np.isfinite(op.beta),
        f"{node.name}: alpha {op.alpha}, beta {op.beta}, bias {op.bias}",
    )


@_check_op.register
def _(op: Lut, node: Node, inputs: list[Tensor], output: Tensor) -> None:
    _require(len(inputs) == 1, f"{node.name}: Lut takes one input, not {len(inputs)}")
    channels = inputs[0].shape[2]
    allowed = ((256,), (channels, 256))
    _require(
        op.table.shape in allowed,
        f"{node.name}: a table of {op.table.shape} for {channels} channels",
    )


def _check_clamp(node: Node, clamp: Clamp) -> None:
    _require(
        INT8_MIN <= clamp.lo <= clamp.hi <= INT8_MAX,
        f"{node.name}: empty output range [{clamp.lo}, {clamp.hi}]",
    )


def _check_window(node: Node, window: Window) -> None:
    pads: Padding = window.pads
    _require(
        min(*window.kernel, *window.stride, *window.dilation) >= 1
        and min(pads.top, pads.left, pads.bottom, pads.right) >= 0,
        f"{node.name}: {window}",
    )
