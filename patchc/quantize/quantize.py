"""A float ONNX model -> a quantised one, by onnxruntime's static quantisation.

patchc's own part is small: it decides what stays float (what leads from the inputs to the first
layer, what follows the last one), asks for weights that are symmetric int8, and keeps quiet.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
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
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.shape_inference import quant_pre_process

from patchc.align.align import align_model
from patchc.choices import Activation, Format, Method
from patchc.errors import PatchcError
from patchc.frontend.fold import fold_constants
from patchc.frontend.heads import with_leading_views
from patchc.frontend.importer import find_tail
from patchc.frontend.load import LoadedModel, Shapes, load
from patchc.frontend.runtime import newest_opset
from patchc.frontend.tail import depending, named_nodes, note
from patchc.frontend.walk import is_integer_op
from patchc.quality import METADATA_KEY as QUALITY_KEY
from patchc.quantize.batch_norms import place_batch_norms
from patchc.quantize.branches import (
    all_ranges,
    equal_tensors,
    own_biases,
    quantize_before_crops,
    share_weights,
    tied_ranges,
)
from patchc.quantize.calibration import Calibration, read_calibration
from patchc.quantize.ends import mark_ends
from patchc.quantize.float_functions import all_functions, composed_functions, is_function
from patchc.quantize.foreign import rewrite_foreign
from patchc.quantize.gemms import plain_gemms
from patchc.quantize.layers import (
    QUANTIZED_OPS,
    VIEWS,
    float_nodes,
    has_layers,
    may_end_in_a_tail,
)
from patchc.quantize.means import name_means
from patchc.quantize.measured import measured
from patchc.quantize.norms import split_norms
from patchc.quantize.options import DEFAULTS, METADATA_KEY, PIXELS, QuantizeOptions
from patchc.quantize.parallel import merge_branches
from patchc.quantize.quotients import split_quotients
from patchc.quantize.slices import merge_slices
from patchc.quantize.sums import split_sums
from patchc.quantize.transposed import rewrite_transposed
from patchc.quantize.written_out import gather_normalisations

# The first opset in which DequantizeLinear takes one scale per channel.
PER_CHANNEL_OPSET = 13

# The first opset that has LayerNormalization: from then on onnxruntime's optimiser makes it of one
# that is written out (ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add).
NORMALIZATION_OPSET = 17

WARNING_SEVERITY, ERROR_SEVERITY = 2, 3  # of onnxruntime's own log


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
    options: QuantizeOptions = DEFAULTS,
    input_shapes: Shapes | None = None,
) -> tuple[str, ...]:
    """Write the quantised form of a float `model` to `output`; returns what there is to know of how
    the model was read.

    calibration: samples by input name, stacked along the first axis; an .npz of that; or a folder
    of pictures. The same input gives the same bytes. Raises PatchcError: the model or the samples
    cannot be read or do not fit, the model is quantised already, or nothing in it can be.
    """
    loaded = load(model, input_shapes)
    if any(is_integer_op(node) for node in loaded.model.graph.node):
        raise PatchcError(f"{loaded.name}: it is quantised already")
    samples = read_calibration(loaded.model, calibration, options.image)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared, written = Path(folder, "prepared.onnx"), Path(folder, "quantized.onnx")
        try:
            _prepare(loaded, prepared, options)
            tail = named_nodes(onnx.load_model(prepared).graph.node, options.cut, loaded.name)
            if not tail and may_end_in_a_tail(onnx.load_model(prepared).graph):
                trial = replace(options, format=Format.QDQ, method=Method.MINMAX)
                _quantize(prepared, written, list(islice(samples, 1)), trial)
                tail = find_tail(onnx.load_model(written))
            _quantize(prepared, written, samples, options, tail)
        except PatchcError:
            raise
        except Exception as error:  # onnxruntime raises a dozen types without a common base
            raise PatchcError(f"{loaded.name}: onnxruntime cannot quantise it: {error}") from error
        result = onnx.load_model(written)
        quantize_before_crops(result.graph)
        note(result, tail)
        if not any(is_integer_op(node) for node in result.graph.node):
            kinds = ", ".join(dict.fromkeys(node.op_type for node in loaded.model.graph.node))
            raise PatchcError(f"{loaded.name}: none of its operators can be quantised: {kinds}")
        notes = loaded.notes
        if options.align:
            result, more = _aligned(result, options)
            notes += more
        if options.measure or options.labels is not None:
            pictures = options.image if samples.arrays is None else None
            quality = measured(prepared, result, samples, pictures, options.labels, Path(folder))
            result.metadata_props.add(key=QUALITY_KEY, value=quality.to_json())
    # Of arrays only who made them knows how pixels became values.
    if samples.arrays is None or options.image != PIXELS:
        result.metadata_props.add(key=METADATA_KEY, value=options.image.to_json())
    try:
        Path(output).write_bytes(result.SerializeToString(deterministic=True))
    except OSError as error:
        raise PatchcError(f"{output}: cannot be written: {error.strerror}") from error
    return notes


def _aligned(
    model: onnx.ModelProto, options: QuantizeOptions
) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model with nudged weight scales, and what could not be reached. One that patchc cannot
    compile stays as it is: `compile` says why."""
    try:
        found = align_model(model, per_channel=options.per_channel)
    except PatchcError:
        return model, ()
    if found.refusal is None:
        return found.model, ()
    return found.model, (f"not all layers are equal for CMSIS-NN: {found.refusal}",)


