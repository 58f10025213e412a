"""Models whose layers share weights, as onnxruntime's option for exact sums can take them.

That option writes an unsigned copy of every layer's int8 weights under one name per tensor, and
fails where a second layer has the same tensor. A copy of the weights for each layer computes the
same.
"""

from __future__ import annotations

from collections import Counter

import onnx
from onnx import TensorProto


def unshared(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` itself, or a copy in which no two layers read the same int8 weights."""
    weights = {
        w.name for w in model.graph.initializer if w.data_type == TensorProto.INT8 and w.dims
    }
    readers = Counter(name for node in model.graph.node for name in set(node.input))
    views = {  # the float views of weights, where they are between DequantizeLinear and the layers
        node.output[0]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in weights
    }
    if all(readers[name] < 2 for name in (*weights, *views)):
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _own_views(copy.graph, views)
    _own_weights(copy.graph, weights)
    return copy


def _own_views(graph: onnx.GraphProto, views: set[str]) -> None:
    """A DequantizeLinear for every reader of a float view of weights."""
    made = {node.output[0]: node for node in graph.node if node.output and node.output[0] in views}
    seen: set[str] = set()
    nodes = []
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in seen:
                view = onnx.NodeProto()
                view.CopyFrom(made[name])
                view.name = view.output[0] = f"{name}/{node.name or node.output[0]}/{position}"
                node.input[position] = view.output[0]
                nodes.append(view)
            elif name in views:
                seen.add(name)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _own_weights(graph: onnx.GraphProto, weights: set[str]) -> None:
    """A tensor for every reader of int8 weights."""
    stored = {tensor.name: tensor for tensor in graph.initializer if tensor.name in weights}
    seen: set[str] = set()
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in seen:
                own = graph.initializer.add()
                own.CopyFrom(stored[name])
                own.name = f"{name}/{node.name or node.output[0]}/{position}"
                node.input[position] = own.name
            elif name in weights:
                seen.add(name)
