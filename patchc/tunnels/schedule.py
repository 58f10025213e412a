"""Schedule: typed buffers and a flat program. Four readers: memory, reference, cost, codegen.

A program is a sequence of blocks, one per tunnel. A block is two nested loops around its steps:

    for stripe q in 0 .. stripes - 1:
        for tick t in 0 .. ticks - 1:
            for step in steps:
                produce the rows of step.writes from rows.at(t - 1) up to rows.at(t),
                step.rows_per_call at a time, columns step.cols[q]

Rows advance as clamped affine functions of the tick, because the rows that a window demands of its
input are an affine function of the rows it yields, clamped to the map. A tensor computed in one go
has ticks == 1. Row r of a tensor lies in slot r % slots of its storage; a map that is held in full
has slots == height.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from patchc.ir import Graph
from patchc.tunnels.plan import InputMode


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
class Span:
    """Columns start .. stop - 1."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Storage:
    """How a tensor, or the part of it that is alive, lies in a buffer."""

    tensor: str  # Graph tensor; also the storage's name
    buffer: str
    slots: int  # rows held; row r is in slot r % slots
    pitch: int  # bytes from one slot to the next
    cols: tuple[Span, ...]  # per stripe: the columns held, the first one at byte 0 of its slot


@dataclass(frozen=True, slots=True)
class RowClock:
    """Rows finished after tick t: clamp((num * t + offset) // den, 0, limit). at(-1) is 0."""

    num: int
    den: int
    offset: int
    limit: int  # rows of the tensor

    def at(self, tick: int) -> int:
        if tick < 0:
            return 0
        return min(max((self.num * tick + self.offset) // self.den, 0), self.limit)


def all_rows(height: int) -> RowClock:
    """The clock of a tensor that is computed in one go."""
    return RowClock(0, 1, height, height)


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel, called for a run of rows of the tensor it writes."""

    name: str  # unique in the schedule, an identifier in C
    kernel: str  # a name in targets.kernels.KERNELS, or "load"
    node: str | None  # the Graph node it computes; None for "load"
    reads: tuple[str, ...]  # storages (tensor names), in operand order
    writes: str  # storage (tensor name)
    rows: RowClock
    rows_per_call: int
    cols: tuple[Span, ...]  # per stripe: the columns it computes


@dataclass(frozen=True, slots=True)
class Block:
    """One tunnel."""

    name: str
    stripes: int
    ticks: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Schedule:
    """A Plan, lowered. Placement (offsets) is a separate value: memory.Placement."""

    graph: Graph
    input_mode: InputMode
    buffers: Mapping[str, Buffer]
    storages: Mapping[str, Storage]  # by tensor
    blocks: tuple[Block, ...]
