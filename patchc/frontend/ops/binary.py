"""Add, Mul, Sub and their integer forms: two maps, or a map and a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from patchc.frontend.arrange import along_channels
from patchc.frontend.axes import Layout, describe, dims
from patchc.frontend.broadcasts import spread
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.ops.functions import function, is_function
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import (
    Constant,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)
from patchc.frontend.weights import float_bias
from patchc.ir import Add, Binary, ChannelConstant, Conv, Lut, Mul, Quantization, Sub

OPERATORS: dict[str, type[Binary]] = {
    "Add": Add,
    "Mul": Mul,
    "Sub": Sub,
    "QLinearAdd": Add,
    "QLinearMul": Mul,
}

Operand = Quantized | QuantizedConstant


_LIMITS = (
    "sums whose first operand is broadcast, with some scales; constants with a scale per channel"
)


@onnx_op("Add", "Mul", "Sub", makes=(Add, Mul, Sub, Lut, Conv), limits=_LIMITS)
def binary(call: Call) -> Value:
    """In a QDQ file: a function of one value, or of two operands."""
    if is_function(call):
        return function(call)
    if call.node.op_type == "Add":
        for index, value in enumerate(call.inputs):
            if isinstance(value, Pending) and isinstance(value.op, Conv):
                return _add_bias(call, value, 1 - index)
    for value in call.inputs:
        if isinstance(value, Constant):
            raise float_constant(value)
    pair = _pair(call, *(real_operand(call, index) for index in range(2)))
    return Pending(call.name, call.output, pair.op, pair.inputs, pair.layout)


def _add_bias(call: Call, layer: Pending, index: int) -> Pending:
    """What is added to the float result of a layer, before that is quantised: its bias."""
    op = layer.op
    assert isinstance(op, Conv)
    if layer.clips or op.bias.any() or not _along_channels(call.input(index), layer):
        call.activation(1 - index)  # says that it is not quantised
    scale = call.builder.tensors[layer.inputs[0]].quant.scale
    bias = float_bias(call, index, scale, op.weight_scales)
    return replace(layer, node=call.name, result=call.output, op=replace(op, bias=bias))


def _along_channels(value: Value | None, layer: Pending) -> bool:
    """Whether a constant holds one number, or one for each channel of what the layer gives."""
    if not isinstance(value, Constant | QuantizedConstant):
        return False
    shape = (value.array if isinstance(value, Constant) else value.values).shape
    aligned = (1,) * (len(layer.layout) - len(shape)) + shape
    return len(aligned) == len(layer.layout) and all(
        size == 1 or [axis.name for axis in axes] == ["c"]
        for size, axes in zip(aligned, layer.layout, strict=True)
    )


@onnx_op("QLinearAdd", "QLinearMul", domain=MICROSOFT, makes=(Add, Mul), limits=_LIMITS)
def qlinear_binary(call: Call) -> Value:
    """In a QOperator file."""
    pair = _pair(call, *(_integer_operand(call, index) for index in (0, 3)))
    result = Result(call.output, pair.layout, *call.quantization(6, 7))
    return call.builder.emit(call.name, pair.op, pair.inputs, result)


def float_constant(value: Constant) -> RefusalError:
    """Why a float constant is refused that is no single number."""
    return RefusalError(
        f"a float constant of shape {list(value.array.shape)}: one element is supported, or a "
        "quantised constant (e.g. patchc quantize)"
    )


def real_operand(call: Call, index: int) -> Operand:
    """An operand of a float operator. Raises RefusalError."""
    value = call.input(index)
    if isinstance(value, QuantizedConstant):
        return value
    return call.activation(index, as_seen=True)


def _integer_operand(call: Call, index: int) -> Operand:
    """An operand of an integer operator, with scale and zero point behind it."""
    value = call.input(index)
    if not isinstance(value, Constant):
        return call.integers(index, *call.quantization(index + 1, index + 2), as_seen=True)
    zero_point = call.optional_constant(index + 2, "zero point")
    if zero_point is None:
        zero_point = np.zeros((), value.array.dtype)
    return QuantizedConstant(value.array, call.constant(index + 1, "scale"), zero_point, 0)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two operands as the Graph has them."""

    op: Binary
    inputs: tuple[str, ...]
    layout: Layout


