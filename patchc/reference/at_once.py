"""When a whole row of a step may run at once although its plan runs it tile by tile.

A plan computes a fused step a few columns or channels at a time, because the tensors inside it have
room for no more. To numpy thousands of such pieces are slow. Running them at once, with the inner
tensors kept beside the memory, changes no byte and hides no wrong read when

* inner tensors have room for what each tile and group puts there, side by side;
* inner tensors and sums are nobody else's business: no other step touches them, and their bytes are
  apart from each other's and from all that the step reads and writes. Or an inner tensor lies where
  the result will lie, to be overwritten by it element by element;
* what the piece writes is apart from what it reads;
* tiles do not overlap: only calls that read nothing of the step have a window.

The first piece of a step, and the first in its last stripe, run tile by tile and group by group all
the same, and so does every piece in which something is found wrong, so that the message names it.
What inner tensors and sums would have overwritten is poisoned instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from patchc.kernels.kernel import Order
from patchc.reference.geometry import Axis
from patchc.reference.program import (
    Piece,
    PreparedCall,
    Region,
    adds_mean,
    sums_touched,
    tensors_touched,
)
from patchc.reference.rectangles import overlap
from patchc.reference.shadow import Memory
from patchc.schedule.types import Accumulate, Compute, Load, Schedule, Step


class NotAtOnceError(Exception):
    """This piece must run tile by tile after all."""


@dataclass(frozen=True, slots=True)
class AtOnce:
    """How to run the later pieces of a step."""

    inner: frozenset[str]  # tensors kept beside the memory
    poisoned: tuple[range, ...]  # bytes that running piece by piece would have written


def at_once(
    schedule: Schedule, memory: Memory, step: Step, calls: Sequence[PreparedCall]
) -> AtOnce | None:
    """What holds for every piece but the first; None: run them all piece by piece."""
    if not (step.tile or step.group) or len(calls) == 1:
        return None
    last = calls[-1].call
    added = [c.call for c in calls if isinstance(c.call, Accumulate)]
    sums = {call.tensor for call in added if schedule.sums[call.tensor].per_piece}
    inner = {c.call.tensor for c in calls[:-1] if not isinstance(c.call, Accumulate)}
    inner -= {last.tensor}
    reads = {name for c in calls for name in c.call.reads}
    if (
        any(isinstance(c.call, Load) or adds_mean(schedule.graph, c.call) for c in calls[:-1])
        or any(call.tensor not in sums for call in added if call is not last)
        or (step.tile and any(_has_window(c) and inner & set(c.call.reads) for c in calls))
        or _touched_elsewhere(schedule, step, inner, sums)
    ):
        return None
    replaced = {name for name in inner if _lies_under(schedule, name, last.tensor)}
    if not _replaced_in_turn(calls, replaced, last.tensor):
        return None
    own = [memory.storage_extent(name) for name in sorted(inner - replaced)]
    own += [memory.sums_extent(name) for name in sorted(sums)]
    others = [memory.storage_extent(name) for name in sorted(reads - inner)]
    if isinstance(last, Accumulate):
        others.append(memory.sums_extent(last.tensor))
    else:
        others.append(memory.storage_extent(last.tensor))
    private = tuple(extent for extent in own if extent is not None)
    apart = tuple(extent for extent in others if extent is not None)
    if len(private) != len(own) or len(apart) != len(others):
        return None
    if any(overlap(one, two) for one, two in combinations(private, 2)):
        return None
    if any(overlap(one, two) for one in private for two in apart):
        return None
    return AtOnce(frozenset(inner), private)


def check_room(schedule: Schedule, piece: Piece, tensor: str, region: Region) -> None:
    """Raises NotAtOnceError unless every tile and group of an inner tensor has its place."""
    storage, step = schedule.storages[tensor], piece.step
    held = storage.cols[piece.stripe] if len(storage.cols) > 1 else storage.cols[0]
    width = region.cols.stop - held.start
    aligned = not step.tile or (
        held.start == piece.cols.start and (storage.tile % step.tile == 0 or storage.tile >= width)
    )
    if not (
        aligned
        and held.start <= region.cols.start
        and region.cols.stop <= held.stop
        and (step.tile or storage.tile >= width)
        and region.rows.stop - region.rows.start <= storage.slots
        and _room_for_groups(schedule, step, tensor)
    ):
        raise NotAtOnceError


def check_room_for_sums(schedule: Schedule, piece: Piece, tensor: str, region: Region) -> None:
    """Raises NotAtOnceError unless the sums of every tile have their place."""
    sums, width = schedule.sums[tensor], region.cols.stop - region.cols.start
    if (
        region.rows.stop - region.rows.start > sums.rows
        or min(width, piece.step.tile or width) > sums.cols
        or schedule.graph.tensors[tensor].shape[2] != sums.channels
    ):
        raise NotAtOnceError


def _room_for_groups(schedule: Schedule, step: Step, tensor: str) -> bool:
    """Do the channels of a group lie side by side? Those of finishing calls are all there."""
    storage, channels = schedule.storages[tensor], schedule.graph.tensors[tensor].shape[2]
    in_groups = step.group and any(call.tensor == tensor for call in step.calls)
    return storage.depth >= channels or bool(in_groups and storage.depth % step.group == 0)


def _has_window(call: PreparedCall) -> bool:
    """Does the call read more of an operand than the pixel that it computes, or the only one?"""
    return any(
        not isinstance(axis, Axis) or axis not in (Axis(1, 1, 1, 0, axis.size), Axis(1, 0, 1, 0, 1))
        for axes in call.axes
        for axis in axes
    )


def _touched_elsewhere(schedule: Schedule, step: Step, inner: set[str], sums: set[str]) -> bool:
    """Does another step use the step's inner tensors or its sums?"""
    if inner & set(schedule.graph.outputs):
        return True
    return any(
        tensors_touched(call) & inner or sums_touched(call) & sums
        for block in schedule.blocks
        for other in block.steps
        if other is not step
        for call in other.all_calls
    )


def _lies_under(schedule: Schedule, inner: str, result: str) -> bool:
    """Is the result's place that of the inner tensor?"""
    over = schedule.storages.get(result)
    return over is not None and replace(schedule.storages[inner], tensor=result) == over


def _replaced_in_turn(calls: Sequence[PreparedCall], replaced: set[str], result: str) -> bool:
    """Are these tensors only read by calls that overwrite them element by element?"""
    readers = [c.call for c in calls if replaced & set(c.call.reads)]
    return all(
        isinstance(call, Compute)
        and call.kernel.order is Order.ELEMENT
        and call.tensor in replaced | {result}
        for call in readers
    )
