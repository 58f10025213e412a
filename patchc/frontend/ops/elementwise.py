"""Sums of two activations, Relu and Clip, and their integer forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from patchc.frontend.axes import describe, dims
from patchc.frontend.builder import Result
from patchc.frontend.ops.functions import function, integer_function, is_function, is_scalar
from patchc.frontend.registry import MICROSOFT, Call, RefusalError, onnx_op
from patchc.frontend.values import (
    NO_PADS,
    Bounds,
    Constant,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)
from patchc.ir import Add, Lut
from patchc.numerics.linear import ALL_VALUES


@onnx_op("Add")
def add(call: Call) -> Value:
    """The sum of two activations in a QDQ file, or a function of one."""
    if is_function(call):
        return function(call)
    _refuse_constants(call, 0, 1)
    a, b = call.activation(0), call.activation(1)
    return Pending(call.name, call.output, Add(), _operands(a, b), a.layout)


@onnx_op("QLinearAdd", domain=MICROSOFT)
def qlinear_add(call: Call) -> Value:
    """The sum of two activations in a QOperator file, or a function of one."""
    for operand, other in ((0, 3), (3, 0)):
        constant = call.input(other)
        if isinstance(constant, Constant) and not isinstance(call.input(operand), Constant):
            source = call.integers(operand, *call.quantization(operand + 1, operand + 2))
            if is_scalar(constant, source):
                return integer_function(call, operand, 6)
    _refuse_constants(call, 0, 3)
    a = call.integers(0, *call.quantization(1, 2))
    b = call.integers(3, *call.quantization(4, 5))
    result = Result(call.output, a.layout, *call.quantization(6, 7))
    return call.builder.emit(call.name, Add(), _operands(a, b), result)


def _refuse_constants(call: Call, *operands: int) -> None:
    for index in operands:
        if isinstance(call.input(index), Constant | QuantizedConstant):
            raise RefusalError(
                "it adds a constant of several elements: one element, or the sum of two "
                "activations, is supported"
            )


def _operands(a: Quantized, b: Quantized) -> tuple[str, str]:
    """The tensors in the order that onnxruntime's rounding knows them. Raises RefusalError."""
    if dims(a.layout) != dims(b.layout):
        raise RefusalError(
            f"it broadcasts {list(dims(a.layout))} with {list(dims(b.layout))}: "
            "only operands of one shape are supported"
        )
    if a.layout != b.layout:
        raise RefusalError(
            f"operands of different layouts: {describe(a.layout)}, {describe(b.layout)}"
        )
    # onnxruntime takes a first operand of one element for a scalar and swaps the two.
    if math.prod(dims(a.layout)) == 1:
        return b.tensor, a.tensor
    return a.tensor, b.tensor


@onnx_op("Relu", "Clip")
def clip(call: Call) -> Value:
    """Between an operator and its QuantizeLinear, alone between two, or on integers."""
    value = call.input(0)
    kind = call.node.op_type
    if isinstance(value, Quantized):
        return _integer_clip(call, value)
    low, high = _bounds(call, -np.inf, np.inf)
    if not isinstance(value, Pending):
        return function(call)
    return replace(value, clips=(*value.clips, Bounds(kind, call.name, low, high)))


def _bounds(call: Call, lowest: float, highest: float) -> tuple[float, float]:
    """The smallest and largest value of the result. Raises RefusalError."""
    if call.node.op_type == "Relu":
        return 0, highest
    low = call.optional_constant(1, "minimum")
    high = call.optional_constant(2, "maximum")
    return lowest if low is None else low.item(), highest if high is None else high.item()


def _integer_clip(call: Call, value: Quantized) -> Value:
    """Clip or Relu of the stored integers themselves."""
    shift = 128 if value.unsigned else 0
    stored = ALL_VALUES + shift
    low, high = _bounds(call, stored[0], stored[-1])
    entries = np.minimum(np.maximum(stored, low), high) - shift
    if value.pads != NO_PADS:
        raise RefusalError("it reads a Pad, which only a convolution or a pool can take in")
    quant = call.builder.tensors[value.tensor].quant
    result = Result(call.output, value.layout, quant, value.unsigned)
    op = Lut(entries, call.node.op_type)
    return call.builder.emit(call.name, op, (value.tensor,), result)
