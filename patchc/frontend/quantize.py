"""A float ONNX model -> a quantised one, by onnxruntime's static quantisation.

patchc's own part is small: it decides what stays float (what leads from the inputs to the first
layer, what follows the last one), asks for weights that are symmetric int8, and keeps quiet.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from patchc.errors import PatchcError
from patchc.frontend.calibration import Calibration, Samples, read_calibration
from patchc.frontend.float_functions import composed_functions, is_function
from patchc.frontend.images import METADATA_KEY, ImagePreparation
from patchc.frontend.load import LoadedModel, Shapes, load
from patchc.frontend.means import name_means
from patchc.frontend.transposed import rewrite_transposed
from patchc.frontend.walk import is_integer_op

# What the importer turns into nodes or takes into them. Anything else stays float: where it stands
# between quantised layers it becomes a table, or the importer names it as not supported.
QUANTIZED_OPS = (
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "DepthToSpace",
    "Flatten",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Pad",
    "Relu",
    "Reshape",
    "Resize",
    "Sigmoid",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
)

# The operators with weights, between the first and the last of which all is quantised.
LAYERS = ("Conv", "Gemm", "MatMul")

# The first opset in which DequantizeLinear takes one scale per channel.
PER_CHANNEL_OPSET = 13

PIXELS = ImagePreparation()

WARNING_SEVERITY, ERROR_SEVERITY = 2, 3  # of onnxruntime's own log


class Format(str, Enum):
    """How the file says that a tensor is quantised."""

    QDQ = "qdq"  # float operators between QuantizeLinear and DequantizeLinear
    QOPERATOR = "qoperator"  # integer operators: QLinearConv, QLinearAdd, ...


class Activation(str, Enum):
    """The type of quantised activations."""

    INT8 = "int8"
    UINT8 = "uint8"


class Method(str, Enum):
    """How the range of a tensor follows from the samples."""

    MINMAX = "minmax"
    ENTROPY = "entropy"
    PERCENTILE = "percentile"


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """The defaults give a file that onnxruntime runs in integers throughout as it is: it leaves
    part of an int8 QDQ file in float unless told otherwise."""

    format: Format = Format.QDQ
    activation: Activation = Activation.UINT8
    per_channel: bool = True
    method: Method = Method.MINMAX
    image: ImagePreparation = PIXELS  # how a folder of pictures is read


FORMATS = {Format.QDQ: QuantFormat.QDQ, Format.QOPERATOR: QuantFormat.QOperator}
TYPES = {Activation.INT8: QuantType.QInt8, Activation.UINT8: QuantType.QUInt8}
METHODS = {
    Method.MINMAX: CalibrationMethod.MinMax,
    Method.ENTROPY: CalibrationMethod.Entropy,
    Method.PERCENTILE: CalibrationMethod.Percentile,
}


def quantize(
    model: Path | str | onnx.ModelProto,
    output: Path | str,
    calibration: Calibration,
    options: QuantizeOptions = QuantizeOptions(),
    input_shapes: Shapes | None = None,
) -> None:
    """Write the quantised form of a float `model` to `output`.

    calibration: samples by input name, stacked along the first axis; an .npz of that; or a folder
    of pictures. The same input gives the same bytes. Raises PatchcError: the model or the samples
    cannot be read or do not fit, the model is quantised already, or nothing in it can be.
    """
    loaded = load(model, input_shapes)
    if any(is_integer_op(node) for node in loaded.model.graph.node):
        raise PatchcError(f"{loaded.name}: it is quantised already")
    if not any(node.op_type in LAYERS for node in loaded.model.graph.node):
        raise PatchcError(f"{loaded.name}: it has no layer ({', '.join(LAYERS)}) to quantise")
    samples = read_calibration(loaded.model, calibration, options.image)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared, written = Path(folder, "prepared.onnx"), Path(folder, "quantized.onnx")
        try:
            _prepare(loaded, prepared)
            _quantize(prepared, written, samples, options)
        except PatchcError:
            raise
        except Exception as error:  # onnxruntime raises a dozen types without a common base
            raise PatchcError(f"{loaded.name}: onnxruntime cannot quantise it: {error}") from error
        result = onnx.load_model(written)
    if samples.arrays is None:
        result.metadata_props.add(key=METADATA_KEY, value=options.image.to_json())
    try:
        Path(output).write_bytes(result.SerializeToString(deterministic=True))
    except OSError as error:
        raise PatchcError(f"{output}: cannot be written: {error.strerror}") from error


def _prepare(loaded: LoadedModel, path: Path) -> None:
    """Fold batch normalisation into convolutions, MatMul + Add into Gemm, give nodes names,
    constants that are added the second place, which is the one that the importer takes, and means
    over rows and columns and transposed convolutions operators that have integers."""
    model = loaded.model
    if loaded.opset < PER_CHANNEL_OPSET:
        model = version_converter.convert_version(model, PER_CHANNEL_OPSET)
    onnx.save_model(model, path)
    quant_pre_process(path, path, skip_symbolic_shape=True)
    prepared = onnx.load_model(path)
    constants = {tensor.name for tensor in prepared.graph.initializer}
    for index, node in enumerate(prepared.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
        if node.op_type == "Add" and node.input[0] in constants:
            node.input[:] = reversed(node.input)
    name_means(prepared.graph)
    rewrite_transposed(prepared.graph)
    onnx.save_model(prepared, path)


def _quantize(prepared: Path, written: Path, samples: Samples, options: QuantizeOptions) -> None:
    graph = onnx.load_model(prepared).graph
    outside = set(float_nodes(graph))
    # Max pools and the like leave an input that is float as it is, unless they are told otherwise;
    # with integer operators that switch would make floats of their quantised inputs.
    composed = composed_functions(graph)
    force = options.format is Format.QDQ and any(
        (is_function(node) or node.name in composed) and node.name not in outside
        for node in graph.node
    )
    quantize_static(
        prepared,
        written,
        _Reader(samples),
        quant_format=FORMATS[options.format],
        op_types_to_quantize=list(QUANTIZED_OPS),
        per_channel=options.per_channel,
        activation_type=TYPES[options.activation],
        weight_type=QuantType.QInt8,
        nodes_to_exclude=sorted(composed | outside),
        calibrate_method=METHODS[options.method],
        extra_options={
            "ActivationSymmetric": False,
            "WeightSymmetric": True,
            "ForceQuantizeNoInputCheck": force,
        },
    )


def float_nodes(graph: onnx.GraphProto) -> list[str]:
    """The nodes that stay float, by name.

    In front of the first layer: those that the importer has no integer form of (a normalisation,
    say), and what leads to them. Behind the last layer: the same, and what follows from them.
    """
    nodes = list(graph.node)
    behind: set[str] = set()  # tensors that depend on a layer
    for node in nodes:
        if node.op_type in LAYERS or behind.intersection(node.input):
            behind.update(node.output)
    before: set[str] = set()  # tensors that a layer depends on
    for node in reversed(nodes):
        if node.op_type in LAYERS or before.intersection(node.output):
            before.update(node.input)
    front = [n for n in nodes if n.op_type not in LAYERS and not behind.intersection(n.input)]
    back = [n for n in nodes if n.op_type not in LAYERS and not before.intersection(n.output)]

    constants = {tensor.name for tensor in graph.initializer}
    constants.update(node.output[0] for node in nodes if node.op_type == "Constant")
    kept: set[str] = set()
    leading: set[str] = set()  # tensors that a float node in front reads
    for node in reversed(front):
        if _is_float(node, constants) or leading.intersection(node.output):
            kept.add(node.name)
            leading.update(node.input)
    trailing: set[str] = set()  # tensors that a float node behind writes
    for node in back:
        if _is_float(node, constants) or trailing.intersection(node.input):
            kept.add(node.name)
            trailing.update(node.output)
    return sorted(kept)


def _is_float(node: onnx.NodeProto, constants: set[str]) -> bool:
    """Whether a node at either end stays float: the importer has no integer form of it, it looks
    like part of a normalisation, or it is a softmax, which loses by being rounded to a byte."""
    scales = node.op_type in ("Add", "Mul", "Sub") and bool(constants.intersection(node.input))
    return node.op_type not in QUANTIZED_OPS or node.op_type == "Softmax" or scales


class _Reader(CalibrationDataReader):
    """Samples as onnxruntime wants to be handed them."""

    def __init__(self, samples: Samples) -> None:
        self._samples = iter(samples)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._samples, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing but errors from onnxruntime's C++ log, nothing from the quantiser's Python one."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    onnxruntime.set_default_logger_severity(ERROR_SEVERITY)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(WARNING_SEVERITY)
        logging.disable(disabled)
