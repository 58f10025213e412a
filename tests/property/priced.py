"""What a lowered tunnel needs, the way that the search counts."""

from __future__ import annotations

from patchc.memory.liveness import arena_buffers
from patchc.schedule.types import Schedule, shared_bytes


def computing_blocks(schedule: Schedule) -> list[int]:
    """Those that run a tunnel: not those that only load a map or hand one over."""
    return [
        index
        for index, block in enumerate(schedule.blocks)
        if any(step.nodes for step in block.steps)
    ]


def block_bytes(schedule: Schedule, block: int) -> int:
    """Bytes alive while a block runs, the two maps that may share most laid over each other."""
    alive = {b.name: b.bytes for b in arena_buffers(schedule) if b.first <= block <= b.last}
    shared = [
        shared_bytes(alive[overlap.source], alive[overlap.target], overlap.distance)
        for overlap in schedule.overlaps
        if overlap.block == block
    ]
    return sum(alive.values()) - max((0, *shared))
