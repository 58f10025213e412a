"""Concat along the channels, in a QDQ file and on integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from patchc.frontend.arrange import arranged
from patchc.frontend.axes import Axis, Layout, describe, dims, map_shape, named
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.ops.tiles import tiled
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Constant, Pending, Quantized, QuantizedConstant, Value
from patchc.ir import Add, Concat, Quantization
from patchc.numerics.linear import dequantize

Operand = Quantized | np.ndarray  # a constant as float32 real values, in the shape of the file

_LIMITS = "constants that vary along dimensions before the one that it joins"

MAP_RANK = 4  # dimensions of a map in ONNX


@onnx_op("Concat", makes=(Add, Concat), limits=_LIMITS)
def concat(call: Call) -> Value:
    """Of float tensors in a QDQ file, or of integers of one scale and zero point; along rows or
    columns each map is put at its place among zeros, and these are added."""
    values = call.inputs
    if not any(isinstance(value, Quantized) for value in values):
        joined = _join(call, [_real_operand(call, index) for index in range(len(values))])
        if isinstance(joined, Pending):
            return joined
        return Pending(call.name, call.output, joined.op, joined.inputs, joined.layout)
    first = next(value for value in values if isinstance(value, Quantized))
    quant = call.builder.tensors[first.tensor].quant
    operands = [
        _integer_operand(call, index, quant, first.unsigned) for index in range(len(values))
    ]
    joined = _join(call, operands)
    result = Result(call.output, joined.layout, quant, first.unsigned)
    if isinstance(joined, Pending):
        return call.builder.finish(joined, result)
    return call.builder.emit(call.name, joined.op, joined.inputs, result)


@onnx_op("QLinearConcat", domain=MICROSOFT, makes=(Add, Concat), limits=_LIMITS)
def qlinear_concat(call: Call) -> Value:
    """In a QOperator file: the output's quantisation, then each input and its own."""
    quant, unsigned = call.quantization(0, 1)
    operands = [
        _integer_operand(call, index, *call.quantization(index + 1, index + 2))
        for index in range(2, len(call.inputs), 3)
    ]
    joined = _join(call, operands)
    result = Result(call.output, joined.layout, quant, unsigned)
    if isinstance(joined, Pending):
        return call.builder.finish(joined, result)
    return call.builder.emit(call.name, joined.op, joined.inputs, result)


def _real_operand(call: Call, index: int) -> Operand:
    """An operand of the float operator. Raises RefusalError."""
    value = call.input(index)
    if isinstance(value, Constant):
        return value.array.astype(np.float32)
    if isinstance(value, QuantizedConstant):
        return value.real()
    return call.activation(index, as_seen=True)


def _integer_operand(call: Call, index: int, quant: Quantization, unsigned: bool) -> Operand:
    """An operand that is stored with `quant`. Raises RefusalError."""
    value = call.input(index)
    if isinstance(value, Constant):
        return dequantize(value.array.astype(np.int32) - (128 if unsigned else 0), quant)
    return call.integers(index, quant, unsigned, as_seen=True)


@dataclass(frozen=True, slots=True)
class _Joined:
    """A concatenation as the Graph has it."""

    op: Concat
    inputs: tuple[str, ...]
    layout: Layout


def _join(call: Call, operands: Sequence[Operand]) -> _Joined | Pending:
    """Pending: along rows or columns. As the maps lie, where that is so or along the channels; else
    they are laid out anew. Raises RefusalError for operands that do not go together."""
    maps = [operand for operand in operands if isinstance(operand, Quantized)]
    if not maps:
        raise RefusalError("none of its operands is an activation")
    rank = len(maps[0].layout)
    axis = call.attribute("axis", 1) % rank
    _check_sizes(operands, rank, axis)
    stacked = _stacked(maps, axis) if len(maps) == len(operands) else None
    if stacked is not None:
        return stacked
    ordered = [
        call.builder.in_order(operand) if isinstance(operand, Quantized) else operand
        for operand in operands
    ]
    try:
        return _as_they_lie(call, ordered, axis)
    except RefusalError:
        return _laid_out(call, operands, axis)


def _check_sizes(operands: Sequence[Operand], rank: int, axis: int) -> None:
    """Raises RefusalError unless all sizes are the same but those along `axis`."""
    found = []
    for operand in operands:
        sizes = dims(operand.layout) if isinstance(operand, Quantized) else operand.shape
        found.append([size for i, size in enumerate(sizes) if i != axis])
        if len(sizes) != rank or found[-1] != found[0]:
            raise RefusalError(f"it joins {found[0]} and {found[-1]} beside dimension {axis}")


def _stacked(maps: Sequence[Quantized], axis: int) -> _Joined | None:
    """Along a dimension of 1 that is none of the map's, where all maps are laid out alike and its
    rank is more than a map has: the channels of one map behind those of the other."""
    layouts = {map_.layout for map_ in maps}
    if len(layouts) > 1 or maps[0].layout[axis] or len(maps[0].layout) <= MAP_RANK:
        return None
    channels = map_shape(maps[0].layout)[2]
    starts = tuple(index * channels for index in range(len(maps)))
    filled = np.zeros(channels * len(maps), np.float32)
    part = (Axis("c", len(maps), channels),) if len(maps) > 1 else ()
    layout = (*maps[0].layout[:axis], part, *maps[0].layout[axis + 1 :])
    return _Joined(Concat(starts, filled), tuple(map_.tensor for map_ in maps), layout)


