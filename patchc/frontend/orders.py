"""In which order a file's outputs have the values of the Graph's.

Between the two there may be views. Which value of the map each one of an output is, is found by
sending the values' numbers through them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper

from patchc.frontend.model import Border, ImportedModel
from patchc.frontend.refusal import RefusalError
from patchc.frontend.runtime import open_session

VIEWS = frozenset(
    {"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
DEQUANTIZE = "DequantizeLinear"
# Also quantised and dequantised again, as onnxruntime's quantiser leaves views.
SEEN = VIEWS | {DEQUANTIZE, "QuantizeLinear"}


def is_vector(order: np.ndarray) -> bool:
    """Is something along one axis, and more than one, and has it the map's order?"""
    flat = order.ravel()
    along_one = flat.size == max(order.shape, default=1) > 1
    return along_one and bool((flat == np.arange(flat.size)).all())


def vectors(imported: ImportedModel) -> dict[str, bool]:
    """Graph output -> does the file have its values as a vector, in the same order? Those that the
    file only has something else of are left out."""
    found: dict[str, bool] = {}
    if imported.epilogue is None:
        return {border.tensor: is_vector(_numbers(border)) for border in imported.outputs}
    model = imported.epilogue.model
    producers = {name: node for node in model.graph.node for name in node.output}
    borders = {border.onnx_name: border for border in imported.outputs}
    for value in imported.onnx_model.graph.output:
        with suppress(RefusalError):
            chain, other = way_up(producers, borders, value.name, SEEN)
            start = chain[0].input[0] if chain else value.name
            if other is None and start in borders:
                border = borders[start]
                (order,) = numbered(model, border, chain, [value.name])
                found[border.tensor] = found.get(border.tensor, False) or is_vector(order)
    return found


def way_up(
    producers: Mapping[str, onnx.NodeProto],
    borders: Mapping[str, Border],
    name: str,
    through: frozenset[str],
) -> tuple[tuple[onnx.NodeProto, ...], onnx.NodeProto | None]:
    """The nodes of some kinds that lead to a tensor, in order, and what is in front of them; None:
    an output of the Graph."""
    nodes: list[onnx.NodeProto] = []
    while name not in borders:
        node = producers.get(name)
        if node is None:
            raise RefusalError("does not come from the values of the C")
        if node.op_type not in through:
            return tuple(reversed(nodes)), node
        nodes.append(node)
        name = node.input[0]
    return tuple(reversed(nodes)), None


def numbered(
    model: onnx.ModelProto,
    border: Border,
    chain: tuple[onnx.NodeProto, ...],
    wanted: Sequence[str],
) -> list[np.ndarray]:
    """Of tensors on the way of a border through a chain of views: which value of the map each of
    their values is."""
    given = _numbers(border)
    if not chain:
        return [given for _ in wanted]
    start = chain[0].input[0]
    nodes = [
        node
        if node.op_type in VIEWS - {"Dropout"}
        else helper.make_node("Identity", node.input[:1], node.output[:1])
        for node in chain
    ]
    # A tensor that is also the input cannot be an output without a node between them.
    names = [f"{name} as numbers" for name in wanted]
    nodes += [
        helper.make_node("Identity", [old], [new]) for old, new in zip(wanted, names, strict=True)
    ]
    read = {name for node in nodes for name in node.input}
    constants = [tensor for tensor in model.graph.initializer if tensor.name in read]
    nodes = [
        node for node in model.graph.node if node.op_type == "Constant" and node.output[0] in read
    ] + nodes
    value = helper.make_tensor_value_info(start, TensorProto.INT32, given.shape)
    running = open_session(nodes, [value], names, constants, model.opset_import)
    return list(running.run(names, {start: given}))


def _numbers(border: Border) -> np.ndarray:
    """A map's values, numbered, as the file has them."""
    plain = replace(border, unsigned=False, sums=border.sums or (1.0,))
    count = int(np.prod(border.shape)) // (4 if border.sums else 1)
    return plain.from_map(np.arange(count, dtype="<i4").view(np.int8))
