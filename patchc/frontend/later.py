"""Where a float result is quantised behind operators that only choose among values.

Rounding is monotone, so such an operator may as well choose among integers: QuantizeLinear of a
Resize to the nearest pixel is that Resize of QuantizeLinear. Exporters that put a pair behind the
last of several operators (PT2E, Brevitas) mean the same numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.frontend.constants import constant_tensors
from patchc.ir import Quantization

Later = tuple[Quantization, bool]  # as int8, and whether the file holds uint8


def quantized_later(
    graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto], choosing: Collection[str]
) -> Mapping[str, Later]:
    """Scale and zero point of the QuantizeLinear that reads each tensor, perhaps behind operators
    of the kinds `choosing`; none where there is another reader, or several scales."""
    constants = constant_tensors(graph)
    found: dict[str, set[Later | None]] = {value.name: {None} for value in graph.output}
    for node in reversed(list(nodes)):
        own = _of_node(node, constants)
        if own is None and node.op_type in choosing and only_chooses(node):
            ways = set().union(*(found.get(name, {None}) for name in node.output if name))
        else:
            ways = {own}
        for index, name in enumerate(node.input):
            is_read = index == 0 or node.op_type in ("Concat", "Max", "Min")
            found.setdefault(name, set()).update(ways if is_read else {None})
    only = {name: next(iter(ways)) for name, ways in found.items() if len(ways) == 1}
    return {name: way for name, way in only.items() if way is not None}


def _of_node(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> Later | None:
    if node.op_type != "QuantizeLinear" or len(node.input) != 3:
        return None
    if not all(name in constants for name in node.input[1:]):
        return None
    scale, zero_point = (numpy_helper.to_array(constants[name]) for name in node.input[1:])
    if scale.size != 1 or zero_point.size != 1:
        return None
    if scale.dtype != np.float32 or zero_point.dtype not in (np.int8, np.uint8):
        return None
    unsigned = bool(zero_point.dtype == np.uint8)
    return Quantization(float(scale.item()), int(zero_point.item()) - 128 * unsigned), unsigned


def only_chooses(node: onnx.NodeProto) -> bool:
    """Not a Resize that interpolates, nor a Cast to something else than floats."""
    given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    if node.op_type == "Resize":
        return given.get("mode", b"nearest") == b"nearest"
    return node.op_type != "Cast" or given.get("to") == onnx.TensorProto.FLOAT
