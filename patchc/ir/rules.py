"""What each operator makes of shapes, and what it costs: one function per question."""

from __future__ import annotations

from functools import singledispatch
from math import prod

from patchc.ir.graph import (
    SUM_BYTES,
    AveragePool,
    Binary,
    Concat,
    Conv,
    ConvSums,
    DepthToSpace,
    GlobalAveragePool,
    Graph,
    MatMul,
    MaxPool,
    Node,
    Op,
    Permute,
    Pixelwise,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Shape,
    Upsample,
    Window,
)


def window_output(window: Window, height: int, width: int) -> tuple[int, int]:
    """Rows and columns that `window` yields over a height x width map (floor)."""
    pads = window.pads
    eh, ew = window.extent
    rows = (height + pads.top + pads.bottom - eh) // window.stride[0] + 1
    cols = (width + pads.left + pads.right - ew) // window.stride[1] + 1
    return rows, cols


@singledispatch
def output_shape(op: Op, *inputs: Shape) -> Shape:
    """The shape of the output of `op` over `inputs`."""
    raise NotImplementedError(f"no shape rule for {op.kind}")


@output_shape.register
def _(op: Conv, *inputs: Shape) -> Shape:
    (shape,) = inputs
    return (*window_output(op.window, shape[0], shape[1]), op.channels_out)


@output_shape.register
def _(op: ConvSums, *inputs: Shape) -> Shape:
    (shape,) = inputs
    return (*window_output(op.window, shape[0], shape[1]), op.channels_out * SUM_BYTES)


@output_shape.register(MaxPool)
@output_shape.register(AveragePool)
def _(op: MaxPool | AveragePool, *inputs: Shape) -> Shape:
    (shape,) = inputs
    return (*window_output(op.window, shape[0], shape[1]), shape[2])


@output_shape.register
def _(op: GlobalAveragePool, *inputs: Shape) -> Shape:
    (shape,) = inputs
    return 1, 1, shape[2]


@output_shape.register
def _(op: Binary, *inputs: Shape) -> Shape:
    return inputs[0]


@output_shape.register
def _(op: Upsample, *inputs: Shape) -> Shape:
    ((height, width, channels),) = inputs
    return height * op.factor[0], width * op.factor[1], channels


@output_shape.register(ResizeNearest)
@output_shape.register(ResizeLinear)
def _(op: ResizeNearest | ResizeLinear, *inputs: Shape) -> Shape:
    (shape,) = inputs
    return op.rows.target, op.cols.target, shape[2]


@output_shape.register
def _(op: DepthToSpace, *inputs: Shape) -> Shape:
    ((height, width, channels),) = inputs
    return height * op.factor[0], width * op.factor[1], channels // op.positions


@output_shape.register
def _(op: Rearrange, *inputs: Shape) -> Shape:
    (shape,) = inputs
    return (*window_output(op.window, shape[0], shape[1]), len(op.source))


@output_shape.register
def _(op: Permute, *inputs: Shape) -> Shape:
    return op.shape


@output_shape.register
def _(op: MatMul, *inputs: Shape) -> Shape:
    (height, width, _), (_, *matrix) = inputs
    return height, width, matrix[0 if op.transposed else 1]


@output_shape.register
def _(op: Concat, *inputs: Shape) -> Shape:
    return *inputs[0][:2], op.channels_out


@output_shape.register(Pixelwise)
def _(op: Pixelwise, *inputs: Shape) -> Shape:
    (shape,) = inputs
    return shape


def needs_whole(graph: Graph, node: Node, tensor: str) -> bool:
    """Must all of `tensor`, an operand of `node`, be there before any row of the output?

    One pixel that meets all pixels; a matrix that each pixel is multiplied with; what is moved from
    anywhere to anywhere.
    """
    own, output = graph.tensors[tensor].shape, graph.tensors[node.output].shape
    if isinstance(node.op, MatMul):
        return tensor == node.inputs[1]
    return isinstance(node.op, Permute) or (isinstance(node.op, Binary) and own[:2] != output[:2])


def macs(graph: Graph, node: Node) -> int:
    """Multiply-accumulates of a node: output elements x taps x c_in / groups, padded taps included.

    Convolution, dense layers and matrix products only; every other operator counts 0 (design.md,
    "F").
    """
    if isinstance(node.op, MatMul):
        return prod(graph.tensors[node.output].shape) * graph.tensors[node.inputs[0]].shape[2]
    if not isinstance(node.op, Conv | ConvSums):
        return 0
    height, width, _ = graph.tensors[node.output].shape
    return height * width * int(node.op.weights.size)
