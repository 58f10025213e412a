"""Small questions about the nodes of a float model, for the rewrites of patchc quantize."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """The value of an attribute, or `default`."""
    found = (item for item in node.attribute if item.name == name)
    return next(map(helper.get_attribute_value, found), default)


class Wiring:
    """Who writes and who reads each tensor of a graph; its constants and shapes.

    `graph` has shapes inferred, and names for its nodes; `nodes` are those that are not removed.
    """

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.outputs = {value.name for value in graph.output}
        self.shapes = {
            value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
            for value in (*graph.input, *graph.value_info, *graph.output)
            if value.type.tensor_type.HasField("shape")
        }
        self.nodes = list(graph.node)

    def producer(self, name: str) -> onnx.NodeProto | None:
        """The node that writes `name`."""
        return next((node for node in self.nodes if name in node.output), None)

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The node that alone reads `name`, once; None where that is an output, too."""
        readers = [node for node in self.nodes for item in node.input if item == name]
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def constant(self, array: np.ndarray, name: str) -> str:
        """A new float constant, called `name` or something like it."""
        while name in self.constants:
            name += "_"
        self.constants[name] = np.ascontiguousarray(array, np.float32)
        self.graph.initializer.append(numpy_helper.from_array(self.constants[name], name))
        return name

    def replace(self, old: onnx.NodeProto, new: Iterable[onnx.NodeProto] = ()) -> None:
        """Put `new` in the place of `old`."""
        index = next(i for i, node in enumerate(self.nodes) if node is old)
        self.nodes[index : index + 1] = list(new)

    def write(self) -> None:
        """Make `nodes` those of the graph."""
        kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in self.nodes]
        del self.graph.node[:]
        self.graph.node.extend(kept)
