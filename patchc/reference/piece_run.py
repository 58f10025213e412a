"""The calls of one piece, over shadow memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from patchc.geometry.span import Span
from patchc.ir import Conv, GlobalAveragePool, MatMul, Op
from patchc.kernels.kernel import Order
from patchc.reference.at_once import NotAtOnceError, check_room, check_room_for_sums
from patchc.reference.counts import Fetches, MeanPixels
from patchc.reference.geometry import Reach, padding
from patchc.reference.operators import Patch, kernel
from patchc.reference.partial import (
    add_mean,
    add_pointwise,
    channels_read,
    finish_mean,
    finish_pointwise,
    some_outputs,
)
from patchc.reference.program import Piece, PreparedCall, Region, adds_mean, regions
from patchc.reference.rectangles import Rectangle, SumsRectangle, clobbered, overlap
from patchc.reference.shadow import Memory, ShadowMemoryError
from patchc.schedule.types import (
    Accumulate,
    Compute,
    Finish,
    KernelCall,
    Load,
    Move,
    Schedule,
    Store,
)

T = TypeVar("T")


@dataclass(slots=True)
class Workspace:
    """What all pieces of a run share."""

    schedule: Schedule
    memory: Memory
    inputs: Mapping[str, np.ndarray]  # int8 (h, w, c)
    fetches: Mapping[str, Fetches]  # per graph input, and per output that is handed over
    handed: Mapping[str, np.ndarray]  # what the caller has got of these outputs, int8 (h, w, c)
    means: dict[str, MeanPixels] = field(default_factory=dict)  # by the mean's tensor
    macs: int = 0
    _prepared: dict[Hashable, object] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` makes, made when it is first asked for."""
        if key not in self._prepared:
            self._prepared[key] = make()
        return self._prepared[key]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, eq=False)
class _Operand:
    """What a call reads of one operand in memory."""

    rectangle: Rectangle
    rows: Reach
    cols: Reach


