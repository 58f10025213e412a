"""The arithmetic of row clocks: which rows of a tensor are finished after each tick.

An operator that reads rows (i * stride + first) // up to (i * stride + last) // up for row i of its
output (regions.AxisMap) has finished

    rows(out) = (rows(in) * up - last - 1) // stride + 1

of them when so many rows of its operand are finished. Floors of floors compose, so every tensor's
finished rows are a clamped affine function of the tick (RowClock).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from patchc.geometry.axis import AxisMap


@dataclass(frozen=True, slots=True)
class RowClock:
    """Rows finished after tick t: clamp(mul * ((num * t + offset) // den) + add, 0, limit).

    Before the first tick, at(-1), it is 0.
    """

    num: int
    den: int
    offset: int
    limit: int  # rows of the tensor
    mul: int = 1
    add: int = 0

    def at(self, tick: int) -> int:
        if tick < 0:
            return 0
        rows = self.mul * ((self.num * tick + self.offset) // self.den) + self.add
        return min(max(rows, 0), self.limit)


def all_rows(height: int) -> RowClock:
    """The clock of a tensor that is computed in one go."""
    return RowClock(0, 1, height, height)


# patchc_clock, and the C that asks it for rows, count in int32_t.
MAX_COUNT = 2**31 - 1


class GeometryError(Exception):
    """The steps cannot run as a tunnel. `str(error)` says why."""


def first_clock(height: int) -> RowClock:
    """The clock of what paces a tunnel: one more row of a map of `height` per tick."""
    return RowClock(1, 1, 1, height)


def paced(height: int, first: RowClock) -> RowClock:
    """The clock of a map of `height` that is there already: as fast, for its height, as `first`."""
    rate = Fraction(first.mul * height, first.limit)
    return RowClock(rate.numerator, rate.denominator, rate.numerator, height)


def advance(clock: RowClock, down: AxisMap, limit: int) -> RowClock:
    """The clock of an operator's output from that of its input. Exact: see the module's text.

    Raises GeometryError where several rows at a time do not divide by the stride.
    """
    shift = down.stride - down.last - 1
    if clock.mul * down.up == 1:
        offset = clock.offset + clock.den * (clock.add + shift)
        return RowClock(clock.num, clock.den * down.stride, offset, limit)
    mul, add = clock.mul * down.up, clock.add * down.up + shift
    if down.stride > 1 and down.up > 1:
        # A Resize by no whole factor. A floor of a floor loses at most one unit less one step of
        # the denominator; with that taken off, this clock is never ahead of the rows there are.
        offset = mul * (clock.offset - clock.den + 1) + clock.den * add
        return RowClock(clock.num * mul, clock.den * down.stride, offset, limit)
    if mul % down.stride:
        raise GeometryError(f"{mul} rows at a time do not divide by the stride {down.stride}")
    return replace(clock, mul=mul // down.stride, add=add // down.stride, limit=limit)


def every(clock: RowClock, rows: int) -> RowClock:
    """The same clock, in steps of `rows` rows. Raises GeometryError where it has steps already."""
    if rows == 1:
        return clock
    if clock.mul != 1:
        raise GeometryError("two steps of several rows follow each other")
    offset = clock.offset + clock.den * clock.add
    return RowClock(clock.num, clock.den * rows, offset, clock.limit, mul=rows)


def earlier(a: RowClock, b: RowClock) -> RowClock:
    """A clock that is never ahead of either: the slower one, held back where that is ahead."""
    if (a.num, a.den, a.mul) == (b.num, b.den, b.mul):
        return a if a.mul * a.offset + a.add * a.den <= b.mul * b.offset + b.add * b.den else b
    slow, fast = sorted((a, b), key=lambda c: (Fraction(c.mul * c.num, c.den), c.mul))
    ticks = last_tick(fast) + 1
    ahead = int((_unlimited(slow, ticks) - at_ticks(fast, ticks)[1:]).max())
    return replace(slow, add=slow.add - max(ahead, 0))


def chunk_by_chunk(clock: RowClock, early: int = 0) -> RowClock:
    """A clock whose rows come in the same chunks, one chunk per tick from the first one on, or from
    `early` rows before the first row on.

    What exact clocks make of it (all but those of a Resize by no whole factor) differs from what
    they make of `clock` in when, not in which rows are there together. A clock of several chunks
    per tick is returned as it is.
    """
    if clock.num > clock.den:
        return clock
    first = (-clock.add - early) // clock.mul + 1  # the first chunk that holds a row, or is early
    return replace(clock, num=1, den=1, offset=max(first, clock.offset // clock.den))


def from_zero(clock: RowClock) -> RowClock:
    """The same clock with an offset that is not negative, because C divides towards zero: whole
    denominators go from `offset` to `add`."""
    if clock.offset >= 0:
        return clock
    periods = -(clock.offset // clock.den)
    return replace(
        clock,
        offset=clock.offset + periods * clock.den,
        add=clock.add - periods * clock.mul,
    )


def check_counts(clock: RowClock, ticks: int) -> None:
    """Raises GeometryError where C could not count the rows at ticks 0 .. ticks - 1."""
    counted = from_zero(clock)
    numerator = counted.num * (ticks - 1) + counted.offset
    rows = counted.mul * (numerator // counted.den)
    if max(numerator, counted.den, rows, abs(counted.add), abs(rows + counted.add)) > MAX_COUNT:
        raise GeometryError(
            f"its rows would be counted by fractions of {numerator} / {counted.den}, and a tunnel "
            f"counts up to {MAX_COUNT}: run it in several tunnels, or layer by layer"
        )


def last_tick(clock: RowClock) -> int:
    """The first tick after which every row is finished."""
    chunks = -(-(clock.limit - clock.add) // clock.mul)
    return max(0, -(-(chunks * clock.den - clock.offset) // clock.num))


@lru_cache(maxsize=4096)
def at_ticks(clock: RowClock, ticks: int) -> np.ndarray:
    """Rows finished before tick 0, 1, ... and after the last: int64 (ticks + 1,), read-only."""
    rows = np.zeros(ticks + 1, dtype=np.int64)
    rows[1:] = np.minimum(np.maximum(_unlimited(clock, ticks), 0), clock.limit)
    rows.setflags(write=False)
    return rows


def _unlimited(clock: RowClock, ticks: int) -> np.ndarray:
    """The same after each tick, borders of the map aside: int64 (ticks,)."""
    t = np.arange(ticks, dtype=np.int64)
    return clock.mul * ((clock.num * t + clock.offset) // clock.den) + clock.add
