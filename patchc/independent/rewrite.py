"""ONNX -> ONNX: patches of the image, each through a path of its own, and what they make merged.

The result is an ordinary file: Slice for the patches, the path once per patch, Add, Max or Concat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np
import onnx
import onnxruntime
from onnx import helper, shape_inference

from patchc.choices import Merge, Weights
from patchc.errors import PatchcError
from patchc.frontend.load import Shapes, load
from patchc.independent.editor import Editor, Reals
from patchc.independent.merge import Tiles, cropped, merge_parts, rescale_behind, widen_layers
from patchc.independent.patches import Grid, Patch
from patchc.independent.path import Path, find_path
from patchc.independent.windows import check_windows
from patchc.independent.wiring import Wiring, in_order

# By operator: which inputs are learnt. The bias is among them where `BIAS` says so.
LEARNT = {
    "BatchNormalization": (1, 2, 3, 4),
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), (1, 2)),
    **dict.fromkeys(("MatMul", "PRelu"), (1,)),
}
BIAS = dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), (2,))


@dataclass(frozen=True, slots=True)
class TunnelOptions:
    """Which network is made."""

    grid: Grid
    until: tuple[str, ...] = ()  # nodes or tensors; none: in front of the classifier
    start: str | None = None  # node or tensor that is cut; None: the image
    merge: Merge = Merge.MEAN
    weights: Weights = Weights.SHARED


@dataclass(frozen=True, slots=True)
class Tunnelled:
    """What was made."""

    model: onnx.ModelProto
    cut: str
    until: tuple[str, ...]
    patches: tuple[Patch, ...]
    nodes: int  # of the path
    notes: tuple[str, ...]


def rewrite(
    source: FilePath | str | onnx.ModelProto,
    options: TunnelOptions,
    input_shapes: Shapes | None = None,
) -> Tunnelled:
    """Raises PatchcError where the model cannot be read, cut so or merged so."""
    loaded = load(source, input_shapes)
    model = loaded.model
    wiring = Wiring(loaded.name, model.graph)
    _refuse_integer_operators(wiring)
    tile = options.merge is Merge.TILE
    path = find_path(wiring, loaded.shapes, options.start, options.until, tile)
    cut = loaded.shapes[path.cut]
    patches = options.grid.patches(*cut[2:])
    editor = Editor(wiring)
    parts = _copies(editor, path, patches, options.weights)
    first = {name: made[0] for name, made in parts.items()}
    shapes = _infer(_assembled(model, editor, path, ()))
    notes = check_windows(wiring, path, loaded.shapes, shapes, first)
    copies, editor.nodes = editor.nodes, []
    for until in path.untils:
        tiles = None
        if tile:
            found = (loaded.shapes.get(until, ()), shapes.get(first[until], ()))
            tiles = Tiles(loaded.name, until, options.grid, patches, cut, *found)
        merge_parts(editor, until, parts[until], options.merge, tiles)
        if options.merge is Merge.CONCAT:
            widen_layers(editor, until, len(patches))
        if options.merge is Merge.SUM:
            rescale_behind(editor, Reals(editor, until), len(patches))
    editor.nodes[:0] = copies
    if options.merge is Merge.SUM and wiring.is_quantized:
        notes.append(
            f"--merge sum makes values up to {len(patches)} times as large as the ranges of this "
            "quantised file: what does not fit is clipped; rewrite the float model instead"
        )
    result = _assembled(model, editor, path, [value.name for value in model.graph.output])
    _finish(result, loaded.name)
    return Tunnelled(result, path.cut, path.untils, patches, len(path.nodes), tuple(notes))


def _refuse_integer_operators(wiring: Wiring) -> None:
    for node in wiring.graph.node:
        if node.op_type.startswith("QLinear") or node.op_type == "QGemm":
            raise PatchcError(
                f"{wiring.name}: node {node.name!r} ({node.op_type}): patchc tunnel takes float "
                "and QDQ files: rewrite the float model, then patchc quantize --format qoperator"
            )


def _copies(
    editor: Editor, path: Path, patches: tuple[Patch, ...], weights: Weights
) -> dict[str, list[str]]:
    """Add the path of each patch. Returns the tensors that stand for those of the path."""
    learnt = LEARNT if weights is Weights.SEPARATE else BIAS
    parts: dict[str, list[str]] = {}
    for index, patch in enumerate(patches):
        suffix = f"_patch{index}"
        renamed = {path.cut: cropped(editor, path.cut, patch, f"{path.cut}{suffix}")}
        for original in path.nodes:
            node = onnx.NodeProto()
            node.CopyFrom(original)
            node.name = editor.node_name(f"{original.name}{suffix}")
            for position in learnt.get(original.op_type, ()) if index else ():
                for name in original.input[position : position + 1]:
                    if name in editor.wiring.constants and name not in renamed:
                        renamed[name] = editor.copied(name, suffix)
            renamed |= {name: editor.name(f"{name}{suffix}") for name in original.output if name}
            node.input[:] = [renamed.get(name, name) for name in original.input]
            node.output[:] = [renamed.get(name, name) for name in original.output]
            editor.nodes.append(node)
        for name, made in renamed.items():
            parts.setdefault(name, []).append(made)
    return parts


def _assembled(
    model: onnx.ModelProto, editor: Editor, path: Path, outputs: list[str] | tuple[()]
) -> onnx.ModelProto:
    """The model with what the editor has added in place of the path, as far as `outputs` depend on
    it; without any, all that the editor has added."""
    copied = {node.name for node in path.nodes}
    others = [node for node in model.graph.node if node.name not in copied]
    if not outputs:
        others = [n for n in others if not _reads(n, path)]
    nodes = in_order([*editor.nodes, *others])
    if outputs:
        nodes = list(_needed(nodes, set(outputs)))
    used = {name for node in nodes for name in node.input}
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph = found.graph
    constants = [*model.graph.initializer, *editor.constants]
    for field in (graph.node, graph.initializer, graph.value_info):
        del field[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensor for tensor in constants if tensor.name in used)
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    if not outputs:
        del graph.output[:]
    return found


def _reads(node: onnx.NodeProto, path: Path) -> bool:
    """Whether a node depends on what is merged directly."""
    return bool(set(path.untils).intersection(node.input))


def _needed(nodes: list[onnx.NodeProto], wanted: set[str]) -> Iterator[onnx.NodeProto]:
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return reversed(kept)


def _infer(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shapes that onnx finds, as far as they are sizes."""
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*inferred.input, *inferred.value_info, *inferred.output)
        if value.type.tensor_type.HasField("shape")
    }


def _finish(model: onnx.ModelProto, name: str) -> None:
    """Give the outputs their shapes; see that onnxruntime runs it. Raises PatchcError."""
    try:
        shapes = {value.name: value for value in _inferred(model).graph.output}
        for value in model.graph.output:
            value.CopyFrom(shapes[value.name])
        onnx.checker.check_model(model)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        session.run(None, {value.name: _zeros(value) for value in model.graph.input})
    except Exception as error:  # onnx and onnxruntime raise a dozen types without a common base
        # onnx lists what follows from the first mismatch, too.
        reason = "(op_type:".join(" ".join(str(error).split()).split("(op_type:")[:2])
        raise PatchcError(
            f"{name}: the network cannot be merged there, as what follows does not take the "
            f"result (choose another --until or --merge): {reason}"
        ) from error


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    return shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def _zeros(value: onnx.ValueInfoProto) -> np.ndarray:
    tensor = value.type.tensor_type
    sizes = [dim.dim_value for dim in tensor.shape.dim]
    return np.zeros(sizes, helper.tensor_dtype_to_np_dtype(tensor.elem_type))
