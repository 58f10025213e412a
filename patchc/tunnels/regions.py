"""Which rows and columns of an operand a node reads for a rectangle of its output."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from patchc.ir import AveragePool, Binary, Concat, Conv, GlobalAveragePool, Lut, MaxPool, Op
from patchc.tunnels.schedule import Span


def window_span(out: Span, kernel_extent: int, stride: int, pad: int, size: int) -> Span:
    """The span of an axis of `size` that windows at `out` touch, clipped to the map.

    Empty output, or windows that lie wholly in the padding, give an empty span.
    """
    start = out.start * stride - pad
    stop = (out.stop - 1) * stride - pad + kernel_extent
    start, stop = min(max(start, 0), size), min(max(stop, 0), size)
    if out.start >= out.stop or start >= stop:
        return Span(start, start)
    return Span(start, stop)


@singledispatch
def demand(op: Op, rows: Span, cols: Span, height: int, width: int) -> tuple[Span, Span]:
    """Rows and columns of a height x width operand behind rows x cols of the output of `op`."""
    raise NotImplementedError(f"no demand rule for {op.kind}")


@demand.register(Conv)
@demand.register(MaxPool)
@demand.register(AveragePool)
def _(
    op: Conv | MaxPool | AveragePool, rows: Span, cols: Span, height: int, width: int
) -> tuple[Span, Span]:
    window, (extent_h, extent_w) = op.window, op.window.extent
    return (
        window_span(rows, extent_h, window.stride[0], window.pads.top, height),
        window_span(cols, extent_w, window.stride[1], window.pads.left, width),
    )


@demand.register
def _(op: Binary, rows: Span, cols: Span, height: int, width: int) -> tuple[Span, Span]:
    return _met(rows, height), _met(cols, width)


def _met(out: Span, size: int) -> Span:
    """Along an axis: the same positions, or the only one there is."""
    return Span(0, 1) if size == 1 and out.start < out.stop else out


@demand.register(Concat)
@demand.register(Lut)
def _(op: Concat | Lut, rows: Span, cols: Span, height: int, width: int) -> tuple[Span, Span]:
    return rows, cols


@demand.register
def _(op: GlobalAveragePool, rows: Span, cols: Span, height: int, width: int) -> tuple[Span, Span]:
    return Span(0, height), Span(0, width)


def taps(op: Op, rows: Span, cols: Span, height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Exactly the pixels read, as slices: `demand` is their hull, which strides may leave gaps in.

    One pair of slices per tap of a window; a single pair for every other operator.
    """
    window = getattr(op, "window", None)
    if window is None:
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


def _strided(out: Span, stride: int, shift: int, size: int) -> slice:
    """Positions i * stride + shift for i in `out`, those inside an axis of `size`."""
    first = max(out.start, -(shift // stride))
    stop = (out.stop - 1) * stride + shift + 1
    return slice(first * stride + shift, max(min(stop, size), 0), stride)
