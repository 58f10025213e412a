"""QLinearAdd in integers, proved on all 65 536 pairs of operands.

onnxruntime computes, in float32 with fused multiply-adds (docs/exactness.md):

    ra = sa / sc, rb = sb / sc, f = zc - fma(ra, za, rb * zb)
    clip(rint(fma(a, ra, fma(b, rb, f))))

The zero point is added before rounding, so that a uint8 model rounds otherwise than the same model
shifted to int8: `unsigned` computes as onnxruntime does on uint8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from patchc.errors import PatchcError
from patchc.numerics.float32 import fma32
from patchc.numerics.near import PAIR_BITS, near_sum, settle
from patchc.numerics.pairing import Pairing, all_pairs
from patchc.numerics.requant import rint_fixed, round_24
from patchc.numerics.structs import AddParams, Near

# Sums stay below 2^62, so that neither they nor their rounding leave an int64.
_SUM_BITS = 62


@dataclass(frozen=True, slots=True)
class _Factors:
    """ra, rb and f."""

    a: np.float32
    b: np.float32
    constant: np.float32

    @property
    def all(self) -> tuple[np.float32, np.float32, np.float32]:
        return self.a, self.b, self.constant


def add_params(pairing: Pairing, where: str) -> AddParams:
    """The kernel's constants. Raises PatchcError, naming `where`, where no constants are proved
    to give onnxruntime's bytes for every pair (scales that differ by a factor of millions)."""
    factors = _factors(pairing)
    if not np.isfinite(factors.all).all():
        raise PatchcError(
            f"{where}: its scales {pairing.a.scale}, {pairing.b.scale} -> {pairing.out.scale} "
            "overflow float32; quantise the model again with scales of like size"
        )
    a, b = all_pairs()
    expected = add_float(pairing, a, b)
    near, (near_a, near_b) = _near(pairing, factors)
    exact_bits = max(_fraction_bits(factor) for factor in factors.all)
    most_bits = _SUM_BITS - _integer_bits(pairing, factors)
    # Fewer bits than exact ones truncate: then it is the comparison that decides.
    for frac in range(min(exact_bits, most_bits), max(min(exact_bits, most_bits) - 4, -1), -1):
        params = AddParams(
            a_factor=_fixed(factors.a, frac),
            b_factor=_fixed(factors.b, frac),
            sum_constant=_fixed(factors.constant, frac),
            frac=frac,
            near_a=near_a,
            near_b=near_b,
            near=near,
            constant=pairing.constant,
            swap=int(pairing.swap),
            offset=pairing.offset,
            lo=pairing.clamp.lo,
            hi=pairing.clamp.hi,
        )
        if np.array_equal(add_integer(params, a, b), expected):
            return params
    raise PatchcError(
        f"{where}: its scales {pairing.a.scale}, {pairing.b.scale} -> {pairing.out.scale} are "
        "too far apart for an integer form that equals onnxruntime's; quantise the model again "
        "with scales of like size"
    )


def add_float(pairing: Pairing, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """onnxruntime's formula, in float32."""
    factors, offset = _factors(pairing), pairing.offset
    inner = fma32(b.astype(np.float32) + np.float32(offset), factors.b, factors.constant)
    total = fma32(a.astype(np.float32) + np.float32(offset), factors.a, inner)
    lo, hi = pairing.clamp.lo + offset, pairing.clamp.hi + offset
    result: NDArray[np.int8] = (np.clip(np.rint(total), lo, hi) - offset).astype(np.int8)
    return result


def order_matters(pairing: Pairing) -> bool:
    """Do any operands give another sum when they change places in the formula?"""
    a, b = all_pairs()
    if pairing.constant is not None:
        if pairing.swap:
            a = np.unique(pairing.constant)[:, None]
        else:
            b = np.unique(pairing.constant)[None, :]
    swapped = replace(pairing, a=pairing.b, b=pairing.a)
    return not np.array_equal(add_float(pairing, a, b), add_float(swapped, b, a))


def add_integer(params: AddParams, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """patchc_add, step by step, in integers."""
    p, q = a.astype(np.int64), b.astype(np.int64)
    settled, near = settle(params.near, p * params.near_a + q * params.near_b)
    inner = round_24((q + params.offset) * params.b_factor + params.sum_constant)
    total = round_24((p + params.offset) * params.a_factor + inner)
    exact = rint_fixed(total, params.frac) - params.offset
    result: NDArray[np.int8] = np.clip(np.where(settled, near, exact), params.lo, params.hi).astype(
        np.int8
    )
    return result


def _factors(pairing: Pairing) -> _Factors:
    a, b = pairing.a, pairing.b
    out_scale = np.float32(pairing.out.scale)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        ra, rb = np.float32(a.scale) / out_scale, np.float32(b.scale) / out_scale
        za, zb, zc = (
            np.float32(quant.zero_point + pairing.offset) for quant in (a, b, pairing.out)
        )
        constant = zc - fma32(ra, za, rb * zb)
    return _Factors(ra, rb, np.float32(constant))


def _fraction_bits(value: np.float32) -> int:
    """Bits behind the binary point of a float32."""
    return Fraction(float(value)).denominator.bit_length() - 1


def _fixed(value: np.float32, frac: int) -> int:
    return round(Fraction(float(value)) * 2**frac)


def _bound(pairing: Pairing, factors: _Factors) -> Fraction:
    """No sum, partial or total, rounded or not, is larger in magnitude."""
    operand = 128 + pairing.offset
    a, b, constant = (abs(Fraction(float(factor))) for factor in factors.all)
    return (operand * (a + b) + constant) * Fraction(2**22 + 1, 2**22)


def _integer_bits(pairing: Pairing, factors: _Factors) -> int:
    return ceil(_bound(pairing, factors)).bit_length()


def _near(pairing: Pairing, factors: _Factors) -> tuple[Near, tuple[int, ...]]:
    """Both fused multiply-adds round by 2^-24 of the bound at most."""
    offset = pairing.offset
    a, b, constant = (Fraction(float(factor)) for factor in factors.all)
    return near_sum(
        terms=((a, 128), (b, 128)),
        constant=constant + offset * (a + b),
        bound=_bound(pairing, factors),
        rounding=Fraction(1, 2**23),
        offset=offset,
        most_bits=PAIR_BITS,
    )
