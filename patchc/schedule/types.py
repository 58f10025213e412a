"""Schedule: typed buffers and a flat program. Four readers: memory, reference, cost, codegen.

A program is a sequence of blocks, one per tunnel. A block is a nest of loops around its calls:

    for stripe q in 0 .. stripes - 1:
        for tick t in 0 .. ticks - 1:
            for step in steps:
                for rows r0 .. r1 of step.piece, from step.rows.at(t - 1) up to step.rows.at(t),
                        step.rows_per_call at a time:
                    for columns c0 .. c1 in step.cols[q], step.tile at a time:
                        for each group of step.group channels of the inner tensors:
                            step.calls
                        step.finish

Rows advance as clamped affine functions of the tick, because the rows that a window demands of its
input are an affine function of the rows it yields, clamped to the map. What a call computes follows
from the piece (rows r0 .. r1, columns c0 .. c1 of the step's last tensor) by going back through the
windows of the calls after it (regions.reach).

In a block that runs in reverse, rows a .. b - 1 of a clock are rows height - b .. height - a - 1 of
the tensor; everything else stays as it is.

A tensor's storage holds its last rows, columns or channels modulo what fits: row r lies in slot
r % slots, column c at position (c - cols[q].start) % tile, channel k at k % depth. A ring that
slides holds its last rows in order, for kernels that ask for that: row r lies in slot
r - slide.origin(t, slots) during tick t, and a step in front of the one that makes its rows moves
those that are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from patchc.choices import InputMode
from patchc.geometry.clocks import RowClock
from patchc.geometry.span import Span
from patchc.ir import Graph
from patchc.kernels.kernel import Kernel, Slicing


class BufferKind(str, Enum):
    """What a byte of the arena is for (one kind per buffer, named in the report)."""

    INPUT = "input"  # a graph input held in full
    OUTPUT = "output"  # a graph output held in full
    MAP = "map"  # any other tensor held in full
    RING = "ring"  # the last rows of a tensor inside a tunnel
    ACCUMULATOR = "accumulator"  # int32 partial sums
    SCRATCH = "scratch"  # a kernel's own working memory
    EXTERN = "extern"  # outside the arena: a pointer the caller gives


@dataclass(frozen=True, slots=True)
class Buffer:
    """A range of bytes with one lifetime. Several tensors share it when they are in place."""

    name: str
    kind: BufferKind
    bytes: int
    align: int  # bytes, a power of two
    first: int  # the first block that touches it
    last: int  # the last block that touches it


@dataclass(frozen=True, slots=True)
class Slide:
    """How the rows of a ring that does not wrap move, so that they always lie in order."""

    clock: RowClock  # of the tensor
    every: int  # rows after which they move
    reverse: bool  # the block runs in reverse

    def origin(self, tick: int, slots: int) -> int:
        """The row in slot 0 of `slots` during a tick; before the first one with tick -1."""
        behind = max(self.clock.at(tick) - slots, 0)
        moved = -(-behind // self.every) * self.every
        return self.clock.limit - slots - moved if self.reverse else moved


@dataclass(frozen=True, slots=True)
class Storage:
    """How a tensor, or the part of it that is alive, lies in a buffer."""

    tensor: str  # Graph tensor; also the storage's name
    buffer: str
    offset: int  # bytes from the buffer's start
    slots: int  # rows held; row r is in slot r % slots
    pitch: int  # bytes from one slot to the next
    cols: tuple[Span, ...]  # per stripe: the columns that exist, the first one at position 0
    tile: int  # columns held; column c is at position (c - cols[q].start) % tile
    depth: int  # channels held; channel k is at k % depth
    slide: Slide | None = None  # row r is in slot r - slide.origin(tick, slots) instead


@dataclass(frozen=True, slots=True)
class Sums:
    """int32 sums of a tensor under construction: rows x cols x channels."""

    tensor: str
    buffer: str
    offset: int  # bytes from the buffer's start, a multiple of 4
    rows: int
    cols: int
    channels: int
    per_piece: bool  # zeroed before each piece of its step; otherwise once, before the block


@dataclass(frozen=True, slots=True)
class Scratch:
    """Bytes that a kernel works in. They hold nothing before the call, and nothing after it."""

    buffer: str
    offset: int  # bytes from the buffer's start
    bytes: int


@dataclass(frozen=True, slots=True)
class Load:
    """The caller's callback brings rows of a graph input into its storage; or of a rectangle of
    one, which a node of the graph copies, into the storage of that."""

    tensor: str
    node: str | None = None  # that copies the rectangle
    source: str | None = None  # the graph input
    row: int = 0  # of the source, where the rectangle begins
    col: int = 0

    @property
    def image(self) -> str:
        """The graph input."""
        return self.source or self.tensor

    @property
    def reads(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Store:
    """Rows of a graph output are handed over to the caller's callback."""

    tensor: str

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.tensor,)


