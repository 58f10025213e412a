"""Pareto-optimal plans from the first cut to one cut."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Priced(Protocol):
    """A plan for the nodes before a cut."""

    @property
    def bytes(self) -> int: ...
    @property
    def cost(self) -> int: ...
    @property
    def length(self) -> int:
        """Of several plans that need and cost as much the shortest is kept."""
        ...


P = TypeVar("P", bound=Priced)


class ParetoFront(Generic[P]):
    """Plans that no other plan dominates in bytes and cost, by rising bytes and falling cost."""

    def __init__(self) -> None:
        self._bytes: list[int] = []
        self._points: list[P] = []

    def __iter__(self) -> Iterator[P]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def dominates(self, size: int, cost: int, length: int) -> bool:
        """Is (size, cost) dominated by a plan that is kept? Where both are equal, the shorter plan
        wins."""
        at = bisect_right(self._bytes, size) - 1
        if at < 0:
            return False
        best = self._points[at]
        if best.cost == cost and best.bytes == size:
            return best.length <= length
        return best.cost <= cost

    def add(self, point: P) -> None:
        if self.dominates(point.bytes, point.cost, point.length):
            return
        first = at = bisect_right(self._bytes, point.bytes)
        if at and self._bytes[at - 1] == point.bytes:
            first = at - 1
        while at < len(self._points) and self._points[at].cost >= point.cost:
            at += 1
        self._bytes[first:at] = [point.bytes]
        self._points[first:at] = [point]


class Stairs:
    """Pairs of numbers, of which none is as small as another one in both."""

    def __init__(self) -> None:
        self._first: list[int] = []  # rising
        self._second: list[int] = []  # falling

    def reach(self, first: int, second: int) -> bool:
        """Is one of them no larger, in both?"""
        at = bisect_right(self._first, first)
        return at > 0 and self._second[at - 1] <= second

    def add(self, first: int, second: int) -> None:
        """Add a pair that they do not reach, in place of those that it makes needless."""
        at = end = bisect_left(self._first, first)
        while end < len(self._first) and self._second[end] >= second:
            end += 1
        self._first[at:end] = [first]
        self._second[at:end] = [second]