def _laid_out(call: Call, operands: Sequence[Operand], axis: int) -> _Joined:
    """With all dimensions from `axis` on as channels, in which any operand is a run."""
    rank = next(len(o.layout) for o in operands if isinstance(o, Quantized))
    names = ["h" if i < axis else "c" for i in range(rank)]
    starts, inputs = [], []
    background: list[np.ndarray] = []
    sizes: list[int] = []
    for operand in operands:
        if isinstance(operand, Quantized):
            map_ = arranged(call.builder, operand, names)
            sizes, length = list(dims(map_.layout)), prod(dims(map_.layout)[axis:])
            starts.append(sum(map(len, background)))
            inputs.append(map_.tensor)
            background.append(np.zeros(length, np.float32))
        else:
            rows = operand.reshape(prod(operand.shape[:axis]), -1)
            if (rows != rows[:1]).any():
                raise RefusalError(
                    f"a constant that varies along dimensions before {axis}, along which it joins"
                )
            background.append(rows[0])
    filled = np.concatenate(background)
    sizes[axis] = len(filled) // prod(sizes[axis + 1 :])
    return _Joined(Concat(tuple(starts), filled), tuple(inputs), named(sizes, names))


def _as_they_lie(call: Call, operands: Sequence[Operand], axis: int) -> _Joined | Pending:
    """Raises RefusalError where maps lie side by side along no axis of a map, or a constant varies
    over the map."""
    maps = [operand for operand in operands if isinstance(operand, Quantized)]
    along = _axis(call, maps, axis)
    if along != "c":
        if len(maps) < len(operands):
            raise RefusalError(f"it joins a constant to maps along {_AXES[along]}")
        return tiled(call, maps, axis, along)
    others = {map_.layout[:axis] + map_.layout[axis + 1 :] for map_ in maps}
    if len(others) > 1:
        words = ", ".join(dict.fromkeys(describe(map_.layout) for map_ in maps))
        raise RefusalError(f"operands of different layouts or sizes: {words}")
    shape = list(dims(maps[0].layout))
    starts, inputs = [], []
    background: list[np.ndarray] = []
    for operand in operands:
        if isinstance(operand, Quantized):
            channels = dims(operand.layout)[axis]
            starts.append(sum(map(len, background)))
            inputs.append(operand.tensor)
            background.append(np.zeros(channels, np.float32))
        else:
            background.append(per_channel(operand, shape, axis))
    filled = np.concatenate(background)
    joined = (Axis("c", len(filled)),) if len(filled) > 1 else ()
    layout = (*maps[0].layout[:axis], joined, *maps[0].layout[axis + 1 :])
    return _Joined(Concat(tuple(starts), filled), tuple(inputs), layout)


_AXES = {"h": "rows", "w": "columns"}


def _axis(call: Call, maps: Sequence[Quantized], axis: int) -> str:
    """Along which axis of the map the operands are joined: "h", "w" or "c". Raises RefusalError."""
    found = "c"
    for map_ in maps:
        names = [item.name for item in map_.layout[axis]]
        if names in (["h"], ["w"]):
            call.builder.guess_channels(map_, axis)
            found = names[0]
    found = found if found != "c" else _axis_of_one(maps[0].layout, axis)
    for map_ in maps:
        names = [item.name for item in map_.layout[axis]]
        elsewhere = {item.name for i, d in enumerate(map_.layout) for item in d if i != axis}
        if names not in ([], [found]) or found in elsewhere:
            where = f"dimension {axis} of {describe(map_.layout)}"
            raise RefusalError(
                f"it joins maps along {where}: only channels, rows or columns are supported"
            )
    return found


def _axis_of_one(layout: Layout, axis: int) -> str:
    """Of a dimension in which the maps have one row or column each: by where the channels are."""
    names = ["".join(item.name for item in dimension) for dimension in layout]
    if names[axis] or "c" not in names or len(names) != 4:
        return "c"
    places = [i for i in range(1, 4) if i != names.index("c")]
    return "hw"[places.index(axis)] if axis in places else "c"


def per_channel(constant: np.ndarray, shape: Sequence[int], axis: int) -> np.ndarray:
    """The values of a constant of `shape`, but for `axis`, one per index along it. Raises
    RefusalError where they vary over rows or columns."""
    if constant.ndim != len(shape) or any(
        size != shape[i] for i, size in enumerate(constant.shape) if i != axis
    ):
        raise RefusalError(
            f"a constant of shape {list(constant.shape)} beside a map of {list(shape)}"
        )
    values = np.moveaxis(constant, axis, 0).reshape(constant.shape[axis], -1)
    if (values != values[:, :1]).any():
        raise RefusalError(
            "a constant whose values vary over the map: only one value per channel is supported"
        )
    return values[:, 0]
