"""A Schedule run byte by byte over one array with shadow memory: what the emitted C will do.

Each call of each step finds its operands through the storages (slots, pitch, columns of the
stripe), and every byte it reads must hold exactly the tensor element that the operator needs there.
Nothing about a plan is taken on trust: halos, ring sizes, lifetimes and offsets are right if and
only if no read finds anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from patchc.ir import Conv, Op
from patchc.memory.placement import Placement
from patchc.reference.geometry import Axis, Reach, axes, padding, reach
from patchc.reference.graph import checked_inputs
from patchc.reference.operators import Kernel, Patch, kernel, reading_window
from patchc.reference.shadow import Memory, Rectangle, ShadowMemoryError, clobbered
from patchc.targets.kernels import KERNELS, Order
from patchc.tunnels.schedule import BufferKind, Schedule, Span, Step

LOAD = "load"  # the step that fetches rows of a graph input


@dataclass(frozen=True, slots=True)
class ScheduleStats:
    """What a run did, counted while it ran."""

    calls: int  # of kernels and loads
    macs: int  # of convolution and dense, padded taps included
    input_bytes_read: int  # fetched by loads


@dataclass(frozen=True, slots=True)
class Execution:
    """The outputs of a run, int8 (h, w, c) by tensor name, and its statistics."""

    outputs: Mapping[str, np.ndarray]
    stats: ScheduleStats


def run_schedule(
    schedule: Schedule, placement: Placement, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The graph outputs, int8 (h, w, c) by tensor name, from graph inputs of the same form.

    Raises ShadowMemoryError when the schedule or the placement is wrong, PatchcError for inputs
    that the graph does not take.
    """
    return dict(execute(schedule, placement, inputs).outputs)


