"""Chains of functions between DequantizeLinear and QuantizeLinear, on integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patchc.frontend.values import Bounds
from patchc.ir import Clamp, Quantization
from patchc.ir.graph import INT8_MAX, INT8_MIN
from patchc.numerics.linear import ALL_VALUES, dequantize, quantize


def requantization(source: Quantization, target: Quantization) -> np.ndarray:
    """int8 (256,): QuantizeLinear of DequantizeLinear, indexed by q + 128."""
    return quantize(dequantize(ALL_VALUES, source), target)


def clamp_of(clips: Sequence[Bounds], quant: Quantization) -> Clamp:
    """The range of quantised values that a chain of clips leaves.

    QuantizeLinear is monotone, so q(min(max(x, lo), hi)) = min(max(q(x), q(lo)), q(hi)).
    """
    lo, hi = INT8_MIN, INT8_MAX
    for clip in clips:
        low, high = (int(q) for q in quantize(np.array((clip.low, clip.high), np.float32), quant))
        lo, hi = min(max(lo, low), high), min(max(hi, low), high)
    return Clamp(lo, hi)
