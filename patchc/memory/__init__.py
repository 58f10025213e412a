"""Liveness, placement in the arena, lower bounds, the overlap check."""

from patchc.memory.check import PlacementError, check_placement
from patchc.memory.liveness import arena_buffers, element_peak, live_bytes, liveness_peak
from patchc.memory.placement import Placement, place, reversed_blocks

__all__ = [
    "Placement",
    "PlacementError",
    "arena_buffers",
    "check_placement",
    "element_peak",
    "live_bytes",
    "liveness_peak",
    "place",
    "reversed_blocks",
]