class PieceRun:
    """One piece. `inner`: tensors of the step that are kept beside the memory, together with the
    sums of the piece, because it runs at once (at_once.py says when that changes nothing)."""

    def __init__(
        self,
        work: Workspace,
        piece: Piece,
        calls: tuple[PreparedCall, ...],
        inner: frozenset[str] | None = None,
    ) -> None:
        self._work, self._piece, self._calls = work, piece, calls
        self._graph, self._memory = work.schedule.graph, work.memory
        self._at_once = inner is not None
        self._inner = inner or frozenset()
        self._kept: dict[str, tuple[Region, np.ndarray]] = {}
        self._kept_sums: dict[str, np.ndarray] = {}
        self._read: list[Rectangle] = []
        self._where = piece.describe()

    def run(self, groups: Sequence[Span | None]) -> None:
        """Every call, for every group of channels. Raises ShadowMemoryError, which says where;
        NotAtOnceError before anything is written."""
        count = len(self._piece.step.calls)
        try:
            found = regions(self._calls, self._piece)
            work = list(zip(self._calls, found, strict=True))
            self._zero_sums(work)
            for channels in groups:
                for item, region in work[:count]:
                    self._perform(item, region, channels)
            for item, region in work[count:]:
                self._perform(item, region, None)
        except ShadowMemoryError as error:
            raise ShadowMemoryError(f"{self._where}: {error}") from None

    def _perform(self, item: PreparedCall, region: Region, channels: Span | None) -> None:
        call = item.call
        if len(self._calls) > 1 and isinstance(call, KernelCall):
            self._where = f"{self._piece.describe()}, {call.kernel.name} of {call.node!r}"
            if channels is not None:
                self._where += f", channels {channels.start} .. {channels.stop - 1}"
        if isinstance(call, KernelCall) and call.scratch is not None:
            self._memory.poison(self._memory.scratch_extent(call.scratch))
        match call:
            case Load():
                self._load(call, region)
            case Store():
                self._store(call, region)
            case Move():
                self._memory.move(call.tensor, self._piece.tick)
            case Accumulate() if adds_mean(self._graph, call):
                self._add_mean(item, call, region)
            case Accumulate():
                self._add_pointwise(item, call, region, channels)
            case Finish():
                self._finish(item, call, region)
            case Compute():
                self._compute(item, call, region, channels)

    # -- calls -------------------------------------------------------------------------------

    def _load(self, call: Load, region: Region) -> None:
        name, rows, cols = call.tensor, region.rows, region.cols
        target = self._locate(name, rows, cols)
        image = self._work.inputs[call.image][call.row :, call.col :]
        self._memory.write(target, image[rows.start : rows.stop, cols.start : cols.stop])
        fetched = [
            Span(span.start + shift, span.stop + shift)
            for span, shift in ((rows, call.row), (cols, call.col))
        ]
        self._work.fetches[call.image].add(*fetched)

    def _store(self, call: Store, region: Region) -> None:
        name, rows, cols = call.tensor, region.rows, region.cols
        source = self._locate(name, rows, cols)
        window = slice(rows.start, rows.stop), slice(cols.start, cols.stop)
        self._work.handed[name][window] = self._memory.read(source)
        self._work.fetches[name].add(rows, cols)
        if self._work.fetches[name].reread:
            raise ShadowMemoryError(f"hands over pixels of {name!r} a second time")

    def _compute(
        self, item: PreparedCall, call: Compute, region: Region, channels: Span | None
    ) -> None:
        op = _operator(item)
        if region.empty:  # all that the piece sees of it is padding
            if call.tensor in self._inner:
                self._kept[call.tensor] = region, np.empty((0, 0, 0), dtype=np.int8)
            return
        patches, operands = self._operands(item, region, channels and channels_read(op, channels))

        def make() -> Callable[..., np.ndarray]:
            part = op if channels is None else some_outputs(op, channels)
            tensors = [self._graph.tensors[name] for name in call.reads]
            return kernel(part, tensors, self._graph.tensors[call.tensor])

        values = self._work.once((call.node, call.kernel, channels), make)(*patches)
        depth = self._graph.tensors[call.reads[0]].shape[2]
        self._work.macs += values.size * _macs_per_element(op, depth)
        self._write(call.tensor, region, channels, values, operands, call.kernel.order)

    def _add_pointwise(
        self, item: PreparedCall, call: Accumulate, region: Region, channels: Span | None
    ) -> None:
        op = _operator(item)
        assert isinstance(op, Conv)
        channels = channels or Span(0, op.channels_in)
        (patch,), operands = self._operands(item, region, channels)
        source = self._graph.tensors[call.reads[0]]
        added = self._work.once(
            (call.node, call.kernel, channels), lambda: add_pointwise(op, source, channels)
        )(patch.values)
        self._work.macs += added.size * (channels.stop - channels.start)
        if self._at_once:
            check_room_for_sums(self._work.schedule, self._piece, call.tensor, region)
            self._kept_sums[call.tensor] = added
            return
        target = self._memory.locate_sums(call.tensor, region.rows, region.cols)
        sums = self._memory.read_sums(target, channels.start)
        _check_apart(target, operands)
        self._memory.write_sums(target, sums + added, channels.stop)

    def _add_mean(self, item: PreparedCall, call: Accumulate, region: Region) -> None:
        (patch,), operands = self._operands(item, region, None)
        pixels = self._work.means[call.tensor]
        target = self._memory.locate_sums(call.tensor, Span(0, 1), Span(0, 1))
        sums = self._memory.read_sums(target, pixels.done)
        _check_apart(target, operands)
        pixels.add(region.rows, region.cols)
        self._memory.write_sums(target, sums + add_mean(patch.values), pixels.done)

    def _finish(self, item: PreparedCall, call: Finish, region: Region) -> None:
        op, name = _operator(item), call.tensor
        x, y = self._graph.tensors[self._graph.node(call.node).inputs[0]], self._graph.tensors[name]
        if isinstance(op, GlobalAveragePool):
            self._work.means[name].check_complete()
        operands: list[SumsRectangle] = []
        if name in self._kept_sums:
            sums = self._kept_sums[name]
        else:
            operands.append(self._memory.locate_sums(name, region.rows, region.cols))
            sums = self._memory.read_sums(operands[0], self._memory.numbers.parts(name))

        def make() -> Callable[[np.ndarray], np.ndarray]:
            if isinstance(op, GlobalAveragePool):
                return finish_mean(op, x, y)
            assert isinstance(op, Conv)
            return finish_pointwise(op, x, y)

        values = self._work.once((call.node, call.kernel), make)(sums)
        self._write(call.tensor, region, None, values, operands, None)

    # -- operands and results ----------------------------------------------------------------

    def _operands(
        self, item: PreparedCall, region: Region, channels: Span | None
    ) -> tuple[list[Patch], list[_Operand]]:
        """The patches that a call works on, and those of them that lie in memory."""
        patches: list[Patch] = []
        operands: list[_Operand] = []
        for name, (rows, cols) in zip(item.call.reads, region.reads, strict=True):
            if name in self._kept:
                values = self._part(name, rows, cols)
            else:
                rectangle = self._locate(
                    name, Span(rows.start, rows.stop), Span(cols.start, cols.stop), channels
                )
                if item.in_order and len(rectangle.runs) > 1:
                    raise ShadowMemoryError(f"reads rows of {name!r} in order, and the ring wraps")
                values = self._memory.read(rectangle, _wanted(rows, cols))
                operands.append(_Operand(rectangle, rows, cols))
                self._read.append(rectangle)
            patches.append(Patch(values, padding(rows, cols)))
        return patches, operands

    def _locate(self, name: str, rows: Span, cols: Span, channels: Span | None = None) -> Rectangle:
        """Where a rectangle of a tensor lies in this piece's stripe and tick."""
        piece = self._piece
        return self._memory.locate(name, rows, cols, piece.stripe, channels, piece.tick)

    def _part(self, name: str, rows: Reach, cols: Reach) -> np.ndarray:
        """The rectangle that a call reads of a tensor kept beside the memory."""
        made, values = self._kept[name]
        top, left = rows.start - made.rows.start, cols.start - made.cols.start
        height, width = rows.stop - rows.start, cols.stop - cols.start
        if not (height and width):
            return np.empty((height, width, self._graph.tensors[name].shape[2]), dtype=np.int8)
        return values[top : top + height, left : left + width]

    def _write(
        self,
        name: str,
        region: Region,
        channels: Span | None,
        values: np.ndarray,
        operands: Sequence[_Operand | SumsRectangle],
        order: Order | None,
    ) -> None:
        """The result of a call that reads its operands in `order` (None: no byte may be shared)."""
        if name in self._inner:
            check_room(self._work.schedule, self._piece, name, region)
            self._kept[name] = region, values
            return
        target = self._locate(name, region.rows, region.cols, channels)
        if self._at_once and any(overlap(target.extent, other.extent) for other in self._read):
            raise NotAtOnceError
        for operand in operands:
            if isinstance(operand, _Operand) and order is not None:
                _check_order(order, target, operand)
            elif isinstance(operand, SumsRectangle) and overlap(target.extent, operand.extent):
                raise ShadowMemoryError(f"writes {name!r} over the sums that it reads")
        self._memory.write(target, values)

    def _zero_sums(self, work: Iterable[tuple[PreparedCall, Region]]) -> None:
        """Sums of one piece start at 0."""
        for item, region in work:
            name = item.call.tensor
            if not isinstance(item.call, Accumulate) or self._at_once:
                continue
            if self._work.schedule.sums[name].per_piece:
                rows, cols = region.rows, region.cols
                if adds_mean(self._graph, item.call):
                    rows = cols = Span(0, 1)
                target = self._memory.locate_sums(name, rows, cols)
                self._memory.write_sums(target, np.zeros(target.shape, dtype=np.int32), 0)


