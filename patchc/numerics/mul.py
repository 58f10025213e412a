"""QLinearMul in integers, proved on all 65 536 pairs of operands.

onnxruntime computes in float32, product and sum rounded one after the other (docs/exactness.md):

    r = sa * sb / sc; clip(rint(float32((a - za) * (b - zb)) * r + zc))

The zero point is added before rounding, so that uint8 rounds otherwise than int8.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patchc.errors import PatchcError
from patchc.ir import Quantization
from patchc.ir.graph import INT8_MAX, INT8_MIN
from patchc.numerics.float32 import take_apart
from patchc.numerics.near import near_sum, settle
from patchc.numerics.pairing import Pairing, all_pairs
from patchc.numerics.requant import rint_fixed, round_24
from patchc.numerics.structs import MulParams

# A product of at least this saturates whatever the zero point, so no larger factor is needed.
_LARGEST = np.float32(1024)

# A factor below this adds less than 2^-13 to the zero point: rint gives the zero point, as 0 does.
_SMALLEST = np.float32(2.0**-29)


def mul_params(pairing: Pairing, where: str) -> MulParams:
    """The kernel's constants. Raises PatchcError, naming `where`, where the scales' quotient is no
    number."""
    factor = _factor(pairing)
    if not np.isfinite(factor):
        raise PatchcError(
            f"{where}: its scales {pairing.a.scale}, {pairing.b.scale} -> {pairing.out.scale} "
            "overflow float32; quantise the model again with scales of like size"
        )
    mantissa, frac = 0, 24
    if factor >= _SMALLEST:
        mantissa, exponent = take_apart(min(factor, _LARGEST))
        frac = -exponent
    exact = Fraction(mantissa, 2**frac)
    zero_point = pairing.out.zero_point + pairing.offset
    most = _largest(pairing.a) * _largest(pairing.b)
    near, (near_factor,) = near_sum(
        terms=((exact, most),),
        constant=Fraction(zero_point),
        bound=most * exact + abs(zero_point),
        rounding=Fraction(1, 2**23),  # product and sum round by 2^-24 of the bound at most
        offset=pairing.offset,
    )
    params = MulParams(
        factor=mantissa,
        frac=frac,
        near_factor=near_factor,
        near=near,
        constant=pairing.constant,
        a_zero_point=pairing.a.zero_point,
        b_zero_point=pairing.b.zero_point,
        zero_point=zero_point,
        offset=pairing.offset,
        lo=pairing.clamp.lo,
        hi=pairing.clamp.hi,
    )
    pairs = all_pairs()
    if not np.array_equal(mul_integer(params, *pairs), mul_float(pairing, *pairs)):
        raise PatchcError(f"{where}: its integer form differs from onnxruntime's: a bug of patchc")
    return params


def mul_float(pairing: Pairing, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """onnxruntime's formula, in float32."""
    x = a.astype(np.int32) - pairing.a.zero_point
    y = b.astype(np.int32) - pairing.b.zero_point
    offset = pairing.offset
    with np.errstate(over="ignore", under="ignore"):
        product = (x * y).astype(np.float32) * _factor(pairing)
    total = np.rint(product + np.float32(pairing.out.zero_point + offset))
    lo, hi = pairing.clamp.lo + offset, pairing.clamp.hi + offset
    result: NDArray[np.int8] = (np.clip(total, lo, hi) - offset).astype(np.int8)
    return result


def mul_integer(params: MulParams, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """patchc_mul, step by step, in integers."""
    x = a.astype(np.int64) - params.a_zero_point
    y = b.astype(np.int64) - params.b_zero_point
    settled, near = settle(params.near, x * y * params.near_factor)
    total = round_24(round_24(x * y * params.factor) + params.zero_point * 2**params.frac)
    exact = rint_fixed(total, params.frac) - params.offset
    result: NDArray[np.int8] = np.clip(np.where(settled, near, exact), params.lo, params.hi).astype(
        np.int8
    )
    return result


def _largest(quant: Quantization) -> int:
    """The magnitude of a value less its zero point, at most."""
    return max(INT8_MAX - quant.zero_point, quant.zero_point - INT8_MIN)


def _factor(pairing: Pairing) -> np.float32:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product = np.float32(pairing.a.scale) * np.float32(pairing.b.scale)
        return np.float32(product / np.float32(pairing.out.scale))
