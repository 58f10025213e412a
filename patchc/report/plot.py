"""A plot of letters: bytes to the right, cost upwards, both by their logarithm."""

from __future__ import annotations

import math
from collections.abc import Sequence

KIB = 1024
# What microcontrollers have, in KiB.
COMMON = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
_WIDTH, _HEIGHT = 80, 12
_MARGIN = 9  # letters for the numbers of the upward axis
_NEIGHBOUR = 2  # letters of a label that are kept from the one before


def marks(least: int, most: int) -> list[tuple[int, str]]:
    """The common sizes of RAM from `least` to `most` bytes, and their names."""
    found = ((kib * KIB, f"{kib}k" if kib < KIB else f"{kib // KIB}M") for kib in COMMON)
    return [(size, name) for size, name in found if least <= size <= most]


def reach(sizes: Sequence[int]) -> tuple[int, int]:
    """The ends of an axis that holds all of these, with a little room."""
    return int(min(sizes) / 1.1), int(max(sizes) * 1.1) + 1


def along(size: float, least: int, most: int) -> float:
    """Where a size is on such an axis: 0 at its start, 1 at its end."""
    return math.log(size / least) / math.log(most / least)


def upwards(more: float, top: float) -> float:
    """Where a cost is, 0 at the least one and 1 at `top` above it: by the logarithm, too."""
    return math.log1p(more) / math.log1p(top)


def more_at(place: float, top: float) -> float:
    """The inverse."""
    return math.expm1(place * math.log1p(top))


def plotted(points: Sequence[tuple[int, float, str]]) -> str:
    """Points are bytes, cost above the least (0.1: a tenth more), and a letter; of several in one
    place the first is seen."""
    least, most = reach([max(size, 2) for size, _, _ in points])
    top = max([more for _, more, _ in points] + [0.01])
    columns = _WIDTH - _MARGIN - 1
    rows = [[" "] * columns for _ in range(_HEIGHT)]

    def column(size: int) -> int:
        return round(along(max(size, 2), least, most) * (columns - 1))

    sizes = marks(least, most)
    for size, _ in sizes:
        for row in rows:
            row[column(size)] = ":"
    for size, more, letter in reversed(points):
        rows[_HEIGHT - 1 - round(upwards(more, top) * (_HEIGHT - 1))][column(size)] = letter
    names = [f"+{more_at(1 - index / (_HEIGHT - 1), top):.1%}" for index in range(_HEIGHT)]
    lines = [
        f"{name if index % 3 == 2 or not index else '':>{_MARGIN - 1}} |{''.join(row).rstrip()}"
        for index, (name, row) in enumerate(zip(names, rows, strict=True))
    ]
    below = " " * (_MARGIN + 1) + _labels([(column(size), name) for size, name in sizes], columns)
    lines.append(" " * _MARGIN + "+" + "-" * columns)
    return "\n".join([*lines, below])


def _labels(names: Sequence[tuple[int, str]], columns: int) -> str:
    """Names below their columns, those left out that have no room."""
    line = ""
    for middle, name in names:
        start = middle - len(name) // 2
        if start >= len(line) + (_NEIGHBOUR if line else 0) and start + len(name) <= columns:
            line = line.ljust(start) + name
    return line + "  RAM in total" if len(line) + 14 <= columns else line
