"""Handwritten digits at random places of a larger frame: what is asked is which and where.

The 8 x 8 digits that scikit-learn ships, upscaled; a class is a digit and the quadrant that its
middle lies in. Most of them lie across the border of quadrants, where patches are cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

FRAME, DIGIT = 32, 12  # pixels
QUADRANTS = 4
CLASSES = 10 * QUADRANTS
TESTED_EVERY = 3  # of three digits one is kept for tests
PLACES = 8  # that each of these is tested at


@dataclass(frozen=True)
class Digits:
    """pixels [n, DIGIT, DIGIT] uint8, and which they are."""

    pixels: np.ndarray
    digits: np.ndarray

    def part(self, chosen: np.ndarray) -> Digits:
        return Digits(self.pixels[chosen], self.digits[chosen])


def upscaled(images: np.ndarray, digits: np.ndarray) -> Digits:
    """images: [n, 8, 8], 0..16, as scikit-learn has them."""
    grey = np.rint(np.asarray(images) * (255 / 16)).astype(np.uint8)
    size, method = (DIGIT, DIGIT), Image.Resampling.BICUBIC
    pixels = np.stack([np.asarray(Image.fromarray(g).resize(size, method)) for g in grey])
    return Digits(pixels, np.asarray(digits, np.int64))


def split(data: Digits) -> tuple[Digits, Digits]:
    """For training and for tests; scikit-learn's order goes by writers."""
    tested = np.arange(len(data.digits)) % TESTED_EVERY == TESTED_EVERY - 1
    return data.part(~tested), data.part(tested)


def placed(data: Digits, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Frames [n, 1, FRAME, FRAME] and classes."""
    count = len(data.digits)
    corners = random.integers(0, FRAME - DIGIT + 1, (count, 2))
    frames = np.zeros((count, 1, FRAME, FRAME), np.uint8)
    for frame, digit, (row, col) in zip(frames, data.pixels, corners, strict=True):
        frame[0, row : row + DIGIT, col : col + DIGIT] = digit
    lower, right = (2 * corners + DIGIT >= FRAME).T  # the middle of the digit
    return frames, data.digits * QUADRANTS + 2 * lower + right


def test_set(data: Digits) -> tuple[np.ndarray, np.ndarray]:
    """Every digit at a few places, the same each time."""
    random = np.random.default_rng(2026)
    made = [placed(data, random) for _ in range(PLACES)]
    frames, classes = zip(*made, strict=True)
    return np.concatenate(frames), np.concatenate(classes)


def batches(
    data: Digits, size: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """An epoch: every digit once, somewhere; whole batches only."""
    random = np.random.default_rng((seed, epoch))
    frames, classes = placed(data, random)
    order = random.permutation(len(classes))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield frames[chosen], classes[chosen]
