"""QLinearAveragePool: its float32 operations are emulated one by one (patchc_softfloat.h).

    acc = 0; acc += float32(x - zx) * sx, tap by tap; clip(rint(acc / n / sy + zy))

Every operation rounds to float32. The emulation knows zero and normal numbers only, so the scales
must exclude everything else; any that come from data do, by a wide margin.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import AveragePool, Tensor
from patchc.ir.rules import output_shape
from patchc.numerics.float32 import float32_bits
from patchc.numerics.structs import AverageParams, WindowParams

_LEAST = Fraction(1, 2**126)  # the least normal float32
_MOST = Fraction(2**127)


def average_params(
    op: AveragePool, window: WindowParams, x: Tensor, y: Tensor, where: str
) -> AverageParams:
    """The kernel's constants. Raises PatchcError, naming `where`, for scales that leave the normal
    range and for windows without a single tap inside the map."""
    taps = window.kernel_h * window.kernel_w
    _check_range(x.quant.scale, y.quant.scale, taps, where)
    if not op.count_include_pad and _has_empty_window(op, x):
        raise PatchcError(
            f"{where}: a window lies in the padding altogether, and its mean is undefined; "
            "reduce the pads"
        )
    # The zero point is added before rounding: the one that onnxruntime has.
    offset = 128 if op.unsigned else 0
    return AverageParams(
        window=window,
        divisor=taps if op.count_include_pad else 0,
        in_scale=float32_bits(x.quant.scale),
        out_scale=float32_bits(y.quant.scale),
        in_zero_point=x.quant.zero_point,
        out_zero_point=y.quant.zero_point + offset,
        offset=offset,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _check_range(in_scale: float, out_scale: float, taps: int, where: str) -> None:
    """Sums are multiples of the last bit of the input scale, at most 256 * taps * in_scale."""
    scale, divisor = Fraction(in_scale), Fraction(out_scale)
    least = scale / 2**24 / taps
    most = 512 * taps * scale
    if min(scale, divisor, least, least / divisor) < _LEAST or max(most, most / divisor) > _MOST:
        raise PatchcError(
            f"{where}: scales {in_scale} -> {out_scale} leave the range of float32; quantise "
            "the model again with scales of like size"
        )


def _has_empty_window(op: AveragePool, x: Tensor) -> bool:
    window, pads = op.window, op.window.pads
    sizes = zip(x.shape[:2], output_shape(op, x.shape)[:2], (pads.top, pads.left), strict=True)
    for axis, (size, count, pad) in enumerate(sizes):
        first = np.arange(count)[:, None] * window.stride[axis] - pad
        position = first + np.arange(window.kernel[axis]) * window.dilation[axis]
        if not ((position >= 0) & (position < size)).any(axis=1).all():
            return True
    return False
