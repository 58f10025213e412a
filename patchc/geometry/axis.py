"""Which rows and columns of an operand a node reads for a rectangle of its output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, singledispatch
from itertools import product

import numpy as np

from patchc.geometry.span import Span
from patchc.ir import (
    RESIZES,
    AveragePool,
    Between,
    Binary,
    Concat,
    Conv,
    ConvSums,
    Enlargement,
    GlobalAveragePool,
    MatMul,
    MaxPool,
    Op,
    Permute,
    Pixelwise,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Scaling,
)
from patchc.ir.resize import between, nearest


@dataclass(frozen=True, slots=True)
class AxisMap:
    """What an operator reads of an operand along one axis, map's borders aside: output position i
    reads positions (i * stride + first) // up to (i * stride + last) // up, both included."""

    stride: int = 1
    up: int = 1
    first: int = 0
    last: int = 0

    def behind(self, out: Span, size: int) -> Span:
        """What output positions `out` read of an axis of `size`.

        Empty output, or windows that lie wholly in the padding, give an empty span.
        """
        start = (out.start * self.stride + self.first) // self.up
        stop = ((out.stop - 1) * self.stride + self.last) // self.up + 1
        start, stop = min(max(start, 0), size), min(max(stop, 0), size)
        if out.start >= out.stop or start >= stop:
            return Span(start, start)
        return Span(start, stop)

    def from_the_end(self, size: int, out: int) -> AxisMap:
        """The same with positions counted from the last one of `size`, and of `out` outputs."""
        turn = (size - 1) * self.up - (out - 1) * self.stride + self.up - 1
        return replace(self, first=turn - self.last, last=turn - self.first)


def axis_maps(op: Op) -> tuple[AxisMap, AxisMap]:
    """Along rows and along columns."""
    return _axis_maps(op)


def streams(kind: type[Op]) -> bool:
    """Can its rows be made one after the other, in a tunnel? A mean adds up those of its input."""
    default = _axis_maps.dispatch(Op)
    return kind is GlobalAveragePool or _axis_maps.dispatch(kind) is not default


SAME = AxisMap()  # of an operator that reads what it computes


@singledispatch
def _axis_maps(op: Op) -> tuple[AxisMap, AxisMap]:
    raise NotImplementedError(f"no axis map for {op.kind}")


@_axis_maps.register(Conv)
@_axis_maps.register(ConvSums)
@_axis_maps.register(MaxPool)
@_axis_maps.register(AveragePool)
@_axis_maps.register(Rearrange)
def _(op: Conv | ConvSums | MaxPool | AveragePool | Rearrange) -> tuple[AxisMap, AxisMap]:
    window, pads = op.window, op.window.pads
    return (
        _under(window.kernel[0], window.stride[0], window.dilation[0], pads.top),
        _under(window.kernel[1], window.stride[1], window.dilation[1], pads.left),
    )


# Remembered by what it depends on: a cache of operators would keep their weights alive.
@lru_cache(maxsize=4096)
def _under(kernel: int, stride: int, dilation: int, before: int) -> AxisMap:
    """Under a window with so many pads before the first position."""
    return AxisMap(stride, 1, -before, (kernel - 1) * dilation - before)


@_axis_maps.register(Binary)
@_axis_maps.register(Concat)
@_axis_maps.register(Pixelwise)
@_axis_maps.register(MatMul)
@_axis_maps.register(Permute)
def _(op: Binary | Concat | Pixelwise | MatMul | Permute) -> tuple[AxisMap, AxisMap]:
    """Of operands that it needs whole (ir/rules.py) this says nothing."""
    return SAME, SAME


def _broadcast_span(out: Span, size: int) -> Span:
    """What an element-wise operator reads of an operand: the same span, or [0, 1) where the operand
    is broadcast along this axis."""
    return Span(0, 1) if size == 1 and out.start < out.stop else out


@_axis_maps.register
def _(op: Enlargement) -> tuple[AxisMap, AxisMap]:
    return AxisMap(up=op.factor[0]), AxisMap(up=op.factor[1])


