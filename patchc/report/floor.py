"""Which layer and which buffers set the floor, when a budget cannot be met."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.errors import BudgetError
from patchc.memory import Placement, arena_buffers, live_bytes
from patchc.schedule.types import BufferKind, Schedule


@dataclass(frozen=True, slots=True)
class Peak:
    """The block at which most bytes are live."""

    layer: str  # the node, or "load NAME"
    bytes: int
    buffers: tuple[str, ...]  # "NAME 56x56x96 (map, 301056 B)", largest first


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
    return Peak(
        layer=names[0] if len(names) == 1 else f"the tunnel {names[0]} .. {names[-1]}",
        bytes=live[index],
        buffers=tuple(_describe(schedule, buffer.name, touched) for buffer in alive),
    )


def _describe(schedule: Schedule, buffer: str, touched: set[str]) -> str:
    """A buffer by a tensor in it, one that the block reads or writes where there is one."""
    found = schedule.buffers[buffer]
    if found.kind in (BufferKind.SCRATCH, BufferKind.ACCUMULATOR):
        return f"{buffer} ({found.kind.value}, {found.bytes} B)"
    tensors = [name for name, s in schedule.storages.items() if s.buffer == buffer]
    tensor = next((name for name in tensors if name in touched), tensors[0])
    shape = "x".join(str(size) for size in schedule.graph.tensors[tensor].shape)
    if found.kind is BufferKind.RING:
        shape += f", {schedule.storages[tensor].slots} rows"
    return f"{tensor} {shape} ({found.kind.value}, {found.bytes} B)"


def over_budget(
    schedule: Schedule,
    placement: Placement,
    budget: int,
    reserve: int,
    extern_total: int | None,
    rows_total: int | None = None,
) -> BudgetError:
    """The error for a budget below the least total that patchc reaches.

    `extern_total`: the least total with `--input extern`, where that was tried; `rows_total`: with
    `--outputs rows`.
    """
    peak = find_peak(schedule)
    total = placement.arena_bytes + reserve
    lines = [
        f"budget {budget} B not reachable: least is {total} B "
        f"(arena {placement.arena_bytes} + reserve {reserve} for stack and statics)",
        f"  set by {peak.layer}: {peak.bytes} B live at once",
        *(f"    {buffer}" for buffer in peak.buffers),
    ]
    for words, least in (
        ("--input extern leaves the image out of the arena", extern_total),
        ("--outputs rows hands the rows of outputs over as they are made", rows_total),
    ):
        if least is not None and least < total:
            fits = ", which fits" if least <= budget else ""
            lines.append(f"  {words}: least is {least} B then{fits}")
    if placement.arena_bytes <= budget:
        lines.append(
            f"  a --reserve of at most {budget - placement.arena_bytes} B fits, if stack and "
            "statics need no more"
        )
    lines.append("  else: a smaller image, a narrower network, or a larger budget")
    return BudgetError("\n".join(lines), budget, total, peak.layer, peak.buffers)