def execute(
    schedule: Schedule, placement: Placement, inputs: Mapping[str, np.ndarray]
) -> Execution:
    """As `run_schedule`, with statistics."""
    machine = _Machine(schedule, placement, checked_inputs(schedule.graph, inputs))
    machine.place_inputs()
    for call in _calls(schedule):
        try:
            machine.perform(call)
        except ShadowMemoryError as error:
            raise ShadowMemoryError(f"{call.describe()}: {error}") from None
    return Execution(machine.outputs(), machine.stats())


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of one step: where the loops stand, and the rectangle to produce."""

    block: int  # its index
    block_name: str
    stripe: int
    tick: int
    step: Step
    rows: Span
    cols: Span

    def describe(self) -> str:
        return (
            f"step {self.step.name!r} (block {self.block_name}, stripe {self.stripe}, tick "
            f"{self.tick}, rows {self.rows.start} .. {self.rows.stop - 1}, columns "
            f"{self.cols.start} .. {self.cols.stop - 1})"
        )


def _calls(schedule: Schedule) -> Iterator[_Call]:
    """The flat program, unrolled; a stripe that asks for no columns of a tensor skips its step."""
    for index, block in enumerate(schedule.blocks):
        for stripe in range(block.stripes):
            for tick in range(block.ticks):
                for step in block.steps:
                    cols = step.cols[stripe]
                    if cols.start == cols.stop:
                        continue
                    first, stop = step.rows.at(tick - 1), step.rows.at(tick)
                    for row in range(first, stop, step.rows_per_call):
                        rows = Span(row, min(row + step.rows_per_call, stop))
                        yield _Call(index, block.name, stripe, tick, step, rows, cols)


@dataclass(frozen=True, slots=True, eq=False)
class _Operand:
    """What a call reads of one operand."""

    rectangle: Rectangle
    rows: Reach
    cols: Reach


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """What all calls of one step share."""

    run: Kernel
    axes: tuple[tuple[Axis, Axis], ...]  # per operand: along rows, along columns
    order: Order
    macs_per_element: int


class _Machine:
    """Memory, inputs and counters of one run."""

    def __init__(
        self, schedule: Schedule, placement: Placement, inputs: Mapping[str, np.ndarray]
    ) -> None:
        self._schedule = schedule
        self._inputs = inputs
        self._memory = Memory(schedule, placement)
        self._prepared: dict[str, _Prepared] = {}
        self._calls = self._macs = self._loaded = 0

    def place_inputs(self) -> None:
        """Put the images that no step loads where the caller would have put them."""
        loaded = {
            step.writes
            for block in self._schedule.blocks
            for step in block.steps
            if step.kernel == LOAD
        }
        for name, values in self._inputs.items():
            if name not in loaded:
                self._memory.write(self._whole(name), values)

    def perform(self, call: _Call) -> None:
        """One call. Raises ShadowMemoryError."""
        step = call.step
        target = self._memory.locate(step.writes, call.rows, call.cols, call.stripe)
        self._check_lifetimes(call)
        self._calls += 1
        if step.kernel == LOAD:
            window = slice(call.rows.start, call.rows.stop), slice(call.cols.start, call.cols.stop)
            self._memory.write(target, self._inputs[step.writes][window])
            self._loaded += len(target.addresses) * target.row_bytes
            return
        prepared = self._prepare(step)
        operands = [
            self._operand(call, name, *pair)
            for name, pair in zip(step.reads, prepared.axes, strict=True)
        ]
        patches = [self._patch(operand) for operand in operands]
        for operand in operands:
            _check_order(prepared.order, target, operand)
        self._memory.write(target, prepared.run(*patches))
        self._macs += len(target.addresses) * target.row_bytes * prepared.macs_per_element

    def outputs(self) -> dict[str, np.ndarray]:
        """The graph outputs. Raises ShadowMemoryError when one is not there in full."""
        found = {}
        for name in self._schedule.graph.outputs:
            try:
                found[name] = np.array(self._memory.read(self._whole(name)))
            except ShadowMemoryError as error:
                raise ShadowMemoryError(f"output {name!r}, after the last step: {error}") from None
        return found

    def stats(self) -> ScheduleStats:
        return ScheduleStats(self._calls, self._macs, self._loaded)

    def _whole(self, name: str) -> Rectangle:
        height, width, _ = self._schedule.graph.tensors[name].shape
        return self._memory.locate(name, Span(0, height), Span(0, width), 0)

    def _prepare(self, step: Step) -> _Prepared:
        if step.name not in self._prepared:
            graph = self._schedule.graph
            assert step.node is not None, f"{step.name}: only a load has no node"
            op = graph.node(step.node).op
            tensors = [graph.tensors[name] for name in step.reads]
            window = reading_window(op, tensors)
            self._prepared[step.name] = _Prepared(
                run=kernel(op, tensors, graph.tensors[step.writes]),
                axes=tuple(axes(window, *tensor.shape[:2]) for tensor in tensors),
                order=KERNELS[step.kernel].order,
                macs_per_element=_macs_per_element(op),
            )
        return self._prepared[step.name]

    def _operand(self, call: _Call, name: str, rows: Axis, cols: Axis) -> _Operand:
        row_reach = reach(rows, call.rows.start, call.rows.stop)
        col_reach = reach(cols, call.cols.start, call.cols.stop)
        rectangle = self._memory.locate(
            name,
            Span(row_reach.start, row_reach.stop),
            Span(col_reach.start, col_reach.stop),
            call.stripe,
        )
        return _Operand(rectangle, row_reach, col_reach)

    def _patch(self, operand: _Operand) -> Patch:
        read_rows, read_cols = operand.rows.last_reader >= 0, operand.cols.last_reader >= 0
        wanted = None
        if not (read_rows.all() and read_cols.all()):
            wanted = read_rows[:, None] & read_cols
        values = self._memory.read(operand.rectangle, wanted)
        return Patch(values, padding(operand.rows, operand.cols))

    def _check_lifetimes(self, call: _Call) -> None:
        """Placement lets other buffers have a buffer's bytes outside first .. last."""
        for name in (*call.step.reads, call.step.writes):
            buffer = self._schedule.buffers[self._schedule.storages[name].buffer]
            if not buffer.first <= call.block <= buffer.last:
                raise ShadowMemoryError(
                    f"touches {name!r} in block {call.block}, but buffer {buffer.name} lives in "
                    f"blocks {buffer.first} .. {buffer.last}"
                )
        target = self._schedule.buffers[self._schedule.storages[call.step.writes].buffer]
        if target.kind is BufferKind.EXTERN and _holds_input(self._schedule, target.name):
            raise ShadowMemoryError(f"writes {call.step.writes!r} over the caller's image")


def _holds_input(schedule: Schedule, buffer: str) -> bool:
    return any(schedule.storages[name].buffer == buffer for name in schedule.graph.inputs)


def _macs_per_element(op: Op) -> int:
    return int(np.prod(op.weights.shape[1:])) if isinstance(op, Conv) else 0


def _check_order(order: Order, target: Rectangle, operand: _Operand) -> None:
    """Raises ShadowMemoryError when the call overwrites what it has still to read.

    Moments count twice per element or pixel, so that a read and a write of the same one have an
    order: an ELEMENT kernel reads first; a PIXEL kernel may read again after its first write.
    """
    source = operand.rectangle
    if not target.overlaps(source):
        return
    if order is Order.ELEMENT:
        element = np.arange(int(np.prod(target.shape))).reshape(target.shape)
        written_at, read_at = 2 * element + 1, 2 * element
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
            f"{source.cols.start + col}, channel {channel} of {source.tensor.name!r} before it "
            "has read it"
        )
