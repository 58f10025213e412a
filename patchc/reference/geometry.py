"""Which rows and columns of an input a run of output rows or columns reads.

By enumeration of every tap: slow, and plainly right. The lowering has formulas of its own; this
shares nothing with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from patchc.ir import Padding, Window


@dataclass(frozen=True, slots=True)
class Axis:
    """A sliding window along one axis of a map of `size` rows or columns."""

    taps: int
    stride: int
    dilation: int
    pad: int  # before the first row or column
    size: int
    up: int = 1  # every row or column counts as so many; then there are no pads


@dataclass(frozen=True, slots=True)
class Picked:
    """An axis whose output positions read any ascending ones of the input."""

    first: tuple[int, ...]  # per output position
    second: tuple[int, ...]  # not below the first one


@dataclass(frozen=True, slots=True)
class Whole:
    """An axis all of whose positions any output position may read."""

    size: int
    outputs: int


AnyAxis = Axis | Picked | Whole


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """What some consecutive output positions span along one axis of an input."""

    start: int  # first position inside the map
    stop: int  # one past the last position inside the map
    # Positions of padding before `start` and from `stop` on. Where each row counts several times,
    # fewer than none: as many of the first and of the last one are not read. Of picked ones and of
    # whole axes: minus the output positions before and behind those asked for.
    before: int
    after: int
    # int64 (stop - start,): the last output position, counted from the first asked for, that
    # reads each position; -1: it lies between taps and nobody reads it
    last_reader: np.ndarray


@lru_cache(maxsize=1 << 14)
def reach(axis: AnyAxis, first: int, stop: int) -> Reach:
    """What output positions first .. stop - 1 span: nothing if there are none."""
    if first == stop:
        return Reach(0, 0, 0, 0, np.empty(0, dtype=np.int64))
    if isinstance(axis, Whole):
        readers = np.full(axis.size, stop - first - 1)
        return Reach(0, axis.size, -first, stop - axis.outputs, readers)
    if isinstance(axis, Picked):
        start, end = min(axis.first[first:stop]), max(axis.second[first:stop]) + 1
        readers = np.full(end - start, -1)
        for output in range(first, stop):
            for position in (axis.first[output], axis.second[output]):
                readers[position - start] = output - first
        return Reach(start, end, -first, stop - len(axis.first), readers)
    if axis.up > 1:
        positions = np.arange(first, stop) // axis.up
        start, end = int(positions[0]), int(positions[-1]) + 1
        readers = np.searchsorted(positions, np.arange(start, end), side="right") - 1
        return Reach(start, end, start * axis.up - first, stop - end * axis.up, readers)
    origins = np.arange(first, stop)[:, None] * axis.stride - axis.pad
    positions = origins + np.arange(axis.taps) * axis.dilation  # (outputs, taps)
    lo, hi = int(positions.min()), int(positions.max()) + 1
    inside_lo, inside_hi = min(max(lo, 0), axis.size), max(min(hi, axis.size), 0)
    inside_hi = max(inside_lo, inside_hi)
    before = min(max(-lo, 0), hi - lo)
    readers = np.full(hi - lo, -1)
    for output, row in enumerate(positions):
        readers[row - lo] = output
    inside = readers[before : before + inside_hi - inside_lo]
    after = (hi - lo) - before - len(inside)
    return Reach(inside_lo, inside_hi, before, after, inside)


def axes(window: Window, height: int, width: int) -> tuple[Axis, Axis]:
    """The window along the rows and along the columns of a map."""
    (kh, kw), (sh, sw), (dh, dw) = window.kernel, window.stride, window.dilation
    return Axis(kh, sh, dh, window.pads.top, height), Axis(kw, sw, dw, window.pads.left, width)


def padding(rows: Reach, cols: Reach) -> Padding:
    """The padding around the rectangle that `rows` and `cols` span."""
    return Padding(rows.before, cols.before, rows.after, cols.after)
