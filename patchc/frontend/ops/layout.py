"""Operators that only rearrange: they change how a value is seen and never become nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from onnx import TensorProto

from patchc.frontend.axes import AxesError, Layout, SplitError, dims, reshape, transpose
from patchc.frontend.call import Call
from patchc.frontend.ops.functions import function
from patchc.frontend.pads import padded_layout
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import (
    NO_PADS,
    Constant,
    Dequantized,
    Host,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)

_VIEWS = "what no view of an (h, w, c) map can be"


@onnx_op("Identity")
def identity(call: Call) -> Value:
    """Nothing."""
    value = call.input(0)
    assert value is not None
    return value


@onnx_op("Dropout", limits="training; the mask")
def dropout(call: Call) -> Value:
    """Nothing, outside of training."""
    training = call.optional_constant(2, "training mode")
    if training is not None and training.any():
        raise RefusalError("training mode")
    if 1 in call.used_outputs:
        raise RefusalError("its second output, the mask, is not supported")
    return identity(call)


@onnx_op("Cast", limits="casts to another type, but of what a comparison gives")
def cast(call: Call) -> Value:
    """To the type that it has: nothing. Of what a comparison gives to float: part of the
    function."""
    value = call.input(0)
    own = TensorProto.FLOAT
    if isinstance(value, Quantized):
        own = TensorProto.UINT8 if value.unsigned else TensorProto.INT8
    to = call.attribute("to", 0)
    if to != own:
        kinds = {number: word.lower() for word, number in TensorProto.DataType.items()}
        raise RefusalError(
            f"a cast of {kinds[own]} to {kinds.get(to, to)}: only one to {kinds[own]} is nothing"
        )
    if isinstance(value, Dequantized) and value.function is not None:
        return function(call)
    return identity(call)


@onnx_op("Shape")
def shape(call: Call) -> Value:
    """A constant, as every shape is known."""
    value = call.input(0)
    if isinstance(value, Host):
        sizes = call.builder.host_shape(value.name)
    elif isinstance(value, QuantizedConstant):
        sizes = value.values.shape
    else:
        sizes = dims(_layout(call))
    start, end = call.attribute("start", 0), call.attribute("end", None)
    return Constant(np.array(sizes[start:end], np.int64))


@onnx_op("Transpose")
def transpose_(call: Call) -> Value:
    """Any permutation."""
    value = call.input(0)
    rank = value.values.ndim if isinstance(value, QuantizedConstant) else len(_layout(call))
    perm = call.attribute("perm", list(range(rank))[::-1])
    if isinstance(value, QuantizedConstant):
        axis = list(perm).index(value.axis)
        return replace(value, values=value.values.transpose(perm), axis=axis)
    return _with_layout(value, transpose(_layout(call), perm))


@onnx_op("Reshape", limits=_VIEWS)
def reshape_(call: Call) -> Value:
    """To a constant shape; 0 copies a dimension, -1 is what remains. Reshape, Transpose, Reshape
    may shuffle the channels, for which their reader gets a Rearrange."""
    sizes = _sizes(call)
    target = [int(size) for size in call.constant(1, "shape").reshape(-1)]
    if not call.attribute("allowzero", 0):
        if any(size == 0 and index >= len(sizes) for index, size in enumerate(target)):
            raise RefusalError(f"shape {target} copies a dimension that {list(sizes)} has not")
        target = [size or sizes[index] for index, size in enumerate(target)]
    if -1 in target:
        known = math.prod(size for size in target if size != -1)
        target[target.index(-1)] = math.prod(sizes) // max(known, 1)
    return _reshaped(call, target)


@onnx_op("Flatten", limits=_VIEWS)
def flatten(call: Call) -> Value:
    """Into two dimensions."""
    sizes = _sizes(call)
    axis = call.attribute("axis", 1)
    axis += len(sizes) if axis < 0 else 0
    return _reshaped(call, [math.prod(sizes[:axis]), math.prod(sizes[axis:])])


@onnx_op("Squeeze")
def squeeze(call: Call) -> Value:
    """Drops dimensions of size 1."""
    sizes = _sizes(call)
    axes = _axes(call)
    if axes is None:
        axes = [index for index, size in enumerate(sizes) if size == 1]
    dropped = {axis % len(sizes) for axis in axes}
    return _reshaped(call, [size for index, size in enumerate(sizes) if index not in dropped])


@onnx_op("Unsqueeze")
def unsqueeze(call: Call) -> Value:
    """Inserts dimensions of size 1."""
    sizes = list(_sizes(call))
    axes = _axes(call) or []
    rank = len(sizes) + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        sizes.insert(axis, 1)
    return _reshaped(call, sizes)


def _axes(call: Call) -> Sequence[int] | None:
    """An attribute before opset 13, an input since."""
    given = call.attribute("axes", None)
    array = call.optional_constant(1, "axes")
    return given if array is None else [int(axis) for axis in array.reshape(-1)]


def _source(value: Value | None) -> Quantized | None:
    if isinstance(value, Dequantized):
        return value.source
    return value if isinstance(value, Quantized) else None


def _layout(call: Call) -> Layout:
    """The layout of the first input. Raises RefusalError where it has none."""
    value = call.input(0)
    if isinstance(value, Pending):
        return value.layout
    source = _source(value)
    if source is None:
        raise RefusalError("its input is not an activation")
    return source.layout


def _sizes(call: Call) -> tuple[int, ...]:
    value = call.input(0)
    if isinstance(value, QuantizedConstant):
        return value.values.shape
    source = _source(value)
    return dims(_layout(call) if source is None else padded_layout(source))


def _reshaped(call: Call, target: Sequence[int]) -> Value:
    value = call.input(0)
    if isinstance(value, QuantizedConstant):
        if value.scales.size > 1:
            raise RefusalError("a reshape of weights that are quantised per channel")
        return replace(value, values=value.values.reshape(target))
    source = _source(value)
    if source is not None and source.pads != NO_PADS:
        seen = _ones_apart(source, target)
        if seen is not None:
            return _with_layout(value, seen)
        source = call.builder.padded(source)
        value = source if isinstance(value, Quantized) else Dequantized(source)
    layout = _layout(call) if source is None else source.layout
    try:
        return _with_layout(value, reshape(layout, target))
    except SplitError as error:
        source = _source(value)
        if source is not None:
            call.builder.split(source, error)
    except AxesError as error:
        raise RefusalError(str(error)) from error
    try:
        return _with_layout(value, reshape(layout, target, cut=True))
    except AxesError as error:
        raise RefusalError(str(error)) from error


def _ones_apart(source: Quantized, target: Sequence[int]) -> Layout | None:
    """The layout of a padded map of which `target` drops or adds dimensions of 1 only."""
    long = [axes for axes in source.layout if axes]
    sizes = [size for size in dims(padded_layout(source)) if size > 1]
    if sizes != [size for size in target if size > 1]:
        return None
    remaining = iter(long)
    return tuple(next(remaining) if size > 1 else () for size in target)


def _with_layout(value: Value | None, layout: Layout) -> Value:
    if isinstance(value, Dequantized):
        return replace(value, source=replace(value.source, layout=layout))
    assert isinstance(value, Quantized | Pending)
    return replace(value, layout=layout)
