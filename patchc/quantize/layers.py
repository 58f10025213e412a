"""Which operators of a float model are quantised, by where they stand."""

from __future__ import annotations

import onnx

from patchc.quantize.float_functions import IDENTITY

# What the importer turns into nodes or takes into them. Anything else stays float: where it stands
# between quantised layers it becomes a table, or the importer names it as not supported.
QUANTIZED_OPS = (
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "GatherND",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "LpNormalization",
    "MatMul",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "Pad",
    "RMSNormalization",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Sigmoid",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
)

# The operators with weights, between the first and the last of which all is quantised.
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")

# What a detector does with its heads, first and then.
CHANGED_VIEWS = ("Flatten", "Reshape", "Transpose")
MEETINGS = ("Add", "Concat", "Div", "Gather", "Max", "Min", "Mul", "Slice", "Split", "Sub")

# Behind the last layer they stay float: a softmax loses by being rounded to a byte, and an extremum
# is mostly one over classes.
LAST_FLOAT = ("Softmax", "ReduceMax", "ReduceMin")

# Quantised too where there are no layers: alone they would leave their neighbours float.
VIEWS = (IDENTITY, "Dropout")


def has_layers(graph: onnx.GraphProto) -> bool:
    """Whether there is a first and a last layer: where not, all is quantised that can be."""
    return any(node.op_type in LAYERS for node in graph.node)


def may_end_in_a_tail(graph: onnx.GraphProto) -> bool:
    """Whether it may be a detector, whose last operators stay float: something is joined or cut out
    behind an operator that gives another view of a layer's map."""
    behind: set[str] = set()  # tensors that depend on a layer
    viewed: set[str] = set()  # of these, those that depend on a view as well
    for node in graph.node:
        seen = viewed.intersection(node.input)
        if seen and node.op_type in MEETINGS:
            return True
        if behind.intersection(node.input) and (seen or node.op_type in CHANGED_VIEWS):
            viewed.update(node.output)
        if node.op_type in LAYERS or behind.intersection(node.input):
            behind.update(node.output)
    return False


def float_nodes(graph: onnx.GraphProto) -> list[str]:
    """The nodes that stay float, by name.

    In front of the first layer: those that the importer has no integer form of (a normalisation,
    say), and what leads to them. Behind the last layer: the same, and what follows from them.
    """
    nodes = list(graph.node)
    behind: set[str] = set()  # tensors that depend on a layer
    for node in nodes:
        if node.op_type in LAYERS or behind.intersection(node.input):
            behind.update(node.output)
    before: set[str] = set()  # tensors that a layer depends on
    for node in reversed(nodes):
        if node.op_type in LAYERS or before.intersection(node.output):
            before.update(node.input)
    front = [n for n in nodes if n.op_type not in LAYERS and not behind.intersection(n.input)]
    back = [n for n in nodes if n.op_type not in LAYERS and not before.intersection(n.output)]

    constants = {tensor.name for tensor in graph.initializer}
    constants.update(node.output[0] for node in nodes if node.op_type == "Constant")
    kept: set[str] = set()
    leading: set[str] = set()  # tensors that a float node in front reads
    for node in reversed(front):
        if _is_float(node, constants) or leading.intersection(node.output):
            kept.add(node.name)
            leading.update(node.input)
    trailing: set[str] = set()  # tensors that a float node behind writes
    for node in back:
        if _is_float(node, constants) or trailing.intersection(node.input):
            kept.add(node.name)
            trailing.update(node.output)
    return sorted(kept)


def _is_float(node: onnx.NodeProto, constants: set[str]) -> bool:
    """Whether a node at either end stays float: the importer has no integer form of it, it looks
    like part of a normalisation, or it is one of LAST_FLOAT."""
    binary = node.op_type in ("Add", "Max", "Min", "Mul", "Sub")
    scales = binary and bool(constants.intersection(node.input))
    return node.op_type not in QUANTIZED_OPS or node.op_type in LAST_FLOAT or scales
