"""Gemm, MatMul and their integer forms: a Conv over the whole map, or a 1x1 Conv.

The contracted dimension decides. It may be the whole map in any order of h, w and c (after a
Flatten of NCHW, or of a Transpose of it): the rows of the weight matrix are brought into (h, w, c)
order and the kernel is the map. Or it may be c alone, beside dimensions of space: a 1x1 Conv.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from patchc.frontend.arrange import along_channels
from patchc.frontend.axes import Axis, Layout, describe, dims, is_cut, joined, places
from patchc.frontend.builder import Result, sums_of
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.ops.matmul import product
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Dequantized, Pending, Quantized, QuantizedConstant, Value
from patchc.frontend.weights import (
    centred,
    fitting,
    float_bias,
    float_weights,
    integer_bias,
    integer_weights,
)
from patchc.ir import Conv, ConvSums, MatMul, Window

# What the dimensions of a matrix product's input are where its layout is still open.
CHANNELS_LAST = {2: ("w", "c"), 3: ("n", "w", "c"), 4: ("n", "h", "w", "c")}


_WEIGHTS = "weights of other than two dimensions"
_REPEATED = "matrices of two activations that are repeated, but for one on the right"
_FACTORS = "transA; alpha other than 1 (of float files `patchc quantize` folds both)"


@onnx_op("MatMul", makes=(Conv, MatMul), limits=f"{_WEIGHTS}; {_REPEATED}")
def matmul(call: Call) -> Value:
    """A dense layer in a QDQ file, or a product of two activations."""
    if not isinstance(call.input(1), Dequantized):
        return dense(call)
    found = product(call, *(call.activation(index, as_seen=True) for index in range(2)))
    return Pending(call.name, call.output, found.op, found.inputs, found.layout)


@onnx_op("Gemm", makes=(Conv,), limits=f"{_FACTORS}; beta other than 1; {_WEIGHTS}")
def dense(call: Call) -> Value:
    """A dense layer in a QDQ file."""
    _check_attributes(call, needs_beta=call.input(2) is not None)
    source = call.activation(0, as_seen=True)
    op, source, layout = _dense(call, source, float_weights(call, 1))
    scale = call.builder.tensors[source.tensor].quant.scale
    op = replace(op, bias=float_bias(call, 2, scale, op.weight_scales))
    return Pending(call.name, call.output, op, (source.tensor,), layout)


@onnx_op("QGemm", domain=MICROSOFT, makes=(Conv, ConvSums), limits=f"{_FACTORS}; {_WEIGHTS}")
def qgemm(call: Call) -> Value:
    """A dense layer in a QOperator file. A float result is its sums, if no more layers follow."""
    _check_attributes(call, needs_beta=False)
    source = call.integers(0, *call.quantization(1, 2), as_seen=True)
    axis = 0 if call.attribute("transB", 0) else 1
    op, source, layout = _dense(call, source, integer_weights(call, 3, axis))
    op = replace(op, bias=integer_bias(call, 6, op.weight_scales))
    if call.input(7) is None:
        return Pending(call.name, call.output, sums_of(op), (source.tensor,), layout)
    result = Result(call.output, layout, *call.quantization(7, 8))
    return call.builder.emit(call.name, op, (source.tensor,), result)


@onnx_op("QLinearMatMul", makes=(Conv, MatMul), limits=f"{_WEIGHTS}; {_REPEATED}")
def qlinear_matmul(call: Call) -> Value:
    """A matrix product in a QOperator file."""
    if isinstance(call.input(3), Quantized):
        operands = (
            call.integers(index, *call.quantization(index + 1, index + 2), as_seen=True)
            for index in (0, 3)
        )
        found = product(call, *operands)
        result = Result(call.output, found.layout, *call.quantization(6, 7))
        return call.builder.emit(call.name, found.op, found.inputs, result)
    source = call.integers(0, *call.quantization(1, 2), as_seen=True)
    op, source, layout = _dense(call, source, integer_weights(call, 3, axis=1))
    result = Result(call.output, layout, *call.quantization(6, 7))
    return call.builder.emit(call.name, op, (source.tensor,), result)


def _check_attributes(call: Call, *, needs_beta: bool) -> None:
    if call.attribute("transA", 0):
        raise RefusalError("transA = 1 is not supported")
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    if alpha != 1.0:
        raise RefusalError(f"alpha = {alpha:g}: only 1 is supported")
    if needs_beta and beta != 1.0:
        raise RefusalError(f"beta = {beta:g}: only 1 is supported")


def _dense(
    call: Call, source: Quantized, weights: QuantizedConstant
) -> tuple[Conv, Quantized, Layout]:
    """The operator without its bias, the map that it reads, and the layout of its output."""
    if weights.values.ndim != 2:
        weights = _matrix(weights)
    transposed = bool(call.attribute("transB", 0))
    values, scales = centred(weights, axis=0 if transposed else 1)
    matrix = values if transposed else values.T  # (channels out, contracted)
    channels_out, contracted = matrix.shape
    if not source.layout or dims(source.layout)[-1] != contracted:
        raise RefusalError(f"weights of shape {list(values.shape)} over {describe(source.layout)}")
    source = _readable(call, source)
    kernel, matrix = _kernel(call, source, matrix)
    layout = (*source.layout[:-1], (Axis("c", channels_out),) if channels_out > 1 else ())
    taps, source = fitting(call, source, matrix.reshape(channels_out, *kernel, -1), 1)
    op = Conv(
        window=Window(kernel=kernel),
        groups=1,
        weights=taps,
        weight_scales=scales,
        bias=np.zeros(channels_out, np.int32),
    )
    return op, source, layout


def _matrix(weights: QuantizedConstant) -> QuantizedConstant:
    """Weights whose further dimensions in front are 1. Raises RefusalError for others."""
    *others, rows, cols = (1, 1, *weights.values.shape)
    if max(others) > 1:
        raise RefusalError(f"weights of {weights.values.ndim} dimensions: a matrix is supported")
    axis = max(weights.axis - len(others) + 2, 0)
    return replace(weights, values=weights.values.reshape(rows, cols), axis=axis)


def _readable(call: Call, source: Quantized) -> Quantized:
    """The source with the contracted dimension as its channels, unless that is the whole map."""
    *others, last = source.layout
    if not any(others):
        return source
    channels = call.builder.tensors[source.tensor].shape[2]
    if joined((last,))[0] != (Axis("c", channels),) * (channels > 1) and not is_cut(source.layout):
        wanted = CHANNELS_LAST.get(len(source.layout))
        if wanted is not None:
            call.builder.guess_again(source, wanted)
    return along_channels(call.builder, source, len(source.layout) - 1)


def _kernel(
    call: Call, source: Quantized, matrix: np.ndarray
) -> tuple[tuple[int, int], np.ndarray]:
    """The kernel's size, and the matrix with its columns in (h, w, c) order."""
    *others, last = source.layout
    if any(others):
        return (1, 1), matrix
    shape = call.builder.tensors[source.tensor].shape
    ordered = np.empty_like(matrix)
    ordered[:, places(last, shape)] = matrix
    return shape[:2], ordered
