"""A camera's bytes as the network's int8: what `patchc run --image` makes of them, as a table.

Between the file's image and the Graph lie float operators: a mean subtracted, a division, a
QuantizeLinear. With the preparation of pictures in front of them they are a function of one byte,
where each of them works element by element with the same constants for all pixels. onnxruntime is
asked for it, byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

import numpy as np
import onnx

from patchc.codegen.options import Pixels
from patchc.errors import PatchcError
from patchc.frontend.host import BOOKKEEPING
from patchc.frontend.model import HostOps, ImportedModel
from patchc.quantize.float_functions import ELEMENT_BY_ELEMENT
from patchc.quantize.images import as_input, picture_shape
from patchc.quantize.options import ImagePreparation
from patchc.verify.golden import graph_inputs

BYTES = 256
MIXED = 4  # pictures of all bytes in some order
AT_ONCE = 16  # pictures that one session of onnxruntime is asked for


def pixel_table(imported: ImportedModel) -> Pixels | None:
    """The int8 of each byte, per channel; None where the network has no picture as its one input,
    or its int8 is no function of one byte."""
    model = imported.onnx_model
    try:
        shape = picture_shape(model)
        preparation = ImagePreparation.of(model)
        as_input(np.zeros(shape, np.uint8), model)
    except PatchcError:
        return None
    if len(imported.inputs) != 1 or imported.inputs[0].shape != shape:
        return None
    if imported.prologue is not None and not _is_element_by_element(imported.prologue):
        return None
    height, width, channels = shape
    constants = imported.prologue is not None and _largest_constant(imported.prologue) > channels
    # Constants as few as the channels are the same for all pixels, or show in any mixed picture.
    plain = constants or height * width < BYTES
    table = np.zeros((channels, BYTES), np.int8)
    known = np.zeros((channels, BYTES), bool)
    for pixels, found in _with_maps(imported, chain(_plain(shape) if plain else (), _mixed(shape))):
        for channel in range(channels):
            here, values = pixels[..., channel].ravel(), found[..., channel].ravel()
            fresh = ~known[channel][here]
            table[channel][here[fresh]] = values[fresh]
            known[channel][here] = True
            if not np.array_equal(table[channel][here], values):
                return None
    if not known.all():
        raise AssertionError("a byte was in no picture")
    return Pixels(tuple(map(tuple, table.tolist())), _words(model, preparation, imported.prologue))


def _is_element_by_element(prologue: HostOps) -> bool:
    known = ELEMENT_BY_ELEMENT | BOOKKEEPING
    return all(node.op_type in known for node in prologue.model.graph.node)


def _largest_constant(prologue: HostOps) -> int:
    """Elements."""
    graph = prologue.model.graph
    sizes = [int(np.prod(tensor.dims)) for tensor in graph.initializer]
    attributes = (a for node in graph.node if node.op_type == "Constant" for a in node.attribute)
    sizes += [int(np.prod(a.t.dims)) for a in attributes if a.type == onnx.AttributeProto.TENSOR]
    return max(sizes, default=1)


def _plain(shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """Pictures of one byte each."""
    for byte in range(BYTES):
        yield np.full(shape, byte, np.uint8)


def _mixed(shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """Each has every byte in every channel, if it has the pixels; by chance beside each other."""
    height, width, channels = shape
    random = np.random.default_rng(0)
    for _ in range(MIXED):
        planes = [random.permutation(np.arange(height * width) % BYTES) for _ in range(channels)]
        yield np.stack(planes, axis=-1).reshape(shape).astype(np.uint8)


def _with_maps(
    imported: ImportedModel, pictures: Iterable[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each picture, and the Graph's int8 of it as `patchc run` computes it."""
    model, tensor = imported.onnx_model, imported.inputs[0].tensor
    remaining = iter(pictures)
    while some := list(islice(remaining, AT_ONCE)):
        cases = [{model.graph.input[0].name: as_input(pixels, model)} for pixels in some]
        maps = graph_inputs(imported, cases)
        yield from zip(some, (found[tensor] for found in maps), strict=True)


def _words(model: onnx.ModelProto, preparation: ImagePreparation, prologue: HostOps | None) -> str:
    value = "pixel"
    if model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
        if preparation.scale != 1:
            value = f"{value} * {preparation.scale:g}"
        if any(preparation.mean):
            value = f"{value} - {_numbers(preparation.mean)}"
        if any(number != 1 for number in preparation.std):
            value = f"({value}) / {_numbers(preparation.std)}"
    operators = [node.op_type for node in prologue.model.graph.node] if prologue else []
    named = [operator for operator in operators if operator not in ("Constant", "Identity")]
    return " -> ".join([value, *named])


def _numbers(values: tuple[float, ...]) -> str:
    words = [f"{value:g}" for value in values]
    return words[0] if len(set(words)) == 1 else f"({', '.join(words)})"
