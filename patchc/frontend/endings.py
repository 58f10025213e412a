"""Softmax and Sigmoid behind the Graph that are functions of one of its outputs alone.

Between the Graph's integers and such a node, and between it and the file's output, there may be
views. Each value of the output is then one of the map's; which one is found by sending their
numbers through the views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import TensorProto, helper

from patchc.errors import PatchcError
from patchc.frontend.model import Border, ImportedModel
from patchc.frontend.ops.softmax import ONE_DIMENSION
from patchc.frontend.refusal import RefusalError, node_name
from patchc.frontend.runtime import open_session
from patchc.numerics.probabilities import Function, Probabilities

VIEWS = frozenset(
    {"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)
DEQUANTIZE = "DequantizeLinear"
FUNCTIONS = frozenset(function.value for function in Function)


@dataclass(frozen=True, slots=True)
class Ending:
    """An output of the file that is a Softmax or Sigmoid of an output of the Graph."""

    output: str  # of the file
    tensor: str  # of the Graph
    node: str  # "name (OpType)", as in HostOps
    probabilities: Probabilities
    order: np.ndarray  # of the shape of the file's output: which value of the map each one is

    @property
    def is_vector(self) -> bool:
        """Is the output a vector, in the map's order?"""
        flat = self.order.ravel()
        along_one = flat.size == max(self.order.shape, default=1) > 1
        return along_one and bool((flat == np.arange(flat.size)).all())


def endings(imported: ImportedModel) -> tuple[Ending, ...]:
    """In the order of the file's outputs, at most one per output of the Graph. Raises PatchcError,
    naming the outputs and saying why, where there is none."""
    found: dict[str, Ending] = {}
    reasons = []
    for value in imported.onnx_model.graph.output:
        try:
            ending = _ending(imported, value.name)
        except RefusalError as refusal:
            reasons.append(f"output {value.name!r} {refusal}")
            continue
        if ending.tensor in found:
            first = found[ending.tensor]
            if first.probabilities != ending.probabilities:
                reasons.append(f"output {value.name!r} is of the values of {first.output!r}")
            continue
        found[ending.tensor] = ending
    if not found:
        raise PatchcError(
            f"--tail c: no output of {imported.onnx_model.graph.name or 'the network'!r} ends in a "
            f"Softmax or Sigmoid that the C could compute: {'; '.join(reasons)}. Leave --tail out"
        )
    return tuple(found.values())


def _ending(imported: ImportedModel, output: str) -> Ending:
    """Raises RefusalError with the words behind the output's name."""
    if imported.epilogue is None:
        raise RefusalError("is int8 as the C leaves it")
    model = imported.epilogue.model
    producers = {name: node for node in model.graph.node for name in node.output}
    borders = {border.onnx_name: border for border in imported.outputs}
    behind, function = _up(producers, borders, output, VIEWS)
    if function is None or (function.op_type == DEQUANTIZE and function.input[0] in borders):
        raise RefusalError("has no float operator behind the values of the C")
    if function.op_type not in FUNCTIONS:
        raise RefusalError(f"comes from {node_name(function)!r} ({function.op_type})")
    name = function.input[0]
    before, other = _up(producers, borders, name, VIEWS | {DEQUANTIZE})
    if other is not None:
        raise RefusalError(
            f"has {node_name(other)!r} ({other.op_type}) between the values of the C and "
            f"{node_name(function)!r} ({function.op_type})"
        )
    start = before[0].input[0] if before else name
    border = borders[start]
    numbers, order = _numbers(model, border, (*before, function, *behind), (name, output))
    kind = Function(function.op_type)
    group = 1 if kind is Function.SIGMOID else _group(model, function, numbers)
    quant = imported.graph.tensors[border.tensor].quant
    channels = len(border.sums)
    if channels and group % channels and channels % group:
        raise RefusalError(f"takes {group} values at a time of pixels of {channels}")
    return Ending(
        output=output,
        tensor=border.tensor,
        node=described(function),
        probabilities=Probabilities(kind, group, quant.scale, quant.zero_point, border.sums),
        order=order,
    )


def described(node: onnx.NodeProto) -> str:
    """As the report names operators of the host."""
    return f"{node_name(node)} ({node.op_type})"


def _up(
    producers: Mapping[str, onnx.NodeProto],
    borders: Mapping[str, Border],
    name: str,
    through: frozenset[str],
) -> tuple[tuple[onnx.NodeProto, ...], onnx.NodeProto | None]:
    """The nodes of some kinds that lead to a tensor, in order, and what is in front of them; None:
    an output of the Graph."""
    nodes: list[onnx.NodeProto] = []
    while name not in borders:
        node = producers.get(name)
        if node is None:
            raise RefusalError("does not come from the values of the C")
        if node.op_type not in through:
            return tuple(reversed(nodes)), node
        nodes.append(node)
        name = node.input[0]
    return tuple(reversed(nodes)), None


def _numbers(
    model: onnx.ModelProto,
    border: Border,
    chain: tuple[onnx.NodeProto, ...],
    wanted: tuple[str, str],
) -> tuple[np.ndarray, np.ndarray]:
    """Of two tensors on the way of a border through a chain of views: which value of the map each
    of their values is."""
    plain = replace(border, unsigned=False, sums=border.sums or (1.0,))
    count = int(np.prod(border.shape)) // (4 if border.sums else 1)
    given = plain.from_map(np.arange(count, dtype="<i4").view(np.int8))
    start = chain[0].input[0]
    nodes = [
        node
        if node.op_type in VIEWS - {"Dropout"}
        else helper.make_node("Identity", node.input[:1], node.output[:1])
        for node in chain
    ]
    # A tensor that is also the input cannot be an output without a node between them.
    names = [f"{name} as numbers" for name in wanted]
    nodes += [
        helper.make_node("Identity", [old], [new]) for old, new in zip(wanted, names, strict=True)
    ]
    read = {name for node in nodes for name in node.input}
    constants = [tensor for tensor in model.graph.initializer if tensor.name in read]
    nodes = [
        node for node in model.graph.node if node.op_type == "Constant" and node.output[0] in read
    ] + nodes
    value = helper.make_tensor_value_info(start, TensorProto.INT32, given.shape)
    running = open_session(nodes, [value], names, constants, model.opset_import)
    numbers, order = running.run(names, {start: given})
    return numbers, order


def _group(model: onnx.ModelProto, node: onnx.NodeProto, numbers: np.ndarray) -> int:
    """How many values, one behind the other in the map, a Softmax runs over. Raises RefusalError
    where they do not lie so."""
    opset = next(item.version for item in model.opset_import if item.domain in ("", "ai.onnx"))
    default = -1 if opset >= ONE_DIMENSION else 1
    axis = next((item.i for item in node.attribute if item.name == "axis"), default)
    axis %= numbers.ndim
    if opset >= ONE_DIMENSION:
        rows = np.moveaxis(numbers, axis, -1).reshape(-1, numbers.shape[axis])
    else:
        rows = numbers.reshape(int(np.prod(numbers.shape[:axis])), -1)
    size = rows.shape[1]
    first = np.sort(rows, axis=1)
    if (first != first[:, :1] + np.arange(size)).any() or (first[:, 0] % size).any():
        raise RefusalError(
            f"is a Softmax along axis {axis} ({described(node)}), whose values do not lie one "
            "behind the other in the map, as channels do"
        )
    return size
