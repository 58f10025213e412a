"""From the four maps of BlazeFace to faces: what face_decode.c does, in Python.

The network looks at two grids, 16 x 16 cells with 2 anchors each and 8 x 8 cells with 6. An anchor
is the centre of its cell; all have one size. For each the network gives a score and 16 numbers, in
pixels of the 128 x 128 image: the box's centre relative to the anchor, its width and height, and
six points relative to the anchor.

1. A candidate is an anchor with a score above the threshold; the best MAX_FACES are kept.
2. From the best score down, a candidate that overlaps a face already found is dropped.

Everything is an integer, so that the C gives the same on every core: scores and coordinates are
multiples of 1 / UNIT. No sigmoid is needed, because it does not change which score is larger.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZE = 128  # pixels, both sides
UNIT = 65536  # of a score (before the sigmoid), and of a pixel
GRIDS = ((16, 2), (8, 6))  # cells per side, anchors per cell
POINTS = 6  # two eyes, nose, mouth, two ears
BOX_VALUES = 4 + 2 * POINTS
MAX_FACES = 64  # candidates, as in the package that the network comes from
OVERLAP = (3, 10)  # a numerator and a denominator: 0.3 of the union

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """The network's answers for one grid, in steps above their zero points."""

    scores: np.ndarray  # (cells, cells, anchors)
    boxes: np.ndarray  # (cells, cells, anchors, BOX_VALUES)
    score_scale: float  # a step of `scores`
    box_scale: float  # a step of `boxes`, pixels


@dataclass(frozen=True, slots=True)
class Face:
    """In multiples of 1 / UNIT; x to the right, y down, from the top left corner."""

    score: int
    left: int
    top: int
    right: int
    bottom: int
    points: tuple[Point, ...]

    @property
    def probability(self) -> float:
        return 1 / (1 + math.exp(-self.score / UNIT))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in pixels."""
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        return left / UNIT, top / UNIT, right / UNIT, bottom / UNIT


def least_score(probability: float) -> int:
    """The score of that probability, both ends of (0, 1) excluded."""
    return round(math.log(probability / (1 - probability)) * UNIT)


def decode(grids: Sequence[Grid], threshold: int) -> list[Face]:
    """The faces whose score is above `threshold`, best first."""
    candidates = [face for grid in grids for face in _candidates(grid, threshold)]
    # Stable: of equal scores the first stays first.
    candidates = sorted(candidates, key=lambda face: -face.score)[:MAX_FACES]
    found: list[Face] = []
    for face in candidates:
        if not any(_overlap(face, other) for other in found):
            found.append(face)
    return found


def _candidates(grid: Grid, threshold: int) -> list[Face]:
    """In the order of the maps: by row, column, anchor."""
    cells = len(grid.scores)
    scores = grid.scores.astype(int) * _scaled(grid.score_scale, UNIT)
    # The scale of half a step, so that half of a width is exact.
    half = _scaled(grid.box_scale, UNIT // 2)
    found = []
    for row, column, anchor in np.argwhere(scores > threshold).tolist():
        x, y = ((2 * cell + 1) * (SIZE * UNIT // 2 // cells) for cell in (column, row))
        values = [half * int(value) for value in grid.boxes[row, column, anchor]]
        x_centre, y_centre, half_width, half_height = (
            x + 2 * values[0],
            y + 2 * values[1],
            values[2],
            values[3],
        )
        found.append(
            Face(
                score=int(scores[row, column, anchor]),
                left=x_centre - half_width,
                top=y_centre - half_height,
                right=x_centre + half_width,
                bottom=y_centre + half_height,
                points=tuple(
                    (x + 2 * values[i], y + 2 * values[i + 1]) for i in range(4, BOX_VALUES, 2)
                ),
            )
        )
    return found


def _scaled(scale: float, unit: int) -> int:
    return int(scale * unit + 0.5)


def _overlap(a: Face, b: Face) -> bool:
    """Whether the intersection is at least OVERLAP of the union."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    both = max(0, width) * max(0, height)
    part, whole = OVERLAP
    return both * whole >= (_area(a) + _area(b) - both) * part


def _area(face: Face) -> int:
    return (face.right - face.left) * (face.bottom - face.top)
