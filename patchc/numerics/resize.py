"""Resize: which positions of the input each row and column of the output reads, and, linear, what
each counts.

    t = (x - zx) * sx for each of four neighbours; u = (r * c) * t with the shares of its row and
    column; clip(rint((((u11 + u12) + u21) + u22) / sy) + zy)

Every operation rounds to float32. Far from a tie a sum in 32-bit fixed point gives the same; near
one the operations are done one by one: in 64-bit integers where the shares have few bits, else in
emulated float32 (patchc_softfloat.h).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import Between, ResizeLinear, ResizeNearest, Tensor
from patchc.numerics.float32 import float32_bits, take_apart
from patchc.numerics.near import near_sum
from patchc.numerics.structs import LineParams, ResizeLinearParams, ResizeNearestParams

# Positions are uint16_t.
MAX_POSITION = 2**16 - 1

# Of the two shares of a term: with 24 bits of a scale and 8 of a value, and twice that, 54 bits.
MAX_FRACTION = 10

# The kernel compares a sum with an odd multiple, of 10 bits, of half the output's scale, 24 bits.
MAX_APART = 26

SHARE_BITS = 30  # fractional bits of a column's share in fixed point; a row's has those of the sum

_LEAST = Fraction(1, 2**126)  # the least normal float32
_MOST = Fraction(2**127)


def nearest_params(op: ResizeNearest, where: str) -> ResizeNearestParams:
    """The kernel's constants. Raises PatchcError for a map too large."""
    _check_sizes(op, where)
    rows, cols = (
        LineParams(len(at.first), at.first.astype(np.uint16), *[None] * 5) for at in op.between
    )
    return ResizeNearestParams(rows, cols)


def linear_params(op: ResizeLinear, x: Tensor, y: Tensor, where: str) -> ResizeLinearParams:
    """The kernel's constants. Raises PatchcError for a map too large and for scales that leave the
    normal range of float32."""
    _check_sizes(op, where)
    rows, cols = op.between
    _check_range(x.quant.scale, y.quant.scale, rows, cols, where)
    ratio = Fraction(x.quant.scale) / Fraction(y.quant.scale)
    # The kernel makes each of four factors of two rounded shares, off by less than 3 in all, and
    # multiplies it by 255 at most. Between the exact sum and what onnxruntime rounds lie, for each
    # term, seven roundings (dequantised, two products, three sums, a quotient; five more sums of
    # the last channel of a signal), and each is at most 2^-24 of the largest sum.
    near, _ = near_sum(
        terms=((ratio, 4 * 255 * 6),),
        constant=Fraction(y.quant.zero_point),
        bound=255 * ratio + 128,
        rounding=Fraction(14, 2**24),
    )
    one = ratio * 2**near.bits if near.mask else Fraction(0)
    apart = _exponent(y.quant.scale) - _exponent(x.quant.scale) + _fraction(rows) + _fraction(cols)
    short = bool(near.mask) and max(_fraction(rows), _fraction(cols)) <= MAX_FRACTION
    short = short and 0 <= apart <= MAX_APART
    return ResizeLinearParams(
        rows=_line(rows, one, short),
        cols=_line(cols, Fraction(2**SHARE_BITS), short),
        in_scale=float32_bits(x.quant.scale),
        out_scale=float32_bits(y.quant.scale),
        near=near,
        apart=apart if short else 0,
        signal=int(op.signal),
        in_zero_point=x.quant.zero_point,
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _exponent(scale: float) -> int:
    """Of its last bit."""
    return take_apart(scale)[1]


def _fraction(at: Between) -> int:
    """Fractional bits of the shares, trailing zeros aside."""
    shares = np.unique(at.weights)
    return max(Fraction(float(share)).denominator.bit_length() - 1 for share in shares)


def _line(at: Between, one: Fraction, short: bool) -> LineParams:
    """`one`: the fixed-point number that a share of 1 is. `short`: shares of few bits."""
    pairs, kinds = np.unique(at.weights, axis=0, return_inverse=True)
    near = [round(Fraction(float(share)) * one) for share in pairs.reshape(-1)]
    return LineParams(
        count=len(at.first),
        first=at.first.astype(np.uint16),
        second=at.second.astype(np.uint16),
        kinds=kinds.reshape(-1).astype(np.uint16),
        shares=None if short else pairs.reshape(-1).view(np.uint32),
        parts=(pairs.reshape(-1) * 2 ** _fraction(at)).astype(np.uint16) if short else None,
        near=np.array(near, np.int32),
    )


def _check_sizes(op: ResizeNearest | ResizeLinear, where: str) -> None:
    largest = max(size for axis in (op.rows, op.cols) for size in (axis.size, axis.target))
    if largest > MAX_POSITION:
        raise PatchcError(f"{where}: a side of {largest}; at most {MAX_POSITION}")


def _check_range(
    in_scale: float, out_scale: float, rows: Between, cols: Between, where: str
) -> None:
    """Terms are products of the last bits of their shares; half of a share for a signal."""
    scale, divisor = Fraction(in_scale), Fraction(out_scale)
    share = _least_share(rows) * _least_share(cols) / 2
    least, most = scale * share / 2**24, 2048 * scale
    if min(scale, divisor, least, least / divisor) < _LEAST or max(most, most / divisor) > _MOST:
        raise PatchcError(
            f"{where}: scales {in_scale} -> {out_scale} leave the range of float32; quantise "
            "the model again with scales of like size"
        )


def _least_share(at: Between) -> Fraction:
    return Fraction(float(at.weights[at.weights > 0].min()))
