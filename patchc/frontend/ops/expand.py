"""Expand: a tensor repeated along rows, columns or channels, in a QDQ file and on integers."""

from __future__ import annotations

import numpy as np

from patchc.frontend.axes import Axis, Layout, border_axes, describe, dims, map_shape
from patchc.frontend.broadcasts import turned, vector_axis
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Dequantized, Link, Pending, Quantized, Value
from patchc.ir import Op, Rearrange, Upsample, Window


@onnx_op(
    "Expand",
    makes=(Upsample, Rearrange),
    limits="a batch; dimensions that are several axes at once",
)
def expand(call: Call) -> Value:
    """Along rows, columns and channels: a copy, unless its reader takes one pixel for a map."""
    value = call.input(0)
    integers = isinstance(value, Quantized)
    source = call.readable(value) if isinstance(value, Quantized) else call.activation(0)
    source = _along_channels(call, source)
    layout = _target(source, [int(size) for size in call.constant(1, "shape").reshape(-1)])
    height, width, channels = call.builder.tensors[source.tensor].shape
    rows, cols, depth = map_shape(layout)
    ops: list[Op] = []
    if depth != channels:
        ops.append(Rearrange(Window((1, 1)), np.zeros(depth, np.int32)))
    if (rows, cols) != (height, width):
        ops.append(Upsample((rows // height, cols // width)))
    if not ops:
        seen = Quantized(source.tensor, layout, source.unsigned)
        return seen if integers else Dequantized(seen)
    links = tuple(Link(op, ()) for op in ops[1:])
    chain = Pending(call.name, call.output, ops[0], (source.tensor,), layout, links=links)
    if not integers:
        return chain
    quant = call.builder.tensors[source.tensor].quant
    return call.builder.finish(chain, Result(call.output, layout, quant, source.unsigned))


def _along_channels(call: Call, source: Quantized) -> Quantized:
    """A vector that stands where the channels of a map do, as channels: what a convolution over
    channels has made is along columns, which no layout has there."""
    axis = vector_axis(source)
    beside = len(source.layout) == 4 and source.layout[1]
    return turned(call.builder, source, "c") if beside and axis and axis.name == "w" else source


def _target(source: Quantized, shape: list[int]) -> Layout:
    """Raises RefusalError where a dimension that grows is no axis of a map."""
    rank = max(len(shape), len(source.layout))
    own: Layout = (*((),) * (rank - len(source.layout)), *source.layout)
    wanted = [1] * (rank - len(shape)) + shape
    found = []
    for axes, usual, size in zip(own, border_axes(own), wanted, strict=True):
        if axes or size == 1:
            found.append(axes)
            continue
        names = [axis.name for axis in usual]
        if len(names) != 1 or names[0] == "n":
            raise RefusalError(f"it expands {describe(own)} to {wanted}: only a map can grow")
        found.append((Axis(names[0], size),))
    if any(size not in (1, have) for size, have in zip(wanted, dims(tuple(found)), strict=True)):
        raise RefusalError(f"it expands {list(dims(own))} to {wanted}")
    return tuple(found)
