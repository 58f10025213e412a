"""How far two sets of values are apart: counts, steps, signal-to-quantisation-noise ratio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from patchc.ir import Quantization


@dataclass(frozen=True, slots=True)
class Difference:
    """Some values against the expected ones, over all cases."""

    name: str  # of the tensor
    values: int
    differing: int
    largest: int  # steps; 0 also where floats differ by less than half a step
    step: float  # what one step is worth: 1 for integers
    histogram: tuple[tuple[int, int], ...]  # (found - expected in steps, values), ascending
    sqnr_db: float | None  # None: nothing differs


def compare(
    name: str,
    found: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    quant: Quantization | None = None,
) -> Difference:
    """`found` against `expected`, one array of one shape per case.

    `quant` is that of the int8 tensor behind the values: its zero point is where an integer means
    0, its scale is the step of floats (without it, 1/255 of their range).
    """
    ours = np.concatenate([values.ravel() for values in found])
    theirs = np.concatenate([values.ravel() for values in expected])
    if np.issubdtype(theirs.dtype, np.integer):
        step, zero = 1.0, float(quant.zero_point if quant else 0)
        zero += 128 if theirs.dtype == np.uint8 else 0
    else:
        step = quant.scale if quant else _range(theirs) / 255
        zero = 0.0
    real_ours, real_theirs = ours.astype(np.float64) - zero, theirs.astype(np.float64) - zero
    noise = real_ours - real_theirs
    steps = np.rint(noise / step).astype(np.int64)
    return Difference(
        name=name,
        values=len(theirs),
        differing=int(np.count_nonzero(ours != theirs)),
        largest=int(np.abs(steps).max(initial=0)),
        step=step,
        histogram=tuple(sorted(Counter(steps.tolist()).items())),
        sqnr_db=_decibels(real_theirs, noise),
    )


def _range(values: np.ndarray) -> float:
    spread = float(np.ptp(values.astype(np.float64))) if len(values) else 0.0
    return spread or 255.0


def _decibels(signal: np.ndarray, noise: np.ndarray) -> float | None:
    lost = float(np.square(noise).sum())
    if lost == 0:
        return None
    tiny = np.finfo(np.float64).tiny  # a signal of zeros: very low, yet a number that JSON has
    return float(10 * np.log10(max(float(np.square(signal).sum()), tiny) / lost))
