"""Sums and products as CMSIS-NN computes them, and multipliers that are proved on all pairs.

arm_elementwise_add_s8 and arm_elementwise_mul_s8 of 4.0.0, `scaled` being arm_nn_requantize:

    sum:      scaled(scaled((a - za) << 20, ma) + scaled((b - zb) << 20, mb), mo) + zo
    product:  scaled((a - za) * (b - zb), m) + zo

then clipped. onnxruntime computes both in float32 (add.py, mul.py). The nearest multipliers give
its bytes for most scales; for the others, multipliers next to them are tried on the pairs whose
result is close to a tie. What is found is proved on all 65 536 pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from patchc.choices import Rounding
from patchc.ir import Clamp, Quantization
from patchc.numerics.add import add_float
from patchc.numerics.cmsis import nearest
from patchc.numerics.cmsis_rounding import requantize
from patchc.numerics.fold import INT32_MAX
from patchc.numerics.mul import mul_float
from patchc.numerics.pairing import Pairing, all_pairs

LEFT_SHIFT = 20  # of operands: with DSP instructions the library drops all but their low bits

# Multipliers are tried in so many places, and up to so far from the nearest: a part of them.
_TRIED = 1024
_FAR = 3e-6
# No multiplier that is tried moves a result by so much, in steps of the output.
_CLOSE = 2.0**-8
# Fractions of the golden ratio's kin: no two candidates are alike in any of three numbers.
_SPREAD = np.array([0.8191725134, 0.6710436067, 0.5497004779])

# With larger ones a word of the library's could leave int32: a product has 16 bits and a sign.
_MOST_PRODUCT_SHIFT = 13

Bytes = NDArray[np.int8]
# One per number of the form: an int, or an array with an entry per candidate.
Multipliers = Sequence[NDArray[np.int64] | int]
Compute = Callable[[Multipliers, Bytes, Bytes], Bytes]


@dataclass(frozen=True, slots=True)
class PairForm:
    """The numbers of a sum (those of a, b and the sum) or of a product (its own), as
    arm_nn_requantize takes them."""

    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]  # to the left
    proved: bool  # to equal onnxruntime's for all pairs


def sum_form(pairing: Pairing, rounding: Rounding) -> PairForm | None:
    """None where the scales are so far apart that the library's words could overflow."""
    p = pairing
    return _sum_form(p.a, p.b, p.out, p.clamp, p.unsigned, rounding)


def product_form(pairing: Pairing, rounding: Rounding) -> PairForm | None:
    """As `sum_form`."""
    p = pairing
    return _product_form(p.a, p.b, p.out, p.clamp, p.unsigned, rounding)


# A compilation asks for the same forms several times.
@lru_cache(maxsize=256)
def _sum_form(
    a: Quantization,
    b: Quantization,
    out: Quantization,
    clamp: Clamp,
    unsigned: bool,
    rounding: Rounding,
) -> PairForm | None:
    pairing = Pairing(a, b, out, clamp, unsigned)
    scales = np.array([a.scale, b.scale, out.scale], np.float32).astype(np.float64)
    largest = 2 * scales[:2].max()
    factors = np.array([*scales[:2] / largest, largest / scales[2] / 2**LEFT_SHIFT])
    if not factors.max() <= 0.5:
        return None
    multipliers, shifts = nearest(factors)

    def compute(tried: Multipliers, p: Bytes, q: Bytes) -> Bytes:
        return _sum(pairing, tried, shifts.tolist(), p, q, rounding)

    p, q = (values.astype(np.float64) for values in all_pairs())
    steps = ((p - a.zero_point) * scales[0] + (q - b.zero_point) * scales[1]) / scales[2]
    return _found(multipliers, shifts, compute, steps, add_float(pairing, *all_pairs()))


