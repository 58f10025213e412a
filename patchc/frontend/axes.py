"""The axes algebra: what each dimension of an ONNX tensor is, in terms of a map's h, w and c.

A layout lists, for every dimension of the ONNX tensor, the map axes that it is the row-major
product of. Axes of size 1 are left out: they are neutral and may stand anywhere, so `()` is a
dimension of size 1. NCHW of a 4x5 map with 8 channels is `((), (c8,), (h4,), (w5,))`, the same
map flattened is `((), (c8, h4, w5))`. Layout operators only permute and regroup these tuples; that
is why they never become nodes of the Graph.

An axis may be cut in parts: 96 channels seen as (6, 16) are c6 in steps of 16 and c16 in steps of
1. Only layout operators and the Graph's borders know what to do with parts; parts that meet again
in their old order are one axis again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from patchc.ir.graph import Digits, Shape, digit_places

MAP_AXES = "hwc"  # the order of Graph shapes


class Axis(NamedTuple):
    """One axis of a map."""

    name: str  # "h", "w" or "c"
    size: int  # > 1
    step: int = 1  # of a part: positions of the whole axis from one to the next


Layout = tuple[tuple[Axis, ...], ...]


class AxesError(ValueError):
    """A layout that cannot be made; `str` is the reason."""


class SplitError(AxesError):
    """A reshape that would cut an axis in two; `sizes` are the two parts it asks for."""

    def __init__(self, axis: Axis, sizes: tuple[int, int]) -> None:
        super().__init__(f"it would split {axis.name} of size {axis.size} in {sizes}")
        self.axis = axis
        self.sizes = sizes


def layout_of(names: Sequence[str], dims: Sequence[int]) -> Layout:
    """The layout whose dimension i is the axis names[i], or none where that is "n"."""
    return tuple(
        (Axis(name, size),) if size > 1 else () for name, size in zip(names, dims, strict=True)
    )


def channels_first(rank: int) -> tuple[str, ...]:
    """What the dimensions of a convolution's input are: NCHW, or NCW for signals."""
    return ("n", "c", "w") if rank == 3 else ("n", "c", "h", "w")


def channels_first_layout(shape: Shape, rank: int) -> Layout:
    """The layout of a map of `shape` as a tensor of `rank` (3 or 4), channels first."""
    sizes = dict(zip(MAP_AXES, shape, strict=True)) | {"n": 1}
    names = channels_first(rank)
    return layout_of(names, [sizes[name] for name in names])


def dims(layout: Layout) -> tuple[int, ...]:
    """The shape of the ONNX tensor."""
    return tuple(prod(axis.size for axis in axes) for axes in layout)


def map_shape(layout: Layout) -> Shape:
    """(height, width, channels) of the map behind `layout`."""
    sizes = dict.fromkeys(MAP_AXES, 1)
    for axis in (axis for axes in layout for axis in axes):
        sizes[axis.name] *= axis.size
    return sizes["h"], sizes["w"], sizes["c"]


def is_cut(layout: Layout) -> bool:
    """Is some axis in parts?"""
    names = [axis.name for axes in layout for axis in axes]
    return len(set(names)) < len(names)


def channel_order(layout: Layout) -> tuple[np.ndarray, Layout] | None:
    """Where the channels are in parts, side by side within one dimension: for each channel in the
    order of `layout` its place in the map, int64 (c,), and the layout of a map in that order.

    None where other axes are in parts, or the channels' lie in several places.
    """
    joined = tuple(tuple(_joined(axes)) for axes in layout)
    parts = [axis for axes in joined for axis in axes if axis.name == "c"]
    order = np.zeros(1, np.int64)
    for part in parts:
        order = (order[:, None] + np.arange(part.size) * part.step).reshape(-1)
    whole = Axis("c", len(order))
    found = []
    for axes in joined:
        names = "".join(axis.name for axis in axes)
        first = names.find("c")
        kept = [axis for axis in axes if axis.name != "c"]
        if first >= 0:
            if "c" * len(parts) not in names:
                return None
            kept.insert(first, whole)
        found.append(tuple(kept))
    return None if is_cut(tuple(found)) else (order, tuple(found))


def transpose(layout: Layout, perm: Sequence[int]) -> Layout:
    """Dimension i of the result is dimension perm[i]."""
    return tuple(layout[index] for index in perm)


def reshape(layout: Layout, target: Sequence[int], *, cut: bool = False) -> Layout:
    """The same values in row-major order under another shape (no 0 or -1 left in `target`).

    Raises SplitError where a dimension of `target` is not a whole number of axes; with `cut`, only
    where it is none of parts either.
    """
    if prod(target) != prod(dims(layout)):
        raise AxesError(f"{list(dims(layout))} cannot be reshaped to {list(target)}")
    remaining = _joined([axis for axes in layout for axis in axes])
    result = []
    for size in target:
        taken: list[Axis] = []
        while prod(axis.size for axis in taken) < size:
            axis = remaining.pop(0)
            wanted = size // prod(item.size for item in taken)
            if wanted % axis.size:
                inner = axis.size // max(wanted, 1)
                if not cut or axis.size % wanted:
                    raise SplitError(axis, (wanted, inner))
                remaining.insert(0, Axis(axis.name, inner, axis.step))
                axis = Axis(axis.name, wanted, axis.step * inner)
            taken.append(axis)
        result.append(tuple(taken))
    return tuple(result)


