"""Parallel branches of a float model that are one convolution: what RepVGG and MobileOne are
trained with, and are made to lose before they run.

A sum of convolutions of one tensor, with one stride, is a convolution whose weights are the sum of
theirs: a smaller kernel lies within the larger one where its pads say so, and the tensor itself is
a convolution of 1 x 1 with ones. The numbers are the same but for the rounding of float32.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper

from patchc.quantize.nodes import Wiring, attribute

MAP = 4  # dimensions, batch and channels included


@dataclass(frozen=True, slots=True, eq=False)
class _Branch:
    """A convolution of `source`."""

    node: onnx.NodeProto | None  # None: the tensor itself
    source: str
    weights: np.ndarray  # float64 (c_out, c_in / groups, rows, columns)
    bias: np.ndarray
    groups: int
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]  # top, left, bottom, right


def merge_branches(graph: onnx.GraphProto) -> None:
    """Put them together in `graph`, whose shapes are inferred and whose nodes have names."""
    wiring = Wiring(graph)
    for node in list(wiring.nodes):
        if node.op_type != "Add":
            continue
        convs = [_convolution(name, wiring) for name in node.input]
        known = [conv for conv in convs if conv is not None]
        if not known:
            continue
        if len(known) == 1:  # perhaps a convolution and the tensor that it reads
            name = node.input[1 - convs.index(known[0])]
            if name != known[0].source:
                continue
            known.append(_itself(known[0]))
        merged = _sum(known[0], known[1])
        if merged is None or wiring.shapes.get(node.output[0]) is None:
            continue
        for branch in known:
            if branch.node is not None:
                wiring.replace(branch.node)
        wiring.replace(node, [_written(merged, node, wiring)])
    wiring.write()


def _convolution(name: str, wiring: Wiring) -> _Branch | None:
    """What writes `name`, where that is a convolution that only the sum reads."""
    node = wiring.producer(name)
    if node is None or node.op_type != "Conv" or wiring.only_reader(name) is None:
        return None
    if any(item not in wiring.constants for item in node.input[1:] if item):
        return None
    weights = wiring.constants[node.input[1]].astype(np.float64)
    if weights.ndim != MAP or attribute(node, "auto_pad", b"NOTSET") != b"NOTSET":
        return None
    bias = np.zeros(len(weights))
    if len(node.input) > 2 and node.input[2]:
        bias = wiring.constants[node.input[2]].astype(np.float64)
    return _Branch(
        node,
        node.input[0],
        weights,
        bias,
        attribute(node, "group", 1),
        tuple(attribute(node, "strides", [1, 1])),
        tuple(attribute(node, "dilations", [1, 1])),
        tuple(attribute(node, "pads", [0, 0, 0, 0])),
    )


def _itself(other: _Branch) -> _Branch:
    """The tensor that `other` reads."""
    channels = other.weights.shape[1] * other.groups
    ones = np.ones((channels, 1, 1, 1))
    return _Branch(
        None, other.source, ones, np.zeros(channels), channels, (1, 1), (1, 1), (0, 0, 0, 0)
    )


def _sum(first: _Branch, second: _Branch) -> _Branch | None:
    """None where the two are no one convolution, or one that has more weights than the larger."""
    large, small = sorted((first, second), key=lambda branch: -branch.weights[0].size)
    if large.source != small.source or large.strides != small.strides:
        return None
    if len(large.weights) != len(small.weights) or small.groups % large.groups:
        return None
    if large.dilations != small.dilations and small.weights.shape[2:] != (1, 1):
        return None
    offsets = []
    for axis in range(2):
        step = large.dilations[axis]
        offset, rest = divmod(large.pads[axis] - small.pads[axis], step)
        room = large.weights.shape[2 + axis] - small.weights.shape[2 + axis] - offset
        if rest or offset < 0 or room < 0:
            return None
        if large.pads[2 + axis] - small.pads[2 + axis] != room * step:
            return None
        offsets.append(offset)
    weights = large.weights.copy()
    outputs, depth, rows, cols = small.weights.shape
    top, left = offsets
    for output in range(outputs):
        read = output // (outputs // small.groups) * depth
        start = read - output // (outputs // large.groups) * large.weights.shape[1]
        weights[output, start : start + depth, top : top + rows, left : left + cols] += (
            small.weights[output]
        )
    return replace(large, weights=weights, bias=large.bias + small.bias)


def _written(merged: _Branch, node: onnx.NodeProto, wiring: Wiring) -> onnx.NodeProto:
    """In the place of the sum `node`."""
    inputs = [
        merged.source,
        wiring.constant(merged.weights, f"{node.name}_weights"),
        wiring.constant(merged.bias, f"{node.name}_bias"),
    ]
    return helper.make_node(
        "Conv",
        inputs,
        [node.output[0]],
        node.name,
        group=merged.groups,
        strides=merged.strides,
        dilations=merged.dilations,
        pads=merged.pads,
    )
