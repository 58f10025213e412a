"""Requantisation in a few 32-bit instructions, solved per output channel.

Two words, for two kinds of core (patchc_requant.h, patchc_narrow.h):

    high:    y = (((sum << lift) + offset) * factor) >> (32 + drop)     a high-word multiply
    pieces:  y = (((sum * factor) >> 16) + offset) >> drop              16 x 16-bit products

then clipped. Both are digital lines, and nearly every channel has one that equals onnxruntime's
formula for every sum that can come up: `lines` decides whether there is one at all, and gives its
best width, from which factor and offset follow for a given lift and drop. These are constants in
the kernels, or the layer's.

The channels without are "guarded": the product with the float32 factor's own significand gives the
result except within 2^-15 or one unit, 2^-drop, of a tie; there the float32 product is emulated.
That needs no search. The high word is short of the product by less than one unit, and onnxruntime's
roundings move a tie by less than 2^-15: of a number up to 256 the product's is 2^-17 at most, and
that of an accumulator of more than 24 bits 2^-16. Factors that do not fit are emulated altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from patchc.numerics.fold import INT32_MAX, INT32_MIN
from patchc.numerics.lines import FAR, Widths, best_widths
from patchc.numerics.requant import (
    ZERO_SCALE,
    requantize,
    requantize_float,
    require_factors,
    scale_of,
)
from patchc.numerics.structs import Form, Rare
from patchc.numerics.thresholds import Channels, Steps, accumulators, knows_steps, steps


class Word(Enum):
    """How a core multiplies."""

    HIGH = "high"  # 32 x 32 bits, the high word: SMMUL, SMULL, VMULH
    PIECES = "pieces"  # 32 x 32 bits, the low word: MULS of ARMv6-M


@dataclass(frozen=True, slots=True)
class Shape:
    """The shifts of a layer's lines."""

    word: Word
    lift: int  # 0 in pieces
    drop: int


# Its shifts are constants in the kernels (patchc_requant.h), and it has nearly all lines of the
# example networks (`python -m benchmarks.forms`).
HIGH = Shape(Word.HIGH, 8, 10)

# From the most bits behind the point to the fewest: the further sums go beyond those that clip, the
# fewer are left in the word.
PIECES_SHAPES = tuple(Shape(Word.PIECES, 0, drop) for drop in range(22, 9, -1))

# Lines of about the best width are bounded by levels near its corners: of every so many neighbours
# the nearest is solved for, and the result is compared on all.
_NEIGHBOURS = 8

# A significand below 2^24 is shifted left by so much, and an accumulator by no more. In the high
# word of their product, r * acc has shift + lift - 25 bits behind the point.
_SIGNIFICAND_LIFT = 7
_GUARD_BITS = 32 - _SIGNIFICAND_LIFT

# With more, one half in such units would leave int32.
_MOST_DROP = 30


@dataclass(frozen=True, slots=True, eq=False)
class LayerForms:
    """The numbers of one layer. A channel with factor >= 0 has a line; else it is rare[~factor]."""

    shape: Shape
    factor: NDArray[np.int32]  # [channels]
    offset: NDArray[np.int32]  # [channels]
    rare: tuple[Rare, ...]

    @property
    def channels(self) -> tuple[Form, ...]:
        """As kernels take them."""
        pairs = zip(self.factor.tolist(), self.offset.tolist(), strict=True)
        return tuple(Form(factor, offset) for factor, offset in pairs)

    @property
    def lines(self) -> int:
        """Channels with a line."""
        return int((self.factor >= 0).sum())

    @property
    def guarded(self) -> int:
        """Channels that are emulated near ties only."""
        return sum(one.is_guarded for one in self.rare)

    @property
    def emulated(self) -> int:
        return len(self.rare) - self.guarded


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """Of the channels that may have a line; arrays [channels]."""

    shape: Shape
    factor: NDArray[np.int64]
    offset: NDArray[np.int64]
    holds: NDArray[np.bool_]


def layer_forms(channels: Channels, shapes: Sequence[Shape], where: str) -> LayerForms:
    """The first of the shapes with the most lines. Raises PatchcError, naming `where`, for a factor
    that is negative or no finite number."""
    best, index = _solved(channels, shapes, where)
    line = np.zeros(len(channels), bool)
    line[index] = best.holds
    factor = np.empty(len(channels), np.int32)
    offset = np.zeros(len(channels), np.int32)
    factor[index], offset[index] = best.factor, best.offset
    without = np.flatnonzero(~line)
    factor[without], offset[without] = ~np.arange(len(without)), 0
    rare = _rare(channels.part(without), where)
    return LayerForms(best.shape, factor, offset, rare)


