"""Requantisation: clip(rint(float32(acc) * r) + zero_point), as float32 and as integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from patchc.errors import PatchcError
from patchc.numerics.float32 import take_apart
from patchc.numerics.structs import Scale

# A factor below 2^-126 scales every int32 to less than one half: rint gives 0, as this does.
ZERO_SCALE = Scale(0, 127)

# From here on an int8 saturates whatever the zero point: patchc_rint stops there.
SATURATED = 512


def conv_factors(
    in_scale: float, weight_scales: NDArray[np.float32], out_scale: float
) -> NDArray[np.float32]:
    """r = float32(float32(in_scale * weight_scale) / out_scale) per channel (QLinearConv, QGemm).

    Every product and quotient is rounded to float32 in that order; neighbouring orders differ on
    5-10 % of adversarial accumulators.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
        product = np.float32(in_scale) * weight_scales.astype(np.float32)
        factors: NDArray[np.float32] = product / np.float32(out_scale)
    return factors


def global_factor(in_scale: float, out_scale: float, pixels: int) -> np.float32:
    """r = in_scale / (out_scale * pixels), both rounded to float32 (QLinearGlobalAveragePool)."""
    with np.errstate(over="ignore", divide="ignore", under="ignore"):
        return np.float32(np.float32(in_scale) / (np.float32(out_scale) * np.float32(pixels)))


def scale_of(factor: np.float32, where: str) -> Scale:
    """The factor as mantissa and shift. Raises PatchcError, naming `where`, if it is no finite
    positive number: then the scales' quotient overflows and the operator means nothing."""
    if not np.isfinite(factor) or factor < 0:
        raise PatchcError(
            f"{where}: its input, weight and output scales give the factor {factor}; "
            "quantise the model again with scales of like size"
        )
    if factor < np.finfo(np.float32).tiny:
        return ZERO_SCALE
    mantissa, exponent = take_apart(factor)
    return Scale(mantissa, -exponent)


def require_factors(factors: NDArray[np.float32], where: str) -> None:
    """Raises PatchcError, naming `where` and the output channel, as `scale_of` does."""
    for c in np.flatnonzero(~np.isfinite(factors) | (factors < 0)):
        scale_of(factors[c], f"{where}, output channel {c}")


def requantize_float(
    acc: NDArray[np.integer],
    factor: np.float32 | NDArray[np.float32],
    zero_point: int,
    lo: int,
    hi: int,
) -> NDArray[np.int8]:
    """onnxruntime's formula. `factor` broadcasts against `acc` (int32 values)."""
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.rint(acc.astype(np.float32) * factor)
    # Clipped before the zero point is added, as the sum of two floats could round.
    values = np.clip(scaled, lo - zero_point, hi - zero_point).astype(np.int32) + zero_point
    result: NDArray[np.int8] = values.astype(np.int8)
    return result


def requantize(
    acc: NDArray[np.integer], scale: Scale | Sequence[Scale], zero_point: int, lo: int, hi: int
) -> NDArray[np.int8]:
    """patchc_requantize in integers, with its roundings. A sequence of scales meets acc's last
    axis."""
    scales = [scale] if isinstance(scale, Scale) else scale
    mantissas = np.array([one.mantissa for one in scales], dtype=np.uint64)
    shifts = np.array([one.shift for one in scales], dtype=np.int64)
    wide = acc.astype(np.int64)
    magnitude = np.abs(wide).astype(np.uint64)
    exponent = bit_length(magnitude) - 24  # of float32(acc)
    significand = np.where(
        exponent > 0,
        half_even(magnitude, np.maximum(exponent, 1)),
        magnitude << np.maximum(-exponent, 0).astype(np.uint64),
    )
    product = significand * mantissas
    drop = np.where(product >> np.uint64(47), 24, 23)
    rounded = rint(half_even(product, drop), shifts - exponent - drop)
    values = np.where(wide < 0, -rounded, rounded) + zero_point
    result: NDArray[np.int8] = np.clip(values, lo, hi).astype(np.int8)
    return result


def bit_length(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Bits up to the highest 1, below 2^62; 0 for 0."""
    exponents = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    # float64 may have rounded up to the next power of two
    floor = np.uint64(1) << np.maximum(exponents - 1, 0).astype(np.uint64)
    result: NDArray[np.int64] = np.where((values < floor) & (values > 0), exponents - 1, exponents)
    return result


def half_even(values: NDArray[np.uint64], bits: NDArray[np.int64]) -> NDArray[np.uint64]:
    """values / 2**bits to the nearest integer, ties to even; 1 <= bits <= 62."""
    shift = bits.astype(np.uint64)
    one = np.uint64(1)
    result: NDArray[np.uint64] = (
        values + ((one << (shift - one)) - one) + ((values >> shift) & one)
    ) >> shift
    return result


def round_24(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """To 24 significant bits, ties to even, as float32 keeps them; magnitudes below 2^62."""
    size = np.abs(values).astype(np.uint64)
    drop = bit_length(size) - 24
    bits = np.maximum(drop, 1)
    rounded = np.where(drop > 0, half_even(size, bits) << bits.astype(np.uint64), size)
    signed = rounded.astype(np.int64)
    result: NDArray[np.int64] = np.where(values < 0, -signed, signed)
    return result


def rint_fixed(values: NDArray[np.int64], frac: int) -> NDArray[np.int64]:
    """patchc_rint_fixed: values * 2**-frac to the nearest integer, ties to even, at most SATURATED
    in magnitude; 0 <= frac."""
    size = np.abs(values).astype(np.uint64)
    if frac > 0:
        size = half_even(size, np.asarray(frac))
    rounded = np.minimum(size, np.uint64(SATURATED)).astype(np.int64)
    result: NDArray[np.int64] = np.where(values < 0, -rounded, rounded)
    return result


def rint(significand: NDArray[np.uint64], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """patchc_rint: rint(significand * 2**-shift), SATURATED from 512 on."""
    rounded = half_even(significand, np.clip(shift, 15, 24)).astype(np.int64)
    result: NDArray[np.int64] = np.where(
        shift < 15, SATURATED, np.where(shift > 24, 0, rounded)
    ) * (significand > 0)
    return result
