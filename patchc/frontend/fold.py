"""Computing a node whose inputs are all constants: onnxruntime does it.

Chains of Shape, Gather, Concat and the like that feed a Reshape disappear this way whatever their
operators are and wherever they start, without renaming anything in the user's file; constants
that are dequantised stay as they are, because DequantizeLinear never comes here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from patchc.frontend.registry import RefusalError
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
