"""What is known of a convolution's accumulators before it runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patchc.ir import Conv
from patchc.ir.graph import INT8_MAX, INT8_MIN

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def fold_bias(op: Conv, zero_point: int) -> NDArray[np.int32]:
    """bias - zero_point * (sum of all weights), per output channel, modulo 2**32.

    With it the kernels multiply inputs as they are: sum((x - z) * w) = sum(x * w) - z * sum(w).
    """
    sums = op.weights.astype(np.int64).sum(axis=(1, 2, 3))
    folded: NDArray[np.int32] = (op.bias.astype(np.int64) - zero_point * sums).astype(np.int32)
    return folded


def reachable(op: Conv, zero_point: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the largest accumulator of each channel, over all int8 inputs.

    A padded tap contributes 0, which some input does too. A channel whose sum can leave int32
    wraps: then every int32 counts as reachable.
    """
    weights = op.weights.astype(np.int64).reshape(op.channels_out, -1)
    low_x, high_x = INT8_MIN - zero_point, INT8_MAX - zero_point
    bias = op.bias.astype(np.int64)
    low = bias + np.minimum(weights * low_x, weights * high_x).sum(axis=1)
    high = bias + np.maximum(weights * low_x, weights * high_x).sum(axis=1)
    wraps = (low < INT32_MIN) | (high > INT32_MAX)
    return np.where(wraps, INT32_MIN, low), np.where(wraps, INT32_MAX, high)
