"""QLinearAdd in integers, proved on all 65 536 pairs of operands.

onnxruntime computes, in float32 with fused multiply-adds (docs/exactness.md):

    ra = sa / sc, rb = sb / sc, f = zc - fma(ra, za, rb * zb)
    clip(rint(fma(a, ra, fma(b, rb, f))))

The zero point is added before rounding, so that a uint8 model rounds otherwise than the same model
shifted to int8: `unsigned` computes as onnxruntime does on uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from patchc.errors import PatchcError
from patchc.ir import FULL_RANGE, Clamp, Quantization
from patchc.numerics.float32 import fma32
from patchc.numerics.requant import SATURATED, bit_length, half_even
from patchc.numerics.structs import AddParams

# Sums stay below 2^62, so that neither they nor their rounding leave an int64.
_SUM_BITS = 62

# With fewer fractional bits a 32-bit sum settles too few pairs to be worth its code path.
_MIN_NEAR_BITS = 10


@dataclass(frozen=True, slots=True)
class Addition:
    """An Add as its quantisation defines it."""

    a: Quantization
    b: Quantization
    out: Quantization
    clamp: Clamp = FULL_RANGE
    unsigned: bool = False  # rounds as on uint8

    @property
    def offset(self) -> int:
        """What onnxruntime's values exceed ours by."""
        return 128 if self.unsigned else 0


@dataclass(frozen=True, slots=True)
class _Factors:
    """ra, rb and f."""

    a: np.float32
    b: np.float32
    constant: np.float32

    @property
    def all(self) -> tuple[np.float32, np.float32, np.float32]:
        return self.a, self.b, self.constant


def add_params(addition: Addition, where: str) -> AddParams:
    """The kernel's constants. Raises PatchcError, naming `where`, where no constants are proved
    to give onnxruntime's bytes for every pair (scales that differ by a factor of millions)."""
    factors = _factors(addition)
    if not np.isfinite(factors.all).all():
        raise PatchcError(
            f"{where}: its scales {addition.a.scale}, {addition.b.scale} -> {addition.out.scale} "
            "overflow float32; quantise the model again with scales of like size"
        )
    a, b = all_pairs()
    expected = add_float(addition, a, b)
    near = _near(addition, factors)
    exact_bits = max(_fraction_bits(factor) for factor in factors.all)
    most_bits = _SUM_BITS - _integer_bits(addition, factors)
    # Fewer bits than exact ones truncate: then it is the comparison that decides.
    for frac in range(min(exact_bits, most_bits), max(min(exact_bits, most_bits) - 4, -1), -1):
        params = AddParams(
            a_factor=_fixed(factors.a, frac),
            b_factor=_fixed(factors.b, frac),
            constant=_fixed(factors.constant, frac),
            frac=frac,
            near_a=near.a,
            near_b=near.b,
            near_constant=near.constant,
            near_guard=near.guard,
            near_range=near.range,
            near_bits=near.bits,
            near_base=near.base,
            offset=addition.offset,
            lo=addition.clamp.lo,
            hi=addition.clamp.hi,
        )
        if np.array_equal(add_integer(params, a, b), expected):
            return params
    raise PatchcError(
        f"{where}: its scales {addition.a.scale}, {addition.b.scale} -> {addition.out.scale} are "
        "too far apart for an integer form that equals onnxruntime's; quantise the model again "
        "with scales of like size"
    )


def all_pairs() -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Every pair of int8, as two arrays that broadcast to (256, 256)."""
    values = np.arange(-128, 128).astype(np.int8)
    return values[:, None], values[None, :]


def add_float(addition: Addition, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """onnxruntime's formula, in float32."""
    factors, offset = _factors(addition), addition.offset
    inner = fma32(b.astype(np.float32) + np.float32(offset), factors.b, factors.constant)
    total = fma32(a.astype(np.float32) + np.float32(offset), factors.a, inner)
    lo, hi = addition.clamp.lo + offset, addition.clamp.hi + offset
    result: NDArray[np.int8] = (np.clip(np.rint(total), lo, hi) - offset).astype(np.int8)
    return result


