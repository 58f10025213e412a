"""Which layer and which buffers set the floor, when a budget cannot be met."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.errors import BudgetError, Way
from patchc.memory import Placement, arena_buffers, live_bytes
from patchc.report.words import WIDTH, several, shorten
from patchc.schedule.types import BufferKind, Schedule


@dataclass(frozen=True, slots=True)
class Peak:
    """The block at which most bytes are live."""

    layer: str  # the node, or "load NAME"
    bytes: int
    buffers: tuple[str, ...]  # "NAME 56x56x96 (map, 301056 B)", largest first
    tensors: tuple[str, ...]  # in these buffers, one of each that has some


def find_peak(schedule: Schedule) -> Peak:
    """The first block with the largest sum of live buffers."""
    live = live_bytes(schedule)
    index = max(range(len(live)), key=live.__getitem__)
    alive = [b for b in arena_buffers(schedule) if b.first <= index <= b.last]
    alive.sort(key=lambda buffer: (-buffer.bytes, buffer.name))
    block = schedule.blocks[index]
    touched = {
        name
        for step in block.steps
        for call in (*step.calls, *step.finish)
        for name in (*call.reads, call.tensor)
    }
    names = [step.name for step in block.steps]
    tensors = [_tensor_in(schedule, buffer.name, touched) for buffer in alive]
    return Peak(
        layer=names[0] if len(names) == 1 else f"the tunnel {names[0]} .. {names[-1]}",
        bytes=live[index],
        buffers=tuple(
            _describe(schedule, buffer.name, tensor)
            for buffer, tensor in zip(alive, tensors, strict=True)
        ),
        tensors=tuple(tensor for tensor in tensors if tensor is not None),
    )


def _tensor_in(schedule: Schedule, buffer: str, touched: set[str]) -> str | None:
    """One that the block reads or writes where there is one; None: the buffer is for no tensor."""
    if schedule.buffers[buffer].kind in (BufferKind.SCRATCH, BufferKind.ACCUMULATOR):
        return None
    tensors = [name for name, s in schedule.storages.items() if s.buffer == buffer]
    return next((name for name in tensors if name in touched), tensors[0])


def _describe(schedule: Schedule, buffer: str, tensor: str | None) -> str:
    """A buffer by a tensor in it."""
    found = schedule.buffers[buffer]
    if tensor is None:
        return f"{buffer} ({found.kind.value}, {found.bytes} B)"
    shape = "x".join(str(size) for size in schedule.graph.tensors[tensor].shape)
    if found.kind is BufferKind.RING:
        shape += f", {schedule.storages[tensor].slots} rows"
    return f"{tensor} {shape} ({found.kind.value}, {found.bytes} B)"


def over_budget(
    schedule: Schedule,
    placement: Placement,
    budget: int,
    reserve: int,
    ways: tuple[Way, ...] = (),
    left_out: int = 0,
    where: str = "",
) -> BudgetError:
    """The error for a budget below the least total that patchc reaches.

    `ways`: changes with which less would do; `left_out`: how many more were not tried.
    `where`: of the part that it is meant for, behind the budget.
    """
    peak = find_peak(schedule)
    total = placement.arena_bytes + reserve
    lines = [
        f"budget {budget} B{where} not reachable: least is {total} B",
        f"  (arena {placement.arena_bytes} + reserve {reserve} for stack and statics)",
        f"  set by {shorten(peak.layer, WIDTH - 36)}: {peak.bytes} B live at once",
        *(f"    {shorten(buffer, WIDTH - 4)}" for buffer in peak.buffers),
    ]
    if ways:
        lines.append("  ways down, each planned, with the least that it takes then:")
        width = max(len(f"{way.least_bytes} B") for way in ways)
        for way in ways:
            least = f"{way.least_bytes} B"
            lines.append(f"    {least:>{width}} {'fits' if way.fits else '    '}  {way.change}")
    if left_out:
        lines.append(f"    ({several(left_out, 'change')} not tried, for want of time)")
    if placement.arena_bytes <= budget:
        lines.append(
            f"  a --reserve of at most {budget - placement.arena_bytes} B fits, if stack and "
            "statics need no more"
        )
    lines.append(f"  else: a larger budget{'' if ways else ', or another network'}")
    return BudgetError("\n".join(lines), budget, total, peak.layer, peak.buffers, ways)
