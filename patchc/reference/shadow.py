"""Shadow memory: bytes that know which tensor element they hold.

Every element of every tensor has a number of its own. Beside each byte of memory lies the number of
the element that was last written there; a read says which elements it expects and fails where it
finds another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from patchc.ir import Tensor
from patchc.memory.placement import Placement
from patchc.tunnels.schedule import BufferKind, Schedule, Span

POISON = -1  # the number beside a byte that nobody has written


class ShadowMemoryError(Exception):
    """A schedule reads a byte that does not hold what it expects, or leaves its buffers: a bug of
    the lowering or of the placement, never of the user's file."""


@dataclass(frozen=True, slots=True, eq=False)
class Rectangle:
    """Some rows and columns of a tensor, and where they lie."""

    tensor: Tensor
    rows: Span
    cols: Span
    addresses: np.ndarray  # int64 (rows,): of each row's first byte
    pitch: int  # bytes from one row to the next, except where the ring wraps

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, channels."""
        return (
            self.rows.stop - self.rows.start,
            self.cols.stop - self.cols.start,
            self.tensor.shape[2],
        )

    @property
    def row_bytes(self) -> int:
        return self.shape[1] * self.shape[2]

    def overlaps(self, other: Rectangle) -> bool:
        """Whether the two could share a byte (by their first and last addresses)."""
        if not (len(self.addresses) and len(other.addresses)):
            return False
        return bool(
            self.addresses.min() < other.addresses.max() + other.row_bytes
            and other.addresses.min() < self.addresses.max() + self.row_bytes
        )

    def byte_addresses(self) -> np.ndarray:
        """int64 (rows, columns, channels)."""
        flat = self.addresses[:, None] + np.arange(self.row_bytes)
        return flat.reshape(self.shape)


class Memory:
    """The arena and the caller's buffers, as one range of bytes with a shadow.

    Extern buffers lie behind the arena; no access leaves its buffer, so they are as good as arrays
    of their own.
    """

    def __init__(self, schedule: Schedule, placement: Placement) -> None:
        self._schedule = schedule
        self._bases: dict[str, int] = {}
        size = placement.arena_bytes
        for buffer in schedule.buffers.values():
            if buffer.kind is BufferKind.EXTERN:
                self._bases[buffer.name] = size
                size += buffer.bytes
                continue
            base = placement.offsets[buffer.name]
            if base < 0 or base + buffer.bytes > placement.arena_bytes:
                raise ShadowMemoryError(
                    f"buffer {buffer.name} at {base} .. {base + buffer.bytes} leaves the arena "
                    f"of {placement.arena_bytes} bytes"
                )
            self._bases[buffer.name] = base
        self._values = np.zeros(size, dtype=np.int8)
        self._shadow = np.full(size, POISON, dtype=np.int64)
        self._names = tuple(schedule.graph.tensors)
        sizes = [schedule.graph.tensors[name].bytes for name in self._names]
        self._firsts = [0, *np.cumsum(sizes, dtype=np.int64).tolist()]
        self._number: Mapping[str, int] = dict(zip(self._names, self._firsts, strict=False))

    def locate(self, tensor: str, rows: Span, cols: Span, stripe: int) -> Rectangle:
        """Where rows x cols of a tensor lie. Raises ShadowMemoryError when its storage does not
        hold them or they reach out of its buffer."""
        storage = self._schedule.storages[tensor]
        buffer = self._schedule.buffers[storage.buffer]
        described = self._schedule.graph.tensors[tensor]
        # A storage with one span holds the same columns in every stripe.
        held = storage.cols[stripe] if len(storage.cols) > 1 else storage.cols[0]
        some = cols.start < cols.stop  # a window may lie wholly in padding
        if some and (cols.start < held.start or cols.stop > held.stop):
            raise ShadowMemoryError(
                f"needs columns {cols.start} .. {cols.stop - 1} of {tensor!r}, whose storage holds "
                f"{held.start} .. {held.stop - 1} in stripe {stripe}"
            )
        if rows.stop - rows.start > storage.slots:
            raise ShadowMemoryError(
                f"needs rows {rows.start} .. {rows.stop - 1} of {tensor!r} at once, whose storage "
                f"has {storage.slots} slots"
            )
        slots = np.arange(rows.start, rows.stop) % storage.slots
        offsets = slots * storage.pitch + (cols.start - held.start) * described.shape[2]
        base = self._bases[storage.buffer]
        found = Rectangle(described, rows, cols, base + offsets, storage.pitch)
        if len(offsets) and int(offsets.max()) + found.row_bytes > buffer.bytes:
            raise ShadowMemoryError(
                f"reaches byte {int(offsets.max()) + found.row_bytes - 1} of buffer "
                f"{buffer.name} of {buffer.bytes} bytes for {tensor!r}"
            )
        return found

    def read(self, rectangle: Rectangle, wanted: np.ndarray | None = None) -> np.ndarray:
        """int8 (rows, columns, channels). `wanted`, bool (rows, columns), marks the pixels that
        matter (all if None). Raises ShadowMemoryError for one that is not there."""
        wrong = self._gather(self._shadow, rectangle) != self._numbers(rectangle)
        if wrong.any():
            wrong = wrong.reshape(rectangle.shape)
            if wanted is not None:
                wrong &= wanted[:, :, None]
            if wrong.any():
                self._report(rectangle, *np.argwhere(wrong)[0].tolist())
        return self._gather(self._values, rectangle).reshape(rectangle.shape)

    def write(self, rectangle: Rectangle, values: np.ndarray) -> None:
        """Write int8 (rows, columns, channels) and the elements' numbers beside them."""
        flat, numbers = values.reshape(len(rectangle.addresses), -1), self._numbers(rectangle)
        for run in _runs(rectangle):
            _view(self._values, rectangle, run)[:] = flat[run]
            _view(self._shadow, rectangle, run)[:] = numbers[run]

    def describe(self, address: int) -> str:
        """What the byte at `address` holds, for people."""
        number = int(self._shadow[address])
        if number == POISON:
            return "nothing: it was never written"
        index = bisect_right(self._firsts, number) - 1
        tensor = self._schedule.graph.tensors[self._names[index]]
        row, col, channel = np.unravel_index(number - self._firsts[index], tensor.shape)
        return f"row {row}, column {col}, channel {channel} of {tensor.name!r}"

    def _gather(self, memory: np.ndarray, rectangle: Rectangle) -> np.ndarray:
        """(rows, row bytes): a view, or a copy where the ring wraps."""
        views = [_view(memory, rectangle, run) for run in _runs(rectangle)]
        if len(views) == 1:
            return views[0]
        return np.concatenate(views) if views else memory[:0].reshape(0, rectangle.row_bytes)

    def _numbers(self, rectangle: Rectangle) -> np.ndarray:
        """int64 (rows, row bytes): the numbers of the rectangle's elements."""
        _, width, channels = rectangle.tensor.shape
        first = self._number[rectangle.tensor.name] + rectangle.cols.start * channels
        rows = np.arange(rectangle.rows.start, rectangle.rows.stop) * (width * channels)
        numbers: np.ndarray = (first + rows)[:, None] + np.arange(rectangle.row_bytes)
        return numbers

    def _report(self, rectangle: Rectangle, row: int, col: int, channel: int) -> None:
        address = int(rectangle.addresses[row]) + col * rectangle.shape[2] + channel
        raise ShadowMemoryError(
            f"reads row {rectangle.rows.start + row}, column {rectangle.cols.start + col}, "
            f"channel {channel} of {rectangle.tensor.name!r} at byte {address}, which holds "
            f"{self.describe(address)}"
        )


