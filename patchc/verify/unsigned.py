"""Models whose layers multiply uint8 by int8, with unsigned weights instead.

On x86 processors without VNNI, onnxruntime adds two such products in 16 bits, where they may
saturate. Products of uint8 and uint8 are added in 32 bits everywhere, as are those of int8 and
int8. Weights 128 higher with a zero point 128 higher mean the same.

onnxruntime has an option to that end, `session.x64quantprecision`. It is an optimisation, so it
does nothing where optimisation is off, takes no file whose layers share weights, and finds no
kernel where a file has a layer between signed maps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHIFT = 128

# The element types of tensors, by name.
Types = Mapping[str, int]


class Operands(NamedTuple):
    """Where an operator has its map and its weights; None: there is no such input."""

    map: int
    map_zero_point: int | None
    weights: int
    weights_zero_point: int


# Of ConvInteger onnxruntime swaps the factors, and int8 by uint8 is added in 32 bits.
OPERATORS = {
    "QLinearConv": Operands(0, 2, 3, 5),
    "QLinearMatMul": Operands(0, 2, 3, 5),
    "QGemm": Operands(0, 2, 3, 5),
    "MatMulInteger": Operands(0, 2, 1, 3),
    "MatMulIntegerToFloat": Operands(0, 4, 1, 5),
    "DynamicQuantizeMatMul": Operands(0, None, 1, 3),  # of float, which it makes uint8 itself
}


def unsigned_weights(
    model: onnx.ModelProto, types: Callable[[Iterable[str]], Types]
) -> onnx.ModelProto:
    """`model` itself, or a copy in which no layer multiplies uint8 by int8.

    `types` finds the types of tensors that are neither constant nor have constant zero points.
    """
    layers = _mixed(model.graph, types)
    if not layers:
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    writer = _Writer(copy.graph)
    nodes = []
    for index, node in enumerate(copy.graph.node):
        if index in layers:
            where = OPERATORS[node.op_type]
            node.input.extend([""] * (where.weights_zero_point + 1 - len(node.input)))
            for position in (where.weights, where.weights_zero_point):
                node.input[position] = writer.shifted(node.input[position])
            nodes += writer.take_nodes()
        nodes.append(node)
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    return copy


def _mixed(graph: onnx.GraphProto, types: Callable[[Iterable[str]], Types]) -> set[int]:
    """The positions of the nodes that multiply uint8 by int8."""
    known = {tensor.name: tensor.data_type for tensor in graph.initializer}
    found: dict[int, tuple[str, str]] = {}  # per node, tensors of the types of map and weights
    for index, node in enumerate(graph.node):
        if node.op_type in OPERATORS:
            where = OPERATORS[node.op_type]
            weights = _typed_like(node, where.weights, where.weights_zero_point, known)
            given = ""
            if where.map_zero_point is not None:
                given = _typed_like(node, where.map, where.map_zero_point, known)
            found[index] = (given, weights)
    unknown = {name for pair in found.values() for name in pair if name and name not in known}
    known |= types(unknown) if unknown else {}
    known[""] = TensorProto.UINT8
    wanted = (TensorProto.UINT8, TensorProto.INT8)
    return {index for index, pair in found.items() if tuple(known[n] for n in pair) == wanted}


def _typed_like(node: onnx.NodeProto, operand: int, zero_point: int, known: Types) -> str:
    """A tensor that has the type of an operand: its zero point, where that type is known."""
    name = node.input[zero_point] if zero_point < len(node.input) else ""
    return name if name in known else node.input[operand]


class _Writer:
    """Adds to a graph the tensors that are SHIFT higher, each once."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.made: dict[str, str] = {}  # by the name of the signed tensor
        self.nodes: list[onnx.NodeProto] = []

    def take_nodes(self) -> list[onnx.NodeProto]:
        """What the tensors since the last call need computed."""
        nodes, self.nodes = self.nodes, []
        return nodes

    def shifted(self, name: str) -> str:
        """The unsigned form of an int8 tensor; of a zero point that is left out, SHIFT itself."""
        if name in self.made:
            return self.made[name]
        self.made[name] = f"{name}/unsigned"
        if not name:
            self._store(np.uint8(SHIFT), self.made[name])
        elif name in self.constants:
            values = numpy_helper.to_array(self.constants[name])
            self._store(values.view(np.uint8) ^ np.uint8(SHIFT), self.made[name])
        else:
            self._compute(name, self.made[name])
        return self.made[name]

    def _store(self, values: np.ndarray | np.generic, name: str) -> None:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))

    def _compute(self, name: str, result: str) -> None:
        """Of a tensor that is no constant; no integers of 8 bits can be added in onnxruntime."""
        wide, higher, shift = (f"{result}/{word}" for word in ("wide", "higher", "shift"))
        self._store(np.int32(SHIFT), shift)
        self.nodes += [
            helper.make_node("Cast", [name], [wide], to=TensorProto.INT32),
            helper.make_node("Add", [wide, shift], [higher]),
            helper.make_node("Cast", [higher], [result], to=TensorProto.UINT8),
        ]
