"""The proof that multipliers of CMSIS-NN give onnxruntime's output for every sum that can come up.

Shares no code with what finds the multipliers: the library's rounding and onnxruntime's formula are
both evaluated, as what they are, at both ends of the sums and on both sides of every step. Neither
ever falls as the sum grows, so that is enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patchc.choices import Rounding
from patchc.numerics.cmsis_rounding import requantize
from patchc.numerics.requant import requantize_float
from patchc.numerics.thresholds import Channels, Steps

_INT32 = 2**31


def cmsis_proved(
    channels: Channels,
    wanted: Steps,
    index: NDArray[np.integer],
    multiplier: NDArray[np.int64],
    shift: NDArray[np.int64],
    rounding: Rounding,
) -> NDArray[np.bool_]:
    """Per channel: does the library give onnxruntime's output? `wanted`: the steps of the channels
    in `index`; where they are wrong, nothing is proved."""
    result = np.zeros(len(channels), bool)
    part = channels.part(index)
    result[index] = _steps_equal(part, wanted, multiplier[index], shift[index], rounding)
    return result


def _steps_equal(
    channels: Channels,
    wanted: Steps,
    multiplier: NDArray[np.int64],
    shift: NDArray[np.int64],
    rounding: Rounding,
) -> NDArray[np.bool_]:
    low, high = channels.low[:, None], channels.high[:, None]
    bias, factors = channels.bias[:, None], channels.factors[:, None]
    multiplier, shift = multiplier[:, None], shift[:, None]
    lo, hi, zero_point = channels.lo, channels.hi, channels.zero_point

    def library(sums: NDArray[np.int64]) -> NDArray[np.int64]:
        scaled = requantize(sums + bias, multiplier, shift, rounding).astype(np.int64)
        return np.clip(scaled + zero_point, lo, hi)

    def formula(sums: NDArray[np.int64]) -> NDArray[np.int64]:
        acc = (sums + bias).astype(np.int32)
        return requantize_float(acc, factors, zero_point, lo, hi).astype(np.int64)

    ends = np.concatenate([low, high], axis=1)
    values = formula(ends)
    right = (library(ends) == values).all(axis=1)
    right &= never_wraps(ends + bias, multiplier, shift, rounding).all(axis=1)
    levels = wanted.levels[None, :]
    at = np.clip(wanted.at, low, high)
    before = np.maximum(at - 1, low)
    stepped = (library(at) >= levels) & (formula(at) >= levels)
    stepped &= (library(before) < levels) & (formula(before) < levels)
    # Levels that neither end is on this side of have no step.
    stepped |= (levels <= values[:, :1]) | (levels > values[:, 1:])
    result: NDArray[np.bool_] = right & stepped.all(axis=1)
    return result


def never_wraps(
    acc: NDArray[np.int64],
    multiplier: NDArray[np.int64],
    shift: NDArray[np.int64],
    rounding: Rounding,
) -> NDArray[np.bool_]:
    """Every word of the library's is an int32, with MVE too: it shifts to the left by one more."""
    left = np.maximum(shift + (rounding is Rounding.SINGLE), 0)
    shifted = acc << left
    fits = (acc >= -_INT32) & (acc < _INT32) & (shifted >= -_INT32) & (shifted < _INT32)
    fits &= (multiplier >= 0) & (multiplier < _INT32)
    if rounding is Rounding.SINGLE:
        word = acc * multiplier >> (30 - shift)
    else:
        word = (shifted * multiplier + 2**30) >> 31
    # A zero point is added to the last word.
    fits &= (word >= -_INT32 + 512) & (word < _INT32 - 512)
    result: NDArray[np.bool_] = fits
    return result
