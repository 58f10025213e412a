"""Functions of one value: they make no node until a QuantizeLinear makes a table of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from patchc.frontend.axes import Axis, describe
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.tables import integer_table
from patchc.frontend.values import (
    ChannelConstants,
    Constant,
    Dequantized,
    Function,
    Operand,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)
from patchc.ir import Lut

# Element by element, whatever their attributes and further inputs are; these have to be constants.
FUNCTIONS = (
    "Abs",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Ceil",
    "Celu",
    "Cos",
    "Cosh",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Reciprocal",
    "Round",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
)

# The same where all operands but one are constants of one element, or come of the same tensor.
# Clip, Relu and those of several operands too, which have entries of their own.
ARITHMETIC = (
    "Div",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "PRelu",
    "Pow",
    "Sum",
    "Where",
)
BINARY = ("Add", "Max", "Min", "Mul", "Sub")

_QUOTIENT = "multiply with the Reciprocal, quantised, as patchc quantize writes it"

# What onnxruntime's own optimiser writes into files.
FUSED = ("FastGelu", "Gelu", "QuickGelu")


@onnx_op(
    *FUNCTIONS,
    *ARITHMETIC,
    makes=(Lut,),
    limits="two activations; constants of several elements, but for float ones per channel",
)
@onnx_op(*FUSED, domain=MICROSOFT)
def function(call: Call) -> Value:
    """A function of the values of one tensor, alone or with others before and behind it.

    Raises RefusalError where it is none.
    """
    operands = tuple(_operands(call))
    sources = {value.source for value in operands if isinstance(value, Dequantized)}
    if not sources:
        raise RefusalError("none of its operands is an activation")
    if len(sources) > 1:
        raise RefusalError(
            "patchc has no integer kernel for this operator on two activations"
            + (f": {_QUOTIENT}" if call.node.op_type == "Div" else "")
        )
    (source,) = sources
    return Dequantized(
        source, Function(call.node, tuple(_fitting(call, operand, source) for operand in operands))
    )


def _fitting(call: Call, operand: Operand, source: Quantized) -> Operand:
    """An operand as a table can take it in. Raises RefusalError."""
    if not isinstance(operand, Constant | QuantizedConstant) or is_scalar(operand, source):
        return operand
    array = _array(operand)
    if isinstance(operand, QuantizedConstant):
        raise RefusalError(
            f"a quantised constant of shape {list(array.shape)}: one element is supported, or a "
            "float constant with one for each channel"
        )
    aligned = (1,) * (len(source.layout) - array.ndim) + array.shape
    along = [axes for axes, size in zip(source.layout, aligned, strict=False) if size > 1]
    if along != [(Axis("c", array.size),)] and len(along) == 1:
        call.builder.guess_channels(source, aligned.index(array.size))
    if along != [(Axis("c", array.size),)] or array.ndim > len(source.layout):
        raise RefusalError(
            f"a constant of shape {list(array.shape)} over {describe(source.layout)}: one element, "
            "or one for each channel, is supported"
        )
    return ChannelConstants(array.reshape(-1))


def is_function(call: Call) -> bool:
    """Whether a sum or the like is a function of one value, or one for each channel; if not, it may
    be of several activations."""
    sources = {value.source for value in call.inputs if isinstance(value, Dequantized)}
    return len(sources) == 1 and all(
        isinstance(value, Dequantized | Constant)
        or (isinstance(value, QuantizedConstant) and is_scalar(value, *sources))
        for value in call.inputs
    )


def _operands(call: Call) -> Iterator[Dequantized | Constant | QuantizedConstant | None]:
    for index, value in enumerate(call.inputs):
        if isinstance(value, Quantized):
            raise RefusalError(
                "it computes on quantised integers: put a DequantizeLinear before it"
            )
        if not (value is None or isinstance(value, Constant | QuantizedConstant | Dequantized)):
            call.activation(index)  # says why it is none
            raise RefusalError("its input is not an activation")
        yield value


def _array(operand: Constant | QuantizedConstant) -> np.ndarray:
    return operand.array if isinstance(operand, Constant) else operand.values


def is_scalar(operand: Constant | QuantizedConstant, source: Quantized | Pending) -> bool:
    """Whether it meets each value alike, and the result has the shape of the activation."""
    array = _array(operand)
    return bool(array.size == 1 and array.ndim <= len(source.layout))


@onnx_op("QLinearLeakyRelu", "QLinearSigmoid", domain=MICROSOFT, makes=(Lut,))
def qlinear_function(call: Call) -> Value:
    """In a QOperator file."""
    return integer_function(call, 0, 3)


def integer_function(call: Call, operand: int, scale: int) -> Quantized:
    """An integer operator on one activation: onnxruntime's own kernel fills the table.

    operand: the input that varies, with its scale and zero point behind it. scale: the input that
    is the scale of the result, its zero point behind it. Raises RefusalError.
    """
    source = call.integers(operand, *call.quantization(operand + 1, operand + 2))
    result = Result(
        call.output, source.layout, *call.quantization(scale, scale + 1, source.unsigned)
    )
    arrays = [value.array if isinstance(value, Constant) else None for value in call.inputs]
    table = integer_table(call.node, arrays, operand, source, call.builder.opsets)
    return call.builder.emit(call.name, table, (source.tensor,), result)
