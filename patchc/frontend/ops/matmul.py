"""MatMul of two activations, as attention has it: matrices side by side as rows of a map.

The first operand is a map whose channels are contracted, with a pixel for each row of each matrix;
the second one has a row for each matrix, or one for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from patchc.frontend.arrange import along_channels, arranged
from patchc.frontend.axes import Layout, dims, joined, named
from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.frontend.values import Quantized
from patchc.ir import MatMul, Permute
from patchc.ir.verifier import MAX_PRODUCTS


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the Graph has it."""

    op: MatMul
    inputs: tuple[str, str]
    layout: Layout


def product(call: Call, first: Quantized, second: Quantized) -> Product:
    """Raises RefusalError for matrices that do not go together, or are repeated in part."""
    a, b = dims(first.layout), dims(second.layout)
    if min(len(a), len(b)) < 2 or a[-1] != b[-2]:
        raise RefusalError(f"a product of {list(a)} and {list(b)}: two matrices are supported")
    if a[-1] > MAX_PRODUCTS:
        raise RefusalError(f"{a[-1]} products per output could overflow int32")
    rank = max(len(a), len(b))
    groups, others = ((1,) * (rank - len(sizes)) + sizes[:-2] for sizes in (a, b))
    if prod(others) > 1 and groups != others:
        raise RefusalError(
            f"a product of {list(a)} and {list(b)}: as many matrices on both sides, or one on the "
            "right, are supported; repeat the others, e.g. with Expand"
        )
    missing: Layout = ((),) * (rank - len(a))
    first = Quantized(first.tensor, (*missing, *first.layout), first.unsigned, first.pads)
    if prod(others) > 1:
        names = ["h"] * (rank - 2)
        left = arranged(call.builder, first, [*names, "w", "c"])
    else:  # one matrix for all pixels, wherever they are
        names = ["h"] * (len(b) - 2)
        left = along_channels(call.builder, first, rank - 1)
    right, transposed = _right(call, second, ["h"] * (len(b) - 2))
    if left.tensor == right.tensor:
        right = _again(call, right)
    op = MatMul(transposed)
    columns = named((b[-1],), ("c",))
    return Product(op, (left.tensor, right.tensor), (*left.layout[:-1], *columns))


def _right(call: Call, second: Quantized, names: Sequence[str]) -> tuple[Quantized, bool]:
    """The second operand, and whether its columns are the pixels: as it lies, if it can be read so;
    else what is contracted becomes the channels, as in the first one."""
    plain = named(dims(second.layout), [*names, "w", "c"])
    if joined(second.layout) == joined(plain):
        return call.builder.padded(second), False
    return arranged(call.builder, second, [*names, "c", "w"]), True


def _again(call: Call, value: Quantized) -> Quantized:
    """A copy of a tensor that is multiplied with itself: what is read in two ways has two names."""
    axes = call.builder.tensors[value.tensor].shape
    steps = (axes[1] * axes[2], axes[2], 1)
    digits = (((n, s),) if n > 1 else () for n, s in zip(axes, steps, strict=True))
    return call.builder.copied(value, Permute(*digits), value.layout, "again")
