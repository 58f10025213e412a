"""Where the weight scales of layers lie in an ONNX file, and how they are written anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from patchc.frontend.refusal import node_name

# Operators with integer weights: which of their inputs is the scale of these.
WEIGHT_SCALE = 4
INTEGER_LAYERS = ("QLinearConv", "QGemm", "QLinearMatMul")
INTEGER_BIAS = {"QLinearConv": 8, "QGemm": 6}
# Float ones, whose weights and bias come from DequantizeLinear; output channels of their weights.
FLOAT_LAYERS = ("Conv", "Gemm", "MatMul")
PER_CHANNEL_OPSET = 13  # the first in which DequantizeLinear has an axis


@dataclass(frozen=True, slots=True)
class Place:
    """The weight scales and the bias of one layer. Names of initializers."""

    node: str
    scale: str
    bias: str  # int32; empty: there is none
    bias_scale: str  # empty: the bias has none of its own
    axis: int  # of the output channels in the weights


class Scales:
    """The scales in a model, read and written by name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        graph = model.graph
        self._made = {name: node for node in graph.node for name in node.output}
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self._constants[node.output[0]] = node.attribute[0].t
        versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
        self.opset = max(versions, default=0)

    def places(self) -> dict[str, Place]:
        """Node -> where its weight scales are, for layers whose scales are constants."""
        found = (self._place(node) for node in self.model.graph.node)
        return {place.node: place for place in found if place is not None}

    def _place(self, node: onnx.NodeProto) -> Place | None:
        inputs = dict(enumerate(node.input))
        if node.op_type in INTEGER_LAYERS:
            scale, bias_scale = inputs[WEIGHT_SCALE], ""
            bias = inputs.get(INTEGER_BIAS.get(node.op_type, -1), "")
        elif node.op_type in FLOAT_LAYERS:
            _, scale = self._dequantized(inputs.get(1, ""))
            bias, bias_scale = self._dequantized(inputs.get(2, ""))
        else:
            return None
        if not {scale, *filter(None, (bias, bias_scale))} <= self._constants.keys():
            return None
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        first = node.op_type in ("Conv", "QLinearConv") or transposed
        return Place(node_name(node), scale, bias, bias_scale, 0 if first else 1)

    def _dequantized(self, name: str) -> tuple[str, str]:
        """Integers and scale of the DequantizeLinear that makes a tensor; empty where none does."""
        node = self._made.get(name)
        if node is None or node.op_type != "DequantizeLinear":
            return "", ""
        return node.input[0], node.input[1]

    def values(self, name: str) -> NDArray[np.generic]:
        """As they are in the file."""
        found: NDArray[np.generic] = numpy_helper.to_array(self._constants[name])
        return found

    def set(self, name: str, values: NDArray[np.generic]) -> None:
        """New values of the same type, in the same shape or, of one element before, one per
        channel."""
        tensor, old = self._constants[name], self.values(name)
        shape = old.shape if values.size == old.size else (-1,)
        tensor.CopyFrom(numpy_helper.from_array(values.reshape(shape).astype(old.dtype), name))

    def can_have_one_per_channel(self, name: str) -> bool:
        """Whether every reader of a scale with one element could have several."""
        return all(
            node.op_type in INTEGER_LAYERS
            or (node.op_type == "DequantizeLinear" and self.opset >= PER_CHANNEL_OPSET)
            for node in self._readers(name)
        )

    def give_axis(self, name: str, axis: int, channels: int) -> None:
        """Tell the readers of a scale that it has one element per channel now; give them as many
        zero points."""
        for node in self._readers(name):
            at = 2
            if node.op_type == "DequantizeLinear":
                kept = [a for a in node.attribute if a.name != "axis"]
                del node.attribute[:]
                node.attribute.extend([*kept, helper.make_attribute("axis", axis)])
            else:
                at = WEIGHT_SCALE + 1
            if len(node.input) > at and node.input[at]:
                self._repeat(node, at, channels)

    def _repeat(self, node: onnx.NodeProto, at: int, channels: int) -> None:
        """A zero point of the node's own, as often as there are channels."""
        zero = numpy_helper.to_array(self._constants[node.input[at]]).reshape(-1)
        name = f"{node.input[at]}_per_channel_{channels}"
        if name not in self._constants:
            tensor = numpy_helper.from_array(np.broadcast_to(zero, (channels,)).copy(), name)
            self.model.graph.initializer.append(tensor)
            self._constants[name] = self.model.graph.initializer[-1]
        node.input[at] = name

    def _readers(self, name: str) -> list[onnx.NodeProto]:
        return [node for node in self.model.graph.node if name in node.input]


def shared(places: Mapping[str, Place]) -> dict[str, list[Place]]:
    """Scale -> the layers that have it."""
    found: dict[str, list[Place]] = {}
    for place in places.values():
        found.setdefault(place.scale, []).append(place)
    return found