def has_line(channels: Channels, shape: Shape, where: str) -> NDArray[np.bool_]:
    """Which channels have a line of that shape. Raises PatchcError as `layer_forms` does."""
    best, index = _solved(channels, (shape,), where)
    result = np.zeros(len(channels), bool)
    result[index] = best.holds
    return result


def may_have_line(channels: Channels, shape: Shape, where: str) -> NDArray[np.bool_]:
    """Which might, with a factor next to their own: the first word of `shape`, a high word's, holds
    all sums, and the line's factor is an int32."""
    holds = (channels.high - channels.low) << shape.lift < 2**32
    most = np.ldexp(1.0, 31 - 32 - shape.drop + shape.lift)
    near: NDArray[np.bool_] = knows_steps(channels) & holds & (channels.factors < 1.001 * most)
    return near


def _solved(
    channels: Channels, shapes: Sequence[Shape], where: str
) -> tuple[_Solved, NDArray[np.integer]]:
    """Of the channels that may have a line: those of the shape with most, and which they are."""
    require_factors(channels.factors, where)
    known = np.flatnonzero(knows_steps(channels))
    wanted = steps(channels.part(known))
    widths = best_widths(wanted)
    has_width = np.flatnonzero(widths.exists)
    index = known[has_width]
    best = _best(channels.part(index), wanted.part(has_width), widths.part(has_width), shapes)
    return best, index


def _best(channels: Channels, wanted: Steps, widths: Widths, shapes: Sequence[Shape]) -> _Solved:
    near = _near(wanted, widths)
    best: _Solved | None = None
    for shape in shapes:
        solved = _solve(channels, near, widths, shape)
        if best is None or solved.holds.sum() > best.holds.sum():
            best = solved
        if best.holds.all():
            break
    assert best is not None, "no shapes given"
    return _compared(wanted, best)


@dataclass(frozen=True, slots=True, eq=False)
class _Near:
    """The levels that may bound a line of about the best width: [channels, a few] each."""

    reached_level: NDArray[np.int64]
    reached_at: NDArray[np.int64]
    not_before_level: NDArray[np.int64]
    not_before_at: NDArray[np.int64]


def _near(wanted: Steps, widths: Widths) -> _Near:
    scaled = wanted.levels * widths.numerator[:, None] - wanted.at * widths.denominator[:, None]
    reached = _nearest(wanted.reached, scaled)
    not_before = _nearest(wanted.not_before, -scaled)
    sides = []
    for mask, columns, sign in (
        (wanted.reached, reached, 1),
        (wanted.not_before, not_before, -1),
    ):
        bounds = np.take_along_axis(mask, columns, 1)
        # A level that bounds nothing lies far to the side where it cannot.
        at = np.where(bounds, np.take_along_axis(wanted.at, columns, 1), sign * np.int64(2**40))
        sides += [columns + wanted.lo, at]
    return _Near(*sides)


