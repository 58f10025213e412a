"""BatchNormalization of a float model, wherever it stands: a factor and a summand per channel.

They go into the layer before it, else into the layer behind it, where that pads nothing (its zeros
would be shifted, too). What has no such neighbour becomes a depthwise convolution of 1 x 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.quantize.nodes import Wiring, attribute

EPSILON = 1e-5  # onnx's default

SIGNAL, MAP = 3, 4  # dimensions, batch and channels included


@dataclass(frozen=True, slots=True, eq=False)
class _Affine:
    """x * scale + shift."""

    scale: np.ndarray  # float64 (channels,)
    shift: np.ndarray


def place_batch_norms(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names; those in
    training mode, or whose parameters are not constant, stay as they are."""
    wiring = Wiring(graph)
    for node in list(wiring.nodes):
        affine = _affine(node, wiring)
        if affine is None:
            continue
        if not (_into_before(node, affine, wiring) or _into_behind(node, affine, wiring)):
            _as_depthwise(node, affine, wiring)
    wiring.write()


def _affine(node: onnx.NodeProto, wiring: Wiring) -> _Affine | None:
    if node.op_type != "BatchNormalization" or attribute(node, "training_mode", 0):
        return None
    if any(name not in wiring.constants for name in node.input[1:]):
        return None
    if any(node.output[1:]):
        return None
    gamma, beta, mean, variance = (
        wiring.constants[name].astype(np.float64) for name in node.input[1:]
    )
    scale = gamma / np.sqrt(variance + attribute(node, "epsilon", EPSILON))
    return _Affine(scale, beta - mean * scale)


def _into_before(node: onnx.NodeProto, affine: _Affine, wiring: Wiring) -> bool:
    """Where the layer before it has no other reader."""
    layer = wiring.producer(node.input[0])
    if layer is None or wiring.only_reader(node.input[0]) is not node:
        return False
    if not _has_constants(layer, wiring):
        return False
    weights = wiring.constants[layer.input[1]].astype(np.float64)
    axis = _outputs_at(layer)
    if weights.shape[axis] != len(affine.scale):  # a transposed convolution in groups
        return False
    along = [-1 if i == axis else 1 for i in range(weights.ndim)]
    bias = _bias(layer, len(affine.scale), wiring) * affine.scale + affine.shift
    _set_weights(layer, weights * affine.scale.reshape(along), bias, wiring)
    layer.output[0] = node.output[0]
    wiring.replace(node)
    return True


def _into_behind(node: onnx.NodeProto, affine: _Affine, wiring: Wiring) -> bool:
    """Where one layer alone reads it, and pads nothing."""
    layer = wiring.only_reader(node.output[0])
    if layer is None or layer.op_type == "ConvTranspose" or not _has_constants(layer, wiring):
        return False
    if layer.input[0] != node.output[0] or (_pads(layer) and affine.shift.any()):
        return False
    weights = wiring.constants[layer.input[1]].astype(np.float64)
    groups = attribute(layer, "group", 1)
    outputs = weights.shape[_outputs_at(layer)]
    if layer.op_type == "Conv":
        own = np.arange(outputs) // (outputs // groups)
        channels = own[:, None] * weights.shape[1] + np.arange(weights.shape[1])
        scale, shift = (
            values[channels].reshape(*channels.shape, *[1] * (weights.ndim - 2))
            for values in (affine.scale, affine.shift)
        )
        added = (weights * shift).reshape(outputs, -1).sum(axis=1)
    else:
        axis = 1 - _outputs_at(layer)
        along = [-1 if i == axis else 1 for i in range(2)]
        scale, shift = affine.scale.reshape(along), affine.shift.reshape(along)
        added = (weights * shift).sum(axis=axis)
    bias = _bias(layer, outputs, wiring) + added
    _set_weights(layer, weights * scale, bias, wiring)
    layer.input[0] = node.input[0]
    wiring.replace(node)
    return True


def _as_depthwise(node: onnx.NodeProto, affine: _Affine, wiring: Wiring) -> None:
    """A vector is a signal of one pixel. Of other dimensions than maps, signals and vectors it
    stays as it is."""
    rank = len(wiring.shapes.get(node.input[0], ()))
    if rank not in (2, SIGNAL, MAP):
        return
    channels = len(affine.scale)
    kernel = [1] * max(rank - 2, 1)
    weights = wiring.constant(affine.scale.reshape(channels, 1, *kernel), f"{node.name}_scale")
    bias = wiring.constant(affine.shift, f"{node.name}_shift")
    source, output = node.input[0], node.output[0]
    if rank > 2:
        made = [helper.make_node("Conv", [source, weights, bias], [output], node.name)]
    else:
        axes = f"{node.name}_axes"
        wiring.graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), axes))
        signal, scaled = f"{node.name}_signal", f"{node.name}_scaled"
        made = [
            helper.make_node("Unsqueeze", [source, axes], [signal], signal),
            helper.make_node("Conv", [signal, weights, bias], [scaled], node.name),
            helper.make_node("Squeeze", [scaled, axes], [output], f"{node.name}_vector"),
        ]
    for conv in made:
        if conv.op_type == "Conv":
            conv.attribute.append(helper.make_attribute("group", channels))
    wiring.replace(node, made)


def _has_constants(layer: onnx.NodeProto, wiring: Wiring) -> bool:
    """Whether it is a layer whose weights and bias can be changed."""
    if layer.op_type not in ("Conv", "ConvTranspose", "Gemm"):
        return False
    plain = layer.op_type != "Gemm" or not (
        attribute(layer, "transA", 0)
        or attribute(layer, "alpha", 1.0) != 1
        or attribute(layer, "beta", 1.0) != 1
    )
    known = all(name in wiring.constants for name in layer.input[1:] if name)
    if layer.op_type == "ConvTranspose" and attribute(layer, "group", 1) != 1:
        return False
    return plain and known


def _outputs_at(layer: onnx.NodeProto) -> int:
    """The dimension of its weights that its outputs lie along."""
    if layer.op_type == "Conv":
        return 0
    if layer.op_type == "ConvTranspose":
        return 1
    return 0 if attribute(layer, "transB", 0) else 1


def _bias(layer: onnx.NodeProto, outputs: int, wiring: Wiring) -> np.ndarray:
    if len(layer.input) < 3 or not layer.input[2]:
        return np.zeros(outputs)
    given = wiring.constants[layer.input[2]].astype(np.float64)
    return np.broadcast_to(given.reshape(-1), (outputs,))


def _set_weights(
    layer: onnx.NodeProto, weights: np.ndarray, bias: np.ndarray, wiring: Wiring
) -> None:
    """New constants: others may share the old ones."""
    layer.input[1] = wiring.constant(weights, f"{layer.name}_weights")
    name = wiring.constant(bias, f"{layer.name}_bias")
    del layer.input[2:]
    layer.input.append(name)


def _pads(layer: onnx.NodeProto) -> bool:
    if attribute(layer, "auto_pad", b"NOTSET") in (b"SAME_UPPER", b"SAME_LOWER"):
        return True
    return any(attribute(layer, "pads", [0]))
