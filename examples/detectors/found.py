"""What a detector finds, and which of several that overlap is kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

UNIT = 65536  # of a score (before the sigmoid), and of a pixel

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """In multiples of 1 / UNIT; x to the right, y down, from the top left corner."""

    score: int
    left: int
    top: int
    right: int
    bottom: int
    points: tuple[Point, ...] = ()
    label: int = 0  # its class, where there are several

    @property
    def probability(self) -> float:
        return 1 / (1 + math.exp(-self.score / UNIT))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in pixels."""
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        return left / UNIT, top / UNIT, right / UNIT, bottom / UNIT


Answers = Mapping[str, Sequence[Found]]  # what is in one photo by who found it


def same(answers: Answers) -> bool:
    """Whether all found the same, to the last bit."""
    first, *others = answers.values()
    return all(list(other) == list(first) for other in others)


def least_score(probability: float) -> int:
    """The score of that probability, both ends of (0, 1) excluded."""
    return round(math.log(probability / (1 - probability)) * UNIT)


def scaled(scale: float, unit: int) -> int:
    """As the C rounds its constants."""
    return int(scale * unit + 0.5)


def kept(candidates: Iterable[Found], most: int, overlap: tuple[int, int]) -> list[Found]:
    """From the best score of `most` down, those that share less than `overlap`, a numerator and
    a denominator, of their union with each one kept before."""
    found: list[Found] = []
    # Stable: of equal scores the first stays first.
    for one in sorted(candidates, key=lambda candidate: -candidate.score)[:most]:
        if not any(_overlap(one, other, overlap) for other in found):
            found.append(one)
    return found


def shared(a: Found, b: Found) -> float:
    """The intersection by the union."""
    both = _intersection(a, b)
    return both / (_area(a) + _area(b) - both)


def _overlap(a: Found, b: Found, least: tuple[int, int]) -> bool:
    """Whether the intersection is at least that part of the union, in integers."""
    both = _intersection(a, b)
    part, whole = least
    return both * whole >= (_area(a) + _area(b) - both) * part


def _intersection(a: Found, b: Found) -> int:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return max(0, width) * max(0, height)


def _area(found: Found) -> int:
    return (found.right - found.left) * (found.bottom - found.top)
