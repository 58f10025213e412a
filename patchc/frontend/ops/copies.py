"""Operators that only move values but are no view of a map: Slice, Split, Gather, DepthToSpace and
SpaceToDepth, in a QDQ file and directly on integers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from patchc.frontend.arrange import along_channels, expected
from patchc.frontend.axes import (
    AxesError,
    Axis,
    Layout,
    channel_order,
    channels_first,
    channels_first_layout,
    dims,
    is_cut,
    reshape,
)
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import NO_PADS, Dequantized, Pending, Quantized, Refused, Value
from patchc.ir import Copy, DepthToSpace, Padding, Rearrange, Window, output_shape
from patchc.ir.graph import Shape

_CUT = "dimensions that are several axes at once"


@onnx_op("Slice", makes=(Rearrange, DepthToSpace), limits=_CUT)
def slice_(call: Call) -> Value:
    """Of rows, columns and channels, with any step; rows or columns backwards are two copies."""
    source = source_of(call)
    sizes = dims(source.layout)
    starts, ends = (_numbers(call, index, what) for index, what in ((1, "starts"), (2, "ends")))
    axes = _optional_numbers(call, 3, "axes", range(len(starts)))
    steps = _optional_numbers(call, 4, "steps", [1] * len(starts))
    parts: dict[int, range] = {}
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        dimension = axis % len(sizes)
        parts[dimension] = range(*slice(start, end, step).indices(sizes[dimension]))
    return copied(call, source, 0, choose(call, source, parts))


@onnx_op("Split", makes=(Rearrange,), limits=_CUT)
def split(call: Call) -> Sequence[Value]:
    """One copy per output that is read."""
    source = source_of(call)
    sizes = dims(source.layout)
    axis = call.attribute("axis", 0) % len(sizes)
    count = len(call.node.output)
    given = call.attribute("split", None)
    if given is None:
        even = -(-sizes[axis] // count)
        rest = [even] * (count - 1)
        given = _optional_numbers(call, 1, "split", [*rest, sizes[axis] - sum(rest)])
    ends = np.cumsum(given).tolist()
    if ends[-1] != sizes[axis] or len(ends) != count or min(given) < 1:
        raise RefusalError(f"it splits {sizes[axis]} into {count} parts: {list(given)}")
    found: list[Value] = []
    for index, (size, end) in enumerate(zip(given, ends, strict=True)):
        if index in call.used_outputs:
            part = choose(call, source, {axis: range(end - size, end)})
            found.append(copied(call, source, index, part))
        else:
            found.append(Refused())
    return found


@onnx_op("Gather", makes=(Rearrange, DepthToSpace), limits=_CUT)
def gather(call: Call) -> Value:
    """Constant indices, any of them; of rows or columns that are not at one distance two copies."""
    source = source_of(call)
    sizes = dims(source.layout)
    axis = call.attribute("axis", 0) % len(sizes)
    indices = call.constant(1, "indices")
    chosen = [int(index) % sizes[axis] for index in indices.reshape(-1)]
    part = choose(call, source, {axis: chosen})
    if not indices.ndim:
        part = replace(part, layout=part.layout[:axis] + part.layout[axis + 1 :])
    if indices.ndim > 1:
        part = _reshaped(part, source, [*sizes[:axis], *indices.shape, *sizes[axis + 1 :]])
    return copied(call, source, 0, part)


@onnx_op("GatherND", makes=(Rearrange, DepthToSpace), limits="indices that vary; batch_dims")
def gather_nd(call: Call) -> Value:
    """Constant indices of the first dimensions, which are looked up as one."""
    source = source_of(call)
    indices, sizes = call.constant(1, "indices"), dims(source.layout)
    if call.attribute("batch_dims", 0):
        raise RefusalError("batch_dims: only 0 is supported")
    count = indices.shape[-1]
    positions = indices.reshape(-1, count).T % np.array(sizes[:count])[:, None]
    chosen = np.ravel_multi_index(tuple(positions), sizes[:count]).tolist()
    rest = sizes[count:]
    try:
        layout = reshape(source.layout, [prod(sizes[:count]), *rest], cut=True)
    except AxesError as error:
        raise RefusalError(str(error)) from error
    part = choose(call, replace(source, layout=layout), {0: chosen})
    return copied(call, source, 0, _reshaped(part, source, [*indices.shape[:-1], *rest]))


@onnx_op("DepthToSpace", makes=(DepthToSpace,))
def depth_to_space(call: Call) -> Value:
    """Both modes."""
    source, shape, block = _blocks(call)
    mode = call.attribute("mode", "DCR")
    if shape[2] % block**2:
        raise RefusalError(f"{shape[2]} channels do not make blocks of {block}x{block}")
    op = DepthToSpace((block, block), interleaved=mode == "CRD")
    return copied(call, source, 0, Part(op, channels_first_layout(output_shape(op, shape), 4)))


@onnx_op("SpaceToDepth", makes=(Rearrange,))
def space_to_depth(call: Call) -> Value:
    """Every block of pixels becomes one: its pixels side by side or, in the mode CRD, its
    channels."""
    source, shape, block = _blocks(call)
    if shape[0] % block or shape[1] % block:
        raise RefusalError(f"a map of {shape[0]}x{shape[1]} in blocks of {block}x{block}")
    order = np.arange(block**2 * shape[2])
    if call.attribute("mode", "DCR") == "CRD":
        order = order.reshape(block**2, shape[2]).T.reshape(-1)
    op = Rearrange(Window((block, block), (block, block)), order)
    return copied(call, source, 0, Part(op, channels_first_layout(output_shape(op, shape), 4)))


@dataclass(frozen=True, slots=True)
class Part:
    """What is copied."""

    op: Copy | None  # None: all of it, as it is
    layout: Layout
    source: Quantized | None = None  # what is read, where it is not the operand itself


def _reshaped(part: Part, source: Quantized, shape: Sequence[int]) -> Part:
    """The same values as a tensor of another shape. Raises RefusalError."""
    try:
        layout = reshape(part.layout, shape, cut=True)
    except AxesError as error:
        raise RefusalError(str(error)) from error
    return replace(part, layout=layout, source=part.source or source)


def source_of(call: Call) -> Quantized:
    """The tensor to copy from, in whatever layout. Raises RefusalError."""
    value = call.input(0)
    if isinstance(value, Quantized):
        return call.readable(value, as_seen=True)
    return call.activation(0, as_seen=True)


def _blocks(call: Call) -> tuple[Quantized, Shape, int]:
    """The tensor, the shape of its map, and rows and columns of a block. Raises RefusalError."""
    source = source_of(call)
    source = expected(call.builder, source, channels_first(4), f"a {call.node.op_type}")
    return source, call.builder.tensors[source.tensor].shape, call.attribute("blocksize", 0)


def choose(call: Call, source: Quantized, parts: Mapping[int, Sequence[int]]) -> Part:
    """The positions `parts` of dimensions: of rows, columns and channels as they lie, of others as
    channels of a copy. Raises RefusalError where nothing is left."""
    sizes = dims(source.layout)
    if not all(parts.values()):
        raise RefusalError("nothing is left of its input")
    cut = {i: chosen for i, chosen in parts.items() if list(chosen) != list(range(sizes[i]))}
    if not cut:
        return Part(None, source.layout)
    if _has_channels_apart(source) and _are_channels(source, cut):
        return _channel_parts(source, cut)
    ordered = call.builder.in_order(source)
    if not is_cut(ordered.layout) and all(len(ordered.layout[i]) == 1 for i in cut):
        return _of_axes(call, ordered, cut)
    first, last = min(cut), max(cut)
    laid_out = along_channels(call.builder, source, first, last)
    part = _channel_parts(laid_out, cut)
    return Part(part.op, part.layout, laid_out)


def _are_channels(source: Quantized, cut: Collection[int]) -> bool:
    """Are all these dimensions parts of the channels, and is no channel beside another axis?"""
    names = [{axis.name for axis in axes} for axes in source.layout]
    return all(names[i] == {"c"} for i in cut) and all(own == {"c"} for own in names if "c" in own)


def _of_axes(call: Call, source: Quantized, parts: Mapping[int, Sequence[int]]) -> Part:
    """Of dimensions that are one axis each."""
    shape = call.builder.tensors[source.tensor].shape
    layout = list(source.layout)
    chosen: dict[str, Sequence[int]] = {
        name: range(size) for name, size in zip("hwc", shape, strict=True)
    }
    for dimension, positions in parts.items():
        (axis,) = layout[dimension]
        chosen[axis.name] = positions
        layout[dimension] = (Axis(axis.name, len(positions)),) if len(positions) > 1 else ()
    moved, last = source, None
    for index, name in enumerate("hw"):
        if _crop(chosen[name], shape[index]) is None:
            if last is not None:
                moved = _moved(call, moved, last)
            moved, last = _in_any_order(call, moved, index, chosen[name])
            chosen[name] = range(len(chosen[name]))
            shape = output_shape(last, call.builder.tensors[moved.tensor].shape)
    if all(
        list(chosen[name]) == list(range(size)) for name, size in zip("hwc", shape, strict=True)
    ):
        return Part(last, tuple(layout) if last else source.layout, moved)
    if last is not None:
        moved = _moved(call, moved, last)
    rows, cols = (_crop(chosen[name], size) for name, size in zip("hw", shape[:2], strict=True))
    assert rows is not None
    assert cols is not None
    (top, bottom, down), (left, right, across) = rows, cols
    window = Window((1, 1), (down, across), pads=Padding(top, left, bottom, right))
    return Part(Rearrange(window, np.array(chosen["c"])), tuple(layout), moved)


def _in_any_order(
    call: Call, source: Quantized, index: int, positions: Sequence[int]
) -> tuple[Quantized, DepthToSpace]:
    """Rows (`index` 0) or columns at `positions`: side by side as channels in their new order, and
    the operator that makes rows or columns of these again."""
    shape = call.builder.tensors[source.tensor].shape
    kernel = (shape[0], 1) if index == 0 else (1, shape[1])
    channels = np.arange(shape[2])
    order = (np.array(positions)[:, None] * shape[2] + channels).reshape(-1)
    aside = _moved(call, source, Rearrange(Window(kernel, kernel), order))
    count = len(positions)
    return aside, DepthToSpace((count, 1) if index == 0 else (1, count))


def _moved(call: Call, source: Quantized, op: Copy) -> Quantized:
    shape = output_shape(op, call.builder.tensors[source.tensor].shape)
    return call.builder.copied(source, op, channels_first_layout(shape, 4), "moved")


def _has_channels_apart(value: Quantized) -> bool:
    """Whether its channels are in parts that lie in several dimensions, and nothing else is."""
    names = [axis.name for axes in value.layout for axis in axes if axis.name != "c"]
    cut = is_cut(value.layout) and channel_order(value.layout) is None
    return cut and len(set(names)) == len(names) and value.pads == NO_PADS


def _channel_parts(source: Quantized, parts: Mapping[int, Sequence[int]]) -> Part:
    """The positions `parts` of dimensions that are parts of the channels, which lie in no dimension
    with other axes: what is left of these, in the order of the layout."""
    order = np.zeros(1, np.int64)
    lengths: list[int] = []  # of what is left of the channels in each dimension
    for dimension, axes in enumerate(source.layout):
        own = [axis for axis in axes if axis.name == "c"]
        offsets = np.zeros(1, np.int64)
        for axis in own:
            offsets = (offsets[:, None] + np.arange(axis.size) * axis.step).reshape(-1)
        if dimension in parts:
            offsets = offsets[list(parts[dimension])]
        lengths.append(len(offsets))
        order = (order[:, None] + offsets).reshape(-1)
    layout = [
        (Axis("c", length, prod(lengths[dimension + 1 :])),)
        if length > 1
        else tuple(axis for axis in axes if axis.name != "c")
        for dimension, (axes, length) in enumerate(zip(source.layout, lengths, strict=True))
    ]
    return Part(Rearrange(Window((1, 1)), order), tuple(layout))


def _crop(positions: Sequence[int], size: int) -> tuple[int, int, int] | None:
    """Pads, 0 or less, before and after, and the stride; None where there is none."""
    first, last = positions[0], positions[-1]
    step = positions[1] - first if len(positions) > 1 else 1
    if step < 1 or list(positions) != list(range(first, last + 1, step)):
        return None
    return -first, last + 1 - size, step


def copied(call: Call, source: Quantized, index: int, part: Part) -> Value:
    """Output `index` of the node."""
    integers = isinstance(call.input(0), Quantized)
    source = part.source or source
    if part.op is None:
        source = replace(source, layout=part.layout)
        return source if integers else Dequantized(source)
    name = call.node.output[index]
    if not integers:
        return Pending(call.name, name, part.op, (source.tensor,), part.layout)
    quant = call.builder.tensors[source.tensor].quant
    result = Result(name, part.layout, quant, source.unsigned)
    return call.builder.emit(call.name, part.op, (source.tensor,), result)


def _numbers(call: Call, index: int, what: str) -> list[int]:
    return [int(number) for number in call.constant(index, what).reshape(-1)]


def _optional_numbers(call: Call, index: int, what: str, default: Sequence[int]) -> list[int]:
    found = call.optional_constant(index, what)
    return list(default) if found is None else [int(number) for number in found.reshape(-1)]
