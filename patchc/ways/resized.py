"""The network over a smaller image: the same file with another size of its input, read again."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from patchc.frontend import import_model
from patchc.frontend.model import ImportedModel

# Steps in which sizes are usual, by the shorter side from which they are, and the least side.
STEPS = ((96, 32), (48, 16), (0, 8))
LEAST_SIDE = 16
Size = tuple[int, int]  # rows, columns


def image_of(imported: ImportedModel) -> Size | None:
    """The size of the network's input, where it is one image that is large enough to shrink."""
    if len(imported.graph.inputs) != 1 or len(imported.onnx_model.graph.input) != 1:
        return None
    height, width, _ = imported.graph.tensors[imported.graph.inputs[0]].shape
    places = _places(imported.onnx_model, (height, width))
    return (height, width) if min(height, width) > LEAST_SIDE and len(places) == 1 else None


def smaller_sizes(size: Size) -> list[Size]:
    """Sizes below, the largest first, in about the same ratio."""
    found: list[Size] = []
    side = smaller = min(size)
    while True:
        step = next(step for least, step in STEPS if smaller > least)
        smaller = (smaller - 1) // step * step
        if smaller < LEAST_SIDE:
            return found
        rows, cols = (smaller if one == side else _ratio(one, smaller, side) for one in size)
        found.append((rows, cols))


def _ratio(one: int, smaller: int, side: int) -> int:
    """To a multiple of 8."""
    return max(8, round(one * smaller / side / 8) * 8)


def resized(imported: ImportedModel, size: Size, cut: Sequence[str] = ()) -> ImportedModel:
    """The same network over another size of its image. Raises PatchcError where it is none: where
    a layer's weights or a shape in the file are for the size that it has."""
    height, width, _ = imported.graph.tensors[imported.graph.inputs[0]].shape
    model = onnx.ModelProto()
    model.CopyFrom(imported.onnx_model)
    graph = model.graph
    (place,) = _places(model, (height, width))
    for at, side in enumerate(size, place):
        graph.input[0].type.tensor_type.shape.dim[at].dim_value = side
    del graph.value_info[:]
    for value in graph.output:  # what follows from the input's
        for dim in value.type.tensor_type.shape.dim[1:]:
            dim.Clear()
    return import_model(model, None, cut)


def _places(model: onnx.ModelProto, size: Size) -> list[int]:
    """Where rows and columns may stand among the dimensions of an image's input."""
    dims = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    return [at for at in (1, 2) if len(dims) == 4 and tuple(dims[at : at + 2]) == size]
