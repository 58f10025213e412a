"""Operators in parts: some of the output's channels, int32 sums, and results made from sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from patchc.geometry.span import Span
from patchc.ir import Conv, GlobalAveragePool, Lut, Op, Tensor
from patchc.reference.operators import _matrix_product, _requantize
from patchc.reference.shadow import ShadowMemoryError

Sums = Callable[[np.ndarray], np.ndarray]  # int8 (rows, cols, channels) -> int32 sums
Finish = Callable[[np.ndarray], np.ndarray]  # int32 sums -> int8 of the same shape


def some_outputs(op: Op, channels: Span) -> Op:
    """The operator that computes these channels of the output alone."""
    chosen = slice(channels.start, channels.stop)
    if isinstance(op, Lut) and op.per_channel:
        return replace(op, table=op.table[chosen])
    if not isinstance(op, Conv):
        return op
    return replace(
        op,
        groups=channels.stop - channels.start if op.is_depthwise else op.groups,
        weights=op.weights[chosen],
        weight_scales=op.weight_scales[chosen],
        bias=op.bias[chosen],
    )


def channels_read(op: Op, channels: Span) -> Span | None:
    """The input channels behind some output channels; None: all. Raises ShadowMemoryError for an
    operator that does not go channel by channel."""
    if isinstance(op, Conv):
        if op.groups == 1:
            return None
        if not op.is_depthwise or op.channels_out != op.groups:
            raise ShadowMemoryError(
                f"computes channels {channels.start} .. {channels.stop - 1} alone, but the "
                f"convolution has {op.channels_out} channels in {op.groups} groups"
            )
    return channels


def add_pointwise(op: Conv, x: Tensor, channels: Span) -> Sums:
    """What some input channels contribute to the sums of a 1x1 convolution (no bias)."""
    part = _matrix_product(replace(op, weights=op.weights[..., channels.start : channels.stop]))
    return lambda values: part(values, x.quant.zero_point)


def finish_pointwise(op: Conv, x: Tensor, y: Tensor) -> Finish:
    """Bias, requantisation and clamp of a convolution. Formula: operators.py."""
    factor = np.float32(x.quant.scale) * op.weight_scales / np.float32(y.quant.scale)
    return lambda sums: _requantize(sums + op.bias, factor, y.quant, op.clamp)


def add_mean(values: np.ndarray) -> np.ndarray:
    """What some pixels contribute to the sums of a mean: int32 (1, 1, channels)."""
    total: np.ndarray = values.sum(axis=(0, 1), keepdims=True, dtype=np.int32)
    return total


def finish_mean(op: GlobalAveragePool, x: Tensor, y: Tensor) -> Finish:
    """Requantisation and clamp of a mean. Formula: operators.py."""
    pixels = x.shape[0] * x.shape[1]
    factor = np.float32(x.quant.scale) / (np.float32(y.quant.scale) * np.float32(pixels))
    offset = np.int32(x.quant.zero_point * pixels)
    return lambda sums: _requantize(sums - offset, factor, y.quant, op.clamp)
