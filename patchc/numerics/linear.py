"""QuantizeLinear and DequantizeLinear in numpy, bit for bit as onnxruntime computes them."""

from __future__ import annotations

import numpy as np

from patchc.ir import Quantization
from patchc.ir.graph import INT8_MAX, INT8_MIN

ALL_VALUES = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int32)


def dequantize(values: np.ndarray, quant: Quantization) -> np.ndarray:
    """float32(q - zero_point) * scale, one rounding."""
    return (values.astype(np.int32) - quant.zero_point).astype(np.float32) * np.float32(quant.scale)


def quantize(values: np.ndarray, quant: Quantization) -> np.ndarray:
    """rint(clip(v / scale, lo - zp, hi - zp)) + zp as int8; the zero point is added after rint."""
    zero_point = quant.zero_point
    with np.errstate(over="ignore"):  # a quotient past float32's range saturates like any other
        steps = values.astype(np.float32) / np.float32(quant.scale)
    steps = np.rint(np.clip(steps, INT8_MIN - zero_point, INT8_MAX - zero_point))
    return (steps.astype(np.int32) + zero_point).astype(np.int8)


def requantization(source: Quantization, target: Quantization) -> np.ndarray:
    """int8 (256,): QuantizeLinear of DequantizeLinear, indexed by q + 128."""
    return quantize(dequantize(ALL_VALUES, source), target)
