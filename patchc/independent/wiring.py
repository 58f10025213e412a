"""Who makes and who reads the tensors of an ONNX graph, and what in it is constant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.errors import PatchcError

# The operators with weights.
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
RANGES = ("Relu", "Clip")  # in a QDQ file they belong to the layer in front


class Wiring:
    """A graph, looked at from its tensors. It is not changed while this is in use."""

    def __init__(self, name: str, graph: onnx.GraphProto) -> None:
        self.name, self.graph = name, graph  # the name is for messages
        self.makers: dict[str, onnx.NodeProto] = {}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self.constants = set(self.initializers)
        self.outputs_in_order = [value.name for value in graph.output]
        self.outputs = set(self.outputs_in_order)
        taken: set[str] = set()
        for index, node in enumerate(graph.node):
            if not node.name or node.name in taken:
                node.name = f"{node.name or node.op_type}_{index}"
            taken.add(node.name)
            self.makers |= dict.fromkeys(filter(None, node.output), node)
            for tensor in dict.fromkeys(filter(None, node.input)):
                self.readers.setdefault(tensor, []).append(node)
            if self.constants.issuperset(filter(None, node.input)):
                self.constants.update(filter(None, node.output))

    @cached_property
    def is_quantized(self) -> bool:
        return any(node.op_type == QUANTIZE for node in self.graph.node)

    def reader(self, tensor: str) -> onnx.NodeProto | None:
        """The only one, where there is only one, and the tensor is no output."""
        found = self.readers.get(tensor, [])
        return found[0] if len(found) == 1 and tensor not in self.outputs else None

    def varying(self, node: onnx.NodeProto) -> list[str]:
        """What a node reads that is no constant."""
        return [name for name in node.input if name and name not in self.constants]

    def find(self, name: str, option: str) -> str:
        """The tensor that is called so, or the first that the node called so makes. Raises
        PatchcError."""
        inputs = {value.name for value in self.graph.input}
        if name in inputs or (name in self.makers and name not in self.constants):
            return name
        nodes = {node.name: node for node in self.graph.node}
        if name in nodes and nodes[name].output[0] not in self.constants:
            return nodes[name].output[0]
        known = [*nodes, *self.makers, *inputs]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        advice = f"; did you mean {' or '.join(map(repr, dict.fromkeys(near)))}?" if near else ""
        raise PatchcError(f"{self.name}: {option} {name!r}: no node or tensor is called so{advice}")

    def value(self, tensor: str) -> np.ndarray | None:
        """Of a constant that stands in the file as it is."""
        if tensor in self.initializers:
            return numpy_helper.to_array(self.initializers[tensor])
        node = self.makers.get(tensor)
        if node is not None and node.op_type == "Constant" and node.attribute[0].name == "value":
            return numpy_helper.to_array(node.attribute[0].t)
        return None


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    found = (item for item in node.attribute if item.name == name)
    return next(map(helper.get_attribute_value, found), default)


def tensors_behind(nodes: Iterable[onnx.NodeProto], tensor: str) -> set[str]:
    """All that depends on `tensor`, for nodes in an order in which they can run."""
    found = {tensor}
    for node in nodes:
        if found.intersection(node.input):
            found.update(filter(None, node.output))
    return found


def in_order(nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes in an order in which they can run: that of the list, but each behind what it
    reads."""
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    done: set[int] = set()
    found: list[onnx.NodeProto] = []
    for first in range(len(nodes)):
        stack = [first]
        while stack:
            index = stack[-1]
            missing = [
                makers[name]
                for name in nodes[index].input
                if name in makers and makers[name] not in done
            ]
            if index in done:
                stack.pop()
            elif missing:
                stack.extend(reversed(missing))
            else:
                stack.pop()
                done.add(index)
                found.append(nodes[index])
    return found