def _prepare(loaded: LoadedModel, path: Path, options: QuantizeOptions) -> None:
    """Fold constants, batch normalisation into layers, MatMul + Add into Gemm, give nodes
    names, constants that are added the second place, which is the one that the importer takes, and
    sums, means over rows and columns, normalisations that are written out, quotients, norms,
    dense layers and transposed convolutions operators that have integers, slices of slices one
    node, layers that share weights biases of their own."""
    model = loaded.model
    rewrite_foreign(model, loaded.name)
    split_sums(model.graph)
    roots = any(node.op_type == "Sqrt" for node in model.graph.node)
    least = NORMALIZATION_OPSET if roots else PER_CHANNEL_OPSET
    opset = min(max(loaded.opset, least), newest_opset())
    if loaded.opset != opset:
        model = version_converter.convert_version(model, opset)
    onnx.save_model(model, path)
    quant_pre_process(path, path, skip_symbolic_shape=True)
    prepared = onnx.load_model(path)
    fold_constants(prepared)
    constants = {tensor.name for tensor in prepared.graph.initializer}
    for index, node in enumerate(prepared.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
        if node.op_type == "Add" and node.input[0] in constants:
            node.input[:] = reversed(node.input)
    merge_slices(prepared.graph)
    place_batch_norms(prepared.graph)
    if options.merge_branches:
        merge_branches(prepared.graph)
    gather_normalisations(prepared.graph)
    split_quotients(prepared.graph)
    split_norms(prepared.graph)
    name_means(prepared.graph)
    plain_gemms(prepared.graph)
    rewrite_transposed(prepared.graph)
    share_weights(prepared.graph)
    own_biases(prepared.graph)
    if not has_layers(prepared.graph):
        mark_ends(prepared.graph)
    onnx.save_model(prepared, path)


def _quantize(
    prepared: Path,
    written: Path,
    samples: Iterable[dict[str, np.ndarray]],
    options: QuantizeOptions,
    tail: Collection[str] = (),
) -> None:
    """tail: nodes that stay float, with all that depends on them."""
    graph = onnx.load_model(prepared).graph
    layers = has_layers(graph)
    outside = set(float_nodes(graph)) if layers else set()
    outside.update(node.name for node in depending(graph.node, tail))
    if tail:
        outside |= with_leading_views(graph, graph.node, outside)
    # Max pools and the like leave an input that is float as it is, unless they are told otherwise;
    # with integer operators that switch would make floats of their quantised inputs.
    composed = composed_functions(graph) if layers else all_functions(graph)
    force = options.format is Format.QDQ and any(
        (is_function(node) or node.name in composed or not layers) and node.name not in outside
        for node in graph.node
    )
    operators = [*QUANTIZED_OPS, *(() if layers else VIEWS)]
    quantize_static(
        prepared,
        written,
        _Reader(samples),
        quant_format=FORMATS[options.format],
        op_types_to_quantize=operators,
        per_channel=options.per_channel,
        activation_type=TYPES[options.activation],
        weight_type=QuantType.QInt8,
        nodes_to_exclude=sorted(composed | outside),
        calibrate_method=METHODS[options.method],
        extra_options={
            "ActivationSymmetric": False,
            "WeightSymmetric": True,
            "ForceQuantizeNoInputCheck": force,
            "TensorQuantOverrides": _tied(prepared, graph, samples, options, operators),
        },
    )


def _tied(
    prepared: Path,
    graph: onnx.GraphProto,
    samples: Iterable[dict[str, np.ndarray]],
    options: QuantizeOptions,
    operators: list[str],
) -> dict[str, list[dict[str, np.float32]]]:
    """One range for what equal branches make, as onnxruntime takes it. Their samples are run twice,
    here for the ranges of each."""
    groups = equal_tensors(graph)
    if not groups:
        return {}
    calibrator = create_calibrator(
        prepared,
        operators,
        augmented_model_path=str(prepared.with_name("augmented.onnx")),
        calibrate_method=METHODS[options.method],
    )
    calibrator.collect_data(_Reader(samples))
    tied = tied_ranges(graph, dict(all_ranges(calibrator.compute_data())))
    return {
        name: [{"rmin": np.float32(low), "rmax": np.float32(high)}]
        for name, (low, high) in tied.items()
    }


class _Reader(CalibrationDataReader):
    """Samples as onnxruntime wants to be handed them."""

    def __init__(self, samples: Iterable[dict[str, np.ndarray]]) -> None:
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