def _operator(item: PreparedCall) -> Op:
    assert item.op is not None, "only a load or a store has no node"
    return item.op


def _macs_per_element(op: Op, depth: int) -> int:
    """`depth`: channels of the first operand."""
    if isinstance(op, MatMul):
        return depth
    return int(np.prod(op.weights.shape[1:])) if isinstance(op, Conv) else 0


def _wanted(rows: Reach, cols: Reach) -> np.ndarray | None:
    """bool (rows, columns): the pixels that some tap reads; None: all of them."""
    read_rows, read_cols = rows.last_reader >= 0, cols.last_reader >= 0
    if read_rows.all() and read_cols.all():
        return None
    wanted: np.ndarray = read_rows[:, None] & read_cols
    return wanted


def _check_apart(target: SumsRectangle, operands: Sequence[_Operand]) -> None:
    """Raises ShadowMemoryError when sums lie over what is added to them."""
    for operand in operands:
        if overlap(target.extent, operand.rectangle.extent):
            raise ShadowMemoryError(
                f"adds to the sums of {target.tensor.name!r} over bytes of "
                f"{operand.rectangle.tensor.name!r} that it reads"
            )


def _check_order(order: Order, target: Rectangle, operand: _Operand) -> None:
    """Raises ShadowMemoryError when the call overwrites what it has still to read.

    Moments count twice per element or pixel, so that a read and a write of the same one have an
    order: an ELEMENT kernel reads first; a PIXEL kernel may read again after its first write. A
    CALL kernel writes at once, and then reads everything.
    """
    source = operand.rectangle
    if not overlap(target.extent, source.extent):
        return
    if order is Order.ELEMENT:
        element = np.arange(int(np.prod(target.shape))).reshape(target.shape)
        # A value that is broadcast is read until the last element that it meets.
        sizes = zip(source.shape, target.shape, strict=True)
        met = tuple(axis for axis, (own, whole) in enumerate(sizes) if own != whole)
        written_at, read_at = 2 * element + 1, 2 * element.max(axis=met, keepdims=True)
    elif order is Order.CALL:
        written_at, read_at = np.zeros(target.shape, int), np.ones(source.shape, int)
    else:
        rows, cols, channels = target.shape
        pixel = np.arange(rows * cols).reshape(rows, cols, 1)
        written_at = np.repeat(2 * pixel, channels, axis=2)
        last_row, last_col = operand.rows.last_reader[:, None], operand.cols.last_reader
        last_pixel = np.where((last_row < 0) | (last_col < 0), -1, last_row * cols + last_col)
        read_at = np.repeat(2 * last_pixel[:, :, None] + 1, source.shape[2], axis=2)
    lost = clobbered(target, written_at, source, read_at)
    if lost is not None:
        row, col, channel = lost
        raise ShadowMemoryError(
            f"writes {target.tensor.name!r} over row {source.rows.start + row}, column "
            f"{source.cols.start + col}, channel {source.channels.start + channel} of "
            f"{source.tensor.name!r} before it has read it"
        )
