"""What of a file is left to the host: the nodes named by the user, or a tail that is not ours.

Detectors end in a tail (views, Concat over positions, Softmax, the decoding of boxes, non-maximum
suppression) that has few weights and no integer form. It may begin at several nodes; these and all
that depends on them are left out of the Graph, whose outputs are then what they read.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import onnx

from patchc.errors import PatchcError
from patchc.frontend.refusal import Unsupported, node_name

# Operators whose second input is their weights, the first one in QDQ files and float ones.
LAYERS: Mapping[str, int] = {
    "Conv": 1,
    "ConvTranspose": 1,
    "Gemm": 1,
    "MatMul": 1,
    "QGemm": 3,
    "QLinearConv": 3,
    "QLinearMatMul": 3,
}

# A tail holds so much of a network's weights at most. YOLOv8's sums up probabilities by a
# convolution of 16 weights; a classifier behind something that is not supported is none.
MOST_WEIGHTS = 0.05

METADATA_KEY = "patchc.cut"  # in a quantised file: names, one a line

# Refusals of these are for the user to mend: they are no operators of a tail.
NEVER = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "AveragePool", "MaxPool", "GlobalAveragePool"}
)


def depending(nodes: Iterable[onnx.NodeProto], names: Collection[str]) -> list[onnx.NodeProto]:
    """The nodes called `names`, and those that depend on them; `nodes` in the file's order."""
    tensors: set[str] = set()
    found = []
    for node in nodes:
        if node_name(node) in names or tensors.intersection(node.input):
            tensors.update(name for name in node.output if name)
            found.append(node)
    return found


def named_nodes(
    nodes: Sequence[onnx.NodeProto], wanted: Sequence[str], file: str
) -> frozenset[str]:
    """The names of the nodes that `wanted` names: by theirs, or by what they write. Raises
    PatchcError where there is none."""
    by_name = {name: node_name(node) for node in nodes for name in node.output if name}
    by_name.update({node_name(node): node_name(node) for node in nodes})
    for name in wanted:
        if name not in by_name:
            close = difflib.get_close_matches(name, by_name, 3, 0.5)
            hint = f"; did you mean {', '.join(close)}?" if close else ""
            raise PatchcError(f"{file}: --cut names {name!r}, which is no node of it{hint}")
    return frozenset(by_name[name] for name in wanted)


def noted(model: onnx.ModelProto) -> frozenset[str]:
    """The nodes that a quantised file itself says to leave to the host."""
    names = {node_name(node) for node in model.graph.node}
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return frozenset(names.intersection(entry.value.split("\n")))
    return frozenset()


def note(model: onnx.ModelProto, names: Collection[str]) -> None:
    """Write the names of nodes into a quantised file, for `noted`."""
    if names:
        model.metadata_props.add(key=METADATA_KEY, value="\n".join(sorted(names)))


def begins(nodes: Sequence[onnx.NodeProto], unsupported: Iterable[Unsupported]) -> frozenset[str]:
    """The names of the refused nodes that depend on no other one."""
    refused = {item.node for item in unsupported}
    reached: set[str] = set()  # tensors that depend on a refused node
    first = set(refused)
    for node in nodes:
        if reached.intersection(node.input):
            first.discard(node_name(node))
            reached.update(node.output)
        elif node_name(node) in refused:
            reached.update(node.output)
    return frozenset(first)


def own_tail(
    graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto], unsupported: Iterable[Unsupported]
) -> frozenset[str]:
    """The refused nodes that a tail begins with; none where what depends on them is no tail."""
    first = begins(nodes, unsupported)
    roots = [node for node in nodes if node_name(node) in first]
    if any(node.op_type in LAYERS or node.op_type in NEVER for node in roots):
        return frozenset()
    if len(roots) < len(first):  # the outputs, or the like
        return frozenset()
    sizes = layer_weights(graph, nodes)
    tail = {id(node) for node in depending(nodes, first)}
    within = sum(size for key, size in sizes.items() if key in tail)
    total = sum(sizes.values())
    return first if total and within <= MOST_WEIGHTS * total else frozenset()


def layer_weights(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> dict[int, int]:
    """Elements of the weights of each layer, by the id of its node."""
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    found = {}
    for node in nodes:
        if node.op_type == "Constant":
            sizes[node.output[0]] = sum(int(np.prod(a.t.dims)) for a in node.attribute)
        elif node.op_type not in LAYERS and node.input and node.input[0] in sizes:
            sizes[node.output[0]] = sizes[node.input[0]]  # dequantised, transposed
        elif node.op_type in LAYERS and len(node.input) > LAYERS[node.op_type]:
            found[id(node)] = sizes.get(node.input[LAYERS[node.op_type]], 0)
    return found
