"""What the ONNX file calls the Graph's inputs and outputs: the names that a user knows."""

from __future__ import annotations

import onnx

from patchc.frontend.host import BOOKKEEPING
from patchc.frontend.model import Border, ImportedModel

_SAME_VALUES = BOOKKEEPING - {"Constant", "Shape"}


def file_names(imported: ImportedModel) -> dict[str, str]:
    """Graph input or output -> its name in the file.

    An input is called like the file's one input that it is made of. An output is called like the
    file's output that holds its values; where float operators compute that from it, like the float
    tensor that it is the int8 of. What has no such name keeps that of its int8.
    """
    model = imported.onnx_model
    found = {border.tensor: _input(model, border) for border in imported.inputs}
    return {**{border.tensor: _output(model, border) for border in imported.outputs}, **found}


def _input(model: onnx.ModelProto, border: Border) -> str:
    made_of = {name: node.input for node in model.graph.node for name in node.output if name}
    pending, seen = [border.onnx_name], {border.onnx_name}
    while pending:
        for name in made_of.get(pending.pop(), ()):
            if name and name not in seen:
                seen.add(name)
                pending.append(name)
    reached = [value.name for value in model.graph.input if value.name in seen]
    return reached[0] if len(reached) == 1 else border.onnx_name


def _output(model: onnx.ModelProto, border: Border) -> str:
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        readers.setdefault(node.input[0] if node.input else "", []).append(node)
    pending, seen = [border.onnx_name], {border.onnx_name}
    while pending:
        for node in readers.get(pending.pop(), ()):
            if node.op_type in _SAME_VALUES and node.output[0] not in seen:
                seen.add(node.output[0])
                pending.append(node.output[0])
    for value in model.graph.output:
        if value.name in seen:
            return value.name
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and border.onnx_name in node.output:
            return node.input[0]
    return border.onnx_name
