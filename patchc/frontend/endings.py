"""Softmax and Sigmoid behind the Graph that are functions of one of its outputs alone.

Between the Graph's integers and such a node, and between it and the file's output, there may be
views.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from patchc.errors import PatchcError
from patchc.frontend.model import ImportedModel
from patchc.frontend.ops.softmax import ONE_DIMENSION
from patchc.frontend.orders import DEQUANTIZE, SEEN, VIEWS, is_vector, numbered, way_up
from patchc.frontend.refusal import RefusalError, described, node_name
from patchc.numerics.probabilities import Function, Probabilities

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
        return is_vector(self.order)


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
    behind, function = way_up(producers, borders, output, VIEWS)
    if function is None or (function.op_type == DEQUANTIZE and function.input[0] in borders):
        raise RefusalError("has no float operator behind the values of the C")
    if function.op_type not in FUNCTIONS:
        raise RefusalError(f"comes from {node_name(function)!r} ({function.op_type})")
    name = function.input[0]
    before, other = way_up(producers, borders, name, SEEN)
    if other is not None:
        raise RefusalError(
            f"has {node_name(other)!r} ({other.op_type}) between the values of the C and "
            f"{node_name(function)!r} ({function.op_type})"
        )
    start = before[0].input[0] if before else name
    border = borders[start]
    numbers, order = numbered(model, border, (*before, function, *behind), (name, output))
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
