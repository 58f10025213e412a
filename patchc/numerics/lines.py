"""Digital lines: is there a slope and an offset with the wanted steps? Decided exactly.

floor((sum + offset) / width) takes its step to the integer t at `at` if and only if

    at + offset >= t * width  and  at - 1 + offset < t * width.

So for a given width the offset lies in [max(t * width - at), 1 + min(t * width - at)), the maximum
over the levels to be reached at `at`, the minimum over those not to be reached before. Its length
is 1 - spread(width), and the spread is convex and piecewise linear: a line exists if and only if
its least value is below 1. Cutting planes find that exactly. Two lines below the spread, one
falling and one rising, meet at a rational width, whose spread is computed in integers. Where it
equals the lines' value there it is the least one; else the spread gives there a steeper bound,
which replaces the line of its direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchc.numerics.thresholds import Steps

FAR = 2**61  # further than any bound

# Tried: no channel of the example networks takes more than 9. One that is not through by then
# counts as one without a line.
_MOST_CUTS = 40

# Any width above the range of sums serves a channel with no more than one step, any width at all
# one that is always clipped. Smaller ones than this give larger factors than they need.
_LEAST_SIMPLE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Widths:
    """Arrays [channels]: numerator / denominator is the width of the least spread."""

    numerator: NDArray[np.int64]
    denominator: NDArray[np.int64]
    exists: NDArray[np.bool_]  # its spread is below 1: there is a line

    def part(self, index: NDArray[np.integer] | slice) -> Widths:
        """Some of the channels."""
        return Widths(self.numerator[index], self.denominator[index], self.exists[index])


@dataclass(frozen=True, slots=True, eq=False)
class _Cuts:
    """Lines slope * width + constant, one per channel."""

    slope: NDArray[np.int64]
    constant: NDArray[np.int64]

    def part(self, index: NDArray[np.bool_]) -> _Cuts:
        return _Cuts(self.slope[index], self.constant[index])

    def where(self, condition: NDArray[np.bool_], other: _Cuts) -> _Cuts:
        return _Cuts(
            np.where(condition, self.slope, other.slope),
            np.where(condition, self.constant, other.constant),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """`at` where a level bounds the offset from below, from above; else too far away to."""

    levels: NDArray[np.int64]
    reached: NDArray[np.int64]
    not_before: NDArray[np.int64]

    def part(self, index: NDArray[np.bool_]) -> _Bounds:
        return _Bounds(self.levels, self.reached[index], self.not_before[index])


def best_widths(steps: Steps) -> Widths:
    """The width of the least spread of each channel."""
    simple = steps.top - steps.bottom < 2
    clipped = (steps.top == steps.lo) | (steps.bottom == steps.hi)
    span = np.where(clipped, 0, steps.at[:, -1] - steps.at[:, 0])
    numerator = np.where(simple, np.maximum(span + 2, _LEAST_SIMPLE), 1)
    denominator = np.ones_like(numerator)
    exists = simple.copy()
    todo = np.flatnonzero(~simple)
    part = steps.part(todo)
    # Its distance exceeds that of any sum by more than any level times the width.
    far = 2**42
    bounds = _Bounds(
        steps.levels,
        np.where(part.reached, part.at, far),
        np.where(part.not_before, part.at, -far),
    )
    rising, falling = _first_cuts(part)
    for _ in range(_MOST_CUTS):
        if not len(todo):
            break
        top = falling.constant - rising.constant
        bottom = rising.slope - falling.slope
        spread, cut = _spread(bounds, top, bottom)
        least = rising.slope * top + rising.constant * bottom
        # Where the two lines meet at 1 or above, so does the spread.
        through = (spread == least) | (cut.slope == 0) | (least >= bottom)
        numerator[todo], denominator[todo] = top, bottom
        # Where all steps are taken at once only the width 0 may be left, which no factor has.
        exists[todo] = through & (spread < bottom) & (top > 0)
        rises = cut.slope > 0
        more = ~through
        rising, falling = cut.where(rises, rising).part(more), falling.where(rises, cut).part(more)
        todo, bounds = todo[more], bounds.part(more)
    return Widths(np.maximum(numerator, 1), denominator, exists)


def _first_cuts(steps: Steps) -> tuple[_Cuts, _Cuts]:
    """Two lines below the spread, by the first and the last step of each channel."""
    first, last = steps.bottom + 1, steps.top
    at_first, at_last = _pick(steps.at, first - steps.lo), _pick(steps.at, last - steps.lo)
    return (
        _Cuts(last - first, at_first - at_last),
        _Cuts(first - last, at_last - at_first),
    )


def _spread(
    bounds: _Bounds, top: NDArray[np.int64], bottom: NDArray[np.int64]
) -> tuple[NDArray[np.int64], _Cuts]:
    """spread * bottom at the width top / bottom, and the line that it is there."""
    scaled = bounds.levels * top[:, None]
    below, above = bottom[:, None] * bounds.reached, bottom[:, None] * bounds.not_before
    np.subtract(scaled, below, out=below)
    np.subtract(scaled, above, out=above)
    upper, lower = below.argmax(axis=1), above.argmin(axis=1)
    value = _pick(below, upper) - _pick(above, lower)
    constant = _pick(bounds.not_before, lower) - _pick(bounds.reached, upper)
    return value, _Cuts(upper - lower, constant)


def _pick(values: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    result: NDArray[np.int64] = np.take_along_axis(values, columns[:, None], 1)[:, 0]
    return result
