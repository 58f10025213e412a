"""Pools over windows and over the whole map, and their integer forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from patchc.frontend.arrange import expected
from patchc.frontend.axes import Layout, channels_first, channels_first_layout, transpose
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import NO_PADS, Pending, Quantized, Value
from patchc.frontend.windows import add_pads, check_fits, check_touches, window
from patchc.ir import (
    AveragePool,
    GlobalAveragePool,
    MaxPool,
    Op,
    output_shape,
)
from patchc.ir.graph import INT8_MIN, Shape

# The operator over a channels-first map, and that map: a Pad before it is a node where the operator
# cannot take it in.
Maker = Callable[[Call, Quantized], tuple[Op, Quantized]]


_DILATIONS = "dilations"


@onnx_op("MaxPool", makes=(MaxPool,), limits="indices")
def max_pool(call: Call) -> Value:
    """On float tensors of a QDQ file, or directly on integers."""
    if 1 in call.used_outputs:
        raise RefusalError("its second output, the indices, is not supported")
    value = call.input(0)
    if not isinstance(value, Quantized):
        return _pending(call, _max)
    value = call.readable(value, padded=True, as_seen=True)
    op, value = _max(call, value)
    quant = call.builder.tensors[value.tensor].quant
    result = Result(call.output, _layout(call, value, op), quant, value.unsigned)
    return call.builder.emit(call.name, op, (value.tensor,), result)


@onnx_op("AveragePool", makes=(AveragePool, GlobalAveragePool), limits=_DILATIONS)
def average_pool(call: Call) -> Value:
    """In a QDQ file."""
    return _pending(call, _average)


@onnx_op("GlobalAveragePool", makes=(GlobalAveragePool,))
def global_average_pool(call: Call) -> Value:
    """In a QDQ file."""
    return _pending(call, _global_average)


@onnx_op(
    "QLinearAveragePool",
    domain=MICROSOFT,
    makes=(AveragePool, GlobalAveragePool),
    limits=_DILATIONS,
)
def qlinear_average_pool(call: Call) -> Value:
    """In a QOperator file."""
    return _integer(call, _average)


@onnx_op("QLinearGlobalAveragePool", domain=MICROSOFT, makes=(GlobalAveragePool,))
def qlinear_global_average_pool(call: Call) -> Value:
    """In a QOperator file."""
    return _integer(call, _global_average)


def _pending(call: Call, make: Maker) -> Pending:
    source = call.activation(0, padded=True, as_seen=True)
    op, source = make(call, source)
    return Pending(call.name, call.output, op, (source.tensor,), _layout(call, source, op))


def _integer(call: Call, make: Maker) -> Quantized:
    source = call.integers(0, *call.quantization(1, 2), padded=True, as_seen=True)
    rank = len(source.layout)
    channels_last = bool(call.attribute("channels_last", 0))
    if channels_last:
        perm = (0, rank - 1, *range(1, rank - 1))
        source = replace(source, layout=transpose(source.layout, perm))
    op, source = make(call, source)
    layout = _layout(call, source, op)
    if channels_last:
        layout = transpose(layout, (0, *range(2, rank), 1))
    result = Result(call.output, layout, *call.quantization(3, 4))
    return call.builder.emit(call.name, op, (source.tensor,), result)


def _layout(call: Call, source: Quantized, op: Op) -> Layout:
    shape = output_shape(op, call.builder.tensors[source.tensor].shape)
    return channels_first_layout(shape, len(source.layout))


def _map(call: Call, source: Quantized) -> tuple[Quantized, Shape, int]:
    """The source with channels first, the shape of its map and the rank of the ONNX tensor."""
    rank = len(source.layout)
    source = expected(call.builder, source, channels_first(rank), "a pool")
    return source, call.builder.tensors[source.tensor].shape, rank


def _max(call: Call, source: Quantized) -> tuple[Op, Quantized]:
    if call.builder.tensors[source.tensor].quant.zero_point != INT8_MIN:
        # The pool's own padding never wins; a zero that was put there by Pad may.
        source = call.readable(source, as_seen=True)
    source, shape, rank = _map(call, source)
    found = window(call, shape, rank)
    found = add_pads(found, source.pads)
    check_fits(found, shape)
    check_touches(found, shape)
    return MaxPool(found), source


def _average(call: Call, source: Quantized) -> tuple[Op, Quantized]:
    source, shape, rank = _map(call, source)
    found = window(call, shape, rank)
    include = bool(call.attribute("count_include_pad", 0))
    if found.dilation != (1, 1):
        raise RefusalError(f"dilations {found.dilation}: only 1 is supported")
    if source.pads != NO_PADS:
        padded = (
            shape[0] + source.pads.top + source.pads.bottom,
            shape[1] + source.pads.left + source.pads.right,
        )
        # Zeros that Pad put there count in the divisor, those of the pool's own pads may not; and
        # the mean of a whole map is rounded otherwise.
        if (
            call.attribute("ceil_mode", 0)
            or found.kernel == padded
            or (found.pads != NO_PADS and not include)
        ):
            return _average(call, call.readable(source))
        include = True
        found = add_pads(found, source.pads)
    check_fits(found, shape)
    check_touches(found, shape)
    if found.kernel == shape[:2] and found.pads == NO_PADS:
        return GlobalAveragePool(), source  # onnxruntime rewrites it so, too, and rounds so
    return AveragePool(found, include), source


def _global_average(call: Call, source: Quantized) -> tuple[Op, Quantized]:
    source, _, _ = _map(call, call.readable(source, as_seen=True))
    return GlobalAveragePool(), source
