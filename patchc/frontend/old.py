"""Files of old opsets, brought up to date by the onnx package's own converter.

The converter leaves some of what an operator used to mean unsaid, where a later default means
something else; this is written out here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

from patchc.errors import PatchcError
from patchc.frontend.constants import constant_tensors

OLDEST_OPSET = 7  # the first that onnxruntime runs
CONVERTED_OPSET = 13  # the first in which DequantizeLinear takes one scale per channel
# The first whose operators are read as they are: Pad and Clip take their parameters as inputs.
READ_OPSET = 11
# ONNX's own file format: from version 4 on a constant need not be an input, and this one may hold
# whatever opset a file is converted to.
IR_VERSION = 8


def converted(model: onnx.ModelProto, opset: int, name: str) -> onnx.ModelProto:
    """`model`, of an opset before READ_OPSET, in a later one. Raises PatchcError."""
    advice = "export the model anew"
    if opset < OLDEST_OPSET:
        raise PatchcError(f"{name}: opset {opset} is older than {OLDEST_OPSET}; {advice}")
    try:
        found = version_converter.convert_version(model, CONVERTED_OPSET)
    except Exception as error:  # onnx raises several types without a common base
        raise PatchcError(
            f"{name}: opset {opset} is older than {READ_OPSET}, and onnx cannot convert it: "
            f"{error}; {advice}"
        ) from error
    if opset <= RESIZE_WITHOUT_COORDINATES:
        _write_coordinates(found.graph)
    del found.metadata_props[:]
    found.metadata_props.extend(model.metadata_props)
    return found


def note(opset: int) -> str:
    """What to say of such a file."""
    return f"opset {opset} was converted to {CONVERTED_OPSET} by onnx's version_converter"


# Up to this opset a Resize (or Upsample) divided positions by its scale, and rounded them away from
# what it left out. Later ones say so by attributes, whose defaults mean something else.
RESIZE_WITHOUT_COORDINATES = 10


def _write_coordinates(graph: onnx.GraphProto) -> None:
    constants = {
        name: numpy_helper.to_array(tensor) for name, tensor in constant_tensors(graph).items()
    }
    for node in graph.node:
        if node.op_type == "Resize":
            given = {item.name for item in node.attribute}
            for attribute, value in _coordinates(node.input, constants).items():
                if attribute not in given:
                    node.attribute.append(helper.make_attribute(attribute, value))


def _coordinates(inputs: Sequence[str], constants: Mapping[str, np.ndarray]) -> dict[str, str]:
    scales = constants.get(inputs[2], np.ones(0)) if len(inputs) > 2 else np.ones(0)
    rounding = "ceil" if (scales < 1).any() else "floor"
    return {"coordinate_transformation_mode": "asymmetric", "nearest_mode": rounding}
