"""Pad: of rows and columns with zeros, taken in by the convolution or pool that reads it, or a node
of its own; of channels with any value, a Concat of one map; in the other modes a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Literal

import numpy as np

from patchc.frontend.arrange import arranged, whole
from patchc.frontend.axes import MAP_AXES, Axis, Layout, dims, is_cut, map_shape, named
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.ops.copies import choose, copied, source_of
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import (
    NO_PADS,
    Dequantized,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)
from patchc.ir import Concat, Conv, DepthToSpace, Padding, Rearrange
from patchc.numerics.linear import dequantize

# Of ONNX, and what numpy calls them; both mean the same positions.
COPYING_MODES: dict[str, Literal["reflect", "edge", "wrap"]] = {
    "reflect": "reflect",
    "edge": "edge",
    "wrap": "wrap",
}


@onnx_op(
    "Pad",
    makes=(Concat, Conv, Rearrange, DepthToSpace),
    limits="several dimensions with constants other than zero, or channels beside others",
)
def pad(call: Call) -> Value:
    """Of channels, with any value; of rows and columns with the value that means zero, which the
    convolution or pool behind it takes in, also through views; for other readers a depthwise
    convolution by one. In the modes reflect, edge and wrap copies, as of a Gather."""
    mode = call.attribute("mode", "constant")
    if mode in COPYING_MODES:
        return _pad_with_copies(call, mode)
    if mode != "constant":
        raise RefusalError(f"mode {mode!r}: only constant, reflect, edge and wrap are supported")
    value = call.input(0)
    source = (
        value if isinstance(value, Quantized) else call.activation(0, padded=True, as_seen=True)
    )
    pads = _by_dimension(call, source)
    filler = _filler(call)
    number = 0 if filler is None or not filler.size else filler.item()
    zero: int | float = 0.0
    if isinstance(value, Quantized):
        zero = call.builder.tensors[source.tensor].quant.zero_point + (128 * source.unsigned)
    if len(pads) == 1 and not _is_of_a_map(source, *pads, zeros=number == zero):
        return _pad_anywhere(call, source, pads, number)
    source = whole(call.builder, source) if is_cut(source.layout) else source
    found = _along_axes(call, source, pads)
    if any(found["c"]):
        return _pad_channels(call, source, found, number)
    if number != zero:
        raise RefusalError(
            f"it pads several dimensions with {number:g}: with other than zero (here {zero:g}) "
            "only one is supported"
        )
    (top, bottom), (left, right) = found["h"], found["w"]
    own = source.pads
    padded = replace(
        source,
        pads=Padding(
            own.top + top,
            own.left + left,
            own.bottom + bottom,
            own.right + right,
        ),
    )
    return padded if isinstance(value, Quantized) else Dequantized(padded)


def _pad_with_copies(call: Call, mode: str) -> Value:
    """Positions that are there, in another order and some more than once."""
    source = source_of(call)
    sizes, pads = dims(source.layout), call.constant(1, "pads").reshape(-1).tolist()
    axes = call.optional_constant(3, "axes")
    where = range(len(sizes)) if axes is None else [int(axis) % len(sizes) for axis in axes]
    begins, ends = pads[: len(where)], pads[len(where) :]
    chosen: dict[int, Sequence[int]] = {}
    for dimension, begin, end in zip(where, begins, ends, strict=True):
        size = sizes[dimension]
        kept = np.arange(max(-begin, 0), size - max(-end, 0))
        if mode == "reflect" and max(begin, end) >= len(kept):
            raise RefusalError(
                f"pads {begin} and {end} reflect more than the {len(kept)} positions of dimension "
                f"{dimension}"
            )
        if begin or end:
            widths = (max(begin, 0), max(end, 0))
            chosen[dimension] = np.pad(kept, widths, COPYING_MODES[mode]).tolist()
    return copied(call, source, 0, choose(call, source, chosen))


def _filler(call: Call) -> np.ndarray | None:
    """The value, as it is or as onnxruntime's quantiser leaves it: quantised."""
    value = call.input(2)
    if isinstance(value, QuantizedConstant) and value.scales.size == 1:
        return value.real()
    return call.optional_constant(2, "value")