def _pair(call: Call, first: Operand, second: Operand) -> _Pair:
    """Raises RefusalError for operands that patchc cannot put together."""
    kind = OPERATORS[call.node.op_type]
    size = first.values.size if isinstance(first, QuantizedConstant) else prod(dims(first.layout))
    if isinstance(first, Quantized) and isinstance(second, Quantized):
        first, second = spread(call.builder, first, second)
    map_ = larger(first, second)
    shape = dims(map_.layout)
    other = second if first is map_ else first
    if kind is Add and size == 1:  # onnxruntime's formula has them the other way round
        first, second = second, first
    either = kind is Add and 1 < size < prod(shape)
    reverse = first is not map_ and kind is not Mul and not either
    constant = None
    if isinstance(other, QuantizedConstant):
        map_ = by_channel(call, other.values.shape, map_)
        constant = channel_constant(other, map_)
        inputs: tuple[str, ...] = (map_.tensor,)
    else:
        check_maps(map_, other)
        inputs = (map_.tensor, other.tensor)
    if either:
        return _Pair(Add(constant=constant, either_order=True), inputs, map_.layout)
    return _Pair(kind(constant=constant, reverse=reverse), inputs, map_.layout)


def larger(first: Operand, second: Operand) -> Quantized:
    """The operand of the output's shape; the first one where both are. Raises RefusalError."""
    if isinstance(first, QuantizedConstant):
        if isinstance(second, QuantizedConstant):
            raise RefusalError("both of its operands are constants")
        return second
    if isinstance(second, QuantizedConstant):
        return first
    return second if prod(dims(second.layout)) > prod(dims(first.layout)) else first


def check_maps(map_: Quantized, other: Quantized) -> None:
    """Raises RefusalError unless `other` has the map's shape, or meets each of its pixels."""
    if map_.layout == other.layout:
        return
    if dims(map_.layout) == dims(other.layout):
        raise RefusalError(
            f"operands of different layouts: {describe(map_.layout)}, {describe(other.layout)}"
        )
    names = {axis.name for axes in other.layout for axis in axes}
    fits = len(map_.layout) == len(other.layout) and all(
        own in ((), whole) for own, whole in zip(other.layout, map_.layout, strict=True)
    )
    if not fits or names not in ({"c"}, set()):
        raise RefusalError(
            f"it broadcasts {list(dims(map_.layout))} with {list(dims(other.layout))}: only one "
            "value, or one per channel, can meet all pixels of a map"
        )


def by_channel(call: Call, shape: Sequence[int], map_: Quantized) -> Quantized:
    """`map_`, or a copy in which a constant of `shape` that is broadcast to it has one value per
    channel. Raises RefusalError where it cannot be broadcast."""
    sizes = (1,) * (len(map_.layout) - len(shape)) + tuple(shape)
    whole = dims(map_.layout)
    long = [i for i, size in enumerate(sizes) if size > 1]
    if len(sizes) != len(whole) or any(sizes[i] != whole[i] for i in long):
        raise RefusalError(
            f"a constant of shape {list(shape)} beside a map of {list(whole)}: it has to be "
            "broadcast to that"
        )
    names = [axis.name for i in long for axis in map_.layout[i]]
    if names in (["h"], ["w"]):
        call.builder.guess_channels(map_, long[0])
    return along_channels(call.builder, map_, long[0], long[-1]) if long else map_


def channel_constant(constant: QuantizedConstant, map_: Quantized) -> ChannelConstant:
    """One value, or one per channel of `map_`. Raises RefusalError."""
    values = constant.values
    if constant.scales.size != 1 or constant.zero_points.size != 1:
        raise RefusalError("its constant has a scale per channel: only one scale is supported")
    wanted = np.uint8 if map_.unsigned else np.int8
    if values.dtype != wanted:
        raise RefusalError(
            f"its constant is {values.dtype} beside {np.dtype(wanted)} activations, so that "
            "onnxruntime computes it in float; quantise both alike"
        )
    shift = 128 if map_.unsigned else 0
    quant = Quantization(
        float(np.float32(constant.scales.item())), int(constant.zero_points.item()) - shift
    )
    stored = (values.astype(np.int32) - shift).astype(np.int8)
    sizes = (1,) * (len(map_.layout) - stored.ndim) + stored.shape
    own = [i for i, axes in enumerate(map_.layout) if any(axis.name == "c" for axis in axes)]
    if stored.size > 1 and own:  # those of its dimensions that are 1 meet several channels
        within = range(own[0], own[-1] + 1)
        full = [dims(map_.layout)[i] if i in within else sizes[i] for i in range(len(sizes))]
        stored = np.broadcast_to(stored.reshape(sizes), full)
    return ChannelConstant(stored.reshape(-1), quant)