@lru_cache(maxsize=256)
def _product_form(
    a: Quantization,
    b: Quantization,
    out: Quantization,
    clamp: Clamp,
    unsigned: bool,
    rounding: Rounding,
) -> PairForm | None:
    pairing = Pairing(a, b, out, clamp, unsigned)
    with np.errstate(all="ignore"):
        factor = np.float32(a.scale) * np.float32(b.scale) / np.float32(out.scale)
    if not factor < 2.0**_MOST_PRODUCT_SHIFT:
        return None
    multipliers, shifts = nearest(np.array([factor], np.float32))

    def compute(tried: Multipliers, p: Bytes, q: Bytes) -> Bytes:
        return _product(pairing, tried, shifts.tolist(), p, q, rounding)

    p, q = (values.astype(np.float64) for values in all_pairs())
    steps = (p - a.zero_point) * (q - b.zero_point) * np.float64(factor)
    return _found(multipliers, shifts, compute, steps, mul_float(pairing, *all_pairs()))


def _found(
    nearby: NDArray[np.int64],
    shifts: NDArray[np.int64],
    compute: Compute,
    steps: NDArray[np.float64],
    wanted: Bytes,
) -> PairForm:
    """`steps`: the results before they are rounded, but for the zero point; `wanted`: after."""
    p, q = all_pairs()
    best = PairForm(tuple(nearby.tolist()), tuple(shifts.tolist()), proved=False)

    def equal(multipliers: tuple[int, ...]) -> bool:
        return np.array_equal(compute(multipliers, p, q), wanted)

    if equal(best.multipliers):
        return PairForm(best.multipliers, best.shifts, proved=True)
    close = np.nonzero(np.abs(steps - np.floor(steps) - 0.5) < _CLOSE)
    first, second, asked = p[close[0], 0], q[0, close[1]], wanted[close]
    offsets = (np.arange(_TRIED)[:, None] * _SPREAD[: len(nearby)] % 1 - 0.5) * 2 * _FAR
    tried = np.minimum(np.rint(nearby * (1 + offsets)).astype(np.int64), INT32_MAX)
    results = compute([column[:, None] for column in tried.T], first, second)
    for index in np.flatnonzero((results == asked).all(axis=1)):
        chosen = tuple(tried[index].tolist())
        if equal(chosen):
            return PairForm(chosen, best.shifts, proved=True)
    return best


def sum_bytes(pairing: Pairing, form: PairForm, a: Bytes, b: Bytes, rounding: Rounding) -> Bytes:
    """What the library makes of operands, in the order of the formula."""
    return _sum(pairing, form.multipliers, form.shifts, a, b, rounding)


def product_bytes(
    pairing: Pairing, form: PairForm, a: Bytes, b: Bytes, rounding: Rounding
) -> Bytes:
    """As `sum_bytes`."""
    return _product(pairing, form.multipliers, form.shifts, a, b, rounding)


def _sum(
    pairing: Pairing,
    multipliers: Multipliers,
    shifts: Sequence[int],
    a: Bytes,
    b: Bytes,
    rounding: Rounding,
) -> Bytes:
    first = (a.astype(np.int64) - pairing.a.zero_point) << LEFT_SHIFT
    second = (b.astype(np.int64) - pairing.b.zero_point) << LEFT_SHIFT
    total = requantize(first, multipliers[0], shifts[0], rounding).astype(np.int64)
    total = total + requantize(second, multipliers[1], shifts[1], rounding)
    return _clipped(pairing, requantize(total, multipliers[2], shifts[2], rounding))


def _product(
    pairing: Pairing,
    multipliers: Multipliers,
    shifts: Sequence[int],
    a: Bytes,
    b: Bytes,
    rounding: Rounding,
) -> Bytes:
    first = a.astype(np.int64) - pairing.a.zero_point
    product = first * (b.astype(np.int64) - pairing.b.zero_point)
    return _clipped(pairing, requantize(product, multipliers[0], shifts[0], rounding))


def _clipped(pairing: Pairing, scaled: NDArray[np.int32]) -> Bytes:
    values = scaled.astype(np.int64) + pairing.out.zero_point
    result: Bytes = np.clip(values, pairing.clamp.lo, pairing.clamp.hi).astype(np.int8)
    return result
