"""Copies of a tensor into a layout that an operator can read, where no view of it is one.

A layout says of each dimension which axes of the map it is made of, or which parts of these. So any
tensor can be laid out anew by one Permute, whatever Reshapes and Transposes have made of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from patchc.frontend.axes import (
    MAP_AXES,
    AxesError,
    Axis,
    Layout,
    describe,
    digits_of,
    dims,
    is_cut,
    joined,
    named,
    reshape,
)
from patchc.frontend.builder import GraphBuilder
from patchc.frontend.refusal import RefusalError
from patchc.frontend.values import Quantized
from patchc.ir import Permute

# What dimensions become, by how many there are, for a reader that takes any map.
USUAL = {1: ("c",), 2: ("w", "c"), 3: ("h", "w", "c"), 4: ("h", "c", "h", "w")}


def arranged(builder: GraphBuilder, value: Quantized, names: Sequence[str]) -> Quantized:
    """`value` with its dimension i as the map's axis names[i]. Those of one axis are parts of it,
    the first of them the outermost. A copy, made once; or `value` itself where it is laid out so.
    """
    value = builder.padded(value)
    return _copied(builder, value, value.layout, named(dims(value.layout), names))


def like(builder: GraphBuilder, value: Quantized, layout: Layout) -> Quantized:
    """`value` laid out as a tensor of `layout` is, in which it may have dimensions of 1 where that
    has others. Raises RefusalError where it has other sizes."""
    value = builder.padded(value)
    axes = [axis for whole in layout for axis in whole]
    kept = [dims(value.layout)[i] > 1 for i, whole in enumerate(layout) for _ in whole]
    parts = [axis.size if keep else 1 for axis, keep in zip(axes, kept, strict=True)]
    try:
        seen = reshape(value.layout, parts, cut=True)
    except AxesError as error:
        raise RefusalError(str(error)) from error
    steps = dict.fromkeys(MAP_AXES, 1)
    target: list[tuple[Axis, ...]] = [()] * len(axes)
    for index in sorted(range(len(axes)), key=lambda i: axes[i].step):
        if kept[index]:
            name, size = axes[index].name, axes[index].size
            target[index] = (Axis(name, size, steps[name]),)
            steps[name] *= size
    made = _copied(builder, value, seen, tuple(target))
    remaining = iter(made.layout)
    grouped = tuple(tuple(axis for _ in whole for axis in next(remaining)) for whole in layout)
    return Quantized(made.tensor, joined(grouped), made.unsigned)


def _copied(builder: GraphBuilder, value: Quantized, seen: Layout, target: Layout) -> Quantized:
    """`value`, of which `seen` is a layout with a dimension for each of `target`, laid out so."""
    if joined(seen) == joined(target):
        return Quantized(value.tensor, target, value.unsigned)
    op = Permute(*digits_of(seen, builder.tensors[value.tensor].shape, target))
    return builder.copied(value, op, target, "arranged")


def expected(
    builder: GraphBuilder, value: Quantized, wanted: Sequence[str], reader: str
) -> Quantized:
    """`value` with dimension i as the map's axis wanted[i], "n" for the batch: as it is, with its
    channels in order, or a copy. Raises RefusalError where nothing helps."""
    if len(value.layout) != len(wanted):
        raise RefusalError(f"{reader} of {len(value.layout)} dimensions")
    found = builder.in_order(value)
    if not is_cut(found.layout) and builder.is_laid_out(found, wanted):
        return found
    sizes = dims(value.layout)
    if wanted[0] == "n" and sizes[0] > 1:
        raise RefusalError(f"a batch of {sizes[0]}: export the model with batch 1")
    return arranged(builder, value, ["h" if name == "n" else name for name in wanted])


def whole(builder: GraphBuilder, value: Quantized) -> Quantized:
    """`value` with no axis in parts, for readers that take any layout. Raises RefusalError."""
    found = builder.in_order(value)
    if not is_cut(found.layout):
        return found
    rank = len(value.layout)
    if rank not in USUAL or (rank == 4 and dims(value.layout)[0] > 1):
        raise RefusalError(
            f"it reads {describe(value.layout)}, of which a reshape has cut an axis: only "
            "layout operators and outputs can follow"
        )
    return arranged(builder, value, USUAL[rank])


def along_channels(
    builder: GraphBuilder, value: Quantized, first: int, last: int | None = None
) -> Quantized:
    """`value` with dimensions first .. last, or the one, as all of the channels in their order, and
    with the others as rows and columns."""
    rank = len(value.layout)
    last = first if last is None else last
    found = builder.in_order(builder.padded(value))
    own = tuple(axis for axes in found.layout[first : last + 1] for axis in axes)
    channels = builder.tensors[value.tensor].shape[2]
    if joined((own,))[0] == ((Axis("c", channels),) if channels > 1 else ()):
        return found
    names = [
        "c" if first <= i <= last else "h" if i < min(first, rank - 2) else "w" for i in range(rank)
    ]
    return arranged(builder, value, names)
