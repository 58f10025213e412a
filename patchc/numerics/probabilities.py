"""Softmax and Sigmoid behind a network, as integers: what NAME_probabilities of the C computes.

A probability is a number of units of 2^-31, from 0 to 2^31. Of int8 values, exponentials (of their
distances to the largest) or results come from a table of 256 integers. Of int32 sums, each worth
something of its own, a product with 31 bits of that gives their logarithm to the base 2 in units of
2^-24, and the power of 2 comes from a table by 8 of its bits and a parabola by the other 16. What
a Softmax divides by is rounded down to 32 bits, and its inverse too, so that there is one division
for all values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from patchc.errors import PatchcError

ONE_BITS = 31
ONE = 1 << ONE_BITS  # a probability of 1

# Units of the logarithm of a sum, and what of them is looked up.
LOG_BITS = 24
INDEX_BITS = 8
REST_BITS = LOG_BITS - INDEX_BITS
LN2 = round(math.log(2) * 2**LOG_BITS)

# No product of a sum and a factor reaches it, so that it makes all of them positive.
OFFSET_BITS = 62

FACTOR_BITS = 31  # a sum's factor is from half of 2^31 on
# Units of 2^-31 that a probability of sums is off by, but for what the tables of bytes are, too: as
# long as the values are within 256.
SUM_UNITS = 256
UNITS = 2


class Function(str, Enum):
    """By ONNX's names."""

    SOFTMAX = "Softmax"
    SIGMOID = "Sigmoid"


@dataclass(frozen=True, slots=True)
class Probabilities:
    """A function of an output's values, in the order in which they lie in the map."""

    function: Function
    group: int  # values that one Softmax runs over, one behind the other; 1: a Sigmoid
    scale: float
    zero_point: int
    # Of int32 sums: what a unit of each sum of a pixel is worth. Else none.
    sums: tuple[float, ...] = ()

    @property
    def units(self) -> int:
        """How many units of 2^-31 a probability is off by at most."""
        here = SUM_UNITS if self.sums else 0
        if self.function is Function.SIGMOID:
            return here + 1
        return here + UNITS + -(-self.group // 2)

    @property
    def table(self) -> np.ndarray:
        """uint32 (256,). Of bytes: the exponential of a distance, in steps, to the largest value,
        or the Sigmoid of a value, from -128 on. Of sums: 2^(-i / 256)."""
        if self.sums:
            return powers_table()
        elif self.function is Function.SOFTMAX:
            found = [math.exp(-self.scale * i) for i in range(256)]
        else:
            found = [sigmoid(self.scale * (i - self.zero_point)) for i in range(-128, 128)]
        return np.rint(np.array(found) * ONE).astype(np.uint32)

    @property
    def factors(self) -> tuple[tuple[int, int], ...]:
        """Of sums: factor and shift for each sum of a pixel; one for all where they are equal."""
        scales = self.sums[:1] if len(set(self.sums)) == 1 else self.sums
        return tuple(_factor(scale) for scale in scales)

    def of(self, map_: np.ndarray) -> np.ndarray:
        """int8 (h, w, c) -> uint32, for each value or sum in the map's order."""
        flat = np.ascontiguousarray(map_, np.int8).ravel()
        if self.sums:
            logs = self._logs(flat.view("<i4").astype(np.int64))
            if self.function is Function.SIGMOID:
                return _sigmoids(logs)
            groups = logs.reshape(-1, self.group)
            parts = powers(groups.max(axis=1, keepdims=True) - groups)
        elif self.function is Function.SIGMOID:
            return self.table[flat.astype(np.int64) + 128]
        else:
            groups = flat.astype(np.int64).reshape(-1, self.group)
            parts = self.table[groups.max(axis=1, keepdims=True) - groups]
        return shares(parts).ravel()

    def _logs(self, sums: np.ndarray) -> np.ndarray:
        """int64 (n,) -> their logarithms to the base 2, int64 in units of 2^-24, rounded down."""
        pairs = np.array(self.factors, np.int64)
        which = np.arange(len(sums)) % len(pairs)
        logs: np.ndarray = (sums * pairs[which, 0]) >> pairs[which, 1]
        return logs


def sigmoid(value: float) -> float:
    """In float64, of any value."""
    if value < 0:
        return 1 - sigmoid(-value)
    return 1 / (1 + math.exp(-value))


def _factor(scale: float) -> tuple[int, int]:
    """What to multiply a sum with, and by how many bits to shift that, for its logarithm."""
    fraction, exponent = math.frexp(scale / math.log(2))
    shift = FACTOR_BITS - LOG_BITS - exponent
    if shift < 0:
        raise PatchcError(f"a unit of a sum is worth {scale}: too much for a Softmax or Sigmoid")
    factor = round(fraction * 2**FACTOR_BITS)
    if factor == 1 << FACTOR_BITS:
        return (factor // 2, shift - 1) if shift else (factor - 1, shift)
    if shift > OFFSET_BITS:
        return factor >> min(shift - OFFSET_BITS, FACTOR_BITS), OFFSET_BITS
    return factor, shift


def powers_table() -> np.ndarray:
    """uint32 (256,): 2^(-i / 256) in units of 2^-31."""
    return np.rint(2.0 ** (-np.arange(256) / 256) * ONE).astype(np.uint32)


def powers(distances: np.ndarray) -> np.ndarray:
    """2^-distance, uint32 in units of 2^-31, of int64 in units of 2^-24."""
    table = powers_table().astype(np.uint64)
    whole = np.minimum(distances >> LOG_BITS, 32).astype(np.uint64)
    bits = (distances & (1 << LOG_BITS) - 1).astype(np.uint64)
    rest = (bits & np.uint64((1 << REST_BITS) - 1)) * np.uint64(LN2) >> np.uint64(REST_BITS)
    factor = np.uint64(1 << 32) - rest + (rest * rest >> np.uint64(33))
    found = table[(bits >> np.uint64(REST_BITS)).astype(np.int64)] * factor >> np.uint64(32)
    half = (np.uint64(1) << whole) >> np.uint64(1)
    return np.where(whole < 32, (found + half) >> whole, 0).astype(np.uint32)


def _sigmoids(logs: np.ndarray) -> np.ndarray:
    """uint32 of logarithms to the base 2."""
    below = powers(np.abs(logs)).astype(np.uint64)
    all_ = below + np.uint64(ONE)
    large = (np.uint64(1 << 2 * ONE_BITS) + all_ // np.uint64(2)) // all_
    return np.where(logs < 0, np.uint64(ONE) - large, large).astype(np.uint32)


def shares(parts: np.ndarray) -> np.ndarray:
    """uint32 (groups, n), one of each group 2^31 -> each in units of 2^-31 of their sum."""
    total = parts.sum(axis=1, keepdims=True, dtype=np.uint64)
    shift = np.full_like(total, 32)
    while (wide := total >> np.uint64(32) != 0).any():
        total = np.where(wide, total >> np.uint64(1), total)
        shift = np.where(wide, shift + np.uint64(1), shift)
    inverse = np.uint64((1 << 63) - 1) // total
    half = np.uint64(1) << (shift - np.uint64(1))
    found: np.ndarray = (parts.astype(np.uint64) * inverse + half) >> shift
    return found.astype(np.uint32)


def as_floats(probabilities: np.ndarray) -> np.ndarray:
    """float32, as example/main.c prints them."""
    worth: np.ndarray = probabilities.astype(np.float32) * np.float32(1 / ONE)
    return worth