def _runs(rectangle: Rectangle) -> list[slice]:
    """The rectangle's rows (counted from its first), split where the ring wraps."""
    addresses = rectangle.addresses
    if not len(addresses):
        return []
    wraps = np.flatnonzero(np.diff(addresses) != rectangle.pitch) + 1
    bounds = [0, *wraps.tolist(), len(addresses)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def _view(memory: np.ndarray, rectangle: Rectangle, run: slice) -> np.ndarray:
    """(rows of the run, row bytes) of `memory`, without a copy. `locate` checked the bounds."""
    start = int(rectangle.addresses[run.start])
    return np.lib.stride_tricks.as_strided(
        memory[start:],
        (run.stop - run.start, rectangle.row_bytes),
        (rectangle.pitch * memory.itemsize, memory.itemsize),
    )


def clobbered(
    written: Rectangle, written_at: np.ndarray, read: Rectangle, read_at: np.ndarray
) -> tuple[int, int, int] | None:
    """The first element (row, column, channel) of `read` whose byte is overwritten before its
    last read, if there is one.

    `written_at` and `read_at` are int64 (rows, columns, channels): the moment each byte is written
    and last read (-1: never).
    """
    to, source = written.byte_addresses().ravel(), read.byte_addresses()
    low, high = int(to.min()), int(to.max()) + 1
    never = np.iinfo(np.int64).max
    first_write = np.full(high - low, never)
    first_write[to[::-1] - low] = written_at.ravel()[::-1]  # the earliest of several wins
    inside = (source >= low) & (source < high)
    moments = np.where(inside, first_write[np.clip(source - low, 0, high - low - 1)], never)
    late = np.argwhere(moments < read_at)
    return (int(late[0][0]), int(late[0][1]), int(late[0][2])) if len(late) else None
