"""Requantisation as CMSIS-NN computes it: its two roundings, and multipliers that are proved.

CMSIS-NN scales an accumulator, bias included, with a multiplier of 31 bits and a shift, then adds
the zero point and clips (arm_nn_requantize of arm_nnsupportfunctions.h, 4.0.0):

    single:  (((acc * multiplier) >> (30 - shift)) + 1) >> 1
    double:  the high word of 2 * (acc << left) * multiplier, rounded half up, then >> right,
             rounded half away from zero; left and right are what shift is above and below 0

The first is what CMSIS_NN_USE_SINGLE_ROUNDING compiles. Either is a step function of the
accumulator, and reaches n if and only if acc * multiplier is at least a number that n and shift
decide. So for a given shift each step of onnxruntime's formula bounds the multiplier from below and
from above: whether there is a multiplier that equals the formula for every accumulator that can
come up is decided, and not searched. Only the shift is: it matters to the double rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from patchc.choices import Rounding
from patchc.ir import Conv, Tensor
from patchc.numerics.cmsis_check import cmsis_proved
from patchc.numerics.cmsis_rounding import MOST_SHIFT, requantize
from patchc.numerics.fold import INT32_MAX
from patchc.numerics.requant import require_factors
from patchc.numerics.thresholds import Channels, Steps, accumulators, conv_channels, every_step

__all__ = ["CmsisForm", "Rounding", "cmsis_form", "conv_cmsis_form", "requantize"]

# A smaller shift leaves too few bits of a factor's multiplier to be worth a try.
_LEAST_SHIFT = -30

# Double rounding: with each smaller multiplier the first of its roundings falls elsewhere.
_COARSER = 16

# Single rounding: multipliers from here on differ by less than those of a smaller shift could.
_FINEST = 2**30

# Of a quotient of two integers in float64, relative.
_DOUBT = 2.0**-50

# Larger than any product of an accumulator and a multiplier.
_FAR = 62


@dataclass(frozen=True, slots=True)
class CmsisForm:
    """The numbers of one layer, one per output channel, as CMSIS-NN takes them."""

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]  # to the left, as the library has them
    unproved: tuple[int, ...]  # channels that are not proved to equal onnxruntime's formula

    @property
    def is_shared(self) -> bool:
        """All channels have one multiplier and shift: arm_fully_connected_s8 takes no others."""
        return len(set(zip(self.multipliers, self.shifts, strict=True))) == 1


@dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """Those that give the wanted steps with a shift: all from `least` to `most`; arrays
    [channels]."""

    least: NDArray[np.int64]
    most: NDArray[np.int64]

    @property
    def exist(self) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = self.least <= self.most
        return result


# A compilation asks for the same forms several times, of one network at a time.
@lru_cache(maxsize=512)
def conv_cmsis_form(op: Conv, x: Tensor, y: Tensor, rounding: Rounding, where: str) -> CmsisForm:
    """Of a convolution or a dense layer. Raises PatchcError, naming `where`, for scales without a
    meaning."""
    return cmsis_form(conv_channels(op, x, y), rounding, where)


def cmsis_form(channels: Channels, rounding: Rounding, where: str) -> CmsisForm:
    """Multipliers that equal onnxruntime's formula for every sum that can come up; for a channel
    that has none, the one nearest to its factor. Channels with one factor share one multiplier
    where that is possible. Raises PatchcError, naming `where`, for a factor without a meaning."""
    require_factors(channels.factors, where)
    multiplier, shift = nearest(channels.factors)
    known, wanted = every_step(channels)
    index = np.flatnonzero(known)
    found = np.zeros(len(channels), bool)
    part = channels.part(index)
    shared = _shared(part, wanted, multiplier[index], shift[index], rounding)
    if shared is not None and len(index) == len(channels):
        multiplier, shift = shared
        found[:] = True
    else:
        one, its_shift, exists = _separate(part, wanted, multiplier[index], shift[index], rounding)
        multiplier[index], shift[index], found[index] = one, its_shift, exists
    holds = found[index]
    index = index[holds]
    proved = cmsis_proved(
        channels, wanted.part(np.flatnonzero(holds)), index, multiplier, shift, rounding
    )
    found &= proved
    return CmsisForm(
        tuple(multiplier.tolist()),
        tuple(shift.tolist()),
        tuple(np.flatnonzero(~found).tolist()),
    )


def nearest(factors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The multiplier and shift nearest to each factor, as converters for the library choose them.
    Factors are finite and not negative."""
    significand, exponent = np.frexp(factors.astype(np.float64))
    shift = np.clip(exponent.astype(np.int64), _LEAST_SHIFT, MOST_SHIFT)
    bits = np.minimum(31 + exponent - shift, 31)
    multiplier = np.rint(np.ldexp(significand, bits)).astype(np.int64)
    return np.minimum(multiplier, INT32_MAX), shift


