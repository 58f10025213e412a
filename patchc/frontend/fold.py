"""Computing a node whose inputs are all constants: onnxruntime does it.

Chains of Shape, Gather, Concat and the like that feed a Reshape disappear this way whatever their
operators are and wherever they start, without renaming anything in the user's file; constants
that are dequantised stay as they are, because DequantizeLinear never comes here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from patchc.frontend.registry import RefusalError

# ONNX's own file format version at which opset 11 came; any later one reads the same here.
IR_VERSION = 6


def fold(
    node: onnx.NodeProto, inputs: Sequence[np.ndarray | None], model: onnx.ModelProto
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
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], "constant", [], outputs, constants)
    single = helper.make_model(
        graph, opset_imports=model.opset_import, ir_version=max(model.ir_version, IR_VERSION)
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            single.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return list(session.run(None, {}))
    except Exception as error:  # onnxruntime raises a dozen types without a common base
        raise RefusalError(f"onnxruntime cannot compute it: {error}") from error
