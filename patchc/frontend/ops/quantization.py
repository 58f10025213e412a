"""QuantizeLinear, DequantizeLinear: where float tensors become tensors of the Graph and back."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from patchc.frontend.builder import Result
from patchc.frontend.call import Call, check_scales
from patchc.frontend.load import MICROSOFT
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import (
    Constant,
    Dequantized,
    Host,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)
from patchc.ir import Lut


@onnx_op(
    "QuantizeLinear", makes=(Lut,), limits="activations with a scale per channel, or not of 8 bits"
)
@onnx_op("QuantizeLinear", domain=MICROSOFT)
def quantize_linear(call: Call) -> Value:
    """The end of an operator, a requantisation, or an input of the Graph."""
    unsigned_type = call.attribute("output_dtype", 0) != TensorProto.INT8
    quant, unsigned = call.quantization(1, 2, unsigned_type)
    value = call.input(0)
    if isinstance(value, Host):
        return call.builder.quantize_host(value.name, call.output, quant, unsigned)
    if isinstance(value, Dequantized):
        result = Result(call.output, value.source.layout, quant, unsigned)
        return call.builder.requantize(value, result, call.name)
    if isinstance(value, Pending):
        return call.builder.finish(value, Result(call.output, value.layout, quant, unsigned))
    raise RefusalError("its input is not a float tensor that patchc knows")


@onnx_op("DequantizeLinear", limits="weights quantised by blocks")
@onnx_op("DequantizeLinear", domain=MICROSOFT)
def dequantize_linear(call: Call) -> Value:
    """The float view of a quantised tensor, or of constant weights."""
    value = call.input(0)
    if isinstance(value, Constant):
        return _constant(call, value.array)
    zero_point = call.optional_constant(2, "zero point")
    if zero_point is None and isinstance(value, Quantized):
        quant, unsigned = call.quantization(1, 2, value.unsigned)
    else:
        quant, unsigned = call.quantization(1, 2)
    return Dequantized(call.integers(0, quant, unsigned, as_is=True))


def _constant(call: Call, values: np.ndarray) -> QuantizedConstant:
    if call.attribute("block_size", 0):
        raise RefusalError("weights quantised by blocks: one scale per channel is supported")
    scales = call.constant(1, "scale")
    check_scales(scales)
    zero_points = call.optional_constant(2, "zero point")
    if zero_points is None:
        zero_points = np.zeros(scales.shape, values.dtype)
    axis = call.attribute("axis", 1)
    return QuantizedConstant(values, scales, zero_points, axis % max(values.ndim, 1))
