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

NEVER = Near(0, 0, 0, 1, 0)


def near_sum(
    terms: Sequence[tuple[Fraction, int]],
    constant: Fraction,
    bound: Fraction,
    rounding: Fraction,
    offset: int = 0,
) -> tuple[Near, tuple[int, ...]]:
    """Constants, and the factors in fixed point; NEVER and zeros where 32 bits are too few.

    terms: each factor, and the largest magnitude of what it multiplies. The sum of their products
    and `constant` is at most `bound` in magnitude, and at most rounding * bound from what
    onnxruntime rounds. `offset` is what that exceeds our value by.
    """
    base = ceil(bound) + 1
    bits = 32 - (2 * base + 1).bit_length()
    nothing = (0,) * len(terms)
    if bits < _MIN_BITS:
        return NEVER, nothing
    one = 2**bits
    # Each rounded factor is off by half a unit, and so is the constant.
    off = Fraction(sum(magnitude for _, magnitude in terms) + 1, 2)
    guard = ceil(off + bound * rounding * one) + 1
    if 4 * guard > one:
        return NEVER, nothing
    near = Near(
        constant=round((constant + base + Fraction(1, 2)) * one),
        guard=guard,
        range=one - 2 * guard,
        bits=bits,
        base=base + offset,
    )
    return near, tuple(round(factor * one) for factor, _ in terms)


def settle(near: Near, products: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Where patchc_settled holds for a sum of factors times operands, and the values there."""
    total = (products + near.constant) & 0xFFFFFFFF
    fraction = total & ((1 << near.bits) - 1)
    settled = ((fraction - near.guard) & 0xFFFFFFFF) < near.range
    return settled, (total >> near.bits) - near.base