def joined(layout: Layout) -> Layout:
    """With parts that follow each other in their old order as one."""
    return tuple(tuple(_joined(axes)) for axes in layout)


def named(sizes: Sequence[int], names: Sequence[str]) -> Layout:
    """The layout of a map whose axis of a name is made of all dimensions of that name, the first of
    them the outermost."""
    steps = dict.fromkeys(names, 1)
    found: list[tuple[Axis, ...]] = []
    for name, size in reversed(list(zip(names, sizes, strict=True))):
        found.append((Axis(name, size, steps[name]),) if size > 1 else ())
        steps[name] *= size
    return tuple(reversed(found))


def _strides(shape: Shape) -> dict[str, int]:
    """How many values of a map lie between neighbours along an axis."""
    _, width, channels = shape
    return {"h": width * channels, "w": channels, "c": 1}


def digits_of(layout: Layout, shape: Shape, target: Layout) -> list[Digits]:
    """Of a map of `shape` that is seen as `layout`, laid out anew: per axis of a map that is seen
    as `target`, which has the same dimensions, of one axis at most each, what it is made of."""
    strides = _strides(shape)
    found: list[Digits] = []
    for name in MAP_AXES:
        own = [(axes[0].step, i) for i, axes in enumerate(target) if axes and axes[0].name == name]
        digits: list[tuple[int, int]] = []
        for axis in (axis for _, i in sorted(own, reverse=True) for axis in layout[i]):
            step = axis.step * strides[axis.name]
            if digits and digits[-1][1] == axis.size * step:
                digits[-1] = (digits[-1][0] * axis.size, step)
            else:
                digits.append((axis.size, step))
        found.append(tuple(digits))
    return found


def places(axes: Sequence[Axis], shape: Shape) -> np.ndarray:
    """int64: for each number that the axes make, row by row, which value of a map it is, counted in
    NHWC order."""
    strides = _strides(shape)
    return digit_places(tuple((axis.size, axis.step * strides[axis.name]) for axis in axes))


def _joined(axes: Sequence[Axis]) -> list[Axis]:
    """Parts that follow each other in their old order, put together."""
    found: list[Axis] = []
    for axis in axes:
        last = found[-1] if found else None
        if last and last.name == axis.name and last.step == axis.size * axis.step:
            found[-1] = Axis(axis.name, last.size * axis.size, axis.step)
        else:
            found.append(axis)
    return found


def rename(layout: Layout, names: Mapping[str, str]) -> Layout:
    """`layout` with its axes called by other names."""
    return tuple(tuple(a._replace(name=names[a.name]) for a in axes) for axes in layout)


def split(layout: Layout, error: SplitError) -> Layout:
    """`layout` with the axis of `error` cut in two. The new one gets a name that is free.

    Raises AxesError where the map would need more than three axes, or the sizes do not divide.
    """
    outer, inner = error.sizes
    free = [name for name in "hwc" if name not in {a.name for axes in layout for a in axes}]
    if not free or outer * inner != error.axis.size:
        raise AxesError(str(error))
    parts = (Axis(error.axis.name, outer), Axis(free[0], inner))
    return tuple(
        tuple(part for axis in axes for part in (parts if axis == error.axis else (axis,)))
        for axes in layout
    )


def renaming(layout: Layout, wanted: Sequence[str]) -> dict[str, str] | None:
    """New names under which dimension i of `layout` is the axis wanted[i], if there are any.

    All three map axes are in the answer. None: some dimension is a product of axes, or the batch.
    """
    found: dict[str, str] = {}
    for axes, name in zip(layout, wanted, strict=True):
        if len(axes) > 1 or (axes and name == "n"):
            return None
        found.update({axis.name: name for axis in axes})
    free = [name for name in MAP_AXES if name not in found.values()]
    return found | {name: free.pop(0) for name in MAP_AXES if name not in found}


def border_axes(layout: Layout) -> tuple[tuple[Axis, ...], ...]:
    """The layout as `Border.layout`: axes of size 1 put where they are usually seen, "n" too."""
    present = {axis.name for axes in layout for axis in axes}
    usual = "nhwc" if _is_channels_last(layout) else "nchw"
    missing = [name for name in usual if name not in present]
    return tuple(axes if axes or not missing else (Axis(missing.pop(0), 1),) for axes in layout)


def _is_channels_last(layout: Layout) -> bool:
    names = [axes[0].name if axes else "" for axes in layout]
    return names[-1:] == ["c"] or names[1:2] == ["h"]


def describe(layout: Layout) -> str:
    """For messages: "[n, c, h*w]"."""
    words = ["*".join(axis.name for axis in axes) or "1" for axes in border_axes(layout)]
    return f"[{', '.join(words)}]"
