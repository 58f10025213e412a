"""InstanceNormalization, which is what exporters make of GroupNorm, too."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from patchc.frontend.axes import Layout, channels_first_layout, dims, is_cut
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.ops.normalization import EPSILON, note_of_integers, numbers
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Dequantized, Pending, Quantized, Value
from patchc.ir import Copy, DepthToSpace, LayerNormalization, Op, Rearrange, Window, output_shape
from patchc.ir.graph import Shape
from patchc.numerics.layer_norm import MAX_CHANNELS


@onnx_op(
    "InstanceNormalization",
    makes=(LayerNormalization, DepthToSpace),
    limits="factors or biases that differ from channel to channel; more than 32768 values of one",
)
def instance_normalization(call: Call) -> Value:
    """In a QDQ file, over all of a map or of its groups of channels: copies, which put what is
    normalised together into one pixel, around a LayerNormalization."""
    source = _source(call)
    sizes = dims(source.layout)
    if len(sizes) < 3 or sizes[0] != 1:
        raise RefusalError(f"over {list(sizes)}: a batch of 1 with rows or columns is supported")
    groups, together = sizes[1], prod(sizes[2:])
    if together > MAX_CHANNELS:
        raise RefusalError(f"over {together} values: at most {MAX_CHANNELS} are supported")
    scales, biases = numbers(call, 1, groups, "scale", 1.0), numbers(call, 2, groups, "bias", 0.0)
    if np.ptp(scales) or np.ptp(biases):
        raise RefusalError(
            "its factors or biases differ from channel to channel: leave them out and multiply "
            "and add behind it, as GroupNorm is exported"
        )
    norm = LayerNormalization(
        scales[:1].repeat(together),
        biases[:1].repeat(together),
        float(call.attribute("epsilon", EPSILON)),
    )
    note_of_integers(call)
    shape = call.builder.tensors[source.tensor].shape
    order = _order(source.layout, shape)
    before = _beside(call, source, shape, order, groups)
    behind: list[Copy] = []
    if groups > 1 or not np.array_equal(order, np.arange(order.size)):
        row = Window((1, groups), (1, groups))
        behind.append(Rearrange(row, np.argsort(order)))
    behind.append(DepthToSpace(shape[:2]))

    def made(result: Result) -> Quantized:
        value, ops = before, (norm, *behind)
        for index, op in enumerate(ops, start=1):
            last = index == len(ops)
            name = result.name if last else f"{result.name}_part{index}"
            layout = source.layout if last else _layout_of(call, op, value)
            part = replace(result, name=name, layout=layout, in_file=last and result.in_file)
            value = call.builder.emit(call.name, op, (value.tensor,), part)
        return value

    op = behind[-1]
    return Pending(call.name, call.output, op, (before.tensor,), source.layout, make=made)


def _source(call: Call) -> Quantized:
    """Its input, of which a reshape may have cut the channels. Raises RefusalError."""
    value = call.input(0)
    if isinstance(value, Dequantized) and not value.function and is_cut(value.layout):
        return call.builder.padded(value.source)
    return call.activation(0)


def _order(layout: Layout, shape: Shape) -> np.ndarray:
    """Where in the map each value of the ONNX tensor is, in the order of that."""
    height, width, channels = shape
    strides = {"h": width * channels, "w": channels, "c": 1, "n": 0}
    order = np.zeros(1, np.int64)
    for axis in (axis for axes in layout for axis in axes):
        offsets = np.arange(axis.size) * axis.step * strides[axis.name]
        order = (order[:, None] + offsets).reshape(-1)
    if order.size != height * width * channels:
        raise RefusalError("not all of a map")
    return order


def _beside(
    call: Call, source: Quantized, shape: Shape, order: np.ndarray, groups: int
) -> Quantized:
    """A pixel for each group, whose channels are the values of the group."""
    aside: Op = Rearrange(Window(shape[:2], shape[:2]), order)
    layout = channels_first_layout((1, 1, order.size), 4)
    value = call.builder.copied(source, aside, layout, "aside")
    if groups == 1:
        return value
    layout = channels_first_layout((1, groups, order.size // groups), 4)
    return call.builder.copied(value, DepthToSpace((1, groups)), layout, "in_groups")


def _layout_of(call: Call, op: Op, value: Quantized) -> Layout:
    return channels_first_layout(output_shape(op, call.builder.tensors[value.tensor].shape), 4)
