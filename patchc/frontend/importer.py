"""ONNX file -> ImportedModel."""

from __future__ import annotations

from pathlib import Path

import onnx

from patchc.errors import PatchcError
from patchc.frontend import host
from patchc.frontend.load import LoadedModel, Shapes, load
from patchc.frontend.model import ImportedModel
from patchc.frontend.refusal import RefusalError, Unsupported
from patchc.frontend.walk import Walked, is_integer_op, live_nodes, walk
from patchc.ir import verify

NOTHING = "there is no operator between quantised tensors"


def import_model(
    path: Path | str | onnx.ModelProto, input_shapes: Shapes | None = None
) -> ImportedModel:
    """Read a quantised ONNX model, QDQ or QOperator, opset 7 and later.

    A dynamic batch becomes 1; any other dynamic size has to be given in `input_shapes`, by the
    name of the input. Raises PatchcError: the file cannot be read, is a float model, or has
    operators that are not supported (all of them are listed, with the reason).
    """
    loaded = load(path, input_shapes)
    found = _understand(loaded)
    if isinstance(found, ImportedModel):
        return found
    raise PatchcError(_message(loaded.name, found))


def find_unsupported(
    path: Path | str | onnx.ModelProto, input_shapes: Shapes | None = None
) -> list[Unsupported]:
    """Everything that keeps the model from being compiled; empty where nothing does.

    Raises PatchcError where the file cannot be read or is a float model.
    """
    found = _understand(load(path, input_shapes))
    return [] if isinstance(found, ImportedModel) else found


def _understand(loaded: LoadedModel) -> ImportedModel | list[Unsupported]:
    if not any(is_integer_op(node) for node in live_nodes(loaded.model.graph)):
        raise PatchcError(
            f"{loaded.name}: a float model; pass --calibration with an .npz or a folder of images, "
            "or run patchc quantize first"
        )
    walked = walk(loaded)
    if walked.unsupported:
        return list(walked.unsupported)
    try:
        return _assemble(loaded, walked)
    except RefusalError as refusal:
        return [Unsupported("its outputs", "graph", str(refusal))]


def _assemble(loaded: LoadedModel, walked: Walked) -> ImportedModel:
    """Raises RefusalError where what lies around the Graph cannot be run without it."""
    model, builder = loaded.model, walked.builder
    after, outputs = host.epilogue(model, walked.values, builder)
    inputs = tuple(builder.borders[name] for name in builder.inputs)
    before = host.prologue(model, walked.values, inputs)
    graph = builder.graph(model.graph.name, tuple(border.tensor for border in outputs))
    if not graph.nodes:
        raise RefusalError(NOTHING)
    return ImportedModel(
        graph=verify(graph),
        onnx_model=model,
        sha256=loaded.sha256,
        prologue=before,
        epilogue=after,
        inputs=inputs,
        outputs=outputs,
        borders=tuple(builder.borders.values()),
        notes=(*loaded.notes, *builder.notes),
    )


def _message(name: str, unsupported: list[Unsupported]) -> str:
    count = "1 operator is" if len(unsupported) == 1 else f"{len(unsupported)} operators are"
    lines = [f"{name}: {count} not supported"]
    lines.extend(f"  {item}" for item in unsupported)
    return "\n".join(lines)