def _nearest(mask: NDArray[np.bool_], height: NDArray[np.int64]) -> NDArray[np.int64]:
    """The columns with the largest height among every _NEIGHBOURS that the mask has."""
    count, columns = height.shape
    groups = -(-columns // _NEIGHBOURS)
    padded = np.full((count, groups * _NEIGHBOURS), -FAR)
    np.copyto(padded[:, :columns], height, where=mask)
    nearest = padded.reshape(count, groups, _NEIGHBOURS).argmax(axis=2)
    result: NDArray[np.int64] = np.minimum(nearest + np.arange(groups) * _NEIGHBOURS, columns - 1)
    return result


def _solve(channels: Channels, near: _Near, widths: Widths, shape: Shape) -> _Solved:
    solve = _solve_high if shape.word is Word.HIGH else _solve_pieces
    return solve(channels, near, widths, shape)


def _solve_high(channels: Channels, near: _Near, widths: Widths, shape: Shape) -> _Solved:
    """With x = (sum << lift) + offset: x * factor >= t << (32 + drop) iff x >= ceil of the
    quotient, which bounds the offset."""
    lift, total = shape.lift, 32 + shape.drop
    factor, fits = _factor(widths, total - lift)
    tops = -(-(near.reached_level << total) // factor[:, None])
    least = (tops - (near.reached_at << lift)).max(axis=1)
    tops = -(-(near.not_before_level << total) // factor[:, None])
    most = (tops - 1 - ((near.not_before_at - 1) << lift)).min(axis=1)
    # x is an int32 at both ends.
    least = np.maximum(least, INT32_MIN - (channels.low << lift))
    most = np.minimum(most, INT32_MAX - (channels.high << lift))
    return _Solved(shape, factor, _int32((least + most) >> 1), fits & (least <= most))


def _solve_pieces(channels: Channels, near: _Near, widths: Widths, shape: Shape) -> _Solved:
    """(sum * factor >> 16) + offset >= t << drop."""
    drop = shape.drop
    factor, fits = _factor(widths, 16 + drop)

    def high(sums: NDArray[np.int64]) -> NDArray[np.int64]:
        factors = factor if sums.ndim == 1 else factor[:, None]
        return sums * factors >> 16

    far = 2**27  # beyond any sum that can have a line, so that no product leaves int64
    fits = fits & (channels.low > -far) & (channels.high < far)
    reached = np.clip(near.reached_at, -far, far)
    not_before = np.clip(near.not_before_at, -far, far)
    least = ((near.reached_level << drop) - high(reached)).max(axis=1)
    most = ((near.not_before_level << drop) - 1 - high(not_before - 1)).min(axis=1)
    least = np.maximum(least, INT32_MIN - high(np.clip(channels.low, -far, far)))
    most = np.minimum(most, INT32_MAX - high(np.clip(channels.high, -far, far)))
    return _Solved(shape, factor, _int32((least + most) >> 1), fits & (least <= most))


def _factor(widths: Widths, bits: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """2^bits / width as an int32, and where that is one."""
    quotient = np.ldexp(widths.denominator / widths.numerator, bits)
    fits = quotient < INT32_MAX
    return np.where(fits, np.maximum(np.rint(quotient), 1), 1).astype(np.int64), fits


def _int32(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Modulo 2^32: kernels add offsets so."""
    result: NDArray[np.int64] = (values - INT32_MIN) % 2**32 + INT32_MIN
    return result


def _compared(wanted: Steps, solved: _Solved) -> _Solved:
    """Compared on all levels, and not only those near the corners."""
    at = [
        line_word(solved.shape, sums, solved.factor[:, None], solved.offset[:, None])
        for sums in (wanted.at, wanted.at - 1)
    ]
    levels = wanted.levels
    right = np.where(wanted.reached, at[0] >= levels, True) & np.where(
        wanted.not_before, at[1] < levels, True
    )
    return _Solved(solved.shape, solved.factor, solved.offset, solved.holds & right.all(axis=1))


def _rare(channels: Channels, where: str) -> tuple[Rare, ...]:
    low, high = accumulators(channels)
    limits = channels.zero_point, channels.lo, channels.hi
    least, most = (requantize_float(acc, channels.factors, *limits) for acc in (low, high))
    same = (least == most) & (most == min(max(limits[0], limits[1]), limits[2]))
    result = []
    for c in range(len(channels)):
        bias, scale = int(channels.bias[c]), scale_of(channels.factors[c], where)
        size = max(-int(low[c]), int(high[c]) + 1).bit_length()
        lift = min(_SIGNIFICAND_LIFT, max(31 - size, 0))
        drop = scale.shift + lift - _GUARD_BITS
        if same[c]:
            # As with the factor 0.
            result.append(Rare(bias, ZERO_SCALE, 0, _MOST_DROP))
        elif 0 < drop <= _MOST_DROP:
            result.append(Rare(bias, scale, lift, drop))
        else:
            result.append(Rare(bias, scale, 0, 0))
    return tuple(result)


def line_word(
    shape: Shape,
    sums: NDArray[np.int64],
    factor: NDArray[np.int64],
    offset: NDArray[np.int64],
) -> NDArray[np.int64]:
    """A line before it is clipped, as the kernels compute it."""
    if shape.word is Word.HIGH:
        x = _int32((sums << shape.lift) + offset)
        return x * factor >> (32 + shape.drop)
    return _int32((sums * factor >> 16) + offset) >> shape.drop


def apply(
    forms: LayerForms, sums: NDArray[np.int64], zero_point: int, lo: int, hi: int
) -> NDArray[np.int8]:
    """The layer's output for sums [..., channels], step by step as the kernels compute it."""
    values = line_word(
        forms.shape, sums, forms.factor.astype(np.int64), forms.offset.astype(np.int64)
    )
    for channel in np.flatnonzero(forms.factor < 0):
        rare = forms.rare[~forms.factor[channel]]
        values[..., channel] = _guarded(rare, sums[..., channel], zero_point, lo, hi)
    result: NDArray[np.int8] = np.clip(values, lo, hi).astype(np.int8)
    return result


def _guarded(
    rare: Rare, sums: NDArray[np.int64], zero_point: int, lo: int, hi: int
) -> NDArray[np.int64]:
    acc = _int32(sums + rare.bias)
    emulated = requantize(acc, rare.scale, zero_point, lo, hi).astype(np.int64)
    if not rare.is_guarded:
        return emulated
    one = 1 << rare.drop
    guard = one >> 15 | 1
    product = _int32(acc << rare.lift) * (rare.scale.mantissa << _SIGNIFICAND_LIFT)
    scaled = (product >> 32) + one // 2
    near = (scaled + guard) % one < 2 * guard
    result: NDArray[np.int64] = np.where(near, emulated, (scaled >> rare.drop) + zero_point)
    return result
