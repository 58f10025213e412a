"""The flat program, unrolled: pieces, the channel groups of a piece, and what each call computes.

By the text of schedule/types.py and by enumeration of taps (geometry.reach); the lowering has
formulas of its own, and shares nothing with this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from patchc.geometry.span import Span
from patchc.ir import GlobalAveragePool, Graph, Op, Window
from patchc.kernels.kernel import Slicing
from patchc.reference.geometry import AnyAxis, Reach, axes, reach
from patchc.reference.operators import reading_axes
from patchc.reference.shadow import ShadowMemoryError
from patchc.schedule.types import (
    Accumulate,
    Call,
    Compute,
    Finish,
    KernelCall,
    Schedule,
    Step,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows and columns of a step's piece tensor, and where the loops stand."""

    block: int  # its index
    block_name: str
    stripe: int
    tick: int
    step: Step
    rows: Span  # of the tensor, downwards even where the block runs in reverse
    cols: Span

    def describe(self) -> str:
        return (
            f"step {self.step.name!r} (block {self.block_name}, stripe {self.stripe}, tick "
            f"{self.tick}, rows {self.rows.start} .. {self.rows.stop - 1}, columns "
            f"{self.cols.start} .. {self.cols.stop - 1})"
        )


def pieces(schedule: Schedule, index: int) -> Iterator[Piece]:
    """The program of block `index`, in pieces as wide as the stripe (see `tiles`).

    A stripe that asks for no columns of a tensor skips its step.
    """
    block = schedule.blocks[index]
    for stripe in range(block.stripes):
        for tick in range(block.ticks):
            for step in block.steps:
                cols = step.cols[stripe]
                if cols.start == cols.stop:
                    continue
                height = schedule.graph.tensors[step.piece].shape[0]
                first, stop = step.rows.at(tick - 1), step.rows.at(tick)
                for row in range(first, stop, step.rows_per_call):
                    rows = Span(row, min(row + step.rows_per_call, stop))
                    if block.reverse:
                        rows = Span(height - rows.stop, height - rows.start)
                    yield Piece(index, block.name, stripe, tick, step, rows, cols)


def tile_count(piece: Piece) -> int:
    """How many tiles there are in the piece."""
    width = piece.cols.stop - piece.cols.start
    return -(-width // (piece.step.tile or width))


def tiles(piece: Piece) -> list[Piece]:
    """The piece, cut into tiles of the step's columns."""
    start, stop = piece.cols.start, piece.cols.stop
    width = piece.step.tile or stop - start
    cuts = [Span(c, min(c + width, stop)) for c in range(start, stop, width)]
    return [replace(piece, cols=cols) for cols in cuts]


def groups(graph: Graph, step: Step) -> list[Span | None]:
    """The channel groups that `step.calls` run for, one after the other; None: all channels."""
    if not step.group:
        return [None]
    added = [
        call.reads[0]
        for call in step.calls
        if isinstance(call, Accumulate) and not adds_mean(graph, call)
    ]
    placed = [
        call.tensor
        for call in step.calls
        if isinstance(call, Compute) and call.slicing is Slicing.PLACED
    ]
    if not added and not placed:
        raise ShadowMemoryError(
            f"step {step.name!r} runs {step.group} channels at a time, but neither adds them up "
            "nor puts them among all"
        )
    channels = graph.tensors[(added or placed)[0]].shape[2]
    return [Span(k, min(k + step.group, channels)) for k in range(0, channels, step.group)]


def tensors_touched(call: Call) -> set[str]:
    """Tensors that a call reads or writes in their storages."""
    return set(call.reads) if isinstance(call, Accumulate) else {*call.reads, call.tensor}


def sums_touched(call: Call) -> set[str]:
    """Tensors whose sums a call reads or adds to."""
    return {call.tensor} if isinstance(call, Accumulate | Finish) else set()


def adds_mean(graph: Graph, call: Call) -> bool:
    """Does the call add pixels to the sums of a mean?"""
    return isinstance(call, Accumulate) and isinstance(graph.node(call.node).op, GlobalAveragePool)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCall:
    """What all runs of one call share."""

    call: Call
    op: Op | None  # None: a load or a store
    axes: tuple[tuple[AnyAxis, AnyAxis], ...]  # per operand: rows, columns; sums have none

    @property
    def in_order(self) -> bool:
        """Does its kernel read the rows of its operands one behind the other?"""
        return isinstance(self.call, KernelCall) and self.call.kernel.needs.contiguous


def prepare(graph: Graph, call: Call) -> PreparedCall:
    """Look up the call's operator and the windows through which it reads."""
    if not isinstance(call, KernelCall):
        return PreparedCall(call, None, ())
    op = graph.node(call.node).op
    if isinstance(call, Finish):
        return PreparedCall(call, op, ())
    tensors = [graph.tensors[name] for name in call.reads]
    found: tuple[tuple[AnyAxis, AnyAxis], ...]
    if adds_mean(graph, call):
        found = tuple(axes(Window((1, 1)), *tensor.shape[:2]) for tensor in tensors)
    else:
        output = graph.tensors[call.tensor]
        found = tuple(
            reading_axes(op, tensor, output, index) for index, tensor in enumerate(tensors)
        )
    return PreparedCall(call, op, found)


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What one call computes for a piece, and what it reads for that."""

    rows: Span  # of the tensor, or of its sums; of a mean's input
    cols: Span
    reads: tuple[tuple[Reach, Reach], ...]  # per operand: along rows, along columns

    @property
    def empty(self) -> bool:
        """Is there no pixel in it?"""
        return self.rows.start >= self.rows.stop or self.cols.start >= self.cols.stop


def regions(prepared: tuple[PreparedCall, ...], piece: Piece) -> list[Region]:
    """Per call of a step: the rectangle of its tensor that the calls after it demand.

    Raises ShadowMemoryError when nothing demands one.
    """
    demanded = {piece.step.piece: (piece.rows, piece.cols)}
    found: list[Region] = []
    for item in reversed(prepared):
        call = item.call
        mean = isinstance(call, Accumulate) and isinstance(item.op, GlobalAveragePool)
        target = call.reads[0] if mean else call.tensor
        if target not in demanded:
            raise ShadowMemoryError(f"computes {call.tensor!r}, of which the piece needs nothing")
        rows, cols = demanded[target]
        reads = tuple(
            (reach(along_rows, rows.start, rows.stop), reach(along_cols, cols.start, cols.stop))
            for along_rows, along_cols in item.axes
        )
        for name, (y, x) in zip(call.reads, reads, strict=False):
            needed = (Span(y.start, y.stop), Span(x.start, x.stop))
            if name in demanded:
                needed = (_hull(demanded[name][0], needed[0]), _hull(demanded[name][1], needed[1]))
            demanded[name] = needed
        found.append(Region(rows, cols, reads))
    return found[::-1]


def _hull(one: Span, two: Span) -> Span:
    if one.start >= one.stop or two.start >= two.stop:
        return two if one.start >= one.stop else one
    return Span(min(one.start, two.start), max(one.stop, two.stop))
