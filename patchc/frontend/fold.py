"""Computing a node whose inputs are all constants: onnxruntime does it.

Chains of Shape, Gather, Concat and the like that feed a Reshape disappear this way whatever their
operators are and wherever they start, without renaming anything in the user's file; constants
that are dequantised stay as they are, because DequantizeLinear never comes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import onnx
from onnx import AttributeProto, numpy_helper

from patchc.frontend.refusal import RefusalError
from patchc.frontend.runtime import open_session


def fold(
    node: onnx.NodeProto,
    inputs: Sequence[np.ndarray | None],
    opsets: Sequence[onnx.OperatorSetIdProto],
) -> list[np.ndarray]:
    """The outputs of `node` over constant `inputs` (None: left out). Raises RefusalError."""
    for attribute in node.attribute:
        if node.op_type == "Constant" and attribute.name == "value":
            return [numpy_helper.to_array(attribute.t)]
    constants = [
        numpy_helper.from_array(array, name)
        for name, array in {
            name: array for name, array in zip(node.input, inputs, strict=True) if array is not None
        }.items()
    ]
    session = open_session([node], [], [name for name in node.output if name], constants, opsets)
    try:
        return list(session.run(None, {}))
    except Exception as error:  # onnxruntime raises a dozen types without a common base
        raise RefusalError(f"onnxruntime cannot compute it: {error}") from error


def fold_constants(model: onnx.ModelProto) -> None:
    """Replace the nodes of `model` that read constants only by what they compute; those that
    onnxruntime cannot compute alone stay."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        given = [name for name in node.input if name]
        found: list[np.ndarray] = []
        if all(name in constants for name in given) and not has_subgraph(node):
            arrays = [
                numpy_helper.to_array(constants[name]) if name else None for name in node.input
            ]
            with suppress(RefusalError):
                found = fold(node, arrays, model.opset_import)
        if not found:
            kept.append(node)
            continue
        for name, array in zip([name for name in node.output if name], found, strict=True):
            constants[name] = numpy_helper.from_array(array, name)
            graph.initializer.append(constants[name])
    del graph.node[:]
    graph.node.extend(kept)


def has_subgraph(node: onnx.NodeProto) -> bool:
    """Whether the node is control flow: an attribute of it is a graph."""
    return any(
        item.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for item in node.attribute
    )