@dataclass(frozen=True, slots=True)
class Compute:
    """A kernel makes the values of a node's output, from storages to a storage."""

    kernel: Kernel
    node: str
    reads: tuple[str, ...]  # storages (tensor names), in operand order
    tensor: str  # that it makes
    slicing: Slicing = Slicing.ALL
    scratch: Scratch | None = None


@dataclass(frozen=True, slots=True)
class Accumulate:
    """A kernel adds what it reads to the int32 sums of a node's output."""

    kernel: Kernel
    node: str
    reads: tuple[str, ...]  # storages (tensor names), in operand order
    tensor: str  # whose sums it adds to
    slicing: Slicing = Slicing.ALL
    scratch: Scratch | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """A kernel makes the values of a node's output from its sums."""

    kernel: Kernel
    node: str
    tensor: str  # whose sums it reads, and whose values it makes
    scratch: Scratch | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """No storage."""
        return ()


@dataclass(frozen=True, slots=True)
class Move:
    """The rows of a ring that slides move to its start, where a tick brings it new ones."""

    tensor: str

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.tensor,)


Call = Load | Store | Move | Compute | Accumulate | Finish
KernelCall = Compute | Accumulate | Finish  # those that compute a node, or a part of it


@dataclass(frozen=True, slots=True)
class Step:
    """Calls that run together, for pieces of the last one's tensor. Every call has `reads`, the
    storages that it reads, and `tensor`, which it makes, adds to or hands over."""

    name: str  # unique in the schedule
    calls: tuple[Call, ...]  # once per piece and channel group
    finish: tuple[Call, ...]  # once per piece, after the last group
    piece: str  # the tensor whose rows and columns pieces are: written last, or a mean's input
    rows: RowClock
    rows_per_call: int
    cols: tuple[Span, ...]  # per stripe: the columns of the piece tensor
    tile: int  # columns per piece; 0 = all of the stripe's
    group: int  # channels of the inner tensors per round of `calls`; 0 = all

    @property
    def all_calls(self) -> tuple[Call, ...]:
        return (*self.calls, *self.finish)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that it computes in order, each once; none where it only loads or stores."""
        found = (call.node for call in self.all_calls if isinstance(call, KernelCall | Load))
        return tuple(dict.fromkeys(name for name in found if name is not None))


@dataclass(frozen=True, slots=True)
class Block:
    """One tunnel."""

    name: str
    stripes: int
    ticks: int
    steps: tuple[Step, ...]
    reverse: bool = False  # rows are counted from the last one: n rows finished are the last n


def shared_bytes(source: int, target: int, distance: int) -> int:
    """Bytes that two maps of `source` and `target` bytes share when the target starts `distance`
    bytes below the source (above it where negative)."""
    target_ends, source_ends = target + max(-distance, 0), source + max(distance, 0)
    return source + target - max(target_ends, source_ends)


Offset = int | np.ndarray  # bytes; in one arrangement of buffers, or in several


@dataclass(frozen=True, slots=True)
class Overlap:
    """A map that may be written over another one while a block runs."""

    block: int
    target: str  # buffer that grows
    source: str  # buffer whose rows it follows
    distance: int  # bytes between their starts, or between their ends when it grows downwards
    reverse: bool = False  # the block runs in reverse

    def allows(
        self, target: Buffer, low: Offset, source: Buffer, base: Offset
    ) -> bool | np.ndarray:
        """May `target` lie at `low` while `source` lies at `base`? An answer for each of several
        arrangements, where they are arrays."""
        if self.reverse:
            return low + target.bytes >= base + source.bytes + self.distance
        return low <= base - self.distance

    def shift(self, target: Buffer, source: Buffer) -> int:
        """The place of the target, relative to the source's, where they share the most bytes."""
        if self.reverse:
            return source.bytes + self.distance - target.bytes
        return -self.distance


@dataclass(frozen=True)
class Schedule:
    """A Plan, lowered. Placement (offsets) is a separate value: memory.Placement."""

    graph: Graph
    input_mode: InputMode
    buffers: Mapping[str, Buffer]
    storages: Mapping[str, Storage]  # by tensor
    sums: Mapping[str, Sums]  # by tensor
    blocks: tuple[Block, ...]
    overlaps: tuple[Overlap, ...] = ()

    @cached_property
    def handed(self) -> Mapping[str, int]:
        """Outputs that the program hands over through a callback -> the block that does it."""
        return {
            call.tensor: index
            for index, block in enumerate(self.blocks)
            for step in block.steps
            for call in step.calls
            if isinstance(call, Store)
        }
