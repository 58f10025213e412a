"""ConvTranspose between quantised tensors, in one and two dimensions, any groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from patchc.frontend.arrange import expected
from patchc.frontend.axes import channels_first, channels_first_layout
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.ops.normalization import note_of_integers
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.transposed import dilated, small_weights, transposed_axes
from patchc.frontend.values import Pending, Quantized, Value
from patchc.frontend.weights import centred, fitting, float_bias, float_weights
from patchc.ir import Conv, Copy, DepthToSpace, Padding, Rearrange, Window, output_shape


@onnx_op("ConvTranspose", makes=(Conv, DepthToSpace, Rearrange), limits="3-D; float weights")
def conv_transpose(call: Call) -> Value:
    """In a QDQ file, as Conv, DepthToSpace and a crop: the sums of integers, where onnxruntime adds
    up floats. The report says so."""
    source = call.activation(0, as_seen=True)
    weights = float_weights(call, 1)
    rank, groups = weights.values.ndim, call.attribute("group", 1)
    if rank not in (3, 4):
        raise RefusalError(f"over {rank - 2} dimensions: one and two are supported")
    source = expected(call.builder, source, channels_first(rank), "a transposed convolution")
    shape = call.builder.tensors[source.tensor].shape
    values, scales = centred(weights, axis=1)
    if values.shape[0] != shape[2] or shape[2] % groups:
        raise RefusalError(
            f"weights of shape {list(values.shape)} in {groups} groups over {shape[2]} channels"
        )
    given = {item.name: helper.get_attribute_value(item) for item in call.node.attribute}
    if rank == 3:  # a signal is a map of height 1
        values, given = values[:, :, None, :], _of_a_map(given)
    axes = transposed_axes(given, shape[:2], values.shape[2:])
    if axes is None:
        raise RefusalError("its pads leave nothing, or are negative: export it with others")
    rows, cols = axes
    strides = (rows.stride, cols.stride)
    small = small_weights(dilated(values, given.get("dilations", [1, 1])), groups, (rows, cols))
    scales = np.tile(scales, groups)
    scale = call.builder.tensors[source.tensor].quant.scale
    bias = float_bias(call, 2, scale, scales)
    taps, source = fitting(call, source, small.transpose(0, 2, 3, 1), groups)
    count = rows.stride * cols.stride
    pads = Padding(rows.pads[0], cols.pads[0], rows.pads[1], cols.pads[1])
    conv = Conv(
        Window((rows.taps, cols.taps), pads=pads),
        groups,
        taps,
        scales.repeat(count),
        bias.repeat(count),
    )
    copies: list[Copy] = []
    if count > 1:
        copies.append(DepthToSpace(strides, interleaved=True))
    if rows.is_cropped or cols.is_cropped:
        bottom, right = (axis.crop + axis.output - axis.made for axis in axes)
        window = Window((1, 1), pads=Padding(-rows.crop, -cols.crop, bottom, right))
        copies.append(Rearrange(window, np.arange(len(scales))))
    note_of_integers(call)
    whole = (rows.output, cols.output, len(scales))
    layout = channels_first_layout(whole, rank)

    def made(result: Result) -> Quantized:
        """Each of the operators, at the scale of the last."""
        value, size = source, shape
        for index, op in enumerate((conv, *copies)):
            size = output_shape(op, size)
            last = index == len(copies)
            part = Result(
                result.name if last else f"{result.name}_part{index}",
                layout if last else channels_first_layout(size, 4),
                result.quant,
                result.unsigned,
                in_file=last and result.in_file,
            )
            value = call.builder.emit(call.name, op, (value.tensor,), part)
        return value

    op = copies[-1] if copies else conv
    make = made if copies else None
    return Pending(call.name, call.output, op, (source.tensor,), layout, make=make)


def _of_a_map(given: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a signal's, as those of a map of height 1."""
    first = {"strides": [1], "dilations": [1], "output_padding": [0], "output_shape": [1]}
    found = {name: first[name] + list(given[name])[-1:] for name in first if name in given}
    if "pads" in given:
        begin, end = given["pads"]
        found["pads"] = [0, begin, 0, end]
    return {**given, **found}