def _separate(
    channels: Channels,
    wanted: Steps,
    multiplier: NDArray[np.int64],
    shift: NDArray[np.int64],
    rounding: Rounding,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """A multiplier and shift for each channel, and where there is one."""
    multiplier, shift = multiplier.copy(), shift.copy()
    found = np.zeros(len(channels), bool)
    first = shift.copy()
    todo = np.arange(len(channels))
    for more in _tried(rounding):
        if not len(todo):
            break
        tried = np.clip(first[todo] + more, _LEAST_SHIFT, MOST_SHIFT)
        part = channels.part(todo)
        possible = multipliers(part, wanted.part(todo), tried, rounding)
        holds = possible.exist
        chosen = np.clip(_multiplier(part.factors, tried), possible.least, possible.most)
        multiplier[todo[holds]] = chosen[holds]
        shift[todo[holds]] = tried[holds]
        found[todo[holds]] = True
        more_exist = ~holds
        if rounding is Rounding.SINGLE:
            # A larger shift adds multipliers beyond 31 bits only, a smaller one those between
            # multipliers below 2^30.
            more_exist &= (possible.least > INT32_MAX) | (
                np.minimum(possible.least - 1, possible.most) < _FINEST
            )
        todo = todo[more_exist]
    return multiplier, shift, found


def _shared(
    channels: Channels,
    wanted: Steps,
    multiplier: NDArray[np.int64],
    shift: NDArray[np.int64],
    rounding: Rounding,
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """One multiplier and shift for all channels, where their factors are one."""
    if not len(channels) or len(np.unique(channels.factors)) > 1:
        return None
    for more in _tried(rounding):
        tried = np.clip(shift + more, _LEAST_SHIFT, MOST_SHIFT)
        possible = multipliers(channels, wanted, tried, rounding)
        least, most = int(possible.least.max()), int(possible.most.min())
        if least <= most:
            one = np.clip(_multiplier(channels.factors, tried), least, most)
            return one, tried
    return None


def _tried(rounding: Rounding) -> tuple[int, ...]:
    """Shifts, relative to that of the nearest multiplier. With the single rounding a larger shift
    has some of the multipliers of a smaller one: only those next to the nearest are needed."""
    if rounding is Rounding.SINGLE:
        return (0, 1, -1)
    return (0, *range(1, _COARSER), -1)


def _multiplier(factors: NDArray[np.float32], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """The one nearest to the factor with that shift."""
    exact = np.ldexp(factors.astype(np.float64), 31 - shift)
    return np.rint(np.minimum(exact, INT32_MAX)).astype(np.int64)


def multipliers(
    channels: Channels, wanted: Steps, shift: NDArray[np.int64], rounding: Rounding
) -> Multipliers:
    """The multipliers that take every step at the same sum. `wanted`: the channels' steps."""
    levels = wanted.levels[None, :] - channels.zero_point
    bounds = _bounds(levels, shift[:, None], rounding)
    left = np.maximum(shift, 0)
    if rounding is Rounding.SINGLE:
        left = np.zeros_like(left)
    bias = channels.bias[:, None]
    at = (wanted.at + bias) << left[:, None]
    before = (wanted.at - 1 + bias) << left[:, None]
    # at * multiplier >= bound, before * multiplier <= bound - 1
    least, most = _divided(at, bounds, wanted.reached)
    # Negated, the second is of the first's kind.
    other_least, other_most = _divided(-before, 1 - bounds, wanted.not_before)
    least, most = np.maximum(least, other_least), np.minimum(most, other_most)
    return Multipliers(least, np.minimum(most, _largest(channels, shift, rounding)))


def _divided(
    factor: NDArray[np.int64], bound: NDArray[np.int64], counts: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the largest multiplier with factor * multiplier >= bound, per row; only
    where it counts. Divisions of integers are slow: they are left to rows of which float64 does
    not tell where the quotients that matter lie."""
    up, down = counts & (factor > 0), counts & (factor < 0)
    divisor = np.where(factor == 0, 1, factor)
    quotient = bound / divisor
    low = np.where(up, quotient, 0).max(axis=1)
    high = np.where(down, quotient, INT32_MAX + 0.5).min(axis=1)
    least, most = np.ceil(low).astype(np.int64), np.floor(high).astype(np.int64)
    unsure = np.ceil(low * (1 - _DOUBT)) != np.ceil(low * (1 + _DOUBT))
    unsure |= np.floor(high * (1 - _DOUBT)) != np.floor(high * (1 + _DOUBT))
    rows = np.flatnonzero(unsure)
    dividend, divisor = bound[rows], divisor[rows]
    least[rows] = np.where(up[rows], -(-dividend // divisor), 0).max(axis=1)
    most[rows] = np.where(down[rows], dividend // divisor, INT32_MAX).min(axis=1)
    never = counts & (factor == 0) & (bound > 0)
    return least, np.where(never.any(axis=1), -1, most)


def _bounds(
    wanted: NDArray[np.int64], shift: NDArray[np.int64], rounding: Rounding
) -> NDArray[np.int64]:
    """The library's result is n or more if and only if (acc << left) * multiplier is no less."""
    ties = 2 * wanted - 1
    if rounding is Rounding.SINGLE:
        place = 30 - shift
        far = np.left_shift(np.int64(1), np.minimum(_FAR - place, _FAR))
        result: NDArray[np.int64] = np.clip(ties, -far, far) << place
        return result
    right = np.maximum(-shift, 0)
    half = np.maximum(right - 1, 0)
    far = np.left_shift(np.int64(1), 31 - half)
    # Half away from zero: a tie below zero has to be passed.
    away = (np.clip(ties, -far, far) << half) + (wanted <= 0)
    first = np.clip(np.where(right > 0, away, wanted), -(2**31), 2**31)
    result = (first << 31) - 2**30
    return result


def _largest(channels: Channels, shift: NDArray[np.int64], rounding: Rounding) -> NDArray[np.int64]:
    """With larger multipliers a word of the library's could leave int32; -1 where any would."""
    low, high = accumulators(channels)
    size = np.maximum(np.abs(low), np.abs(high))
    # MVE shifts to the left by one more, and to the right again.
    left = np.maximum(shift + 1, 0)
    fits = (size << left) < 2**31
    largest = np.full(len(size), INT32_MAX)
    if rounding is Rounding.SINGLE:
        # The word before the last shift, of which the zero point's sum has a bit to spare.
        limit = np.left_shift(np.int64(2**31 - 2), np.minimum(30 - shift, 31))
        largest = np.minimum(limit // np.maximum(size, 1), largest)
    else:
        # Where nothing is shifted to the right, the zero point is added to a whole word.
        scaled = ((2**31 - 512) << 31) // np.maximum(size << left, 1)
        largest = np.where(shift >= 0, np.minimum(scaled, largest), largest)
    return np.where(fits, largest, -1)