def add_integer(params: AddParams, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """patchc_add, step by step, in integers."""
    p, q = a.astype(np.int64), b.astype(np.int64)
    near_sum = (p * params.near_a + q * params.near_b + params.near_constant) & 0xFFFFFFFF
    fraction = near_sum & ((1 << params.near_bits) - 1)
    settled = ((fraction - params.near_guard) & 0xFFFFFFFF) < params.near_range
    near = (near_sum >> params.near_bits) - params.near_base

    inner = _round_24((q + params.offset) * params.b_factor + params.constant)
    total = _round_24((p + params.offset) * params.a_factor + inner)
    size = np.abs(total).astype(np.uint64)
    if params.frac > 0:
        size = half_even(size, np.asarray(params.frac))
    rounded = np.minimum(size, np.uint64(SATURATED)).astype(np.int64)
    exact = np.where(total < 0, -rounded, rounded) - params.offset
    result: NDArray[np.int8] = np.clip(np.where(settled, near, exact), params.lo, params.hi).astype(
        np.int8
    )
    return result


def _factors(addition: Addition) -> _Factors:
    a, b = addition.a, addition.b
    out_scale = np.float32(addition.out.scale)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        ra, rb = np.float32(a.scale) / out_scale, np.float32(b.scale) / out_scale
        za, zb, zc = (
            np.float32(quant.zero_point + addition.offset) for quant in (a, b, addition.out)
        )
        constant = zc - fma32(ra, za, rb * zb)
    return _Factors(ra, rb, np.float32(constant))


def _fraction_bits(value: np.float32) -> int:
    """Bits behind the binary point of a float32."""
    return Fraction(float(value)).denominator.bit_length() - 1


def _fixed(value: np.float32, frac: int) -> int:
    return round(Fraction(float(value)) * 2**frac)


def _bound(addition: Addition, factors: _Factors) -> Fraction:
    """No sum, partial or total, rounded or not, is larger in magnitude."""
    operand = 128 + addition.offset
    a, b, constant = (abs(Fraction(float(factor))) for factor in factors.all)
    return (operand * (a + b) + constant) * Fraction(2**22 + 1, 2**22)


def _integer_bits(addition: Addition, factors: _Factors) -> int:
    return ceil(_bound(addition, factors)).bit_length()


@dataclass(frozen=True, slots=True)
class _Near:
    """The 32-bit sum that settles what is far from a tie (see patchc_kernels.h)."""

    a: int = 0
    b: int = 0
    constant: int = 0
    guard: int = 0
    range: int = 0
    bits: int = 1
    base: int = 0


def _near(addition: Addition, factors: _Factors) -> _Near:
    """Constants whose sum is off by less than `guard` units of 2^-bits from the value that
    onnxruntime rounds: each rounded factor by 1/2 a unit times 128, the constant by 1/2, and
    the two fused multiply-adds by 2^-24 of the bound each."""
    bound = _bound(addition, factors)
    base = ceil(bound) + 1
    bits = 32 - (2 * base + 1).bit_length()
    if bits < _MIN_NEAR_BITS:
        return _Near()
    one, offset = 2**bits, addition.offset
    a, b, constant = (Fraction(float(factor)) for factor in factors.all)
    guard = ceil(128 + Fraction(1, 2) + bound * one / 2**23) + 1
    if 4 * guard > one:
        return _Near()
    return _Near(
        a=round(a * one),
        b=round(b * one),
        constant=round((constant + offset * (a + b) + base + Fraction(1, 2)) * one),
        guard=guard,
        range=one - 2 * guard,
        bits=bits,
        base=base + offset,
    )


def _round_24(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """To 24 significant bits, ties to even, as float32 keeps them."""
    size = np.abs(values).astype(np.uint64)
    drop = bit_length(size) - 24
    bits = np.maximum(drop, 1)
    rounded = np.where(drop > 0, half_even(size, bits) << bits.astype(np.uint64), size)
    signed = rounded.astype(np.int64)
    result: NDArray[np.int64] = np.where(values < 0, -signed, signed)
    return result
