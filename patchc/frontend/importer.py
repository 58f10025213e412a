"""ONNX file -> ImportedModel."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from patchc.errors import PatchcError
from patchc.frontend import heads, host
from patchc.frontend.live import live_nodes
from patchc.frontend.load import LoadedModel, Shapes, load
from patchc.frontend.model import ImportedModel
from patchc.frontend.refusal import RefusalError, Unsupported, described, node_name
from patchc.frontend.runtime import refused_by_onnxruntime
from patchc.frontend.tail import begins, named_nodes, noted, own_tail
from patchc.frontend.walk import Walked, is_integer_op, walk
from patchc.ir import verify
from patchc.ir.verifier import GraphError

TAIL = "the outputs of the C are what they read, and firmware computes them from these"
NOTHING = "there is no operator between quantised tensors"


def import_model(
    path: Path | str | onnx.ModelProto,
    input_shapes: Shapes | None = None,
    cut: Sequence[str] = (),
) -> ImportedModel:
    """Read a quantised ONNX model, QDQ or QOperator, opset 7 and later.

    A dynamic batch becomes 1; any other dynamic size has to be given in `input_shapes`, by the
    name of the input. `cut`: nodes that are left to the host, with all that depends on them; a tail
    of operators that are not supported is, too. Raises PatchcError: the file cannot be read, is a
    float model, or has operators that are not supported (all of them are listed, with the reason).
    """
    loaded = load(path, input_shapes)
    found = _understand(loaded, cut)
    if isinstance(found, ImportedModel):
        return found
    raise PatchcError(_message(loaded.name, found))


def find_unsupported(
    path: Path | str | onnx.ModelProto,
    input_shapes: Shapes | None = None,
    cut: Sequence[str] = (),
    *,
    whole: bool = False,
) -> list[Unsupported]:
    """Everything that keeps the model from being compiled; empty where nothing does.

    whole: no tail is left to the host but `cut`.
    Raises PatchcError where the file cannot be read or is a float model.
    """
    found = _understand(load(path, input_shapes), cut, whole=whole)
    return [] if isinstance(found, ImportedModel) else found


def find_tail(model: onnx.ModelProto) -> frozenset[str]:
    """The nodes of a quantised model that a tail which is left to the host begins with."""
    loaded = load(model)
    nodes = live_nodes(loaded.model.graph)
    first = heads.first_of_tail(loaded, nodes)
    found = walk(loaded, _cut(loaded, nodes, first)).unsupported
    return first | own_tail(loaded.model.graph, nodes, found)


def cut_before(
    path: Path | str | onnx.ModelProto,
    input_shapes: Shapes | None,
    unsupported: Sequence[Unsupported],
    cut: Sequence[str] = (),
) -> tuple[str, ...]:
    """The nodes to cut off, beside `cut`, so that what is refused stays out; none where that does
    not help."""
    loaded = load(path, input_shapes)
    nodes = live_nodes(loaded.model.graph)
    first = begins(nodes, unsupported)
    names = tuple(node_name(node) for node in nodes if node_name(node) in first)
    helps = names and isinstance(_understand(loaded, (*cut, *names)), ImportedModel)
    return names if helps else ()


def _understand(
    loaded: LoadedModel, cut: Sequence[str], *, whole: bool = False
) -> ImportedModel | list[Unsupported]:
    nodes = live_nodes(loaded.model.graph)
    if not any(is_integer_op(node) for node in nodes):
        raise PatchcError(
            f"{loaded.name}: a float model; pass --calibration with an .npz or a folder of images, "
            "or run patchc quantize first"
        )
    wanted = named_nodes(nodes, cut, loaded.name) | noted(loaded.model)
    if not whole:
        wanted |= heads.first_of_tail(loaded, nodes)
    found = _attempt(loaded, _cut(loaded, nodes, wanted))
    if not isinstance(found, ImportedModel) and not whole:
        own = own_tail(loaded.model.graph, nodes, found)
        shortened = _attempt(loaded, _cut(loaded, nodes, wanted | own)) if own else found
        if isinstance(shortened, ImportedModel):
            found, wanted = shortened, wanted | own
    if isinstance(found, ImportedModel) and wanted:
        words = [described(node) for node in nodes if node_name(node) in wanted]
        return replace(found, notes=(*found.notes, not_in_the_c(words)))
    return found


def not_in_the_c(nodes: Iterable[str]) -> str:
    """The note on nodes, as `described` has them, at which a network is cut."""
    return f"{', '.join(nodes)} and what follows is not in the C: {TAIL}"


def _cut(
    loaded: LoadedModel, nodes: Sequence[onnx.NodeProto], wanted: Collection[str]
) -> frozenset[str]:
    return heads.with_leading_views(loaded.model.graph, nodes, wanted)


def _attempt(loaded: LoadedModel, cut: Collection[str]) -> ImportedModel | list[Unsupported]:
    walked = walk(loaded, cut)
    if walked.unsupported:
        return list(walked.unsupported)
    reason = refused_by_onnxruntime(loaded.model)
    if reason is not None:
        raise PatchcError(f"{loaded.name}: onnxruntime does not take it: {reason}")
    try:
        return _assemble(loaded, walked)
    except GraphError as error:
        return [Unsupported("its operators", "graph", str(error))]
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
        literal=loaded.literal,
    )


def _message(name: str, unsupported: list[Unsupported]) -> str:
    count = "1 operator is" if len(unsupported) == 1 else f"{len(unsupported)} operators are"
    lines = [f"{name}: {count} not supported"]
    lines.extend(f"  {item}" for item in unsupported)
    return "\n".join(lines)
