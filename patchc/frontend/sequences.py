"""SplitToSequence, and the SequenceAt nodes that read it, as Split.

That is what PyTorch's exporters leave of `chunk` and `split` where they do not optimise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.frontend.constants import constant_tensors

SPLIT_OPSET = 13  # from here on its sizes are an input

Shapes = Mapping[str, tuple[int, ...]]


def as_splits(
    model: onnx.ModelProto, opset: int, infer: Callable[[onnx.ModelProto], Shapes]
) -> onnx.ModelProto:
    """`model` itself where there is none whose parts are known; else a copy.

    `infer`: the shapes of its tensors. What is not understood stays, for the walk to refuse.
    """
    kinds = {node.op_type for node in model.graph.node}
    if opset < SPLIT_OPSET or "SplitToSequence" not in kinds:
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph, constants, shapes = copy.graph, _constants(copy.graph), infer(model)
    nodes = list(graph.node)
    replaced: dict[str, onnx.NodeProto] = {}
    for node in nodes:
        if node.op_type == "SplitToSequence":
            replaced.update(_replacement(graph, nodes, node, constants, shapes))
    made = [replaced.get(node.output[0], node) for node in nodes]
    serialised = [node.SerializeToString() for node in made]
    del graph.node[:]
    graph.node.extend(map(onnx.NodeProto.FromString, serialised))
    return copy


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """Also those that are written as numbers."""
    found = {name: numpy_helper.to_array(t) for name, t in constant_tensors(graph).items()}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name in ("value_int", "value_ints"):
            found[node.output[0]] = np.array(helper.get_attribute_value(node.attribute[0]))
    return found


def _replacement(
    graph: onnx.GraphProto,
    nodes: Sequence[onnx.NodeProto],
    node: onnx.NodeProto,
    constants: Mapping[str, np.ndarray],
    shapes: Shapes,
) -> dict[str, onnx.NodeProto]:
    """By what a node writes, that in its place; none where its parts are not known."""
    sizes = _sizes(node, constants, shapes)
    readers = [other for other in nodes if node.output[0] in other.input]
    chosen = [constants.get(other.input[1]) for other in readers if other.op_type == "SequenceAt"]
    if sizes is None or len(chosen) < len(readers):
        return {}
    places = [int(at.item()) for at in chosen if at is not None and at.size == 1]
    if len(places) < len(readers) or not all(-len(sizes) <= at < len(sizes) for at in places):
        return {}
    outputs = [f"{node.output[0]}_part{index}" for index in range(len(sizes))]
    name = f"{node.output[0]}_sizes"
    graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), name))
    split = helper.make_node(
        "Split", [node.input[0], name], outputs, node.name, axis=_attribute(node, "axis", 0)
    )
    found = {node.output[0]: split}
    for other, at in zip(readers, places, strict=True):
        made = helper.make_node("Identity", [outputs[at]], list(other.output), other.name)
        found[other.output[0]] = made
    return found


def _sizes(
    node: onnx.NodeProto,
    constants: Mapping[str, np.ndarray],
    shapes: Shapes,
) -> list[int] | None:
    """Of the parts; None where they are not known, or lose their dimension."""
    shape = shapes.get(node.input[0])
    given = constants.get(node.input[1]) if len(node.input) > 1 and node.input[1] else None
    if shape is None or (len(node.input) > 1 and node.input[1] and given is None):
        return None
    whole = shape[_attribute(node, "axis", 0)]
    if given is None:
        return [1] * whole if _attribute(node, "keepdims", 1) else None
    if given.ndim:
        return [int(size) for size in given]
    size = int(given.item())
    return [min(size, whole - start) for start in range(0, whole, size)] if size > 0 else None


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((item.i for item in node.attribute if item.name == name), default)
