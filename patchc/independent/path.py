"""The part of a network that each patch runs on its own: from the tensor that is cut to the tensors
that are merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

from patchc.errors import PatchcError
from patchc.independent.wiring import (
    DEQUANTIZE,
    LAYERS,
    QUANTIZE,
    RANGES,
    Wiring,
    tensors_behind,
)

Shapes = Mapping[str, tuple[int, ...]]

# In front of the network they see one value after the other: the cut comes behind them, so that a
# normalisation is done once, and stays with the one input of the model.
PREPARING = ("Add", "Cast", "Div", "Identity", "Mul", "Sub", "Transpose", QUANTIZE)

# Behind the last maps: detectors make lists of them, classifiers vectors.
GATHERING = frozenset(
    (
        *("Cast", "Concat", "Dropout", "Flatten", "Gemm", "GlobalAveragePool", "GlobalMaxPool"),
        *("Identity", "MatMul", "ReduceMax", "ReduceMean", "Reshape", "Sigmoid", "Softmax"),
        *("Squeeze", "Transpose", "Unsqueeze", DEQUANTIZE, QUANTIZE),
    )
)


@dataclass(frozen=True)
class Path:
    """What is copied for each patch."""

    cut: str
    untils: tuple[str, ...]  # what is merged
    nodes: tuple[onnx.NodeProto, ...]


def find_path(
    wiring: Wiring, shapes: Shapes, start: str | None, untils: Sequence[str], tile: bool
) -> Path:
    """`start`, `untils`: nodes or tensors; by default the image, and what the classifier reads, or
    where maps are put together again (`tile`) the last of them. Raises PatchcError."""
    cut = find_cut(wiring, shapes, start)
    if untils:
        ends = [_quantized(wiring, wiring.find(name, "--until")) for name in untils]
    else:
        ends = _last_maps(wiring, shapes) if tile else [_before_classifier(wiring)]
    return _path(wiring, cut, tuple(dict.fromkeys(ends)))


def find_cut(wiring: Wiring, shapes: Shapes, start: str | None) -> str:
    """The tensor that is cut. Raises PatchcError unless it is a map."""
    if start is None:
        inputs = [value.name for value in wiring.graph.input]
        if len(inputs) != 1:
            raise PatchcError(
                f"{wiring.name}: inputs {', '.join(inputs)}: --from says which one is cut"
            )
        (cut,) = inputs
        while (node := wiring.reader(cut)) is not None:
            if node.op_type not in PREPARING or wiring.varying(node) != [cut]:
                break
            cut = node.output[0]
    else:
        cut = wiring.find(start, "--from")
        maker, reader = wiring.makers.get(cut), wiring.reader(cut)
        if maker is not None and maker.op_type == DEQUANTIZE:
            cut = maker.input[0]
        elif reader is not None and wiring.is_quantized:
            cut = _quantized(wiring, cut)
    shape = shapes.get(cut)
    if shape is None or len(shape) != 4 or shape[0] != 1 or min(shape[2:]) < 2:
        size = f"of shape {list(shape)}" if shape else "of unknown shape"
        raise PatchcError(
            f"{wiring.name}: {cut!r}, {size}, cannot be cut: an image [1, channels, rows, columns] "
            "expected; --from NODE names another tensor"
        )
    return cut


def _quantized(wiring: Wiring, tensor: str) -> str:
    """In a QDQ file the quantised form of a tensor, behind its range."""
    maker = wiring.makers.get(tensor)
    if maker is not None and maker.op_type == DEQUANTIZE:
        return maker.input[0]
    while wiring.is_quantized and (node := wiring.reader(tensor)) is not None:
        if node.op_type not in (*RANGES, QUANTIZE):
            break
        tensor = node.output[0]
        if node.op_type == QUANTIZE:
            break
    return tensor


def _before_classifier(wiring: Wiring) -> str:
    """What the last layer reads."""
    layers = [n for n in wiring.graph.node if n.op_type in LAYERS and wiring.varying(n)]
    if not layers:
        raise PatchcError(f"{wiring.name}: no layer with weights: --until says where to merge")
    tensor = wiring.varying(layers[-1])[0]
    behind = tensors_behind(wiring.graph.node, tensor)
    if not wiring.outputs <= behind:
        missing = ", ".join(sorted(wiring.outputs - behind))
        raise PatchcError(
            f"{wiring.name}: output {missing} does not come from the last layer "
            f"{layers[-1].name!r}: --until says where to merge, --merge tile puts maps together"
        )
    return _quantized(wiring, tensor)


def _last_maps(wiring: Wiring, shapes: Shapes) -> list[str]:
    """The maps that the outputs are made of."""
    found: list[str] = []
    pending, seen = wiring.outputs_in_order[::-1], set[str]()
    while pending:
        tensor = pending.pop()
        node = wiring.makers.get(tensor)
        if tensor in seen or tensor in wiring.constants or node is None:
            continue
        seen.add(tensor)
        if node.op_type in GATHERING or len(shapes.get(tensor, ())) != 4:
            pending.extend(reversed(wiring.varying(node)))
        else:
            found.append(_quantized(wiring, tensor))
    return found


def _path(wiring: Wiring, cut: str, untils: tuple[str, ...]) -> Path:
    graph = wiring.graph
    behind = tensors_behind(graph.node, cut)
    for until in untils:
        if until == cut or until not in behind:
            raise PatchcError(
                f"{wiring.name}: --until {until!r} does not depend on {cut!r}, which is cut"
            )
    needed, nodes = set(untils), []
    for node in reversed(graph.node):
        if needed.intersection(node.output) and behind.intersection(node.input):
            nodes.append(node)
            needed.update(name for name in node.input if name != cut)
    nodes.reverse()
    _check_closed(wiring, cut, untils, nodes, behind)
    return Path(cut, untils, tuple(nodes))


def _check_closed(
    wiring: Wiring,
    cut: str,
    untils: tuple[str, ...],
    nodes: Sequence[onnx.NodeProto],
    behind: set[str],
) -> None:
    """Raises PatchcError where the path reads what is not made from the patch, or others read what
    exists patch by patch only."""
    inside = {node.name for node in nodes}
    for node in nodes:
        for tensor in wiring.varying(node):
            if tensor not in behind:
                raise PatchcError(
                    f"{wiring.name}: node {node.name!r} ({node.op_type}) reads {tensor!r}, which "
                    f"is not made from {cut!r} alone: --from has to stand before both"
                )
        for tensor in node.output:
            if not tensor or tensor in untils:
                continue
            others = [n.name for n in wiring.readers.get(tensor, ()) if n.name not in inside]
            if tensor in wiring.outputs:
                others.append("the model's output")
            if others:
                raise PatchcError(
                    f"{wiring.name}: node {node.name!r} ({node.op_type}) is read by "
                    f"{', '.join(map(repr, others))} outside of the patches' path, which ends at "
                    f"{', '.join(map(repr, untils))}: choose --until where nothing else is read, "
                    "or name this node with --until, too"
                )