def _pad_channels(
    call: Call, source: Quantized, pads: Mapping[str, tuple[int, int]], number: float
) -> Value:
    """The map in the middle of channels that all hold `number`."""
    if source.pads != NO_PADS or any((*pads["h"], *pads["w"])):
        raise RefusalError("it pads channels and rows or columns: use two Pads, channels first")
    before, after = pads["c"]
    channels = before + call.builder.tensors[source.tensor].shape[2] + after
    layout = tuple(
        (Axis("c", channels),) if [axis.name for axis in axes] == ["c"] else axes
        for axes in source.layout
    )
    return _in_the_middle(call, source, before, layout, number)


def _in_the_middle(
    call: Call, source: Quantized, before: int, layout: Layout, number: float
) -> Value:
    """The map with so many channels in front, and behind it as many as `layout` has beyond: all of
    them hold `number` (of the file: real, or stored)."""
    integers = isinstance(call.input(0), Quantized)
    tensor = call.builder.tensors[source.tensor]
    filler: np.ndarray = np.array(number, np.float32)
    if integers:
        stored = np.array(number, np.int32) - (128 if source.unsigned else 0)
        filler = dequantize(stored, tensor.quant)
    op = Concat((before,), np.full(map_shape(layout)[2], filler))
    if not integers:
        return Pending(call.name, call.output, op, (source.tensor,), layout)
    result = Result(call.output, layout, tensor.quant, source.unsigned)
    return call.builder.emit(call.name, op, (source.tensor,), result)


def _by_dimension(call: Call, source: Quantized) -> dict[int, tuple[int, int]]:
    """ONNX's begin and end pads of the dimensions that have any. Raises RefusalError."""
    axes, pads = call.optional_constant(3, "axes"), call.constant(1, "pads")
    rank = len(source.layout)
    where = range(rank) if axes is None else [int(axis) % rank for axis in axes]
    begins, ends = np.split(pads, 2)
    if (pads < 0).any():
        raise RefusalError(f"negative pads {pads.tolist()}")
    found = zip(where, begins.tolist(), ends.tolist(), strict=True)
    return {dimension: (begin, end) for dimension, begin, end in found if begin or end}


def _is_of_a_map(source: Quantized, dimension: int, *, zeros: bool) -> bool:
    """Is the dimension the channels, or rows or columns that are padded with `zeros`?"""
    names = [axis.name for axis in source.layout[dimension]]
    return not is_cut(source.layout) and (names == ["c"] or (zeros and names in (["h"], ["w"])))


def _pad_anywhere(
    call: Call, source: Quantized, pads: Mapping[int, tuple[int, int]], number: float
) -> Value:
    """Of one dimension: from it on all are channels, in the middle of others that hold `number`."""
    ((dimension, (before, after)),) = pads.items()
    names = ["h" if i < dimension else "c" for i in range(len(source.layout))]
    source = arranged(call.builder, source, names)
    sizes = list(dims(source.layout))
    inner = prod(sizes[dimension + 1 :])
    sizes[dimension] += before + after
    layout = named(sizes, names)
    return _in_the_middle(call, source, before * inner, layout, number)


def _along_axes(
    call: Call, source: Quantized, pads: Mapping[int, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    """Pads of dimensions -> those of the map's axes. Raises RefusalError."""
    found = dict.fromkeys(MAP_AXES, (0, 0))
    for dimension, both in pads.items():
        names = [axis.name for axis in source.layout[dimension]]
        if names == ["c"] and len(source.layout) == 4:  # perhaps an input that is NHWC
            call.builder.guess_again(source, ("n", "h", "w", "c"))
        if len(names) != 1:
            raise RefusalError(
                f"it pads dimension {dimension} and others: of several only rows, columns and "
                "channels can be padded"
            )
        found[names[0]] = both
    return found
