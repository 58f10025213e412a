"""Normalisations over the channels of a map that a float model has written out in operators ->
LayerNormalization between two Transposes.

Over the last dimension onnxruntime's optimiser does it; ConvNeXt's authors, and those who copied
them, have the channels first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from patchc.quantize.means import reduced_axes
from patchc.quantize.nodes import Wiring, attribute

CHANNELS = 1
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)  # channels last, and first again


@dataclass(slots=True, eq=False)
class _Found:
    """The nodes of one, from the Sub on, and what they hold."""

    source: str
    nodes: list[onnx.NodeProto]
    epsilon: float
    scale: np.ndarray
    bias: np.ndarray


def gather_normalisations(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names."""
    wiring = Wiring(graph)
    for node in list(wiring.nodes):
        found = _match(wiring, node) if node.op_type == "Sub" else None
        if found is not None:
            _write(wiring, found)
    wiring.write()


def _match(wiring: Wiring, sub: onnx.NodeProto) -> _Found | None:
    source, mean = sub.input
    shape = wiring.shapes.get(source, ())
    if len(shape) != 4 or not _is_mean_of(wiring, wiring.producer(mean), source):
        return None
    centred = sub.output[0]
    readers = [node for node in wiring.nodes if centred in node.input]
    div = next((node for node in readers if node.op_type == "Div"), None)
    square = next((node for node in readers if _is_square(wiring, node, centred)), None)
    if div is None or square is None or len(readers) != 2 or centred in wiring.outputs:
        return None
    variance = wiring.only_reader(square.output[0])
    add = wiring.only_reader(variance.output[0]) if variance is not None else None
    root = wiring.only_reader(add.output[0]) if add is not None else None
    if variance is None or add is None or root is None or root.op_type != "Sqrt":
        return None
    epsilon = _number(wiring, add)
    if not _is_mean_of(wiring, variance, square.output[0]) or epsilon is None:
        return None
    if list(div.input) != [centred, root.output[0]]:
        return None
    nodes, channels = [sub, square, variance, add, root, div], shape[CHANNELS]
    factors, offsets = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    mul = wiring.only_reader(div.output[0])
    scale = _per_channel(wiring, mul, "Mul", channels)
    if mul is not None and scale is not None:
        factors = scale
        nodes.append(mul)
    last = wiring.only_reader(nodes[-1].output[0])
    bias = _per_channel(wiring, last, "Add", channels)
    if last is not None and bias is not None:
        offsets = bias
        nodes.append(last)
    return _Found(source, nodes, epsilon, factors, offsets)


def _is_mean_of(wiring: Wiring, node: onnx.NodeProto | None, name: str) -> bool:
    """Over the channels."""
    return (
        node is not None
        and node.op_type == "ReduceMean"
        and node.input[0] == name
        and bool(attribute(node, "keepdims", 1))
        and reduced_axes(node, 4, wiring.constants) == {CHANNELS}
    )


def _is_square(wiring: Wiring, node: onnx.NodeProto, name: str) -> bool:
    if node.op_type == "Mul":
        return list(node.input) == [name, name]
    exponent = wiring.constants.get(node.input[1]) if node.op_type == "Pow" else None
    return exponent is not None and exponent.size == 1 and exponent.item() == 2


def _number(wiring: Wiring, add: onnx.NodeProto) -> float | None:
    """The one that is added."""
    arrays = [wiring.constants[name] for name in add.input if name in wiring.constants]
    known = add.op_type == "Add" and len(arrays) == 1 and arrays[0].size == 1
    return float(arrays[0].item()) if known else None


def _per_channel(
    wiring: Wiring, node: onnx.NodeProto | None, kind: str, channels: int
) -> np.ndarray | None:
    """The constant of an operator, if it holds one number per channel, or one."""
    if node is None or node.op_type != kind:
        return None
    arrays = [wiring.constants[name] for name in node.input if name in wiring.constants]
    if len(arrays) != 1 or not _fits(arrays[0].shape, channels):
        return None
    return np.broadcast_to(arrays[0].reshape(-1), (channels,)).astype(np.float32)


def _fits(shape: Sequence[int], channels: int) -> bool:
    aligned = (*(1,) * (4 - len(shape)), *shape)
    return len(aligned) == 4 and aligned in ((1, channels, 1, 1), (1, 1, 1, 1))


def _write(wiring: Wiring, found: _Found) -> None:
    """In the place of the last of its nodes."""
    last, name = found.nodes[-1], found.nodes[0].name
    before, after = f"{name}_last", f"{name}_normalised"
    made = [
        helper.make_node("Transpose", [found.source], [before], before, perm=LAST),
        helper.make_node(
            "LayerNormalization",
            [
                before,
                wiring.constant(found.scale, f"{name}_scale"),
                wiring.constant(found.bias, f"{name}_bias"),
            ],
            [after],
            after,
            axis=-1,
            epsilon=found.epsilon,
        ),
        helper.make_node("Transpose", [after], [last.output[0]], f"{name}_first", perm=FIRST),
    ]
    wiring.replace(last, made)
    mean = wiring.producer(found.nodes[0].input[1])
    for node in found.nodes[:-1]:
        wiring.replace(node)
    if mean is not None and not any(mean.output[0] in node.input for node in wiring.nodes):
        wiring.replace(mean)
