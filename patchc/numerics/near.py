"""The 32-bit fixed-point sum that settles what is far from a tie (patchc_pairs.h)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from patchc.numerics.structs import Near

# With fewer fractional bits a 32-bit sum settles too few pairs to be worth its code path.
_MIN_BITS = 10

# Enough for sums of two bytes; kernels that shift by no other number are faster (patchc_pairs.h).
PAIR_BITS = 20

_WORD, _SIGN = 2**32 - 1, 2**31

# In a fraction of one bit, no sum is far from a tie.
NEVER = Near(constant=0, mask=0, bits=1)


def near_sum(
    terms: Sequence[tuple[Fraction, int]],
    constant: Fraction,
    bound: Fraction,
    rounding: Fraction,
    offset: int = 0,
    most_bits: int = 31,
) -> tuple[Near, tuple[int, ...]]:
    """Constants, and the factors in fixed point; NEVER and zeros where 32 bits are too few.

    terms: each factor, and the largest magnitude of what it multiplies. The sum of their products
    and `constant` is at most `bound` in magnitude, and at most rounding * bound from what
    onnxruntime rounds. `offset` is what that exceeds our value by. `most_bits`: fractional ones.
    """
    # In magnitude our value is smaller by more than what is added to it: one half and the guard.
    limit = ceil(bound) + offset + 2
    bits = min(31 - limit.bit_length(), most_bits)
    nothing = (0,) * len(terms)
    if bits < _MIN_BITS:
        return NEVER, nothing
    one = 2**bits
    # Each rounded factor is off by half a unit, and so is the constant.
    off = Fraction(sum(magnitude for _, magnitude in terms) + 1, 2)
    guard = _power_of_two(ceil(off + bound * rounding * one) + 1)
    if 4 * guard > one:
        return NEVER, nothing
    near = Near(
        constant=(round((constant - offset + Fraction(1, 2)) * one) + guard) & _WORD,
        mask=one - 2 * guard,
        bits=bits,
    )
    return near, tuple(round(factor * one) for factor, _ in terms)


def settle(near: Near, products: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Where patchc_settled holds for a sum of factors times operands, and the values there."""
    total = (products + near.constant) & _WORD
    return (total & near.mask) != 0, (total ^ _SIGN) - _SIGN >> near.bits


def _power_of_two(number: int) -> int:
    """The least that is not smaller."""
    return 1 << (number - 1).bit_length()
