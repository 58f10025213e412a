"""Reading an ONNX file: everything that has to be known before its operators are looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto, inliner, shape_inference

from patchc.errors import PatchcError
from patchc.frontend import double_pairs, old, sequences, structure

MICROSOFT = "com.microsoft"  # the domain of onnxruntime's own operators

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """An ONNX model whose inputs have fixed shapes and whose local functions are inlined."""

    name: str  # for messages: the path, or the model's name
    model: onnx.ModelProto
    sha256: str
    opset: int
    shapes: Mapping[str, tuple[int, ...]]  # of the tensors for which onnx can infer one
    notes: tuple[str, ...] = ()  # what the reader of a report has to know of how it was read
    # Before two pairs of Q and DQ in a row were made one; None: there are none.
    literal: onnx.ModelProto | None = None


def load(source: Path | str | onnx.ModelProto, input_shapes: Shapes | None = None) -> LoadedModel:
    """Read a model and fix the shapes of its inputs.

    A dynamic first dimension becomes 1; any other has to be given in `input_shapes` (by input).
    Raises PatchcError naming the file, or the input and the option that gives it a shape.
    """
    if isinstance(source, onnx.ModelProto):
        name = source.graph.name or "model"
        digest = hashlib.sha256(source.SerializeToString(deterministic=True)).hexdigest()
        model = onnx.ModelProto()
        model.CopyFrom(source)
    else:
        name = str(source)
        model, digest = _read(Path(source))
    structure.check(model, name)
    opset = _opset(model, name)
    notes: tuple[str, ...] = ()
    if model.functions:
        model = _inlined(model, name)
    _drop_constant_inputs(model)
    if opset < old.READ_OPSET:
        model, notes = old.converted(model, opset, name), (old.note(opset),)
        opset = old.CONVERTED_OPSET
    _fix_shapes(model.graph, dict(input_shapes or {}), name)
    structure.check(model, name)  # of sizes that were given, and what was inlined
    model = sequences.as_splits(model, opset, _infer)
    folded = double_pairs.folded(model)
    literal = model if folded is not model else None
    return LoadedModel(name, folded, digest, opset, _infer(folded), notes, literal)


def _read(path: Path) -> tuple[onnx.ModelProto, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PatchcError(f"{path}: cannot be read: {error.strerror}") from error
    model = structure.parsed(content, str(path))
    structure.load_external(model, path.parent, str(path))
    return model, hashlib.sha256(content).hexdigest()


def _inlined(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # onnx's C++ raises several types without a common base
        reason = " ".join(str(error).split())
        raise PatchcError(f"{name}: its local functions cannot be inlined: {reason}") from error


def _opset(model: onnx.ModelProto, name: str) -> int:
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    opset = max(versions, default=0)
    newest = onnx.defs.onnx_opset_version()
    if opset > newest:
        raise PatchcError(
            f"{name}: opset {opset} is newer than {newest}, the newest that the installed "
            "onnx package knows; update it or export with an older opset"
        )
    return opset


def _drop_constant_inputs(model: onnx.ModelProto) -> None:
    """Before IR version 4 every initializer was listed as an input too, and had to be."""
    model.ir_version = max(model.ir_version, old.IR_VERSION)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.input if value.name not in constants]
    del graph.input[:]
    graph.input.extend(kept)


def _fix_shapes(graph: onnx.GraphProto, given: dict[str, tuple[int, ...]], name: str) -> None:
    symbols: dict[str, int] = {}
    for value in graph.input:
        _fix_input(value, given.pop(value.name, None), symbols, name)
    if given:
        known = ", ".join(value.name for value in graph.input)
        raise PatchcError(
            f"{name}: --input-shape names {', '.join(given)}, but its inputs are {known}"
        )
    for value in (*graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in symbols:
                dim.dim_value = symbols[dim.dim_param]


def _fix_input(
    value: onnx.ValueInfoProto, given: tuple[int, ...] | None, symbols: dict[str, int], name: str
) -> None:
    tensor = value.type.tensor_type
    where = f"{name}: input {value.name!r}"
    if not tensor.HasField("shape"):
        if given is None:
            raise PatchcError(f"{where} has no shape; pass {_option(value.name, '1,3,96,96')}")
        for size in given:
            tensor.shape.dim.add(dim_value=size)
    dims = tensor.shape.dim
    if given is not None and len(given) != len(dims):
        raise PatchcError(f"{where} has {len(dims)} dimensions, --input-shape gives {len(given)}")
    for index, dim in enumerate(dims):
        fixed = dim.dim_value > 0
        size = dim.dim_value if fixed else 1 if index == 0 else 0
        if given is not None:
            if fixed and given[index] != dim.dim_value:
                raise PatchcError(
                    f"{where}: dimension {index} is {dim.dim_value} in the file, "
                    f"--input-shape says {given[index]}"
                )
            size = given[index]
        if size < 1:
            shape = ",".join(
                str(d.dim_value) if d.dim_value > 0 else "1" if i == 0 else d.dim_param or "N"
                for i, d in enumerate(dims)
            )
            raise PatchcError(
                f"{where}: the size of dimension {index} is not fixed; "
                f"pass {_option(value.name, shape)} with numbers"
            )
        if dim.dim_param:
            symbols[dim.dim_param] = size
        dim.dim_value = size


def _option(name: str, shape: str) -> str:
    return f"--input-shape {name}={shape}"


def _infer(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors in front of the first operator that onnx does not know.

    Of onnxruntime's own it knows none; QuantizeLinear and DequantizeLinear are as ONNX's are.
    """
    known = onnx.ModelProto()
    known.CopyFrom(model)
    for node in known.graph.node:
        if node.domain == MICROSOFT and node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.domain = ""
    try:
        graph = shape_inference.infer_shapes(known, data_prop=True).graph
    except shape_inference.InferenceError:
        graph = model.graph
    found: dict[str, tuple[int, ...]] = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.elem_type == TensorProto.UNDEFINED or not tensor.HasField("shape"):
            continue
        sizes = tuple(dim.dim_value for dim in tensor.shape.dim)
        if all(size > 0 for size in sizes):
            found[value.name] = sizes
    return found
