"""Constant operands of convolutions and dense layers: weights and biases as the Graph has them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from patchc.frontend.asymmetric import widened
from patchc.frontend.call import Call, check_scales
from patchc.frontend.refusal import RefusalError
from patchc.frontend.values import Constant, Quantized, QuantizedConstant
from patchc.ir.verifier import MAX_TAPS

# onnxruntime takes the integers of a bias as they are while its scale is about
# input scale * weight scale: still 1 % off, no longer 2 %.
BIAS_SCALE_TOLERANCE = 0.01


def float_weights(call: Call, index: int) -> QuantizedConstant:
    """The weights of a float operator in a QDQ file. Raises RefusalError."""
    value = call.input(index)
    if isinstance(value, QuantizedConstant):
        return value
    if isinstance(value, Constant):
        raise RefusalError("its weights are float: quantise them, e.g. patchc quantize")
    raise RefusalError("its weights are not constant")


def integer_weights(call: Call, index: int, axis: int) -> QuantizedConstant:
    """The weights of an integer operator: inputs index (values), +1 (scales), +2 (zero points)."""
    scales = call.constant(index + 1, "weight scale")
    check_scales(scales)
    values = call.constant(index, "weights")
    zero_points = call.optional_constant(index + 2, "weight zero point")
    if zero_points is None:
        zero_points = np.zeros(scales.shape, values.dtype)
    return QuantizedConstant(values, scales, zero_points, axis)


def centred(weights: QuantizedConstant, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """int16 values less their zero points, and float32 scales for each index along `axis`, the
    output channels.

    Raises RefusalError where the scales run along another axis.
    """
    values = weights.values
    if values.dtype not in (np.int8, np.uint8):
        raise RefusalError(f"{values.dtype} weights: only int8 and uint8 are supported")
    channels = values.shape[axis]
    scales, zeros = weights.scales.reshape(-1), weights.zero_points.reshape(-1)
    if scales.size > 1 and (weights.axis != axis or scales.size != channels):
        raise RefusalError("weight scales that do not run along the output channels")
    if zeros.size not in (1, channels) or (zeros.size > 1 and weights.axis != axis):
        raise RefusalError("weight zero points that do not run along the output channels")
    along = [-1 if i == axis else 1 for i in range(values.ndim)]
    found = values.astype(np.int16) - zeros.astype(np.int16).reshape(along)
    return found, np.broadcast_to(scales, (channels,)).astype(np.float32)


def fitting(
    call: Call, source: Quantized, weights: np.ndarray, groups: int
) -> tuple[np.ndarray, Quantized]:
    """Weights (c_out, kernel_h, kernel_w, depth of a group) as int8, and the map that they are for:
    `source`, or that with some of its channels repeated. Raises RefusalError."""
    found = widened(weights, groups)
    if found is not None:
        weights = found.weights
        source = replace(source, tensor=call.builder.repeated(source.tensor, found.source))
    taps = math.prod(weights.shape[1:])
    if taps > MAX_TAPS:
        raise RefusalError(f"{taps} taps per output could overflow int32")
    return weights.astype(np.int8), source


def float_bias(call: Call, index: int, input_scale: float, scales: np.ndarray) -> np.ndarray:
    """The int32 bias of a float operator in a QDQ file, or zeros. Raises RefusalError.

    A float constant becomes rint(bias / (input scale * weight scale)), all in float32, as
    onnxruntime makes it when it fuses (0 of 480 biases next to a tie differed).
    """
    value = call.input(index)
    wanted = np.float32(input_scale) * scales
    if value is None:
        return np.zeros(scales.shape, np.int32)
    if isinstance(value, Constant):
        steps = np.rint(_per_channel(value.array, scales).astype(np.float32) / wanted)
        if not (np.abs(steps) < 2.0**31).all():
            raise RefusalError("its float bias does not fit int32 at the scale of its accumulator")
        return steps.astype(np.int32)
    if not isinstance(value, QuantizedConstant):
        raise RefusalError("its bias is not constant")
    if value.values.dtype != np.int32 or value.zero_points.any():
        raise RefusalError(f"a bias of type {value.values.dtype}: only int32, zero point 0")
    found = _per_channel(value.scales, scales)
    if (np.abs(found - wanted) > BIAS_SCALE_TOLERANCE * wanted).any():
        raise RefusalError(
            "the scale of its bias is not input scale * weight scale, so onnxruntime cannot "
            "compute it with integers; quantise it again, e.g. patchc quantize"
        )
    return _per_channel(value.values, scales)


def integer_bias(call: Call, index: int, scales: np.ndarray) -> np.ndarray:
    """The int32 bias of an integer operator, or zeros. Raises RefusalError."""
    values = call.optional_constant(index, "bias")
    if values is None:
        return np.zeros(scales.shape, np.int32)
    if values.dtype != np.int32:
        raise RefusalError(f"a bias of type {values.dtype}: only int32")
    return _per_channel(values, scales)


def _per_channel(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """One value per output channel, from (), (1,), (channels,) or (1, channels)."""
    if values.size not in (1, scales.size):
        raise RefusalError(
            f"a bias of shape {list(values.shape)} for {scales.size} output channels"
        )
    return np.broadcast_to(values.reshape(-1), scales.shape)
