"""onnxruntime, asked at compile time what it computes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from patchc.frontend.old import READ_OPSET
from patchc.frontend.refusal import RefusalError

# ONNX's own file format version at which opset 11 came; any later one reads the same here.
IR_VERSION = 6

MAX_REASON = 400  # characters of a message of onnxruntime


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


def optimized(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """The graph after the optimisations of onnxruntime that no kind of processor decides about;
    None where onnxruntime does not take the model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        options = _options(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC)
        options.optimized_model_filepath = str(path)
        return onnx.load(path) if _refused(model, options) is None else None


def refused_by_onnxruntime(model: onnx.ModelProto) -> str | None:
    """Why onnxruntime does not load or run `model`, without any optimisation; None where it does.

    What it finds out only when it runs (the shapes of scales and zero points, say) it would find
    out in `verify`, so it runs once, on zeros.
    """
    return _refused(model, _options(onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL), runs=True)


def _options(level: onnxruntime.GraphOptimizationLevel) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = level
    return options


def _refused(
    model: onnx.ModelProto, options: onnxruntime.SessionOptions, *, runs: bool = False
) -> str | None:
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        if runs:
            session.run(None, _zeros(model))
    except Exception as error:  # onnxruntime raises a dozen types without a common base
        return " ".join(str(error).split())[:MAX_REASON]
    return None


def _zeros(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """For each input, which has a fixed shape."""
    return {
        value.name: np.zeros(
            [dim.dim_value for dim in value.type.tensor_type.shape.dim],
            helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type),
        )
        for value in model.graph.input
    }


@cache
def newest_opset() -> int:
    """The newest opset of which onnxruntime can run a quantised file: the onnx package may know
    newer ones. Raises RefusalError where there is none."""
    parameters = ["scale", "zero_point"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *parameters], ["q"]),
        helper.make_node("DequantizeLinear", ["q", *parameters], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(np.ones((), np.float32), "scale"),
        numpy_helper.from_array(np.zeros((), np.int8), "zero_point"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    opset = onnx.defs.onnx_opset_version()
    while True:
        try:
            open_session(nodes, [x], ["y"], constants, [helper.make_opsetid("", opset)])
            return opset
        except RefusalError:
            if opset == READ_OPSET:
                raise
            opset -= 1
