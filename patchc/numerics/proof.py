"""Equality of two requantisations, decided for every reachable accumulator.

For one channel the float formula and any integer form are monotone step functions of the int32
accumulator with at most 255 steps. They are equal on a range if and only if every step is taken at
the same accumulator; each such threshold is found by bisection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from patchc.ir import Conv
from patchc.numerics.fold import reachable
from patchc.numerics.requant import conv_factors, requantize, requantize_float, scale_of

# int64 accumulators (levels, channels) -> int8, non-decreasing in each column
Steps = Callable[[NDArray[np.int64]], NDArray[np.int8]]


def thresholds(
    steps: Steps, low: NDArray[np.int64], high: NDArray[np.int64], levels: Sequence[int]
) -> NDArray[np.int64]:
    """For each level and channel the least acc of low .. high with steps(acc) >= level, or
    high + 1: int64 (levels, channels)."""
    wanted = np.asarray(levels)[:, None]
    first = np.broadcast_to(low, (len(levels), len(low))).copy()
    last = np.broadcast_to(high + 1, first.shape).copy()
    while (first < last).any():
        middle = (first + last) // 2
        reached = steps(np.minimum(middle, high)) >= wanted
        open_ = first < last
        last = np.where(open_ & reached, middle, last)
        first = np.where(open_ & ~reached, middle + 1, first)
    return first


def equal_channels(
    one: Steps, other: Steps, low: NDArray[np.int64], high: NDArray[np.int64], lo: int, hi: int
) -> NDArray[np.bool_]:
    """Per channel: do both functions, clamped to lo .. hi, agree on all of low .. high?"""
    levels = range(lo + 1, hi + 1)
    equal: NDArray[np.bool_] = (
        thresholds(one, low, high, levels) == thresholds(other, low, high, levels)
    ).all(axis=0)
    return equal


def emulation_is_exact(
    op: Conv, in_scale: float, in_zero_point: int, out_scale: float, out_zero_point: int
) -> NDArray[np.bool_]:
    """Per output channel of a convolution: is the integer emulation onnxruntime's float formula
    for every reachable accumulator? (It always should be; this is the check.)"""
    factors = conv_factors(in_scale, op.weight_scales, out_scale)
    scales = [scale_of(factor, "convolution") for factor in factors]
    lo, hi = op.clamp.lo, op.clamp.hi
    low, high = reachable(op, in_zero_point)
    return equal_channels(
        lambda acc: requantize(acc, scales, out_zero_point, lo, hi),
        lambda acc: requantize_float(acc, factors, out_zero_point, lo, hi),
        low,
        high,
        lo,
        hi,
    )
