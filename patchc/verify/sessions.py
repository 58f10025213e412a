"""onnxruntime sessions as the golden comparisons need them: CPU, one thread, exact sums."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnxruntime as ort

from patchc.verify.unshared import unshared

DEFAULT = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
UNOPTIMIZED = ort.GraphOptimizationLevel.ORT_DISABLE_ALL

# Operators whose float form rounds otherwise than the integer kernel that it stands for.
FLOAT_FORMS = frozenset(
    {"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}
    | {"Add", "AveragePool", "GlobalAveragePool", "ReduceMean"}
)


def session(
    model: onnx.ModelProto,
    *,
    level: ort.GraphOptimizationLevel = DEFAULT,
    exposed: Sequence[str] = (),
    signed_integers: bool = False,
    optimized: Path | None = None,
) -> ort.InferenceSession:
    """A session over `model`, with the tensors `exposed` as further outputs.

    `signed_integers` allows integer kernels for int8 activations between DequantizeLinear and
    QuantizeLinear, which onnxruntime does not use on x86 by default. `optimized` is where
    onnxruntime writes the graph that it will run.
    """
    blob = unshared(_with_outputs(model, exposed)).SerializeToString()
    try:
        return _open(blob, _options(level, signed_integers, optimized, exact_sums=True))
    except ort.capi.onnxruntime_pybind11_state.NotImplemented:
        # The option for exact sums makes weights unsigned, and there is no kernel for those beside
        # signed activations. Such a model runs without it, which is exact where the CPU has VNNI.
        return _open(blob, _options(level, signed_integers, optimized, exact_sums=False))


def float_operators(model: onnx.ModelProto, *, signed_integers: bool = False) -> tuple[str, ...]:
    """The nodes, as "name (OpType)", that onnxruntime's optimised graph computes in floating point
    and that its integer kernels would round otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        session(model, signed_integers=signed_integers, optimized=path)
        nodes = onnx.load(path).graph.node
    return tuple(f"{n.name} ({n.op_type})" for n in nodes if n.op_type in FLOAT_FORMS)


def _options(
    level: ort.GraphOptimizationLevel,
    signed_integers: bool,
    optimized: Path | None,
    exact_sums: bool,
) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = level
    options.log_severity_level = 3  # it warns of every optimised file that it writes
    if exact_sums:
        # Without VNNI, products of 8-bit values are otherwise added in 16 bits and may saturate.
        options.add_session_config_entry("session.x64quantprecision", "1")
    if signed_integers:
        options.add_session_config_entry("session.qdqisint8allowed", "1")
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    return options


def _open(blob: bytes, options: ort.SessionOptions) -> ort.InferenceSession:
    return ort.InferenceSession(blob, options, providers=["CPUExecutionProvider"])


def _with_outputs(model: onnx.ModelProto, exposed: Sequence[str]) -> onnx.ModelProto:
    """`model` itself, or a copy with more outputs; onnxruntime infers their types."""
    known = {output.name for output in model.graph.output}
    missing = [name for name in dict.fromkeys(exposed) if name not in known]
    if not missing:
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in missing)
    return copy
