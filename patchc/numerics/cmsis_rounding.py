"""arm_nn_requantize of CMSIS-NN 4.0.0 in numpy, bit for bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patchc.choices import Rounding
from patchc.numerics.fold import INT32_MIN

__all__ = ["MOST_SHIFT", "Rounding", "requantize", "wrapped"]

# The library shifts 64-bit words by 30 - shift.
MOST_SHIFT = 30


def requantize(
    acc: NDArray[np.integer],
    multiplier: int | NDArray[np.int64],
    shift: int | NDArray[np.int64],
    rounding: Rounding,
) -> NDArray[np.int32]:
    """arm_nn_requantize for int32 accumulators; everything broadcasts. No zero point, no clip."""
    wide = acc.astype(np.int64)
    factor, to_left = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    if rounding is Rounding.SINGLE:
        word = wrapped(wide * factor >> (MOST_SHIFT - to_left))
        return (wrapped(word + 1) >> 1).astype(np.int32)
    shifted = wrapped(wide << np.maximum(to_left, 0))
    word = wrapped((shifted * factor + 2**30) >> 31)
    return _divided(word, np.maximum(-to_left, 0)).astype(np.int32)


def _divided(word: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """arm_nn_divide_by_power_of_two: half away from zero."""
    mask = np.left_shift(np.int64(1), right) - 1
    down = word >> right
    threshold = (mask >> 1) + (down < 0)
    result: NDArray[np.int64] = down + ((word & mask) > threshold)
    return result


def wrapped(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Modulo 2^32, as an int32."""
    result: NDArray[np.int64] = (values - INT32_MIN) % 2**32 + INT32_MIN
    return result
