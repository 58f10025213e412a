"""Combinations with one stripe, for runs that start at one cut and grow a unit at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from patchc.ir import Graph
from patchc.tunnels.modes import Bounds, Combination, Modes
from patchc.tunnels.price import Prices
from patchc.tunnels.rows import Progress, Reader, after, first_bytes, overlap_distance


class OneStripe:
    """What was found for a run is continued for the next longer one.

    With one stripe nearly all tensors have all their columns, wherever the run ends; where that is
    not so (what is cut off, nobody reads), the run is looked at anew.
    """

    def __init__(self, graph: Graph, modes: Modes, start: int, bounds: Bounds) -> None:
        self.graph, self.modes, self.start, self.bounds = graph, modes, start, bounds
        self._stop = start
        self._loaded: tuple[str, ...] | None = None
        self._narrow: dict[int, int] = {}
        self._found: dict[Combination, Progress] = {}
        self._first: dict[str, tuple[Sequence[Reader], np.ndarray]] = {}

    def upto(self, stop: int, loaded: tuple[str, ...], prices: Prices) -> Sequence[Combination]:
        """Combinations for the run from `start` to `stop`, where a unit ends; farther than the
        last one that was asked for."""
        if loaded != self._loaded or self._narrow != prices.narrow(self.start, self._stop):
            begin = self.modes.begin(self.start, loaded)
            self._found = {begin: begin.state.progress}
            self._stop = self.start
        while self._stop < stop:
            self._extend(self._stop, prices)
            self._stop += len(prices.units[self._stop].nodes)
        self._loaded, self._narrow = loaded, prices.narrow(self.start, stop)
        return tuple(self._found)

    def distance(self, one: Combination, source: str, target: str) -> int:
        """`overlap_distance` of two maps, for one of the combinations that were returned last."""
        tensors = self._found[one].tensors
        readers, made = tensors[source].readers, tensors[target].clock
        assert made is not None
        if source not in self._first or self._first[source][0] != readers:
            self._first[source] = readers, first_bytes(self.graph, source, readers, reverse=False)
        return overlap_distance(self.graph, source, self._first[source][1], target, made)

    def _extend(self, position: int, prices: Prices) -> None:
        found = self.modes.extend(tuple(self._found), self.start, position, prices, 0, self.bounds)
        end = position + len(prices.units[position].nodes)
        self._found = {one: self._after(one, end) for one in found}

    def _after(self, one: Combination, end: int) -> Progress:
        assert one.before is not None
        progress = self._found[one.before]
        for step in one.last:
            progress, _ = after(self.graph, progress, step)
        tensors = {
            name: rows
            for name, rows in progress.tensors.items()
            if name in progress.outer or self.modes.last[name] >= end
        }
        return replace(progress, tensors=tensors)
