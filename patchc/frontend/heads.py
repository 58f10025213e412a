"""Where a detector ends: at its heads, whose maps it joins as lists of positions and decodes.

Joining and decoding have integer forms, but no use for them: in one tensor of bytes the sides of
boxes and the scores share a scale. A detector is told from other networks by what it does behind
its last weights: it joins lists that are the positions of several maps, or combines positions with
constants of their own (anchors, offsets, strides).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from patchc.frontend.load import LoadedModel
from patchc.frontend.refusal import node_name
from patchc.frontend.tail import LAYERS, layer_weights
from patchc.frontend.walk import feeding, is_integer_op

# So much of a network's weights may lie behind the heads. YOLOv8 has 16 there, which take the
# expectation of a distribution.
MOST_WEIGHTS = 0.005

VIEWS = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
PAIRS = frozenset({"DequantizeLinear", "QuantizeLinear"})
BINARY = frozenset({"Add", "Div", "Mul", "Pow", "Sub"})
# What a head may end in: a table, which a byte loses nothing by.
TABLES = frozenset(
    {"Cast", "Clip", "Dropout", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Tanh"}
)

MAP_RANK = 4  # of batch, channels, rows, columns


@dataclass(frozen=True, slots=True)
class _Seen:
    """How a tensor shows the pixels of a map."""

    pixels: int
    as_list: bool  # in one dimension, or with the channels cut into two


def first_of_tail(loaded: LoadedModel, nodes: Sequence[onnx.NodeProto]) -> frozenset[str]:
    """The names of the nodes that a detector's joining and decoding begins with; none where the
    network is no detector."""
    seen = _seen(loaded, nodes)
    behind = _weights_behind(loaded.model.graph, nodes)
    late = [node for node, share in zip(nodes, behind, strict=True) if share <= MOST_WEIGHTS]
    constants = _constants(loaded.model.graph, nodes)
    if not any(
        _joins(node, seen, loaded.shapes) or _decodes(node, seen, loaded.shapes, constants)
        for node in late
    ):
        return frozenset()
    found: set[str] = set()
    reached: set[str] = set()  # tensors that depend on one of these nodes
    integer = feeding(nodes)  # what comes behind these is float, and the host's anyway
    for node in late:
        if reached.intersection(node.input):
            reached.update(node.output)
        elif id(node) not in integer and not is_integer_op(node):
            continue
        elif _works_on_positions(node, seen) or _decodes(node, seen, loaded.shapes, constants):
            found.add(node_name(node))
            reached.update(node.output)
    return frozenset(found)


def with_leading_views(
    graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto], names: Collection[str]
) -> frozenset[str]:
    """`names`, and the nodes that only show a tensor in another way to these nodes: what the host
    computes it reads as the layers make it."""
    outputs = {value.name for value in graph.output}
    readers: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        for name in node.input:
            readers.setdefault(name, []).append(index)
    outside: set[int] = set()
    views: set[str] = set()
    for index in reversed(range(len(nodes))):
        node = nodes[index]
        if node_name(node) in names:
            outside.add(index)
        elif node.op_type in VIEWS | PAIRS and not outputs.intersection(node.output):
            read = [reader for name in node.output for reader in readers.get(name, ())]
            if read and outside.issuperset(read):
                outside.add(index)
                if node.op_type in VIEWS:
                    views.add(node_name(node))
    return frozenset(names) | views


def _seen(loaded: LoadedModel, nodes: Sequence[onnx.NodeProto]) -> dict[str, _Seen]:
    """The tensors that depend on a layer and show the pixels of a map, of two at least."""
    found: dict[str, _Seen] = {}
    layered: set[str] = set()  # tensors that depend on a layer
    for node in nodes:
        if node.op_type not in LAYERS and not layered.intersection(node.input):
            continue
        layered.update(node.output)
        known = [found[name] for name in node.input if name in found]
        for name in node.output:
            shape = loaded.shapes.get(name, ())
            if known and _keeps_pixels(node, known):
                pixels = known[0].pixels
                listed = node.op_type in VIEWS and bool(shape) and not _is_map(shape, pixels)
                found[name] = _Seen(pixels, known[0].as_list or listed)
            elif len(shape) == MAP_RANK and int(np.prod(shape[2:])) > 1:
                found[name] = _Seen(int(np.prod(shape[2:])), False)
    return found


def _is_map(shape: tuple[int, ...], pixels: int) -> bool:
    """Whether rows and columns are dimensions of their own beside the channels."""
    return len(shape) == MAP_RANK and pixels in (shape[2] * shape[3], shape[1] * shape[2])


def _keeps_pixels(node: onnx.NodeProto, known: Sequence[_Seen]) -> bool:
    """Whether its outputs are to be counted as the pixels of its first input."""
    return (
        node.op_type in VIEWS
        or node.op_type in PAIRS
        or node.op_type in TABLES
        or any(one.as_list for one in known)
    )


def _works_on_positions(node: onnx.NodeProto, seen: Mapping[str, _Seen]) -> bool:
    if node.op_type in VIEWS or node.op_type in PAIRS or node.op_type in TABLES:
        return False
    return any(name in seen and seen[name].as_list for name in node.input)


def _joins(
    node: onnx.NodeProto, seen: Mapping[str, _Seen], shapes: Mapping[str, tuple[int, ...]]
) -> bool:
    """Whether it joins lists of positions, one behind the other."""
    if node.op_type not in ("Concat", "QLinearConcat"):
        return False
    axis = next((item.i for item in node.attribute if item.name == "axis"), 0)
    lists = [(shapes.get(name, ()), seen[name]) for name in node.input if name in seen]
    return len(lists) > 1 and all(
        one.as_list and -len(shape) <= axis < len(shape) and shape[axis] % one.pixels == 0
        for shape, one in lists
    )


def _decodes(
    node: onnx.NodeProto,
    seen: Mapping[str, _Seen],
    shapes: Mapping[str, tuple[int, ...]],
    constants: Mapping[str, onnx.TensorProto],
) -> bool:
    """Whether it combines positions with constants, each with its own."""
    if node.op_type not in BINARY or len(node.input) != 2:
        return False
    for name, other in (tuple(node.input), tuple(reversed(node.input))):
        if name in seen and seen[name].as_list and other in constants:
            constant = numpy_helper.to_array(constants[other])
            return _varies(shapes.get(name, ()), seen[name].pixels, constant)
    return False


def _varies(shape: tuple[int, ...], pixels: int, constant: np.ndarray) -> bool:
    """Whether a constant that is broadcast to a list of `shape` differs from pixel to pixel."""
    if constant.size < 2 or constant.ndim > len(shape):
        return False
    sizes = (1,) * (len(shape) - constant.ndim) + constant.shape
    along = [axis for axis, size in enumerate(shape) if size % pixels == 0]
    if not along:  # rows and columns are still apart, beside anchors: channels are not
        along = list(range(max(0, len(shape) - 3), len(shape)))
    array = constant.reshape(sizes).astype(np.float64)
    return any(sizes[axis] > 1 and bool(np.any(np.diff(array, axis=axis))) for axis in along)


def _constants(
    graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]
) -> dict[str, onnx.TensorProto]:
    """Constants by name; a dequantised one by the integers that it is made of."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in nodes:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
        elif node.op_type in PAIRS | VIEWS and node.input and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _weights_behind(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> list[float]:
    """For each node, the share of the network's weights in layers that depend on it, itself
    included."""
    sizes = layer_weights(graph, nodes)
    layers = [node for node in nodes if id(node) in sizes]
    total = sum(sizes.values())
    bit = {id(node): 1 << index for index, node in enumerate(layers)}
    reading: dict[str, int] = {}  # layers that depend on a tensor, as bits
    shares: list[float] = []
    for node in reversed(nodes):
        mask = bit.get(id(node), 0)
        for name in node.output:
            mask |= reading.get(name, 0)
        for name in node.input:
            reading[name] = reading.get(name, 0) | mask
        weights = sum(sizes[id(layer)] for layer in layers if mask & bit[id(layer)])
        shares.append(weights / total if total else 1.0)
    return shares[::-1]
