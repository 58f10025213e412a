"""Conv and QLinearConv, in one and two dimensions, any groups."""

from __future__ import annotations

import numpy as np

from patchc.frontend.arrange import expected
from patchc.frontend.axes import channels_first, channels_first_layout
from patchc.frontend.broadcasts import turned, vector_axis
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Pending, Quantized, QuantizedConstant, Value
from patchc.frontend.weights import (
    centred,
    fitting,
    float_bias,
    float_weights,
    integer_bias,
    integer_weights,
)
from patchc.frontend.windows import add_pads, check_fits, window
from patchc.ir import Conv, output_shape

_LIMITS = "3-D"


@onnx_op("Conv", makes=(Conv,), limits=_LIMITS)
def conv(call: Call) -> Value:
    """A convolution in a QDQ file."""
    source = call.activation(0, padded=True, as_seen=True)
    weights = float_weights(call, 1)
    op, source = _convolution(call, source, weights)
    scale = call.builder.tensors[source.tensor].quant.scale
    bias = float_bias(call, 2, scale, op.weight_scales)
    op = Conv(op.window, op.groups, op.weights, op.weight_scales, bias)
    shape = output_shape(op, call.builder.tensors[source.tensor].shape)
    layout = channels_first_layout(shape, len(source.layout))
    return Pending(call.name, call.output, op, (source.tensor,), layout)


@onnx_op("QLinearConv", makes=(Conv,), limits=_LIMITS)
def qlinear_conv(call: Call) -> Value:
    """A convolution in a QOperator file."""
    source = call.integers(0, *call.quantization(1, 2), padded=True, as_seen=True)
    op, source = _convolution(call, source, integer_weights(call, 3, axis=0))
    bias = integer_bias(call, 8, op.weight_scales)
    op = Conv(op.window, op.groups, op.weights, op.weight_scales, bias)
    shape = output_shape(op, call.builder.tensors[source.tensor].shape)
    layout = channels_first_layout(shape, len(source.layout))
    result = Result(call.output, layout, *call.quantization(6, 7))
    return call.builder.emit(call.name, op, (source.tensor,), result)


def _convolution(
    call: Call, source: Quantized, weights: QuantizedConstant
) -> tuple[Conv, Quantized]:
    """The operator without its bias, and the map that it reads."""
    rank = weights.values.ndim
    if rank not in (3, 4):
        raise RefusalError(f"a convolution over {rank - 2} dimensions: one and two are supported")
    source = _across_channels(call, source, weights)
    source = expected(call.builder, source, channels_first(rank), "a convolution")
    values, scales = centred(weights, axis=0)
    shape = call.builder.tensors[source.tensor].shape
    groups = call.attribute("group", 1)
    channels_out, depth = values.shape[:2]
    if depth * groups != shape[2] or channels_out % groups:
        raise RefusalError(
            f"weights of shape {list(values.shape)} in {groups} groups over {shape[2]} channels"
        )
    found = add_pads(window(call, shape, rank, values.shape[2:]), source.pads)
    check_fits(found, shape)
    if rank == 3:
        values = values[:, :, None, :]
    bias = np.zeros(channels_out, np.int32)
    taps, source = fitting(call, source, values.transpose(0, 2, 3, 1), groups)
    return Conv(found, groups, taps, scales, bias), source


def _across_channels(call: Call, source: Quantized, weights: QuantizedConstant) -> Quantized:
    """A vector of channels that a convolution of one channel slides over, as rows or columns."""
    rank = len(source.layout)
    axis = vector_axis(source)
    if weights.values.ndim != rank or weights.values.shape[1] * call.attribute("group", 1) != 1:
        return source
    if axis is None or axis.name != "c" or source.layout[1]:
        return source
    call.builder.guess_again(source, channels_first(rank))
    at = next(i for i, axes in enumerate(source.layout) if axes)
    return turned(call.builder, source, channels_first(rank)[at]) if at else source
