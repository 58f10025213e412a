"""float32 arithmetic that numpy lacks, and float32 numbers taken apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = np.float32 | NDArray[np.float32]


def fma32(a: Float32, b: Float32, c: Float32) -> NDArray[np.float32]:
    """a * b + c with one rounding, as a float32 fused multiply-add computes it. Broadcasts.

    The product of two float32 is exact in float64. Its sum with c is not: TwoSum (Knuth) gives
    what the addition loses, and with that the sum is rounded to odd, after which rounding to
    float32 equals rounding once (Boldo and Melquiond, 2008: 53 >= 24 + 2 bits).
    """
    product = np.float64(a) * np.float64(b)
    addend = np.float64(c)
    total = np.asarray(product + addend, dtype=np.float64)
    virtual = total - product
    lost = (product - (total - virtual)) + (addend - virtual)
    bits = total.view(np.int64)
    away = np.where((lost > 0) == (total > 0), 1, -1)  # in steps of the last bit
    odd = np.where((lost != 0) & (bits & 1 == 0), bits + away, bits).view(np.float64)
    result: NDArray[np.float32] = odd.astype(np.float32)
    return result


def float32_bits(value: float | np.float32) -> int:
    """The IEEE 754 bit pattern of a float32."""
    return int(np.float32(value).view(np.uint32))


def take_apart(value: float | np.float32) -> tuple[int, int]:
    """(m, e) with value == m * 2**e, 2**23 <= |m| < 2**24, for a normal float32; (0, 0) for 0.

    Raises ValueError for subnormal and non-finite values.
    """
    bits = float32_bits(value)
    if bits & 0x7FFFFFFF == 0:
        return 0, 0
    exponent = bits >> 23 & 0xFF
    if exponent in (0, 255):
        raise ValueError(f"{value!r} is not a normal float32")
    significand = bits & 0x7FFFFF | 0x800000
    return (-significand if bits >> 31 else significand), exponent - 150
