"""What the price of a kernel is made of: how often it runs, and on how much.

Every number here is an integer or an int64 array with an entry per number of stripes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# An integer, or an int64 array with an entry per number of stripes: formulas hold for both.
Count = Any


@dataclass(frozen=True, slots=True)
class Extent:
    """What a program computes of one node, in one round of its step and over all pieces."""

    pieces: Count  # rectangles
    rows: Count  # of the output, summed over the pieces
    pixels: Count  # of the output
    rounds: int = 1  # of a few channels each, in which all of this happens again


@dataclass(frozen=True, slots=True)
class Features:
    """What one kernel executes of one node; a price is a function of it (planner/cost.py)."""

    calls: Count  # of the C function
    rows: Count  # of its output, over all calls
    pixels: Count  # of its output
    outputs: Count  # values that it makes, or sums that it adds to
    macs: Count  # multiply-accumulates
    weight_bytes: Count  # of constants read, if every call reads its own once
