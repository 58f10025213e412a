"""Rectangles of tensors and of sums, and the bytes where they lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from patchc.geometry.span import Span
from patchc.ir import Tensor
from patchc.schedule.scratch import SUM_BYTES

NOWHERE = range(0)


@dataclass(frozen=True, slots=True, eq=False)
class Rectangle:
    """Some rows, columns and channels of a tensor, and where they lie."""

    tensor: Tensor
    rows: Span
    cols: Span
    channels: Span
    base: int  # address of the first byte that a row in slot 0 would have
    slots: int  # of the ring
    pitch: int  # bytes from one slot to the next
    depth: int  # bytes from one column to the next
    origin: int = 0  # row r is in slot (r - origin) % slots

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, channels."""
        rows, cols, channels = self.rows, self.cols, self.channels
        return (
            rows.stop - rows.start,
            cols.stop - cols.start,
            channels.stop - channels.start,
        )

    @property
    def runs(self) -> tuple[tuple[int, slice], ...]:
        """(address, rows counted from the first) of those that lie one below the other: there are
        two such runs where the ring wraps."""
        count = self.rows.stop - self.rows.start
        if not all(self.shape):
            return ()
        slot = (self.rows.start - self.origin) % self.slots
        address = self.base + slot * self.pitch
        until = self.slots - slot
        if count <= until:
            return ((address, slice(0, count)),)
        return (address, slice(0, until)), (self.base, slice(until, count))

    @property
    def extent(self) -> range:
        """Addresses from the lowest byte to the highest."""
        _, cols, channels = self.shape
        row_bytes = (cols - 1) * self.depth + channels
        ends = [
            (address, address + (run.stop - run.start - 1) * self.pitch + row_bytes)
            for address, run in self.runs
        ]
        return (
            range(min(low for low, _ in ends), max(high for _, high in ends)) if ends else NOWHERE
        )

    def address(self, row: int, col: int, channel: int) -> int:
        """Of an element, counted from the rectangle's corner."""
        slot = (self.rows.start - self.origin + row) % self.slots
        return self.base + slot * self.pitch + col * self.depth + channel

    def byte_addresses(self) -> np.ndarray:
        """int64 (rows, columns, channels)."""
        _, cols, channels = self.shape
        slots = (np.arange(self.rows.start, self.rows.stop) - self.origin) % self.slots
        within = np.arange(cols)[:, None] * self.depth + np.arange(channels)
        return (self.base + slots * self.pitch)[:, None, None] + within


@dataclass(frozen=True, slots=True, eq=False)
class SumsRectangle:
    """The int32 sums of some rows and columns of a tensor, all channels, and where they lie."""

    tensor: Tensor
    rows: Span
    cols: Span
    address: int  # of the first byte
    pitch: int  # bytes from one row to the next

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, channels."""
        return length(self.rows), length(self.cols), self.tensor.shape[2]

    @property
    def row_bytes(self) -> int:
        _, cols, channels = self.shape
        return cols * channels * SUM_BYTES

    @property
    def extent(self) -> range:
        """Addresses from the lowest byte to the highest."""
        rows = self.shape[0]
        return range(self.address, self.address + (rows - 1) * self.pitch + self.row_bytes)


def length(span: Span) -> int:
    """Positions in a span."""
    return span.stop - span.start


def overlap(one: range, two: range) -> bool:
    """Whether two ranges of addresses share a byte."""
    return bool(one) and bool(two) and one.start < two.stop and two.start < one.stop


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
