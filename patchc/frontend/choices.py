"""Operators that only choose among the values of their operands.

Where these have one scale and zero point, so does the result: exporters that put no QuantizeLinear
behind such an operator mean the same integers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patchc.frontend.values import Bounds
from patchc.ir import Concat, Copy, MaxPool, Op, Quantization
from patchc.ir.graph import INT8_MAX, INT8_MIN, Extremum
from patchc.numerics.linear import dequantize, quantize


def chooses(op: Op, quant: Quantization) -> bool:
    """Whether `op`, over operands of `quant`, gives values that are all among these."""
    if isinstance(op, Concat):
        return bool(_held(op.background, quant).all())
    if isinstance(op, Extremum):
        return op.constant is None or op.constant.quant == quant
    return isinstance(op, MaxPool | Copy)


def keep_scale(clips: Sequence[Bounds], quant: Quantization) -> bool:
    """Whether what is left of values of `quant` by `clips` is all among these: a bound is one of
    them, or beyond all of them."""
    lowest, highest = dequantize(np.array([INT8_MIN, INT8_MAX]), quant)
    return all(
        (clip.low <= lowest or _held(np.float32(clip.low), quant))
        and (clip.high >= highest or _held(np.float32(clip.high), quant))
        for clip in clips
    )


def _held(values: np.ndarray | np.float32, quant: Quantization) -> np.ndarray:
    """Which real values an integer of `quant` stands for."""
    given = np.asarray(values, np.float32)
    held: np.ndarray = dequantize(quantize(given, quant).astype(np.int32), quant) == given
    return held
