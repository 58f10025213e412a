"""Top-1 and top-5: how often a vector of scores has its label first, or among the first five."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patchc.errors import PatchcError

TOP = 5


@dataclass(frozen=True, slots=True)
class Right:
    """Samples whose label is the best class, or among the best five, of a network."""

    samples: int
    top1: int
    top5: int

    def __str__(self) -> str:
        return f"top-1 {self.top1} of {self.samples}, top-5 {self.top5}"


def best_classes(values: np.ndarray) -> tuple[int, ...]:
    """Of a vector, the best first, at most five; of equal ones the lower. Empty for a map."""
    if values.size < 2 or values.size != max(values.shape):
        return ()
    order = np.argsort(-values.ravel().astype(np.float64), kind="stable")
    return tuple(int(index) for index in order[:TOP])


def right(answers: Sequence[tuple[int, ...]], labels: Sequence[int]) -> Right:
    """answers: of `best_classes`. Raises PatchcError where labels are not of these answers."""
    if len(labels) != len(answers):
        raise PatchcError(f"--labels: {len(labels)} labels for {len(answers)} samples")
    if not all(answers):
        raise PatchcError("--labels: the first output is no vector of classes")
    pairs = list(zip(answers, labels, strict=True))
    return Right(
        len(pairs),
        sum(best[0] == label for best, label in pairs),
        sum(label in best for best, label in pairs),
    )


def read_labels(path: Path) -> tuple[int, ...]:
    """One class a line. Raises PatchcError."""
    try:
        return tuple(int(line) for line in path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise PatchcError(f"{path}: cannot be read as one class number a line") from error
