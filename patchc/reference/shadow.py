"""Shadow memory: bytes that know what they hold.

Beside each byte of memory lies the number (identities.py) of what was last written there; a read
says what it expects and fails where it finds another.
"""

from __future__ import annotations

import numpy as np

from patchc.geometry.span import Span
from patchc.memory.placement import Placement
from patchc.reference.identities import POISON, Numbers
from patchc.reference.rectangles import Rectangle, SumsRectangle, length
from patchc.schedule.scratch import SCRATCH_ALIGN, SUM_BYTES
from patchc.schedule.types import BufferKind, Schedule, Scratch, Sums


class ShadowMemoryError(Exception):
    """A schedule reads a byte that does not hold what it expects, or leaves its buffers: a bug of
    the lowering or of the placement, never of the user's file."""


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
        self.numbers = Numbers(schedule.graph, tuple(schedule.sums))

    # -- elements ----------------------------------------------------------------------------

    def locate(
        self,
        tensor: str,
        rows: Span,
        cols: Span,
        stripe: int,
        channels: Span | None = None,
        tick: int = 0,
    ) -> Rectangle:
        """Where a rectangle of a tensor lies, all its channels if None. Raises ShadowMemoryError
        when the tensor's storage does not hold it or it reaches out of its buffer."""
        storage = self._schedule.storages[tensor]
        described = self._schedule.graph.tensors[tensor]
        channels = channels or Span(0, described.shape[2])
        # A storage with one span holds the same columns in every stripe.
        held = storage.cols[stripe] if len(storage.cols) > 1 else storage.cols[0]
        some = cols.start < cols.stop  # a window may lie wholly in padding
        if some and (cols.start < held.start or cols.stop > held.stop):
            raise ShadowMemoryError(
                f"needs columns {cols.start} .. {cols.stop - 1} of {tensor!r}, whose storage holds "
                f"{held.start} .. {held.stop - 1} in stripe {stripe}"
            )
        if length(rows) > storage.slots:
            raise ShadowMemoryError(
                f"needs rows {rows.start} .. {rows.stop - 1} of {tensor!r} at once, whose storage "
                f"has {storage.slots} slots"
            )
        col = (cols.start - held.start) % storage.tile if some else 0
        if some and col + length(cols) > storage.tile:
            raise ShadowMemoryError(
                f"needs columns {cols.start} .. {cols.stop - 1} of {tensor!r} side by side, whose "
                f"storage has room for {storage.tile} columns, the first at {held.start}"
            )
        channel = channels.start % storage.depth
        if channel + length(channels) > storage.depth:
            raise ShadowMemoryError(
                f"needs channels {channels.start} .. {channels.stop - 1} of {tensor!r} side by "
                f"side, whose storage has room for {storage.depth} channels"
            )
        base = self._bases[storage.buffer] + storage.offset + col * storage.depth + channel
        origin = 0
        if storage.slide is not None:
            origin = storage.slide.origin(tick, storage.slots)
            if rows.start < origin or rows.stop > origin + storage.slots:
                raise ShadowMemoryError(
                    f"needs rows {rows.start} .. {rows.stop - 1} of {tensor!r}, whose storage "
                    f"holds {origin} .. {origin + storage.slots - 1} in tick {tick}"
                )
        found = Rectangle(
            described,
            rows,
            cols,
            channels,
            base,
            storage.slots,
            storage.pitch,
            storage.depth,
            origin,
        )
        self._check_inside(storage.buffer, found.extent, tensor)
        return found

    def move(self, tensor: str, tick: int) -> None:
        """Move the rows of a ring that slides to where they lie during a tick, as many as are there
        afterwards; what they leave holds nothing any more."""
        storage = self._schedule.storages[tensor]
        assert storage.slide is not None
        before = storage.slide.origin(tick - 1, storage.slots)
        by = storage.slide.origin(tick, storage.slots) - before
        extent = self.storage_extent(tensor)
        if extent is None:
            raise ShadowMemoryError(f"moves {tensor!r}, whose storage leaves its buffer")
        kept = max(storage.slots - abs(by), 0) * storage.pitch
        source = extent.start + max(by, 0) * storage.pitch
        target = extent.start + max(-by, 0) * storage.pitch
        for memory, nothing in ((self._values, 0), (self._shadow, POISON)):
            rows = memory[source : source + kept].copy()
            memory[extent.start : extent.stop] = nothing
            memory[target : target + kept] = rows

    def storage_extent(self, tensor: str) -> range | None:
        """The bytes of a tensor's storage; None if it leaves its buffer or its rows overlap."""
        storage = self._schedule.storages[tensor]
        row = storage.tile * storage.depth
        stop = storage.offset + (storage.slots - 1) * storage.pitch + row
        if row > storage.pitch or stop > self._schedule.buffers[storage.buffer].bytes:
            return None
        base = self._bases[storage.buffer]
        return range(base + storage.offset, base + stop)

    def read(self, rectangle: Rectangle, wanted: np.ndarray | None = None) -> np.ndarray:
        """int8 (rows, columns, channels). `wanted`, bool (rows, columns), marks the pixels that
        matter (all if None). Raises ShadowMemoryError for one that is not there."""
        wrong = self._gather(self._shadow, rectangle) != self.numbers.elements(rectangle)
        if wrong.any():
            if wanted is not None:
                wrong &= wanted[:, :, None]
            if wrong.any():
                self._report(rectangle, *np.argwhere(wrong)[0].tolist())
        return self._gather(self._values, rectangle)

    def write(self, rectangle: Rectangle, values: np.ndarray) -> None:
        """Write int8 (rows, columns, channels) and the elements' numbers beside them."""
        numbers = self.numbers.elements(rectangle)
        for address, rows in rectangle.runs:
            _view(self._values, rectangle, address, rows)[:] = values[rows]
            _view(self._shadow, rectangle, address, rows)[:] = numbers[rows]

    # -- sums --------------------------------------------------------------------------------

    def locate_sums(self, tensor: str, rows: Span, cols: Span) -> SumsRectangle:
        """Where the sums of a piece lie: its first pixel first. Raises ShadowMemoryError when
        there is no room for them."""
        sums = self._schedule.sums[tensor]
        described = self._schedule.graph.tensors[tensor]
        found = SumsRectangle(described, rows, cols, *self._sums_place(sums))
        if (
            length(rows) > sums.rows
            or length(cols) > sums.cols
            or described.shape[2] != sums.channels
        ):
            raise ShadowMemoryError(
                f"needs {' x '.join(map(str, found.shape))} sums of {tensor!r}, which has room "
                f"for {sums.rows} x {sums.cols} x {sums.channels}"
            )
        if found.address % SUM_BYTES:
            raise ShadowMemoryError(
                f"the sums of {tensor!r} lie at byte {found.address}, not a multiple of {SUM_BYTES}"
            )
        self._check_inside(sums.buffer, found.extent, f"the sums of {tensor}")
        return found

    def sums_extent(self, tensor: str) -> range | None:
        """The bytes of a tensor's sums; None if they leave their buffer."""
        sums = self._schedule.sums[tensor]
        start, pitch = self._sums_place(sums)
        extent = range(start, start + sums.rows * pitch)
        base = self._bases[sums.buffer]
        return extent if extent.stop <= base + self._schedule.buffers[sums.buffer].bytes else None

    def read_sums(self, rectangle: SumsRectangle, done: int) -> np.ndarray:
        """int32 (rows, columns, channels), known to hold `done` parts. Raises ShadowMemoryError
        for a byte that is not there, or of a sum that holds more parts or fewer."""
        wrong = self._sum_view(self._shadow, rectangle) != self.numbers.sums(rectangle, done)
        if wrong.any():
            row, within = np.argwhere(wrong)[0].tolist()
            address = rectangle.address + row * rectangle.pitch + within
            raise ShadowMemoryError(
                f"reads {self.numbers.describe_sum(rectangle, row, within, done)} at byte "
                f"{address}, which holds {self.describe(address)}"
            )
        found = np.ascontiguousarray(self._sum_view(self._values, rectangle))
        return found.view(np.int32).reshape(rectangle.shape)

    def write_sums(self, rectangle: SumsRectangle, values: np.ndarray, done: int) -> None:
        """Write int32 (rows, columns, channels) that hold `done` parts."""
        as_bytes = np.ascontiguousarray(values, dtype=np.int32).view(np.int8)
        self._sum_view(self._values, rectangle)[:] = as_bytes.reshape(rectangle.shape[0], -1)
        self._sum_view(self._shadow, rectangle)[:] = self.numbers.sums(rectangle, done)

    # -- bytes -------------------------------------------------------------------------------

    def poison(self, extent: range) -> None:
        """Forget what these bytes hold."""
        self._shadow[extent.start : extent.stop] = POISON

    def buffer_extent(self, buffer: str) -> range:
        """The bytes of a buffer."""
        base = self._bases[buffer]
        return range(base, base + self._schedule.buffers[buffer].bytes)

    def scratch_extent(self, scratch: Scratch) -> range:
        """The bytes that a kernel works in. Raises ShadowMemoryError where they leave their buffer
        or are not aligned."""
        base = self._bases[scratch.buffer] + scratch.offset
        found = range(base, base + scratch.bytes)
        self._check_inside(scratch.buffer, found, "what a kernel works in")
        if base % SCRATCH_ALIGN:
            raise ShadowMemoryError(
                f"a kernel works in bytes from {base} on, not a multiple of {SCRATCH_ALIGN}"
            )
        return found

    def describe(self, address: int) -> str:
        """What the byte at `address` holds, for people."""
        return self.numbers.describe(int(self._shadow[address]))

    def _check_inside(self, buffer: str, extent: range, what: str) -> None:
        """Raises ShadowMemoryError when bytes of a buffer reach out of it."""
        base, size = self._bases[buffer], self._schedule.buffers[buffer].bytes
        if extent and extent.stop > base + size:
            raise ShadowMemoryError(
                f"reaches byte {extent.stop - 1 - base} of buffer {buffer} of {size} bytes for "
                f"{what!r}"
            )

    def _sums_place(self, sums: Sums) -> tuple[int, int]:
        """Address of the first byte, bytes from one row to the next."""
        address = self._bases[sums.buffer] + sums.offset
        return address, sums.cols * sums.channels * SUM_BYTES

    def _gather(self, memory: np.ndarray, rectangle: Rectangle) -> np.ndarray:
        """(rows, columns, channels): a view, or a copy where the ring wraps."""
        views = [_view(memory, rectangle, *run) for run in rectangle.runs]
        if len(views) == 1:
            return views[0]
        return np.concatenate(views) if views else memory[:0].reshape(rectangle.shape)

    def _sum_view(self, memory: np.ndarray, rectangle: SumsRectangle) -> np.ndarray:
        """(rows, row bytes) of `memory`, without a copy. `locate_sums` checked the bounds."""
        size = memory.itemsize
        return np.ndarray(
            (rectangle.shape[0], rectangle.row_bytes),
            memory.dtype,
            memory.data,
            rectangle.address * size,
            (rectangle.pitch * size, size),
        )

    def _report(self, rectangle: Rectangle, row: int, col: int, channel: int) -> None:
        address = rectangle.address(row, col, channel)
        raise ShadowMemoryError(
            f"reads row {rectangle.rows.start + row}, column {rectangle.cols.start + col}, "
            f"channel {rectangle.channels.start + channel} of {rectangle.tensor.name!r} at byte "
            f"{address}, which holds {self.describe(address)}"
        )


def _view(memory: np.ndarray, rectangle: Rectangle, address: int, rows: slice) -> np.ndarray:
    """(rows, columns, channels) of `memory` from `address` on, without a copy. `locate` checked
    the bounds."""
    _, cols, channels = rectangle.shape
    size = memory.itemsize
    return np.ndarray(
        (rows.stop - rows.start, cols, channels),
        memory.dtype,
        memory.data,
        address * size,
        (rectangle.pitch * size, rectangle.depth * size, size),
    )
