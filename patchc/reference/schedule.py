"""A Schedule run byte by byte over one array with shadow memory: what the emitted C will do.

Each call of each step finds its operands through the storages (slots, columns and channels modulo
what fits), and every byte it reads must hold exactly the tensor element, or the sum at the stage of
its making, that the call needs there. Nothing about a plan is taken on trust: halos, ring sizes,
tiles, groups, lifetimes and offsets are right if and only if no read finds anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from patchc.geometry.span import Span
from patchc.memory.placement import Placement
from patchc.reference.at_once import AtOnce, NotAtOnceError, at_once
from patchc.reference.counts import Fetches, MeanPixels
from patchc.reference.graph import checked_inputs
from patchc.reference.piece_run import PieceRun, Workspace
from patchc.reference.program import (
    Piece,
    PreparedCall,
    adds_mean,
    groups,
    pieces,
    prepare,
    sums_touched,
    tensors_touched,
    tile_count,
    tiles,
)
from patchc.reference.rectangles import Rectangle
from patchc.reference.shadow import Memory, ShadowMemoryError
from patchc.schedule.types import Accumulate, BufferKind, Load, Schedule

# Buffers that no block may find anything in when it begins.
PRIVATE = (BufferKind.RING, BufferKind.SCRATCH, BufferKind.ACCUMULATOR)


@dataclass(frozen=True, slots=True)
class ScheduleStats:
    """What a run did, counted while it ran."""

    calls: int  # of kernels and loads
    macs: int  # of convolution and dense, padded taps and recomputed ones included
    input_bytes_read: int  # fetched by loads
    input_pixels_reread: int  # fetched by loads more than once
    input_pixels_unread: int  # never fetched, though loads fetch other pixels of their input
    input_raster_order: bool  # the pixels of every input came in raster order
    output_raster_order: bool  # the pixels of every output that is handed over left in that order


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
    for index in range(len(schedule.blocks)):
        machine.begin(index)
        for piece in pieces(schedule, index):
            machine.perform(piece)
    return Execution(machine.outputs(), machine.stats())


@dataclass(slots=True)
class _PreparedStep:
    """What all pieces of one step share."""

    calls: tuple[PreparedCall, ...]  # the finishing ones last
    groups: list[Span | None]
    at_once: AtOnce | None


class _Machine:
    """Memory, inputs and counters of one run."""

    def __init__(
        self, schedule: Schedule, placement: Placement, inputs: Mapping[str, np.ndarray]
    ) -> None:
        self._schedule = schedule
        self._memory = Memory(schedule, placement)
        fetches = {name: Fetches(*values.shape[:2]) for name, values in inputs.items()}
        shapes = {name: schedule.graph.tensors[name].shape for name in schedule.handed}
        fetches |= {name: Fetches(*shape[:2]) for name, shape in shapes.items()}
        handed = {name: np.zeros(shape, dtype=np.int8) for name, shape in shapes.items()}
        self._work = Workspace(schedule, self._memory, inputs, fetches, handed)
        self._loaded = {
            call.image
            for block in schedule.blocks
            for step in block.steps
            for call in step.calls
            if isinstance(call, Load)
        }
        self._steps: dict[str, _PreparedStep] = {}
        self._begun: set[tuple[str, bool]] = set()  # (step, in its last stripe?)
        self._calls = 0
        # Images that no step loads are where the caller put them.
        for name, values in inputs.items():
            if name not in self._loaded and name in schedule.storages:
                self._memory.write(self._whole(name), values)

    def begin(self, index: int) -> None:
        """The start of a block: private buffers hold nothing, sums that span pieces hold 0."""
        for buffer in self._schedule.buffers.values():
            if buffer.kind in PRIVATE and buffer.first == index:
                self._memory.poison(self._memory.buffer_extent(buffer.name))
        graph = self._schedule.graph
        for step in self._schedule.blocks[index].steps:
            for call in step.calls:
                if adds_mean(graph, call):
                    name = call.reads[0]
                    self._work.means[call.tensor] = MeanPixels(name, *graph.tensors[name].shape[:2])
                if isinstance(call, Accumulate) and not self._schedule.sums[call.tensor].per_piece:
                    self._zero(call.tensor)

    def perform(self, piece: Piece) -> None:
        """All calls of a piece as wide as the stripe. Raises ShadowMemoryError."""
        step = piece.step
        if step.name not in self._steps:
            self._steps[step.name] = self._prepare(piece)
        prepared = self._steps[step.name]
        rounds = len(prepared.groups) * len(step.calls) + len(step.finish)
        self._calls += tile_count(piece) * rounds
        last_stripe = piece.stripe == self._schedule.blocks[piece.block].stripes - 1
        begun = (step.name, last_stripe) in self._begun
        self._begun.add((step.name, last_stripe))
        if begun and prepared.at_once and self._done_at_once(piece, prepared, prepared.at_once):
            return
        for part in tiles(piece):
            PieceRun(self._work, part, prepared.calls).run(prepared.groups)

    def outputs(self) -> dict[str, np.ndarray]:
        """The graph outputs. Raises ShadowMemoryError when one is not there in full, or was not
        handed over in full."""
        found = {}
        for name in self._schedule.graph.outputs:
            if name in self._schedule.handed:
                if self._work.fetches[name].unread:
                    raise ShadowMemoryError(f"output {name!r} was not handed over in full")
                found[name] = self._work.handed[name]
                continue
            try:
                found[name] = np.array(self._memory.read(self._whole(name)))
            except ShadowMemoryError as error:
                raise ShadowMemoryError(f"output {name!r}, after the last step: {error}") from None
        return found

    def stats(self) -> ScheduleStats:
        fetches = [(name, self._work.fetches[name]) for name in sorted(self._loaded)]
        channels = {name: self._schedule.graph.tensors[name].shape[2] for name, _ in fetches}
        return ScheduleStats(
            calls=self._calls,
            macs=self._work.macs,
            input_bytes_read=sum(found.pixels * channels[name] for name, found in fetches),
            input_pixels_reread=sum(found.reread for _, found in fetches),
            input_pixels_unread=sum(found.unread for _, found in fetches),
            input_raster_order=all(found.raster_order for _, found in fetches),
            output_raster_order=all(
                self._work.fetches[name].raster_order for name in self._schedule.handed
            ),
        )

    def _whole(self, name: str) -> Rectangle:
        height, width, _ = self._schedule.graph.tensors[name].shape
        return self._memory.locate(name, Span(0, height), Span(0, width), 0)

    def _zero(self, name: str) -> None:
        """All of a tensor's sums, as those of its first rows and columns, hold nothing added."""
        sums = self._schedule.sums[name]
        height, width, _ = self._schedule.graph.tensors[name].shape
        target = self._memory.locate_sums(
            name, Span(0, min(sums.rows, height)), Span(0, min(sums.cols, width))
        )
        self._memory.write_sums(target, np.zeros(target.shape, dtype=np.int32), 0)

    def _done_at_once(self, piece: Piece, prepared: _PreparedStep, way: AtOnce) -> bool:
        """Run the piece at once. False, with nothing done, where that might not be the same."""
        macs = self._work.macs
        try:
            PieceRun(self._work, piece, prepared.calls, way.inner).run([None])
        except (NotAtOnceError, ShadowMemoryError):
            self._work.macs = macs
            return False
        for extent in way.poisoned:
            self._memory.poison(extent)
        return True

    def _prepare(self, piece: Piece) -> _PreparedStep:
        step, graph = piece.step, self._schedule.graph
        try:
            self._check_buffers(piece)
            calls = tuple(prepare(graph, call) for call in step.all_calls)
            return _PreparedStep(
                calls, groups(graph, step), at_once(self._schedule, self._memory, step, calls)
            )
        except ShadowMemoryError as error:
            raise ShadowMemoryError(f"{piece.describe()}: {error}") from None

    def _check_buffers(self, piece: Piece) -> None:
        """Placement lets others have a buffer's bytes outside first .. last; the caller's image is
        not ours to write."""
        schedule, index = self._schedule, piece.block
        for call in piece.step.all_calls:
            used = [(name, schedule.storages[name].buffer) for name in tensors_touched(call)]
            used += [(name, schedule.sums[name].buffer) for name in sums_touched(call)]
            for name, where in sorted(used):
                buffer = schedule.buffers[where]
                if not buffer.first <= index <= buffer.last:
                    raise ShadowMemoryError(
                        f"touches {name!r} in block {index}, but buffer {buffer.name} lives in "
                        f"blocks {buffer.first} .. {buffer.last}"
                    )
            if call.tensor in schedule.storages and not isinstance(call, Accumulate):
                target = schedule.buffers[schedule.storages[call.tensor].buffer]
                if target.kind is BufferKind.EXTERN and self._holds_input(target.name):
                    raise ShadowMemoryError(f"writes {call.tensor!r} over the caller's image")

    def _holds_input(self, buffer: str) -> bool:
        graph, storages = self._schedule.graph, self._schedule.storages
        return any(n in storages and storages[n].buffer == buffer for n in graph.inputs)
