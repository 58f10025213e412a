"""onnxruntime, asked at compile time what it computes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import onnx
import onnxruntime
from onnx import TensorProto, helper

from patchc.frontend.registry import RefusalError

# ONNX's own file format version at which opset 11 came; any later one reads the same here.
IR_VERSION = 6


def open_session(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Iterable[str],
    constants: Sequence[TensorProto],
    opsets: Sequence[onnx.OperatorSetIdProto],
) -> onnxruntime.InferenceSession:
    """A model of its own, run as the whole file would be: optimised, one thread, int8 activations
    in integers. Raises RefusalError where onnxruntime does not take it."""
    results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph(nodes, "part", inputs, results, constants)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises a dozen types without a common base
        raise RefusalError(f"onnxruntime cannot compute it: {error}") from error
