"""From the three maps of YOLOv8's heads to boxes: what box_decode.c does, in Python.

A map has a cell per 8, 16 or 32 pixels of the image, and a cell 4 x BINS + classes values. Of each
side of its box, left, top, right and bottom, BINS values say how far it is from the cell's centre:
after a softmax they are how likely 0, 1, 2, ... cells are, and the mean of that is the distance.
Then there is a score per class.

1. A candidate is a cell whose best score of the wanted classes is above the threshold; the best
   MAX_BOXES are kept. Only their boxes are worked out.
2. From the best score down, a candidate that overlaps a box already found is dropped.

Everything is an integer, so that the C gives the same on every core: scores and coordinates are
multiples of 1 / UNIT. A value of a map is one of 256, a scale apart, so that the softmax needs
powers of 2 only, which lie on straight lines between those of a table. No sigmoid is needed,
because it does not change which score is larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from examples.detectors.found import UNIT, Found, kept, scaled

BINS = 16
SIDES = 4
MAX_BOXES = 64  # candidates
OVERLAP = (9, 20)  # a numerator and a denominator: 0.45 of the union, as the package has it
LOG2_E = 1.4426950408889634
ONE = 1 << 20  # of POWERS
STEPS = 16  # of POWERS, in a halving
POWERS = [round(ONE * 2 ** (-step / STEPS)) for step in range(STEPS + 1)]
BELOW = UNIT // STEPS  # UNIT is a halving


@dataclass(frozen=True, slots=True)
class Map:
    """The network's answer on one scale."""

    steps: np.ndarray  # (rows, columns, SIDES * BINS + classes), above the zero point
    scale: float  # a step
    cell: int  # pixels


def decode(maps: Sequence[Map], labels: Sequence[int], threshold: int) -> list[Found]:
    """The boxes of the classes `labels` whose score is above `threshold`, best first."""
    candidates = [one for map_ in maps for one in _candidates(map_, labels, threshold)]
    return kept(candidates, MAX_BOXES, OVERLAP)


def _candidates(map_: Map, labels: Sequence[int], threshold: int) -> list[Found]:
    """In the order of the map: by row, column."""
    scores = map_.steps[..., [SIDES * BINS + label for label in labels]]
    scores = scores.astype(int) * scaled(map_.scale, UNIT)
    best = scores.argmax(-1)  # of equal scores the first
    found = []
    for row, column in np.argwhere(scores.max(-1) > threshold).tolist():
        x, y = ((2 * place + 1) * (map_.cell * UNIT // 2) for place in (column, row))
        values = map_.steps[row, column, : SIDES * BINS].reshape(SIDES, BINS).tolist()
        left, top, right, bottom = (map_.cell * distance(side, map_.scale) for side in values)
        label = int(best[row, column])
        found.append(
            Found(
                score=int(scores[row, column, label]),
                left=x - left,
                top=y - top,
                right=x + right,
                bottom=y + bottom,
                label=labels[label],
            )
        )
    return found


def distance(steps: Sequence[int], scale: float) -> int:
    """Of a side from the centre, in cells / UNIT: the mean of 0, 1, 2, ... after a softmax."""
    halvings = scaled(scale, LOG2_E * UNIT)  # per step
    most = max(steps)
    weights = [_power((most - value) * halvings) for value in steps]
    return sum(place * weight for place, weight in enumerate(weights)) * UNIT // sum(weights)


def _power(halvings: int) -> int:
    """ONE * 2^-(halvings / UNIT); the largest of a softmax is ONE, so the sum is not 0."""
    whole, rest = divmod(halvings, UNIT)
    step, between = divmod(rest, BELOW)
    high, low = POWERS[step], POWERS[step + 1]
    return (high - (high - low) * between // BELOW) >> whole
