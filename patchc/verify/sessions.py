"""onnxruntime sessions as the golden comparisons need them: CPU, one thread, exact sums."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from patchc.frontend.constants import constant_tensors
from patchc.verify.unsigned import unsigned_weights

DEFAULT = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
UNOPTIMIZED = ort.GraphOptimizationLevel.ORT_DISABLE_ALL

# Operators whose float form rounds otherwise than the integer kernel that it stands for.
FLOAT_FORMS = frozenset(
    {"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}
    | {"MatMulNBits"}
    | {"Add", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"}
    | {
        "InstanceNormalization",
        "LRN",
        "LayerNormalization",
        "LpNormalization",
        "RMSNormalization",
        "SimplifiedLayerNormalization",
    }
)


def session(
    model: onnx.ModelProto,
    *,
    level: ort.GraphOptimizationLevel = DEFAULT,
    exposed: Sequence[str] = (),
    signed_integers: bool = False,
) -> ort.InferenceSession:
    """A session over `model`, with the tensors `exposed` as further outputs.

    `signed_integers` allows integer kernels for int8 activations between DequantizeLinear and
    QuantizeLinear, which onnxruntime does not use on x86 by default.
    """
    return _optimize(_with_outputs(model, exposed), level, signed_integers).exact()


def optimized(
    model: onnx.ModelProto, *, exposed: Sequence[str] = (), signed_integers: bool = False
) -> Optimized:
    """What the optimiser makes of `model` by default, with further outputs as in `session`."""
    return _optimize(_with_outputs(model, exposed), DEFAULT, signed_integers)


def float_operators(model: onnx.ModelProto, *, signed_integers: bool = False) -> tuple[str, ...]:
    """The nodes, as "name (OpType)", that onnxruntime's optimised graph computes in floating point
    and that its integer kernels would round otherwise."""
    optimized = _optimize(model, DEFAULT, signed_integers).model
    nodes = [node for node in optimized.graph.node if node.op_type in FLOAT_FORMS]
    wide = _wide_integers(optimized) if nodes else set()
    return tuple(f"{n.name} ({n.op_type})" for n in nodes if n.output[0] not in wide)


def _wide_integers(model: onnx.ModelProto) -> set[str]:
    """The tensors of 64-bit integers, by name, as far as their types follow from operators of
    ONNX: what patchc itself exports has operators on these."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {
        value.name
        for value in graph.value_info
        if value.type.tensor_type.elem_type == TensorProto.INT64
    }


def saturates(model: onnx.ModelProto) -> bool:
    """Whether sums of `model` may saturate in an ordinary session on this processor, though never
    in one from `session`."""
    found = _optimize(model, DEFAULT)
    exact = unsigned_weights(found.model, found.types)
    return exact is not found.model and _adds_in_16_bits()


@cache
def _adds_in_16_bits() -> bool:
    """Whether onnxruntime adds products of uint8 and int8 in 16 bits here: it is tried."""
    maps, weights = np.full((1, 64), 255, np.uint8), np.full((64, 1), 127, np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["maps", "weights"], ["sum"])],
        "products",
        [helper.make_tensor_value_info("maps", TensorProto.UINT8, maps.shape)],
        [helper.make_tensor_value_info("sum", TensorProto.INT32, [1, 1])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (found,) = _open(model, _options(DEFAULT)).run(None, {"maps": maps})
    return bool(np.any(found != maps.astype(np.int32) @ weights.astype(np.int32)))


@dataclass(frozen=True, slots=True)
class Optimized:
    """A session, and the graph that onnxruntime's optimiser made for it."""

    running: ort.InferenceSession
    model: onnx.ModelProto

    def exact(self) -> ort.InferenceSession:
        """The session, or one of the same graph whose sums are exact on every processor."""
        exact = unsigned_weights(self.model, self.types)
        if exact is self.model:
            return self.running
        return _open(exact, _options(UNOPTIMIZED))  # what there was to optimise has been

    def types(self, names: Iterable[str]) -> dict[str, int]:
        """The element types of tensors of `model`, as onnxruntime infers them."""
        outputs = _open(_with_outputs(self.model, names), _options(UNOPTIMIZED)).get_outputs()
        return {output.name: _ELEMENT_TYPES.get(output.type, 0) for output in outputs}


# The only types that decide anything, as onnxruntime writes them.
_ELEMENT_TYPES = {"tensor(uint8)": TensorProto.UINT8, "tensor(int8)": TensorProto.INT8}


def _optimize(
    model: onnx.ModelProto, level: ort.GraphOptimizationLevel, signed_integers: bool = False
) -> Optimized:
    model, options = _with_scalars(model), _options(level)
    if signed_integers:
        options.add_session_config_entry("session.qdqisint8allowed", "1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        options.optimized_model_filepath = str(path)
        running = _open(model, options)
        return Optimized(running, onnx.load(path))


def _with_scalars(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` itself, or a copy: scales and zero points of pairs that are vectors of one element
    are scalars. Onnxruntime runs what it fuses of such vectors, but cannot read it again."""
    as_parameter: dict[str, bool] = {output.name: False for output in model.graph.output}
    for node in model.graph.node:
        is_pair = node.op_type in ("QuantizeLinear", "DequantizeLinear")
        for index, name in enumerate(node.input):
            as_parameter[name] = as_parameter.get(name, True) and is_pair and index > 0

    def is_one(name: str, tensor: TensorProto) -> bool:
        return list(tensor.dims) == [1] and as_parameter.get(name, False)

    if not any(is_one(name, tensor) for name, tensor in constant_tensors(model.graph).items()):
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for name, tensor in constant_tensors(copy.graph).items():
        if is_one(name, tensor):
            del tensor.dims[:]
    return copy


def _options(level: ort.GraphOptimizationLevel) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = level
    options.log_severity_level = 3  # it warns of every optimised file that it writes
    return options


def _open(model: onnx.ModelProto, options: ort.SessionOptions) -> ort.InferenceSession:
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _with_outputs(model: onnx.ModelProto, exposed: Iterable[str]) -> onnx.ModelProto:
    """`model` itself, or a copy with more outputs; onnxruntime infers their types."""
    known = {output.name for output in model.graph.output}
    missing = [name for name in dict.fromkeys(exposed) if name not in known]
    if not missing:
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in missing)
    return copy
