"""The proof of a layer's forms: equal to onnxruntime's formula for every sum that can come up.

Shares no code with what solved for them. The formula is evaluated as what it is, in float32, and
the forms in 64-bit integers. Both are non-decreasing functions of the sum, so they are equal on a
range if they are at both ends and the formula takes each step of the form at the same sum:

    form(a - 1) < t <= form(a)  and  f(a - 1) < t <= f(a)

For a line, `a` comes from inverting it, but all four inequalities are evaluated: an error in the
inversion cannot make a proof. A guarded channel is emulated wherever its high word lies next to a
tie; elsewhere it is compared in the same way, with the last sum before that place and the first
behind it. That emulation itself equals the formula is another proof (`proof.emulation_is_exact`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchc.numerics.forms import LayerForms, Word
from patchc.numerics.thresholds import Channels

_INT32 = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class _Formula:
    """clip(rint(float32(acc) * r) + zero_point, lo, hi); arrays [channels, 1]."""

    factors: NDArray[np.float32]
    bias: NDArray[np.int64]
    zero_point: int
    lo: int
    hi: int

    def product(self, sums: NDArray[np.int64]) -> NDArray[np.float32]:
        """Before the zero point is added."""
        # The bias wraps.
        acc = (sums + self.bias).astype(np.int32).astype(np.float32)
        with np.errstate(over="ignore", under="ignore"):
            acc *= self.factors
        result: NDArray[np.float32] = np.rint(acc, out=acc)
        return result

    def reaches(self, sums: NDArray[np.int64], levels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Is the output `levels` or more? They lie in lo + 1 .. hi."""
        result: NDArray[np.bool_] = self.product(sums) >= (levels - self.zero_point).astype(
            np.float32
        )
        return result

    def output(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        product = np.clip(self.product(sums), -512, 512).astype(np.int64)
        result: NDArray[np.int64] = np.clip(product + self.zero_point, self.lo, self.hi)
        return result


def proved(channels: Channels, forms: LayerForms) -> NDArray[np.bool_]:
    """Per channel: do its numbers give onnxruntime's output for every sum?"""
    result = np.zeros(len(channels.factors), bool)
    lines, rare = np.flatnonzero(forms.factor >= 0), np.flatnonzero(forms.factor < 0)
    result[lines] = _lines_proved(channels, forms, lines)
    result[rare] = _rare_proved(channels, forms, rare)
    return result


def _formula(channels: Channels, index: NDArray[np.integer]) -> _Formula:
    return _Formula(
        channels.factors[index].astype(np.float32)[:, None],
        channels.bias[index].astype(np.int64)[:, None],
        channels.zero_point,
        channels.lo,
        channels.hi,
    )


def _lines_proved(
    channels: Channels, forms: LayerForms, index: NDArray[np.integer]
) -> NDArray[np.bool_]:
    formula = _formula(channels, index)
    factor = forms.factor[index].astype(np.int64)[:, None]
    offset = forms.offset[index].astype(np.int64)[:, None]
    low, high = channels.low[index][:, None], channels.high[index][:, None]
    lift, drop = forms.shape.lift, forms.shape.drop
    is_high = forms.shape.word is Word.HIGH

    def word(sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """What has to be an int32."""
        return (sums << lift) + offset if is_high else (sums * factor >> 16) + offset

    def line(sums: NDArray[np.int64]) -> NDArray[np.int64]:
        return word(sums) * factor >> (32 + drop) if is_high else word(sums) >> drop

    # Offsets are modulo 2^32: which of these counts, the least sum says.
    offset = offset - (word(low) + _INT32) // (2 * _INT32) * (2 * _INT32)
    ends = np.concatenate([low, high], axis=1)
    words, values = word(ends), np.clip(line(ends), channels.lo, channels.hi)
    right = ((words >= -_INT32) & (words < _INT32) & (values == formula.output(ends))).all(axis=1)

    levels = np.arange(channels.lo + 1, channels.hi + 1)
    least = np.maximum(factor, 1)
    if is_high:
        at = -((offset + (-(levels << (32 + drop)) // least)) >> lift)
    else:
        at = -((offset - (levels << drop) << 16) // least)
    at = np.clip(at, low, high)
    before = np.maximum(at - 1, low)
    stepped = (line(at) >= levels) & formula.reaches(at, levels)
    stepped &= (line(before) < levels) & ~formula.reaches(before, levels)
    # Levels that neither end is on this side of have no step.
    stepped |= (levels <= values[:, :1]) | (levels > values[:, 1:])
    result: NDArray[np.bool_] = right & stepped.all(axis=1)
    return result


def _rare_proved(
    channels: Channels, forms: LayerForms, index: NDArray[np.integer]
) -> NDArray[np.bool_]:
    formula = _formula(channels, index)
    rare = [forms.rare[~int(factor)] for factor in forms.factor[index]]
    bias = np.array([one.bias for one in rare], np.int64)
    mantissa = np.array([one.scale.mantissa for one in rare], np.int64)
    shift = np.array([one.scale.shift for one in rare], np.int64)
    drop = np.array([one.drop for one in rare], np.int64)
    lift = np.array([one.lift for one in rare], np.int64)
    # Where the bias can wrap, the accumulator is any int32.
    least, most = channels.low[index] + bias, channels.high[index] + bias
    wraps = (least < -_INT32) | (most >= _INT32)
    least, most = np.where(wraps, -_INT32, least), np.where(wraps, _INT32 - 1, most)

    scaled = np.ldexp(mantissa.astype(np.float64), -shift)
    is_scale = (mantissa >> 23 == 1) & (scaled == channels.factors[index].astype(np.float64))
    fits = (lift >= 0) & (lift <= 7) & (least << lift >= -_INT32) & (most << lift < _INT32)
    guarded: NDArray[np.bool_] = is_scale & fits & (drop > 0) & (drop < 31)
    guarded = guarded & (drop == shift + lift - 25)
    step = mantissa << (lift + 7)
    guarded = guarded & _guard_holds(channels, formula, (least, most), step, drop)
    # Factor 0: whatever the accumulator, the output is the zero point's.
    sums = np.stack([least - bias, most - bias], axis=1)
    zero = np.clip(channels.zero_point, channels.lo, channels.hi)
    always = (mantissa == 0) & (drop == 30) & (formula.output(sums) == zero).all(axis=1)
    result: NDArray[np.bool_] = (bias == channels.bias[index]) & (
        (is_scale & (drop == 0)) | guarded | always
    )
    return result


def _guard_holds(
    channels: Channels,
    formula: _Formula,
    accumulators: tuple[NDArray[np.int64], NDArray[np.int64]],
    step: NDArray[np.int64],
    drop: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Is the high word right wherever it does not lie next to a tie? `step`: what an accumulator
    adds to the product."""
    step, drop = np.maximum(step, 1)[:, None], drop[:, None]
    low, high = (acc[:, None] for acc in accumulators)
    levels = np.arange(channels.lo + 1, channels.hi + 1)
    # In units of the high word, which is below 2^30 in magnitude: what lies beyond is not reached,
    # and is kept where no product leaves int64.
    half = np.left_shift(1, drop) >> 1
    guard = np.left_shift(1, drop) >> 15 | 1
    ties = ((levels - channels.zero_point) << drop) - half
    first = np.clip(ties - guard, -3 * 2**29, 3 * 2**29)
    after = np.clip(ties + guard, -3 * 2**29, 3 * 2**29)

    def high_word(acc: NDArray[np.int64]) -> NDArray[np.int64]:
        return acc * step >> 32

    # The last accumulator whose high word is below what the guard covers, the first one above it.
    below = -((first << 32) // -step) - 1
    above = -((after << 32) // -step)
    right = (high_word(below) < first) & (high_word(below + 1) >= first)
    right &= (high_word(above) >= after) & (high_word(above - 1) < after)
    right &= (below < low) | ~formula.reaches(np.minimum(below, high) - formula.bias, levels)
    right &= (above > high) | formula.reaches(np.maximum(above, low) - formula.bias, levels)
    result: NDArray[np.bool_] = right.all(axis=1)
    return result