@_axis_maps.register(ResizeNearest)
@_axis_maps.register(ResizeLinear)
def _(op: ResizeNearest | ResizeLinear) -> tuple[AxisMap, AxisMap]:
    of_axis = _nearest if isinstance(op, ResizeNearest) else _linear
    return of_axis(op.rows), of_axis(op.cols)


@lru_cache(maxsize=1024)
def _nearest(scaling: Scaling) -> AxisMap:
    at = nearest(scaling)
    return _around(at, at)


@lru_cache(maxsize=1024)
def _linear(scaling: Scaling) -> AxisMap:
    at = between(scaling)
    return _around(at.first, at.second)


def _around(first: np.ndarray, second: np.ndarray) -> AxisMap:
    """The narrowest affine map that holds every position read. Exact where the output is a whole
    number of times as large; elsewhere it may hold one position too many."""
    first, second = first.astype(np.int64), second.astype(np.int64)
    out = np.arange(len(first))
    found = []
    # The slopes of half_pixel and asymmetric coordinates, and of align_corners.
    slopes = [Fraction(int(second[-1]) + 1, len(out))]
    if second[-1] > 0 and len(out) > 1:
        slopes.append(Fraction(int(second[-1]), len(out) - 1))
    for slope in slopes:
        stride, up = slope.numerator, slope.denominator
        least = int(((first + 1) * up - 1 - out * stride).min())
        most = int((second * up - out * stride).max())
        found.append(AxisMap(stride, up, least, max(most, least)))
    return min(found, key=lambda map_: Fraction(map_.last - map_.first, map_.up))


def demand(op: Op, rows: Span, cols: Span, height: int, width: int) -> tuple[Span, Span]:
    """Rows and columns of a height x width operand behind rows x cols of the output of `op`."""
    if isinstance(op, GlobalAveragePool):
        return Span(0, height), Span(0, width)
    if isinstance(op, Binary):
        return _broadcast_span(rows, height), _broadcast_span(cols, width)
    down, across = axis_maps(op)
    return down.behind(rows, height), across.behind(cols, width)


def taps(op: Op, rows: Span, cols: Span, height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Exactly the pixels read, as slices: `demand` is their hull, which strides may leave gaps in.

    One pair of slices per tap of a window; runs of pixels for a Resize; a single pair for every
    other operator.
    """
    if isinstance(op, RESIZES):
        yield from _resized(op, rows, cols)
        return
    window = getattr(op, "window", None)
    if window is None:  # then there are no gaps
        r, c = demand(op, rows, cols, height, width)
        yield slice(r.start, r.stop), slice(c.start, c.stop)
        return
    for y in range(window.kernel[0]):
        down = y * window.dilation[0] - window.pads.top
        for x in range(window.kernel[1]):
            right = x * window.dilation[1] - window.pads.left
            yield (
                _strided(rows, window.stride[0], down, height),
                _strided(cols, window.stride[1], right, width),
            )


def _resized(
    op: ResizeNearest | ResizeLinear, rows: Span, cols: Span
) -> Iterator[tuple[slice, slice]]:
    """Pixel by pixel where some are left out."""
    down, across = (_runs(at, out) for at, out in zip(op.between, (rows, cols), strict=True))
    yield from product(down, across)


def _runs(at: Between, out: Span) -> list[slice]:
    """The positions that outputs `out` read, as runs of neighbours."""
    own = slice(out.start, out.stop)
    read = np.union1d(at.first[own], at.second[own])
    if not len(read):
        return []
    runs = np.split(read, np.flatnonzero(np.diff(read) > 1) + 1)
    return [slice(int(run[0]), int(run[-1]) + 1) for run in runs]


def _strided(out: Span, stride: int, shift: int, size: int) -> slice:
    """Positions i * stride + shift for i in `out`, those inside an axis of `size`."""
    first = max(out.start, -(shift // stride))
    stop = (out.stop - 1) * stride + shift + 1
    return slice(first * stride + shift, max(min(stop, size), 0), stride)
