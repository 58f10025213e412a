"""Lower bounds on the arena: the liveness peak and the element peak."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from patchc.geometry.axis import demand, taps
from patchc.geometry.span import Span
from patchc.ir import GlobalAveragePool, needs_whole
from patchc.ir.graph import Shape
from patchc.kernels.kernel import Order
from patchc.schedule.types import (
    Accumulate,
    Buffer,
    BufferKind,
    Compute,
    Finish,
    Load,
    Move,
    Overlap,
    Schedule,
    Step,
    Store,
    shared_bytes,
)


def arena_buffers(schedule: Schedule) -> tuple[Buffer, ...]:
    """The buffers that lie in the arena."""
    return tuple(b for b in schedule.buffers.values() if b.kind is not BufferKind.EXTERN)


def live_bytes(schedule: Schedule) -> list[int]:
    """Bytes of buffers alive during each block, shared bytes of overlapping maps counted once."""
    found = overlapping_bytes(arena_buffers(schedule), schedule.overlaps)
    return found + [0] * (max(len(schedule.blocks), 1) - len(found))


def overlapping_bytes(buffers: Sequence[Buffer], overlaps: Iterable[Overlap]) -> list[int]:
    """The same for each block in which a buffer is alive, or may be; of several overlaps of a map
    in a block the best one counts."""
    alive = np.zeros(max((b.last for b in buffers), default=-1) + 2, dtype=np.int64)
    for buffer in buffers:
        alive[buffer.first] += buffer.bytes
        alive[buffer.last + 1] -= buffer.bytes
    total = np.cumsum(alive)[:-1]
    size = {buffer.name: buffer.bytes for buffer in buffers}
    best: dict[tuple[int, str], int] = {}
    for overlap in overlaps:
        key = (overlap.block, overlap.source)
        gain = shared_bytes(size[overlap.source], size[overlap.target], overlap.distance)
        best[key] = max(best.get(key, 0), gain)
    for (block, _), gain in best.items():
        total[block] -= gain
    return total.tolist()


def liveness_peak(schedule: Schedule) -> int:
    """The largest sum of live buffer bytes over the blocks: no placement needs less."""
    return max(live_bytes(schedule), default=0)


def element_peak(schedule: Schedule) -> int:
    """The largest number of bytes, over the pieces of the program, that will still be read.

    While a piece is computed its operands and its results are both there, unless the kernel reads
    an element before it writes over it (`Order.ELEMENT`). Outputs are read at the end, or when
    they are handed over. Inner tensors and sums of a step, which live for a moment, are left out.
    This does not depend on how buffers were drawn, so it tells what better buffers could still
    gain.
    """
    graph = schedule.graph
    arena = {buffer.name for buffer in arena_buffers(schedule)}
    pixels = {
        name: _Pixels(graph.tensors[name].shape, in_memory=name in graph.inputs)
        for name, storage in schedule.storages.items()
        if storage.buffer in arena
    }
    clock = 0
    for step, rows, cols in _pieces(schedule):
        # Two moments per piece: operands end at the first, results begin at the second, so that an
        # element-wise step does not count them twice; others hold both at both moments.
        element_wise = all(
            isinstance(call, Compute) and call.kernel.order is Order.ELEMENT
            for call in step.all_calls
        )
        reads_at, writes_at = (clock, clock + 1) if element_wise else (clock + 1, clock)
        for name, window in _reads(schedule, step, rows, cols):
            if name in pixels:
                pixels[name].last_read[window] = reads_at
        makes = not isinstance(step.calls[0], Store | Move) and step.piece == step_output(step)
        if makes and step.piece in pixels:
            pixels[step.piece].write(rows, cols, writes_at)
        clock += 2
    change = np.zeros(clock + 2, dtype=np.int64)
    for name, tensor in pixels.items():
        if name in graph.outputs and name not in schedule.handed:
            tensor.last_read[:] = clock
        tensor.add_lives(change)
    return int(np.cumsum(change).max(initial=0))


def step_output(step: Step) -> str:
    """The tensor that a step's last call writes."""
    return step.all_calls[-1].tensor


def _reads(
    schedule: Schedule, step: Step, rows: Span, cols: Span
) -> Iterator[tuple[str, tuple[slice, slice]]]:
    """What a piece reads of tensors made outside its step: (tensor, pixels)."""
    graph = schedule.graph
    if isinstance(step.calls[0], Store):
        yield step.piece, (slice(rows.start, rows.stop), slice(cols.start, cols.stop))
    calls = [call for call in step.all_calls if not isinstance(call, Load | Store | Move)]
    made: dict[str, tuple[Span, Span]] = {step.piece: (rows, cols)}
    for call in reversed(calls):
        if isinstance(call, Finish):
            continue
        op = graph.node(call.node).op
        mean = isinstance(call, Accumulate) and isinstance(op, GlobalAveragePool)
        inner = {other.tensor for other in calls}
        out_rows, out_cols = (rows, cols) if mean else made[call.tensor]
        for name in dict.fromkeys(call.reads):
            height, width, _ = graph.tensors[name].shape
            if mean:
                reached = [(slice(rows.start, rows.stop), slice(cols.start, cols.stop))]
                hull = (rows, cols)
            elif needs_whole(graph, graph.node(call.node), name):
                reached = [(slice(0, height), slice(0, width))]
                hull = (Span(0, height), Span(0, width))
            else:
                reached = list(taps(op, out_rows, out_cols, height, width))
                hull = demand(op, out_rows, out_cols, height, width)
            if name in inner:
                made[name] = hull
            else:
                for window in reached:
                    yield name, window


class _Pixels:
    """When each pixel of a tensor was written and, so far, last read."""

    def __init__(self, shape: Shape, in_memory: bool) -> None:
        height, width, self.channels = shape
        self.written = np.full((height, width), 0 if in_memory else -1, dtype=np.int64)
        self.last_read = np.full((height, width), -1, dtype=np.int64)
        self.past: list[tuple[np.ndarray, np.ndarray]] = []  # lives ended by a second write

    def write(self, rows: Span, cols: Span, time: int) -> None:
        window = (slice(rows.start, rows.stop), slice(cols.start, cols.stop))
        self.past.append((self.written[window].copy(), self.last_read[window].copy()))
        self.written[window] = time
        self.last_read[window] = -1

    def add_lives(self, change: np.ndarray) -> None:
        """Add the bytes that come alive, and subtract those that die, at each moment."""
        for start, stop in (*self.past, (self.written, self.last_read)):
            lived = (start >= 0) & (stop >= start)
            np.add.at(change, start[lived], self.channels)
            np.add.at(change, stop[lived] + 1, -self.channels)


def _pieces(schedule: Schedule) -> Iterator[tuple[Step, Span, Span]]:
    """The flat program, in pieces of whole rows: rows and columns of each step's piece tensor."""
    for block in schedule.blocks:
        for stripe in range(block.stripes):
            for tick in range(block.ticks):
                for step in block.steps:
                    start, stop = step.rows.at(tick - 1), step.rows.at(tick)
                    for row in range(start, stop, step.rows_per_call):
                        rows = Span(row, min(row + step.rows_per_call, stop))
                        if block.reverse:
                            height = schedule.graph.tensors[step.piece].shape[0]
                            rows = Span(height - rows.stop, height - rows.start)
                        yield step, rows, step.cols[stripe]
