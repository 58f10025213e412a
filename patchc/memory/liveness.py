"""Lower bounds on the arena: the liveness peak and the element peak."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from patchc.ir.graph import Shape
from patchc.targets.kernels import KERNELS, Order
from patchc.tunnels.regions import taps
from patchc.tunnels.schedule import Buffer, BufferKind, Schedule, Span, Step


def arena_buffers(schedule: Schedule) -> tuple[Buffer, ...]:
    """The buffers that lie in the arena."""
    return tuple(b for b in schedule.buffers.values() if b.kind is not BufferKind.EXTERN)


def live_bytes(schedule: Schedule) -> list[int]:
    """Bytes of buffers alive during each block."""
    alive = np.zeros(max(len(schedule.blocks), 1) + 1, dtype=np.int64)
    for buffer in arena_buffers(schedule):
        alive[buffer.first] += buffer.bytes
        alive[buffer.last + 1] -= buffer.bytes
    return np.cumsum(alive)[:-1].tolist()


def liveness_peak(schedule: Schedule) -> int:
    """The largest sum of live buffer bytes over the blocks: no placement needs less."""
    return max(live_bytes(schedule), default=0)


def element_peak(schedule: Schedule) -> int:
    """The largest number of bytes, over the calls of the program, that will still be read.

    During a call its operands and its results are both there, unless the kernel reads an element
    before it writes over it (`Order.ELEMENT`). Outputs are read at the end. This does not depend
    on how buffers were drawn, so it tells what better buffers could still gain.
    """
    graph = schedule.graph
    arena = {buffer.name for buffer in arena_buffers(schedule)}
    pixels = {
        name: _Pixels(graph.tensors[name].shape, in_memory=name in graph.inputs)
        for name, storage in schedule.storages.items()
        if storage.buffer in arena
    }
    clock = 0
    for step, rows, cols in _calls(schedule):
        # Two moments per call: operands end at the first, results begin at the second, so that an
        # element-wise call does not count them twice; other kernels hold both at both moments.
        element_wise = step.node is not None and KERNELS[step.kernel].order is Order.ELEMENT
        reads_at, writes_at = (clock, clock + 1) if element_wise else (clock + 1, clock)
        for name in dict.fromkeys(step.reads):
            if name in pixels and step.node is not None:
                height, width, _ = graph.tensors[name].shape
                op = graph.node(step.node).op
                for window in taps(op, rows, cols, height, width):
                    pixels[name].last_read[window] = reads_at
        pixels[step.writes].write(rows, cols, writes_at)
        clock += 2
    change = np.zeros(clock + 2, dtype=np.int64)
    for name, tensor in pixels.items():
        if name in graph.outputs:
            tensor.last_read[:] = clock
        tensor.add_lives(change)
    return int(np.cumsum(change).max(initial=0))


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


def _calls(schedule: Schedule) -> Iterator[tuple[Step, Span, Span]]:
    """The flat program, call by call: rows and columns of the tensor written."""
    for block in schedule.blocks:
        for stripe in range(block.stripes):
            for tick in range(block.ticks):
                for step in block.steps:
                    start, stop = step.rows.at(tick - 1), step.rows.at(tick)
                    for row in range(start, stop, step.rows_per_call):
                        rows = Span(row, min(row + step.rows_per_call, stop))
                        yield step, rows, step.cols[stripe]
