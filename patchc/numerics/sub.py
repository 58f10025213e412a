"""Sub between DequantizeLinear and QuantizeLinear: onnxruntime has no integer kernel for it.

    d = float32(a - za) * sa - float32(b - zb) * sb; clip(rint(d / sc) + zc)

Every operation rounds to float32. Far from a tie a 32-bit sum gives the same; near one, the float32
operations are emulated one by one (patchc_softfloat.h), which knows zero and normal numbers only.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from patchc.errors import PatchcError
from patchc.numerics.float32 import float32_bits
from patchc.numerics.near import NEVER, PAIR_BITS, near_sum, settle
from patchc.numerics.pairing import Pairing, all_pairs
from patchc.numerics.structs import SubParams

_LEAST = Fraction(1, 2**126)  # the least normal float32
_MOST = Fraction(2**127)


def sub_params(pairing: Pairing, where: str) -> SubParams:
    """The kernel's constants. Raises PatchcError, naming `where`, for scales that leave the normal
    range of float32."""
    a, b, out = pairing.a, pairing.b, pairing.out
    _check_range(pairing, where)
    ra, rb = Fraction(a.scale) / Fraction(out.scale), Fraction(b.scale) / Fraction(out.scale)
    near, (near_a, near_b) = near_sum(
        terms=((ra, 128), (-rb, 128)),
        constant=out.zero_point - ra * a.zero_point + rb * b.zero_point,
        bound=255 * (ra + rb) + 128,
        rounding=Fraction(1, 2**22),  # two products side by side, a difference, a quotient
        most_bits=PAIR_BITS,
    )
    x, y = all_pairs()
    settled, values = settle(near, x.astype(np.int64) * near_a + y.astype(np.int64) * near_b)
    values = np.clip(values, pairing.clamp.lo, pairing.clamp.hi)
    if not np.array_equal(values[settled], sub_float(pairing, x, y)[settled]):
        near, near_a, near_b = NEVER, 0, 0
    return SubParams(
        a_scale=float32_bits(a.scale),
        b_scale=float32_bits(b.scale),
        out_scale=float32_bits(out.scale),
        near_a=near_a,
        near_b=near_b,
        near=near,
        constant=pairing.constant,
        swap=int(pairing.swap),
        a_zero_point=a.zero_point,
        b_zero_point=b.zero_point,
        zero_point=out.zero_point,
        lo=pairing.clamp.lo,
        hi=pairing.clamp.hi,
    )


def sub_float(pairing: Pairing, a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """onnxruntime's operations, in float32."""
    x = (a.astype(np.int32) - pairing.a.zero_point).astype(np.float32) * np.float32(pairing.a.scale)
    y = (b.astype(np.int32) - pairing.b.zero_point).astype(np.float32) * np.float32(pairing.b.scale)
    steps = np.rint((x - y) / np.float32(pairing.out.scale))
    zero_point = pairing.out.zero_point
    # Clipped before the zero point is added, as the sum of two floats could round.
    clipped = np.clip(steps, pairing.clamp.lo - zero_point, pairing.clamp.hi - zero_point)
    result: NDArray[np.int8] = (clipped.astype(np.int32) + zero_point).astype(np.int8)
    return result


def _check_range(pairing: Pairing, where: str) -> None:
    """Operands and their difference are multiples of the last bit of the smaller scale."""
    scales = [Fraction(pairing.a.scale), Fraction(pairing.b.scale)]
    divisor = Fraction(pairing.out.scale)
    least, most = min(scales) / 2**24, 1024 * max(scales)
    if min(least, divisor, least / divisor) < _LEAST or max(most, most / divisor) > _MOST:
        raise PatchcError(
            f"{where}: scales {pairing.a.scale}, {pairing.b.scale} -> {pairing.out.scale} leave "
            "the range of float32; quantise the model again with scales of like size"
        )
