"""The overlap check: brute force, and apart from the planner. It runs on every compile."""

from __future__ import annotations

from itertools import combinations

from patchc.memory.liveness import arena_buffers
from patchc.memory.placement import Placement
from patchc.schedule.types import Schedule


class PlacementError(Exception):
    """Two live buffers share a byte, or one leaves the arena: a bug of the placement."""


def check_placement(schedule: Schedule, placement: Placement) -> None:
    """Raises PlacementError naming the block and the buffers."""
    buffers = arena_buffers(schedule)
    for buffer in buffers:
        low = placement.offsets[buffer.name]
        if low < 0 or low % buffer.align or low + buffer.bytes > placement.arena_bytes:
            raise PlacementError(f"{buffer.name} at {low} is misaligned or outside the arena")
    for index, block in enumerate(schedule.blocks):
        alive = [b for b in buffers if b.first <= index <= b.last]
        allowed = {(o.target, o.source): o for o in schedule.overlaps if o.block == index}
        for one, two in combinations(alive, 2):
            low, high = placement.offsets[one.name], placement.offsets[two.name]
            if low + one.bytes <= high or high + two.bytes <= low:
                continue
            over, under = allowed.get((one.name, two.name)), allowed.get((two.name, one.name))
            if not (over and over.allows(one, low, two, high)) and not (
                under and under.allows(two, high, one, low)
            ):
                raise PlacementError(f"block {block.name}: {one.name} and {two.name} overlap")
