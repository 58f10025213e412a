"""Means as CMSIS-NN computes them, and where they are proved to equal onnxruntime's.

arm_avgpool_s8 of 4.0.0 adds up the taps that lie inside the map, divides by their number and rounds
half away from zero. It rescales nothing, so input and output must have one quantisation. Sums of an
odd number of values are never half way between two integers, and round alike whatever the rule;
those of an even number can be.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patchc.ir import AveragePool, GlobalAveragePool, Tensor
from patchc.ir.graph import INT8_MAX, INT8_MIN
from patchc.ir.rules import output_shape
from patchc.numerics.requant import global_factor, requantize_float

# A global pool is tried on all of its sums up to so many pixels.
MOST_PIXELS = 2**14

# Of QLinearAveragePool's steps in float32, each relative to the largest sum: one per tap, and a
# product, two quotients and the zero point's sum.
_EXTRA = 4
_UNIT = 2.0**-24


def mean_bytes(sums: NDArray[np.integer], count: NDArray[np.integer] | int) -> NDArray[np.int64]:
    """The library's mean of values with that sum: half away from zero. Not clipped."""
    wide = sums.astype(np.int64)
    size = (np.abs(wide) + count // 2) // count
    result: NDArray[np.int64] = np.where(wide > 0, size, -size)
    return result


def mean_refused(op: AveragePool | GlobalAveragePool, x: Tensor, y: Tensor) -> str | None:
    """Why it computes another function, whatever the rounding; None: it does not."""
    if (np.float32(x.quant.scale), x.quant.zero_point) != (
        np.float32(y.quant.scale),
        y.quant.zero_point,
    ):
        return "CMSIS-NN's mean rescales nothing, and output and input have different scales"
    if isinstance(op, AveragePool) and op.count_include_pad and _reaches_beyond(op, x):
        return "CMSIS-NN's mean does not count padding"
    return None


def mean_unproved(op: AveragePool | GlobalAveragePool, x: Tensor, y: Tensor) -> str | None:
    """Why its bytes are not proved to be onnxruntime's; None: they are. Input and output have one
    quantisation."""
    if isinstance(op, GlobalAveragePool):
        return _global_unproved(op, x, y)
    counts = _counts(op, x)
    even = sorted(count for count in counts if count % 2 == 0)
    if even:
        return (
            f"CMSIS-NN rounds half away from zero, and means of {even[0]} values can be half way "
            "between two integers"
        )
    most = max(counts)
    # 1 / (2 * most) lies between any mean and the nearest tie.
    error = (most + _EXTRA) * _UNIT * 512
    if error >= 1 / (2 * most) or most > MOST_PIXELS:
        return f"float32 sums of {most} values are not proved to round as CMSIS-NN does"
    return None


def _global_unproved(op: GlobalAveragePool, x: Tensor, y: Tensor) -> str | None:
    pixels, zero = x.shape[0] * x.shape[1], x.quant.zero_point
    if pixels > MOST_PIXELS:
        return f"CMSIS-NN's mean is proved for up to {MOST_PIXELS} pixels"
    sums = np.arange(INT8_MIN * pixels, INT8_MAX * pixels + 1)
    factor = global_factor(x.quant.scale, y.quant.scale, pixels)
    formula = requantize_float(sums - zero * pixels, factor, zero, op.clamp.lo, op.clamp.hi)
    library = np.clip(mean_bytes(sums, pixels), op.clamp.lo, op.clamp.hi)
    wrong = int((library != formula).sum())
    if not wrong:
        return None
    return (
        f"CMSIS-NN's mean differs from onnxruntime's for {wrong} of the {len(sums)} sums of its "
        f"{pixels} pixels"
    )


def _inside(op: AveragePool, x: Tensor) -> list[NDArray[np.int64]]:
    """Per axis: taps inside the map, for each position of the window."""
    window, pads = op.window, op.window.pads
    sizes = zip(x.shape[:2], output_shape(op, x.shape)[:2], (pads.top, pads.left), strict=True)
    found = []
    for axis, (size, count, pad) in enumerate(sizes):
        first = np.arange(count)[:, None] * window.stride[axis] - pad
        position = first + np.arange(window.kernel[axis]) * window.dilation[axis]
        found.append(((position >= 0) & (position < size)).sum(axis=1))
    return found


def _counts(op: AveragePool, x: Tensor) -> set[int]:
    """Numbers of taps inside the map."""
    rows, cols = _inside(op, x)
    return {int(a) * int(b) for a in set(rows.tolist()) for b in set(cols.tolist())}


def _reaches_beyond(op: AveragePool, x: Tensor) -> bool:
    """Is there a window with a tap outside the map?"""
    return min(_counts(op, x)) < op.window.kernel[0] * op.window.kernel[1]
