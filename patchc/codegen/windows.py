"""Where the maps of a whole block lie: rows and columns of operands, pads, and their storage.

This is codegen's own reading of the schedule, once for all at compile time; a tunnel's pieces are
found by the same rules at run time (runtime_c/portable/patchc_tunnel.c). Lowering and the reference
have theirs; the tests hold them against each other, so nothing here is shared with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch

from patchc.geometry.span import Span
from patchc.ir import (
    AveragePool,
    Between,
    Binary,
    Concat,
    Conv,
    ConvSums,
    Enlargement,
    GlobalAveragePool,
    Graph,
    MatMul,
    MaxPool,
    Node,
    Op,
    Padding,
    Permute,
    Pixelwise,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    needs_whole,
)
from patchc.schedule.types import Schedule


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Rows and columns of a map."""

    rows: Span
    cols: Span

    @property
    def height(self) -> int:
        return self.rows.stop - self.rows.start

    @property
    def width(self) -> int:
        return self.cols.stop - self.cols.start


@dataclass(frozen=True, slots=True)
class Reach:
    """What a window reads for a rectangle of output: a part of the map, and padding around it."""

    inside: Rectangle
    pads: Padding


@dataclass(frozen=True, slots=True)
class Located:
    """A rectangle as it lies in its storage: the fields of patchc_in and patchc_out."""

    offset: int  # bytes from the storage's first one to slot 0, first column
    pitch: int  # bytes
    slots: int
    slot: int  # of the first row
    rows: int
    cols: int
    channels: int


def reach(graph: Graph, node: Node, tensor: str, out: Rectangle) -> Reach:
    """What `node` reads of its operand `tensor` for `out`."""
    height, width, _ = graph.tensors[tensor].shape
    whole = Rectangle(Span(0, height), Span(0, width))
    if isinstance(node.op, MatMul) and tensor == node.inputs[1]:
        return Reach(replace(whole, rows=out.rows) if height > 1 else whole, Padding())
    if isinstance(node.op, Permute):  # which place of the output it begins with
        return Reach(whole, Padding(top=-out.rows.start, left=-out.cols.start))
    if needs_whole(graph, node, tensor):
        return Reach(whole, Padding())
    return _reach(node.op, out, whole)


@singledispatch
def _reach(op: Op, out: Rectangle, whole: Rectangle) -> Reach:
    raise NotImplementedError(f"no window rule for {op.kind}")


@_reach.register(Conv)
@_reach.register(ConvSums)
@_reach.register(MaxPool)
@_reach.register(AveragePool)
@_reach.register(Rearrange)
def _(
    op: Conv | ConvSums | MaxPool | AveragePool | Rearrange, out: Rectangle, whole: Rectangle
) -> Reach:
    window, (extent_h, extent_w) = op.window, op.window.extent
    rows, top, bottom = _axis(out.rows, extent_h, window.stride[0], window.pads.top, whole.height)
    cols, left, right = _axis(out.cols, extent_w, window.stride[1], window.pads.left, whole.width)
    return Reach(Rectangle(rows, cols), Padding(top, left, bottom, right))


@_reach.register(Binary)
@_reach.register(Concat)
@_reach.register(Pixelwise)
@_reach.register(MatMul)
def _(op: Binary | Concat | Pixelwise | MatMul, out: Rectangle, whole: Rectangle) -> Reach:
    return Reach(out, Padding())


@_reach.register
def _(op: Enlargement, out: Rectangle, whole: Rectangle) -> Reach:
    rows, top, bottom = _enlarged(out.rows, op.factor[0])
    cols, left, right = _enlarged(out.cols, op.factor[1])
    return Reach(Rectangle(rows, cols), Padding(top, left, bottom, right))


def _enlarged(out: Span, factor: int) -> tuple[Span, int, int]:
    """The span behind `out` of an axis whose positions count `factor` times, and minus how many
    copies of its two ends are not asked for."""
    inside = Span(out.start // factor, -(-out.stop // factor))
    return inside, inside.start * factor - out.start, out.stop - inside.stop * factor


@_reach.register(ResizeNearest)
@_reach.register(ResizeLinear)
def _(op: ResizeNearest | ResizeLinear, out: Rectangle, whole: Rectangle) -> Reach:
    down, across = op.between
    rows, top, bottom = _resized(down, out.rows)
    cols, left, right = _resized(across, out.cols)
    return Reach(Rectangle(rows, cols), Padding(top, left, bottom, right))


def _resized(at: Between, out: Span) -> tuple[Span, int, int]:
    """The span from the first position read to the last, and minus how many positions of the output
    lie before and behind `out`."""
    start, stop = int(at.first[out.start]), int(at.second[out.stop - 1]) + 1
    return Span(start, stop), -out.start, out.stop - len(at.first)


@_reach.register
def _(op: GlobalAveragePool, out: Rectangle, whole: Rectangle) -> Reach:
    return Reach(whole, Padding())


def _axis(out: Span, extent: int, stride: int, pad: int, size: int) -> tuple[Span, int, int]:
    """The span that windows at `out` read of an axis of `size`, and the padding on its two ends."""
    first = out.start * stride - pad
    last = (out.stop - 1) * stride - pad + extent
    start, stop = min(max(first, 0), size), min(max(last, 0), size)
    before = max(start - first, 0)
    return Span(start, stop), before, max(last - first - before - (stop - start), 0)


def locate(schedule: Schedule, tensor: str, part: Rectangle) -> Located:
    """`part` of a map held in full. Raises ValueError when the storage does not hold it."""
    storage = schedule.storages[tensor]
    (held,) = storage.cols
    channels = schedule.graph.tensors[tensor].shape[2]
    empty = part.height == 0 or part.width == 0
    if not empty and not (held.start <= part.cols.start and part.cols.stop <= held.stop):
        raise ValueError(f"{tensor}: columns {part.cols} of a storage that holds {held}")
    if part.height > storage.slots:
        raise ValueError(f"{tensor}: {part.height} rows of a storage that holds {storage.slots}")
    return Located(
        offset=0 if empty else (part.cols.start - held.start) * channels,
        pitch=storage.pitch,
        slots=storage.slots,
        slot=part.rows.start % storage.slots,
        rows=part.height,
        cols=part.width,
        channels=channels,
    )
