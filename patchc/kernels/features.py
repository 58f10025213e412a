"""What the price of a kernel is made of: how often it runs, and on how much.

Every number here is an integer or an int64 array with an entry per number of stripes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

# An integer, or an int64 array with an entry per number of stripes: formulas hold for both.
Count = Any


@dataclass(frozen=True, slots=True)
class Extent:
    """What a program computes of one node, in one round of its step and over all pieces: a grid of
    rectangles, of its output."""

    row_pieces: int  # along the rows
    row_sum: int  # rows of all of these together
    tiles: Count  # pieces along the columns, of all stripes
    column_sum: Count  # columns of all of these together
    rounds: int = 1  # of a few channels each, in which all of this happens again
    tile: int = 0  # columns of each piece but for the last of a stripe; 0: all of the stripe

    @property
    def pieces(self) -> Count:
        """Rectangles."""
        return self.row_pieces * self.tiles

    @property
    def rows(self) -> Count:
        """Of the output, summed over the rectangles."""
        return self.row_sum * self.tiles

    @property
    def pixels(self) -> Count:
        """Of the output."""
        return self.row_sum * self.column_sum

    def passes(self, at_once: int, within_rows: bool) -> Count:
        """Over `at_once` pixels each: of one rectangle or, `within_rows`, of one of its rows. Exact
        for one stripe; stripes count as if all were equally wide."""
        if self.tile:  # rectangles are one row each
            tiles = self.column_sum // self.tile  # whole ones
            rest = self.column_sum - tiles * self.tile
            across = tiles * -(-self.tile // at_once) + _passes(self.tiles - tiles, rest, at_once)
            return self.row_sum * across
        return _passes(self.rows if within_rows else self.pieces, self.pixels, at_once)


def _passes(runs: Count, pixels: Count, at_once: int) -> Count:
    """Over the pixels of `runs` that are equally long."""
    most = runs * at_once  # in one pass over each
    return runs * -(-pixels // (most + (most == 0)))


class Features(Protocol):
    """What one kernel executes of one node; a price is a function of it (planner/cost.py).

    Each is worked out where it is asked for: the search prices a hundred thousand steps, by few of
    them.
    """

    @property
    def calls(self) -> Count:
        """Of the C function."""

    @property
    def rows(self) -> Count:
        """Of its output, over all calls."""

    @property
    def pixels(self) -> Count:
        """Of its output."""

    @property
    def taps(self) -> Count:
        """That it visits: for each pixel, those of one output channel."""

    @property
    def outputs(self) -> Count:
        """Values that it makes, or sums that it adds to."""

    @property
    def macs(self) -> Count:
        """Multiply-accumulates."""

    @property
    def weight_bytes(self) -> Count:
        """Of constants read."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Features that are known."""

    calls: Count = 0
    rows: Count = 0
    pixels: Count = 0
    outputs: Count = 0
    macs: Count = 0
    weight_bytes: Count = 0
    taps: Count = 0


@dataclass(frozen=True, slots=True)
class Plain:
    """Features of a kernel whose every call computes its rectangle once and reads the weights of
    its round once."""

    extent: Extent
    channels: int  # of its output
    weights: int  # of all rounds together
    adds: bool  # to all channels in each round

    @property
    def calls(self) -> Count:
        return self.extent.pieces * self.extent.rounds

    @property
    def rows(self) -> Count:
        return self.extent.rows * self.extent.rounds

    @property
    def pixels(self) -> Count:
        return self.extent.pixels * self.extent.rounds

    @property
    def taps(self) -> Count:
        taps = self.weights // self.channels
        return self.extent.pixels * (taps if self.adds else taps * self.extent.rounds)

    @property
    def outputs(self) -> Count:
        return self.extent.pixels * (self.channels * (self.extent.rounds if self.adds else 1))

    @property
    def macs(self) -> Count:
        return self.extent.row_sum * self.weights * self.extent.column_sum

    @property
    def weight_bytes(self) -> Count:
        return self.extent.pieces * self.weights


@dataclass(frozen=True, slots=True)
class InPasses(Plain):
    """Features of a kernel that computes several pixels at once, and reads the weights of its round
    once for each such pass over all channels."""

    at_once: int  # pixels
    within_rows: bool  # those of one pass lie in one row

    @property
    def weight_bytes(self) -> Count:
        return self.extent.passes(self.at_once, self.within_rows) * self.weights
