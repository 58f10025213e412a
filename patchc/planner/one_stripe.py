"""Labels with one stripe, of segments that start at one cut and grow a unit at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from patchc.geometry.rows import Progress, Reader, after, first_bytes, overlap_distance
from patchc.ir import Graph
from patchc.planner.labels import Bounds, Label, Labels
from patchc.planner.price import Prices


class OneStripe:
    """Labels of the nodes [start, stop) are extended to those of [start, stop + unit), and not
    worked out again.

    With one stripe nearly every tensor has all of its columns, wherever the segment ends. Where
    columns are cut off that nobody reads, the segment is worked out anew.
    """

    def __init__(
        self, graph: Graph, labels: Labels, start: int, bounds: Callable[[int], Bounds]
    ) -> None:
        """`bounds`: of labels that end at a cut."""
        self.graph, self.labels, self.start, self.bounds = graph, labels, start, bounds
        self._stop = start
        self._loaded: tuple[str, ...] | None = None
        self._narrow: dict[int, int] = {}
        self._found: Sequence[Label] = ()
        self._progress: dict[Label, Progress] = {}
        self._first: dict[str, tuple[Sequence[Reader], np.ndarray]] = {}

    def upto(self, stop: int, loaded: tuple[str, ...], prices: Prices) -> Sequence[Label]:
        """Labels of the segment from `start` to `stop`, where a unit ends; farther than the
        last one that was asked for."""
        if loaded != self._loaded or self._narrow != prices.narrow(self.start, self._stop):
            self._found = [self.labels.begin(self.start, loaded)]
            self._stop = self.start
        while self._stop < stop:
            position = self._stop
            self._stop += len(prices.units[position].nodes)
            bounds = self.bounds(self._stop)
            self._found = self.labels.extend(self._found, self.start, position, prices, 0, bounds)
        self._loaded, self._narrow = loaded, prices.narrow(self.start, stop)
        return self._found

    def distance(self, one: Label, source: str, target: str) -> int:
        """`overlap_distance` of two maps, for one of the labels that were returned last."""
        tensors = self._rows(one).tensors
        readers, made = tensors[source].readers, tensors[target].clock
        assert made is not None
        first = self._first_bytes(source, readers)
        return overlap_distance(self.graph, source, first, target, made)

    def _first_bytes(self, source: str, readers: Sequence[Reader]) -> np.ndarray:
        """`first_bytes`; those of the last label, where this one has the same readers, and maybe
        one more."""
        known, first = self._first.get(source, ((), None))
        if first is not None and known == readers:
            return first
        if first is not None and known == readers[:-1]:
            new = first_bytes(self.graph, source, readers[-1:], reverse=False)
            first = np.minimum(first, new) if len(new) == len(first) else None
        else:
            first = None
        if first is None:
            first = first_bytes(self.graph, source, readers, reverse=False)
        self._first[source] = readers, first
        return first

    def _rows(self, one: Label) -> Progress:
        """The rows of a label, counted from the tunnel's first tick."""
        ahead: list[Label] = []
        known = one
        while known not in self._progress and known.before is not None:
            ahead.append(known)
            known = known.before
        progress = self._progress.get(known, known.state.progress)
        for part in reversed(ahead):
            for step in part.last:
                progress, _ = after(self.graph, progress, step)
            tensors = {
                name: rows
                for name, rows in progress.tensors.items()
                if name in progress.outer or self.labels.last[name] >= part.end
            }
            progress = progress.having(tensors)
            self._progress[part] = progress
        return progress
