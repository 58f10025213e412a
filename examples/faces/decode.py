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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from examples.detectors.found import UNIT, Found, kept, scaled

SIZE = 128  # pixels, both sides
GRIDS = ((16, 2), (8, 6))  # cells per side, anchors per cell
POINTS = 6  # two eyes, nose, mouth, two ears
BOX_VALUES = 4 + 2 * POINTS
MAX_FACES = 64  # candidates, as in the package that the network comes from
OVERLAP = (3, 10)  # a numerator and a denominator: 0.3 of the union


@dataclass(frozen=True, slots=True)
class Grid:
    """The network's answers for one grid, in steps above their zero points."""

    scores: np.ndarray  # (cells, cells, anchors)
    boxes: np.ndarray  # (cells, cells, anchors, BOX_VALUES)
    score_scale: float  # a step of `scores`
    box_scale: float  # a step of `boxes`, pixels


def decode(grids: Sequence[Grid], threshold: int) -> list[Found]:
    """The faces whose score is above `threshold`, best first."""
    candidates = [face for grid in grids for face in _candidates(grid, threshold)]
    return kept(candidates, MAX_FACES, OVERLAP)


def _candidates(grid: Grid, threshold: int) -> list[Found]:
    """In the order of the maps: by row, column, anchor."""
    cells = len(grid.scores)
    scores = grid.scores.astype(int) * scaled(grid.score_scale, UNIT)
    # The scale of half a step, so that half of a width is exact.
    half = scaled(grid.box_scale, UNIT // 2)
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
            Found(
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
