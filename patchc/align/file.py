"""Where the weight scales of layers lie in an ONNX file, and how they are written anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from patchc.frontend.constants import constant_tensors
from patchc.frontend.refusal import node_name

# Operators with integer weights: which of their inputs is the scale of these.
WEIGHT_SCALE = 4
INTEGER_LAYERS = ("QLinearConv", "QGemm", "QLinearMatMul")
INTEGER_BIAS = {"QLinearConv": 8, "QGemm": 6}
# Float ones, whose weights and bias come from DequantizeLinear; output channels of their weights.
FLOAT_LAYERS = ("Conv", "Gemm", "MatMul")
PER_CHANNEL_OPSET = 13  # the first in which DequantizeLinear has an axis

Read = tuple[int, int]  # a node, by its place in the file, and which of its inputs


@dataclass(frozen=True, slots=True)
class Place:
    """The weight scales and the bias of one layer. Names are of constants; empty: there is none."""

    node: str
    scale: str
    scale_read: Read
    axis: int  # of the output channels in the weights
    bias: str  # int32
    float_bias: str
    bias_scale: str
    bias_read: Read | None  # of `bias_scale`


class Scales:
    """The scales in a model, read and written by name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        graph = model.graph
        self._nodes = list(graph.node)
        self._made = {name: i for i, node in enumerate(self._nodes) for name in node.output}
        self._reads: dict[str, list[Read]] = {}
        for i, node in enumerate(self._nodes):
            for k, name in enumerate(node.input):
                self._reads.setdefault(name, []).append((i, k))
        self._constants = constant_tensors(graph)
        versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
        self.opset = max(versions, default=0)

    def places(self) -> dict[str, Place]:
        """Node -> where its weight scales are, for layers whose scales are constants."""
        found = (self._place(i) for i in range(len(self._nodes)))
        return {place.node: place for place in found if place is not None}

    def _place(self, index: int) -> Place | None:
        node = self._nodes[index]
        inputs = dict(enumerate(node.input))
        bias = float_bias = bias_scale = ""
        bias_read = None
        if node.op_type in INTEGER_LAYERS:
            read, bias = (index, WEIGHT_SCALE), inputs.get(INTEGER_BIAS.get(node.op_type, -1), "")
        elif node.op_type in FLOAT_LAYERS:
            made = self._dequantized(inputs.get(1, ""), 1)
            if made is None:
                return None
            read, third = (made, 1), inputs.get(2, "")
            if third in self._constants:
                float_bias = third
            elif third:
                made = self._dequantized(third, 2)
                if made is None:
                    return None
                bias_read, (bias, bias_scale) = (made, 1), self._nodes[made].input[:2]
        else:
            return None
        scale = self._nodes[read[0]].input[read[1]]
        if scale not in self._constants or (bias_scale and bias_scale not in self._constants):
            return None
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        first = node.op_type in ("Conv", "QLinearConv") or transposed
        bias = bias if bias in self._constants else ""
        axis = 0 if first else 1
        return Place(node_name(node), scale, read, axis, bias, float_bias, bias_scale, bias_read)

    def _dequantized(self, name: str, index: int) -> int | None:
        """The DequantizeLinear that makes a tensor which layers have as that input, and nobody
        else; None: there is no such node."""
        made = self._made.get(name)
        if made is None or self._nodes[made].op_type != "DequantizeLinear":
            return None
        for reader, k in self._reads[name]:
            if self._nodes[reader].op_type not in FLOAT_LAYERS or k != index:
                return None
        return made

    def values(self, name: str) -> NDArray[np.generic]:
        """As they are in the file."""
        found: NDArray[np.generic] = numpy_helper.to_array(self._constants[name])
        return found

    def is_shared(self, name: str) -> bool:
        """Does more than one node read the constant, or what one node makes of it?"""
        reads = self._reads.get(name, [])
        if len(reads) == 1 and self._nodes[reads[0][0]].op_type == "DequantizeLinear":
            reads = self._reads.get(self._nodes[reads[0][0]].output[0], [])
        return len(reads) != 1

    def set(self, name: str, values: NDArray[np.generic]) -> None:
        """New values of the same type, in the same shape or, of one element before, one per
        channel."""
        tensor, old = self._constants[name], self.values(name)
        shape = old.shape if values.size == old.size else (-1,)
        tensor.CopyFrom(numpy_helper.from_array(values.reshape(shape).astype(old.dtype), name))

    def set_scale(
        self, name: str, reads: Collection[Read], values: NDArray[np.float32], axis: int
    ) -> None:
        """New values for those who read the scale so; whoever else reads it keeps the old ones.
        `axis`: that the scales run along, where there was one scale before."""
        before = self.values(name).size
        self.set(self._own(name, reads), values)
        if values.size > before:
            for i in sorted({i for i, _ in reads}):
                self._give_axis(self._nodes[i], axis, values.size)

    def _own(self, name: str, reads: Collection[Read]) -> str:
        """The constant, or a copy for these reads where there are others."""
        if set(self._reads[name]) <= set(reads):
            return name
        copy = self._new(f"{name}_of_weights", self.values(name))
        for i, k in reads:
            self._nodes[i].input[k] = copy
            self._reads[name].remove((i, k))
            self._reads.setdefault(copy, []).append((i, k))
        return copy

    def _new(self, name: str, values: NDArray[np.generic]) -> str:
        """A constant of a name that nobody has."""
        taken = {*self._constants, *self._made, *self._reads}
        while name in taken:
            name += "_"
        initializers = self.model.graph.initializer
        initializers.append(numpy_helper.from_array(values, name))
        self._constants[name] = initializers[-1]
        return name

    def can_have_one_per_channel(self, reads: Iterable[Read]) -> bool:
        """Whether a scale that is read so could have several elements."""
        nodes = [self._nodes[i] for i, _ in reads]
        return all(n.op_type in INTEGER_LAYERS or self.opset >= PER_CHANNEL_OPSET for n in nodes)

    def _give_axis(self, node: onnx.NodeProto, axis: int, channels: int) -> None:
        """Tell the reader of a scale that it has one element per channel now; give it as many zero
        points."""
        at = WEIGHT_SCALE + 1
        if node.op_type == "DequantizeLinear":
            at = 2
            kept = [a for a in node.attribute if a.name != "axis"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("axis", axis)])
        if len(node.input) > at and node.input[at]:
            zero = self.values(node.input[at]).reshape(-1)
            zeros = np.broadcast_to(zero, (channels,)).copy()
            node.input[at] = self._new(f"{node.input[at]}_per_channel", zeros)


def shared(places: Mapping[str, Place]) -> dict[str, list[Place]]:
    """Scale -> the layers that have it."""
    found: dict[str, list[Place]] = {}
    for place in places.values():
        found.setdefault(place.scale, []).append(place)
    return found
