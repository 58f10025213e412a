"""Equal branches of a float model: what each of them makes is quantised alike.

Branches are equal where the same operators with the same constants compute the same of rectangles
of one size that are cut from one tensor, as `patchc tunnel` makes them. Their ranges differ by what
the samples hold in each place; with one scale for all, branches stay equal when they are quantised,
and so do the biases, whose steps are the scale of what is read times that of the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from patchc.quantize.layers import LAYERS

RANGES = ("Clip", "Relu")
ROWS_AND_COLUMNS = {2, 3}  # of [1, channels, rows, columns]
BIAS = 2  # the place among the inputs of a layer

Range = tuple[float, float]


def own_biases(graph: onnx.GraphProto) -> None:
    """Give every layer a bias of its own: it is quantised by the scales of the layer that reads it,
    and onnxruntime would take those of the first for all."""
    biases = {tensor.name: tensor for tensor in graph.initializer}
    taken = {*biases, *(name for node in graph.node for name in (*node.input, *node.output))}
    seen: set[str] = set()
    for node in graph.node:
        if node.op_type not in LAYERS or len(node.input) <= BIAS or not node.input[BIAS]:
            continue
        name = node.input[BIAS]
        if name in seen and name in biases:
            copy = onnx.TensorProto()
            copy.CopyFrom(biases[name])
            copy.name = f"{name}_of_{node.name}"
            while copy.name in taken:
                copy.name += "_"
            taken.add(copy.name)
            graph.initializer.append(copy)
            node.input[BIAS] = copy.name
        seen.add(name)


def share_weights(graph: onnx.GraphProto) -> None:
    """Make one constant of the equal weights of layers: folding batch normalisation into shared
    convolutions leaves a copy for each."""
    known: dict[str, str] = {}  # digest -> name
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in LAYERS and len(node.input) > 1 and node.input[1] in arrays:
            name = known.setdefault(_of_constant(arrays[node.input[1]]), node.input[1])
            node.input[1] = name
    used = {name for node in graph.node for name in node.input}
    used.update(value.name for value in graph.output)
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def equal_tensors(graph: onnx.GraphProto) -> list[list[str]]:
    """The tensors that equal branches make, those of each place in the branches together."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    sizes = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    of = {name: _of_constant(tensor) for name, tensor in constants.items()}
    of |= {value.name: _digest("input", value.name) for value in graph.input}
    cut: set[str] = set()  # what comes from a rectangle
    together: dict[str, list[str]] = {}
    for node in graph.node:
        inputs = [of.get(name, name) for name in node.input]
        if _is_crop(node, constants):
            inputs = [inputs[0], str(sizes.get(node.output[0]))]
            cut.add(node.output[0])
        elif not cut.isdisjoint(node.input):
            cut.update(node.output)
        attributes = sorted((item.name, item.SerializeToString().hex()) for item in node.attribute)
        for index, name in enumerate(node.output):
            of[name] = _digest(node.op_type, inputs, attributes, index)
            if name in cut:
                together.setdefault(of[name], []).append(name)
    return [names for names in together.values() if len(names) > 1]


def tied_ranges(graph: onnx.GraphProto, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """For each tensor of `equal_tensors` the range of all that are equal to it. `ranges`: what the
    samples make of each tensor."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found: dict[str, Range] = {}
    groups = equal_tensors(graph)
    for names in groups:
        known = [ranges[name] for name in names if name in ranges]
        if known:
            union = min(low for low, _ in known), max(high for _, high in known)
            found |= dict.fromkeys(names, union)
    for names in groups:
        for name in names:
            reading = readers.get(name, [])
            if len(reading) == 1 and reading[0].op_type in RANGES and name in found:
                # The range belongs to the layer, whose result is quantised as what is left of it.
                found[name] = found.get(reading[0].output[0], found[name])
    return found


def quantize_before_crops(graph: onnx.GraphProto) -> None:
    """Slices of a float tensor that are quantised alike -> slices of that tensor, quantised: so it
    stays one input of the integer network."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {value.name for value in graph.output}
    made = {name: node for node in graph.node for name in node.output}
    crops: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        maker = made.get(node.input[0]) if node.input else None
        is_float = maker is None or maker.op_type != "DequantizeLinear"
        if node.op_type == "Slice" and is_float:
            crops.setdefault(node.input[0], []).append(node)
    before: dict[str, onnx.NodeProto] = {}  # a node's name -> what goes in front of it
    dropped: set[str] = set()  # tensors whose makers are left out
    for source, slices in crops.items():
        ends = [readers.get(node.output[0], []) for node in slices]
        quantizers = [end[0] for end in ends if len(end) == 1]
        if len(quantizers) < len(slices) or outputs.intersection(n.output[0] for n in slices):
            continue
        if len({_parameters(node, constants) for node in quantizers}) == 1:
            dropped.update(node.output[0] for node in quantizers)
            before[slices[0].name] = _swap(source, slices, quantizers)
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        kept += [before[node.name]] if node.name in before else []
        if node.op_type != "QuantizeLinear" or node.output[0] not in dropped:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _swap(
    source: str, slices: list[onnx.NodeProto], quantizers: list[onnx.NodeProto]
) -> onnx.NodeProto:
    """Let the slices make what the quantizers did; the one that goes in front of them."""
    first = onnx.NodeProto()
    first.CopyFrom(quantizers[0])
    first.name, first.input[0] = f"{source}_QuantizeLinear", source
    first.output[0] = f"{source}_QuantizeLinear_Output"
    for node, quantizer in zip(slices, quantizers, strict=True):
        node.input[0], node.output[0] = first.output[0], quantizer.output[0]
    return first


def _parameters(node: onnx.NodeProto, constants: Mapping[str, np.ndarray]) -> str | None:
    """What a QuantizeLinear of one scale does, to be compared."""
    given = [constants.get(name) for name in node.input[1:]]
    if node.op_type != "QuantizeLinear" or any(v is None or v.size != 1 for v in given):
        return _digest(node.name)
    return _digest([(str(v.dtype), v.tolist()) for v in given if v is not None])


def _is_crop(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    """Does it cut a rectangle of a map?"""
    if node.op_type != "Slice" or len(node.input) < 4 or node.input[3] not in constants:
        return False
    axes = numpy_helper.to_array(constants[node.input[3]]).reshape(-1)
    return {int(axis) % 4 for axis in axes} <= ROWS_AND_COLUMNS


def _of_constant(tensor: onnx.TensorProto) -> str:
    array = numpy_helper.to_array(tensor)
    return _digest(str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest())


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def all_ranges(found: Any) -> Iterator[tuple[str, Range]]:
    """What onnxruntime's calibration has found, as numbers."""
    for name, data in found.items():
        low, high = data.range_value
        yield name, (float(np.asarray(low).min()), float(np.asarray(high).max()))
