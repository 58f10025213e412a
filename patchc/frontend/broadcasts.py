"""Operands that are smaller than the result, made as large by copies.

A binary operator of the Graph takes a second operand of one pixel. What is broadcast otherwise (a
map of one channel, a row, a column, both operands) is repeated first: whole pixels by an Upsample,
a channel by a Rearrange. Each costs RAM for what it writes, or a few rows in a tunnel.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from patchc.frontend.arrange import like
from patchc.frontend.axes import MAP_AXES, Axis, Layout, dims, map_shape
from patchc.frontend.builder import GraphBuilder
from patchc.frontend.refusal import RefusalError
from patchc.frontend.values import Quantized
from patchc.ir import DepthToSpace, Rearrange, Upsample, Window

ONE = Window((1, 1))


def spread(builder: GraphBuilder, first: Quantized, second: Quantized) -> list[Quantized]:
    """The two operands, one of which has the layout of the result, and the other too or it has one
    pixel; as they are where no copies help."""
    rank = max(len(first.layout), len(second.layout))
    operands = [_of_rank(value, rank) for value in (first, second)]
    if not _alike(*operands):
        operands = _in_line(builder, *map(builder.in_order, operands))
    if not _alike(*operands):
        operands = _laid_out(builder, *operands)
    if not _alike(*operands):
        return [first, second]
    layout = tuple(
        own or other for own, other in zip(*(value.layout for value in operands), strict=True)
    )
    if any(_has_some(value.layout, layout) for value in operands):
        return [first, second]
    # What meets each pixel stays as it is, if the other one has the size of the result.
    small = [_is_pixel(value) for value in operands]
    for index in range(2):
        if operands[index].layout != layout and not (
            small[index] and (not small[1 - index] or operands[1 - index].layout == layout)
        ):
            operands[index] = replicated(builder, operands[index], layout)
            small[index] = False
    return operands


def _alike(first: Quantized, second: Quantized) -> bool:
    """Are dimensions the same axes, where both operands have more than one position?"""
    return all(
        not own or not other or own == other
        for own, other in zip(first.layout, second.layout, strict=True)
    )


def _laid_out(builder: GraphBuilder, first: Quantized, second: Quantized) -> list[Quantized]:
    """The smaller operand, or the second one, laid out like the other; as they are where that has
    dimensions of 1 in which it is longer."""
    small = int(prod(dims(second.layout)) <= prod(dims(first.layout)))
    found = [first, second]
    try:
        found[small] = like(builder, found[small], found[1 - small].layout)
    except RefusalError:
        return [first, second]
    return found


def _has_some(own: Layout, layout: Layout) -> bool:
    """Has it some parts of an axis, and not all that `layout` has?"""
    names = [axis.name for axes in own for axis in axes]
    wanted = [axis.name for axes in layout for axis in axes]
    return any(names.count(name) not in (0, wanted.count(name)) for name in MAP_AXES)


def replicated(builder: GraphBuilder, value: Quantized, layout: Layout) -> Quantized:
    """`value` repeated along the axes of `layout` that it has not."""
    height, width, channels = builder.tensors[value.tensor].shape
    rows, cols, depth = map_shape(layout)
    if depth != channels:
        op = Rearrange(ONE, np.zeros(depth, np.int32))
        named = tuple(
            axes if own or {axis.name for axis in axes} == {"c"} else ()
            for own, axes in zip(value.layout, layout, strict=True)
        )
        value = builder.copied(value, op, named, "deep")
    if (rows, cols) != (height, width):
        value = builder.copied(value, Upsample((rows // height, cols // width)), layout, "wide")
    return replace(value, layout=layout)


def turned(builder: GraphBuilder, value: Quantized, name: str) -> Quantized:
    """A vector with its one axis called `name`: a copy of its bytes under another shape."""
    (axis,) = (axis for axes in value.layout for axis in axes)
    layout = tuple((Axis(name, axis.size),) if axes else () for axes in value.layout)
    window = {"h": (axis.size, 1), "w": (1, axis.size), "c": (1, 1)}
    if axis.name != "c":
        kernel = window[axis.name]
        op = Rearrange(Window(kernel, kernel), np.arange(axis.size))
        channels = tuple((Axis("c", axis.size),) if axes else () for axes in value.layout)
        value = builder.copied(value, op, channels, "turned")
    if name != "c":
        value = builder.copied(value, DepthToSpace(window[name]), layout, f"along_{name}")
    return replace(value, layout=layout)


def vector_axis(value: Quantized) -> Axis | None:
    """The axis of a vector: the only one that is longer than one."""
    axes = [axis for axes in value.layout for axis in axes]
    return axes[0] if len(axes) == 1 and axes[0].step == 1 else None


def _of_rank(value: Quantized, rank: int) -> Quantized:
    missing: Layout = ((),) * (rank - len(value.layout))
    return replace(value, layout=(*missing, *value.layout))


def _in_line(builder: GraphBuilder, first: Quantized, second: Quantized) -> list[Quantized]:
    """With the axis of a vector called as that of the map beside it."""
    found = [first, second]
    for index in range(2):
        value, other = found[index], found[1 - index]
        axis = vector_axis(value)
        if axis is None:
            continue
        at = next(i for i, axes in enumerate(value.layout) if axes)
        beside = other.layout[at]
        if len(beside) == 1 and beside != (axis,) and dims((beside,)) == (axis.size,):
            found[index] = turned(builder, value, beside[0].name)
    return found


def _is_pixel(value: Quantized) -> bool:
    return {axis.name for axes in value.layout for axis in axes} <= {"c"}
