"""Which operators of a float model are functions of one value, for patchc quantize.

Between two layers such a function is one table, if its operators stay in float between one
DequantizeLinear and one QuantizeLinear. Quantised one by one, x * Sigmoid(x) would be a product of
two activations, and each step would be rounded to 8 bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
import onnx
from onnx import numpy_helper

from patchc.frontend.ops.functions import ARITHMETIC, BINARY, FUNCTIONS

# Directly behind a layer these are its output's range, not a function of their own.
RANGES = ("Clip", "Relu")

IDENTITY = "Identity"

ELEMENT_BY_ELEMENT = frozenset((*FUNCTIONS, *ARITHMETIC, *BINARY, *RANGES, "Cast", IDENTITY))


def is_function(node: onnx.NodeProto) -> bool:
    """Whether it may be a function of one value, other than the range of a layer's output."""
    return node.op_type in FUNCTIONS or node.op_type in ARITHMETIC


def composed_functions(graph: onnx.GraphProto) -> set[str]:
    """The nodes, by name, of functions of one tensor that are made of several operators."""
    groups = _groups(graph, RANGES)
    return {name for names in groups for name in names if len(names) > 1}


def all_functions(graph: onnx.GraphProto) -> set[str]:
    """The nodes, by name, that may be functions of one tensor, alone or together, and are more
    than an Identity."""
    grouped = {name for names in _groups(graph, ()) for name in names}
    return {
        node.name
        for node in graph.node
        if is_function(node) or (node.name in grouped and node.op_type != IDENTITY)
    }


def _groups(graph: onnx.GraphProto, ranges: Collection[str]) -> Collection[list[str]]:
    """The nodes, by name, of each function of one tensor. `ranges`: operators that are no function
    of their own where nothing else reads what they read."""
    constants = _constants(graph)
    readers = Counter(name for node in graph.node for name in node.input if name)
    sources: dict[str, str] = {}  # result of a function -> the tensor that it is a function of
    members: dict[str, list[str]] = {}  # by that tensor
    for node in graph.node:
        varying = {name for name in node.input if name and name not in constants}
        found = {sources.get(name, name) for name in varying}
        if node.op_type not in ELEMENT_BY_ELEMENT or len(found) != 1:
            continue
        if any(constants[name].size != 1 for name in node.input if name in constants):
            continue
        (source,) = found
        if node.op_type in ranges and source in varying and readers[source] == 1:
            continue
        sources[node.output[0]] = source
        members.setdefault(source, []).append(node.name)
    return members.values()


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            value = next(item for item in node.attribute)
            found[node.output[0]] = (
                numpy_helper.to_array(value.t)
                if value.name == "value"
                else np.asarray(onnx.helper.get_attribute_value(value))
            )
    return found
