"""Where requantisation steps: per output channel the sums at which the output changes.

onnxruntime computes f(acc) = clip(rint(float32(acc) * r) + zero_point, lo, hi). With |acc| < 2^24,
so that float32(acc) is acc, the product p = acc * r is a rational number that float32 rounds to 24
bits and rint to an integer. For n = t - zero_point, rint gives n or more from the tie c = n - 1/2
on where n is even, and above it where n is odd. c has so few bits that its significand is even, so
products within half a unit of its last place become c:

    f(acc) >= t  iff  p >= c - below / 2  (n even),  iff  p > c + above / 2  (n odd),

`below` and `above` being the distances from c to its neighbours among float32 numbers. Both bounds
are multiples of 2^-25, so each step is one division of integers.

Kernels sum inputs times weights and leave the bias to requantisation, so everything here is said
of that sum: acc = sum + bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchc.ir import Conv, GlobalAveragePool, MatMul, Tensor
from patchc.ir.graph import INT8_MAX, INT8_MIN
from patchc.numerics.fold import INT32_MAX, INT32_MIN, fold_bias
from patchc.numerics.requant import conv_factors, global_factor, requantize_float

# float32 holds every integer up to here.
MAX_EXACT = 2**24

# Bounds are integers with so many bits behind the point: |c| >= 1/2 has a last place of 2^-24, and
# half of that is added.
_FRACTION = 25

# r = significand * 2^-shift. Beyond these shifts no exact sum reaches 1/2, or all but 0 saturate.
_LEAST_SHIFT, _MOST_SHIFT = -11, 50


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Requantisation of the output channels of one layer; arrays are [channels]."""

    factors: NDArray[np.float32]  # r
    bias: NDArray[np.int64]  # an int32, zero point of the input folded in
    low: NDArray[np.int64]  # the least sum of inputs times weights that can come up
    high: NDArray[np.int64]  # the largest
    zero_point: int
    lo: int  # of the output
    hi: int

    def __len__(self) -> int:
        return len(self.factors)

    def part(self, index: NDArray[np.integer] | slice) -> Channels:
        """Some of the channels."""
        return Channels(
            self.factors[index],
            self.bias[index],
            self.low[index],
            self.high[index],
            self.zero_point,
            self.lo,
            self.hi,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Arrays [channels] and [channels, levels]; `at` has level lo + i in column i.

    The output is `bottom` at the least sum and `top` at the largest. For the levels between,
    bottom < t <= top, `at` is the least sum whose output is t or more. Level `bottom` has to be
    reached at the least sum, so that is its `at`, and level top + 1 after the largest, which is the
    sum one above. But what clips to lo needs to be no more, and what clips to hi no less.
    """

    lo: int  # the first level
    at: NDArray[np.int64]
    bottom: NDArray[np.int64]
    top: NDArray[np.int64]
    hi: int

    def part(self, index: NDArray[np.integer] | slice) -> Steps:
        """Some of the channels."""
        return Steps(self.lo, self.at[index], self.bottom[index], self.top[index], self.hi)

    @property
    def levels(self) -> NDArray[np.int64]:
        """[levels]: lo .. hi + 1"""
        return np.arange(self.lo, self.hi + 2)

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Has the level to be reached at `at`?"""
        least = np.maximum(self.bottom, self.lo + 1)[:, None]
        result: NDArray[np.bool_] = (self.levels >= least) & (self.levels <= self.top[:, None])
        return result

    @property
    def not_before(self) -> NDArray[np.bool_]:
        """Must the level not be reached before `at`?"""
        most = np.minimum(self.top + 1, self.hi)[:, None]
        result: NDArray[np.bool_] = (self.levels > self.bottom[:, None]) & (self.levels <= most)
        return result


def conv_channels(
    op: Conv, x: Tensor, y: Tensor, inputs: tuple[int, int] = (INT8_MIN, INT8_MAX)
) -> Channels:
    """`inputs`: the least and the largest value of x."""
    low, high = reachable_sums(op.weights, x.quant.zero_point, inputs)
    return Channels(
        factors=conv_factors(x.quant.scale, op.weight_scales, y.quant.scale),
        bias=fold_bias(op, x.quant.zero_point).astype(np.int64),
        low=low,
        high=high,
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def pool_channels(op: GlobalAveragePool, x: Tensor, y: Tensor) -> Channels:
    """The one function that all channels of a global pool have in common."""
    pixels = x.shape[0] * x.shape[1]
    return Channels(
        factors=np.array([global_factor(x.quant.scale, y.quant.scale, pixels)]),
        bias=np.array([-x.quant.zero_point * pixels]),
        low=np.array([INT8_MIN * pixels]),
        high=np.array([INT8_MAX * pixels]),
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def product_channels(op: MatMul, a: Tensor, b: Tensor, y: Tensor) -> Channels:
    """The one function that all channels of a product of two activations have in common, of sums of
    what is left of both without their zero points."""
    factor = conv_factors(a.quant.scale, np.array([b.quant.scale], np.float32), y.quant.scale)
    (least, most), (low, high) = (
        (INT8_MIN - tensor.quant.zero_point, INT8_MAX - tensor.quant.zero_point)
        for tensor in (a, b)
    )
    products = [one * other for one in (least, most) for other in (low, high)]
    return Channels(
        factors=factor,
        bias=np.zeros(1, np.int64),
        low=np.array([a.shape[2] * min(products)]),
        high=np.array([a.shape[2] * max(products)]),
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def reachable_sums(
    weights: NDArray[np.int8], zero_point: int, inputs: tuple[int, int] = (INT8_MIN, INT8_MAX)
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the largest sum(x * w) of each channel; weights [channels, ...].

    `inputs`: the least and the largest x. A padded tap has x = zero_point, which therefore counts.
    """
    least, most = min(inputs[0], zero_point), max(inputs[1], zero_point)
    flat = weights.reshape(len(weights), -1)
    positive = np.maximum(flat, 0).sum(axis=1, dtype=np.int64)
    negative = np.minimum(flat, 0).sum(axis=1, dtype=np.int64)
    low: NDArray[np.int64] = positive * least + negative * most
    high: NDArray[np.int64] = positive * most + negative * least
    return low, high


def knows_steps(channels: Channels) -> NDArray[np.bool_]:
    """Per channel: is float32(acc) acc for every accumulator, or the output always the same?

    Factors are finite and not negative."""
    low, high = accumulators(channels)
    exact = (low > -MAX_EXACT) & (high < MAX_EXACT)
    normal = (channels.factors >= np.finfo(np.float32).tiny) | (channels.factors == 0)
    same = _output(channels, low) == _output(channels, high)
    result: NDArray[np.bool_] = exact & normal | same
    return result


def accumulators(channels: Channels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The least and the largest accumulator. Where the bias may wrap, it is any int32."""
    low, high = channels.low + channels.bias, channels.high + channels.bias
    wraps = (low < INT32_MIN) | (high > INT32_MAX)
    return np.where(wraps, INT32_MIN, low), np.where(wraps, INT32_MAX, high)


def steps(channels: Channels) -> Steps:
    """Every step between the least and the largest sum. All channels must be known (above)."""
    levels = np.arange(channels.lo, channels.hi + 2)
    at = _first_reached(channels.factors, levels - channels.zero_point)
    at -= channels.bias[:, None]
    low, high = channels.low[:, None], channels.high[:, None]
    np.clip(at, low, high + 1, out=at)
    # Where the output is always the same, accumulators need not be exact.
    first, last = (_output(channels, acc) for acc in accumulators(channels))
    at = np.where((first == last)[:, None], np.where(levels <= first[:, None], low, high + 1), at)
    at[:, 0], at[:, -1] = channels.low, channels.high + 1
    bottom = channels.lo - 1 + (at <= low).sum(axis=1)
    top = channels.lo - 1 + (at <= high).sum(axis=1)
    return Steps(channels.lo, at, bottom, top, channels.hi)


def every_step(channels: Channels) -> tuple[NDArray[np.bool_], Steps]:
    """Which channels take steps at sums that are known, and those steps: beyond `knows_steps` they
    are found by bisection. Left out are channels whose bias may wrap."""
    known = knows_steps(channels)
    low, high = accumulators(channels)
    counted = (low == channels.low + channels.bias) & (high == channels.high + channels.bias)
    wanted = steps(channels.part(np.flatnonzero(known)))
    bisected = np.flatnonzero(~known & counted)
    if not len(bisected):
        return known, wanted
    levels = np.arange(channels.lo, channels.hi + 2)
    result = np.empty((len(channels), len(levels)), np.int64)
    result[known] = wanted.at
    result[bisected] = _bisected(channels.part(bisected), levels)
    index = np.flatnonzero(known | counted)
    at, part = result[index], channels.part(index)
    bottom, top = (_output(part, acc) for acc in accumulators(part))
    return known | counted, Steps(channels.lo, at, bottom, top, channels.hi)


def _bisected(channels: Channels, levels: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `Steps.at`: [channels, levels]"""
    low, high = channels.low[:, None], channels.high[:, None]
    bias, factors = channels.bias[:, None], channels.factors[:, None]
    limits = channels.zero_point, channels.lo, channels.hi
    first = np.broadcast_to(low, (len(low), len(levels))).copy()
    last = np.broadcast_to(high + 1, first.shape).copy()
    while (first < last).any():
        middle = (first + last) // 2
        reached = requantize_float(np.minimum(middle, high) + bias, factors, *limits) >= levels
        open_ = first < last
        last = np.where(open_ & reached, middle, last)
        first = np.where(open_ & ~reached, middle + 1, first)
    first[:, 0], first[:, -1] = channels.low, channels.high + 1
    return first


def _output(channels: Channels, acc: NDArray[np.int64]) -> NDArray[np.int64]:
    values = requantize_float(acc, channels.factors, channels.zero_point, channels.lo, channels.hi)
    return values.astype(np.int64)


def _first_reached(factors: NDArray[np.float32], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least integer acc with rint(float32(acc * r)) >= n: [channels, wanted]."""
    significand, exponent = np.frexp(factors.astype(np.float64))
    divisor = np.maximum(significand * 2**24, 2.0**23).astype(np.int64)
    shift = np.where(factors > 0, 24 - exponent.astype(np.int64), _MOST_SHIFT)
    shift = np.clip(shift, _LEAST_SHIFT, _MOST_SHIFT) - _FRACTION
    bounds = _bounds(wanted)[None, :] << np.maximum(shift, 0)[:, None]
    divisor = divisor << np.maximum(-shift, 0)
    # Even: acc * divisor >= bound. Odd: acc * divisor > bound.
    result: NDArray[np.int64] = (bounds - (wanted % 2 == 0)) // divisor[:, None] + 1
    return result


def _bounds(wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Products from here on round to n (even) or more, those above it (odd); in units of 2^-25."""
    twice = 2 * wanted - 1  # c = twice / 2
    size = np.abs(twice)
    place = np.frexp(size.astype(np.float64))[1].astype(np.int64) - 25  # the last of c is 2^place
    # Below the power of two 1/2, and above -1/2, places are finer. But 0 is even and 1 is odd, so
    # that the neighbours of -1/2 and 1/2 which count are those further from 0.
    half = np.left_shift(1, place + _FRACTION - 1)
    result: NDArray[np.int64] = (twice << (_FRACTION - 1)) + np.where(wanted % 2 == 0, -half, half)
    return result
