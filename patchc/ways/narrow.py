"""A Graph with fewer channels in one tensor, and in all that have to have as many.

Which channels go is of no account here: RAM depends on how many stay. So the first ones stay, and
what is taken away follows the operators to the convolutions that make these channels and those that
read them, as in the pruning of whole channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from patchc.ir import (
    RESIZES,
    AveragePool,
    Binary,
    Concat,
    Conv,
    ConvSums,
    GlobalAveragePool,
    Graph,
    GraphError,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    MaxPool,
    Node,
    Op,
    Rearrange,
    Upsample,
    verify,
)

Kept = dict[str, np.ndarray]  # tensor -> bool (channels,)

# Their output has the channels of their operands, each made of the same ones.
ALIKE = (
    *(Binary, MaxPool, AveragePool, GlobalAveragePool, Upsample, *RESIZES),
    *(Lut, LayerNormalization, LocalResponseNormalization),
)


class FixedError(Exception):
    """The channels cannot be taken away: somebody outside reads them, or an operator that is not
    known here."""


@dataclass(frozen=True)
class Narrowed:
    """What was made."""

    graph: Graph
    layers: tuple[str, ...]  # convolutions that make fewer channels, the tensor's own first


def narrowed(graph: Graph, tensor: str, channels: int) -> Narrowed | None:
    """`graph` with so many channels in `tensor`; None where that is no change of a layer."""
    kept = {name: np.ones(one.shape[2], bool) for name, one in graph.tensors.items()}
    kept[tensor][channels:] = False
    try:
        _spread(graph, kept)
        nodes = tuple(_sliced(node, kept) for node in graph.nodes)
    except FixedError:
        return None
    tensors = {
        name: replace(one, shape=(*one.shape[:2], int(kept[name].sum())))
        for name, one in graph.tensors.items()
    }
    layers = [
        node.name
        for node in graph.nodes
        if isinstance(node.op, Conv) and not node.op.is_depthwise and not kept[node.output].all()
    ]
    layers.sort(key=lambda name: graph.node(name).output != tensor)  # stable: the others in order
    try:
        made = verify(replace(graph, tensors=tensors, nodes=nodes))
    except GraphError:
        return None
    return Narrowed(made, tuple(layers)) if layers else None


def _spread(graph: Graph, kept: Kept) -> None:
    """Until no operator takes away more. Raises FixedError."""
    fixed = {*graph.inputs, *graph.outputs}
    total = -1
    while total != (total := sum(int(one.sum()) for one in kept.values())):
        for node in graph.nodes:
            _tie(node.op, node, kept)
    for name, one in kept.items():
        if not one.any() or (name in fixed and not one.all()):
            raise FixedError


@singledispatch
def _tie(op: Op, node: Node, kept: Kept) -> None:
    """Take away of a node's operands and output what the others have lost. Others than these
    operators have no less: Softmax, DepthToSpace."""
    if not isinstance(op, ALIKE):
        for name in (*node.inputs, node.output):
            if not kept[name].all():
                raise FixedError
        return
    whole = kept[node.output]
    # One channel that meets all others stays.
    same = [name for name in node.inputs if len(kept[name]) == len(whole)]
    for name in same:
        whole &= kept[name]
    for name in same:
        kept[name] &= whole


@_tie.register
def _(op: Conv, node: Node, kept: Kept) -> None:
    (source,) = node.inputs
    if op.groups == 1:
        return
    if not (op.is_depthwise and op.channels_out == op.channels_in):
        if not (kept[source].all() and kept[node.output].all()):
            raise FixedError
        return
    kept[node.output] &= kept[source]
    kept[source] &= kept[node.output]


@_tie.register
def _(op: ConvSums, node: Node, kept: Kept) -> None:
    if not kept[node.output].all() or (op.groups > 1 and not kept[node.inputs[0]].all()):
        raise FixedError


@_tie.register
def _(op: Concat, node: Node, kept: Kept) -> None:
    for name, start in zip(node.inputs, op.starts, strict=True):
        part = kept[node.output][start : start + len(kept[name])]  # a view
        part &= kept[name]
        kept[name] &= part


@_tie.register
def _(op: Rearrange, node: Node, kept: Kept) -> None:
    (source,) = node.inputs
    here, there = kept[source], kept[node.output]
    if here.all() and there.all():
        return
    if op.window.kernel != (1, 1):
        raise FixedError
    there &= here[op.source]
    here[op.source[~there]] = False


def _sliced(node: Node, kept: Mapping[str, np.ndarray]) -> Node:
    """The node with the constants that are left."""
    return replace(node, op=_slice(node.op, node, kept))


@singledispatch
def _slice(op: Op, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    """The operator for what is kept of its operands and output."""
    return op


@_slice.register
def _(op: Conv, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    out, source = kept[node.output], kept[node.inputs[0]]
    weights = op.weights[out]
    if op.groups == 1:
        return _cut(op, out, weights[..., source], op.groups)
    return _cut(op, out, weights, int(source.sum()) if op.is_depthwise else op.groups)


def _cut(op: Conv, out: np.ndarray, weights: np.ndarray, groups: int) -> Conv:
    scales, bias = op.weight_scales[out], op.bias[out]
    return replace(op, weights=weights, weight_scales=scales, bias=bias, groups=groups)


@_slice.register
def _(op: ConvSums, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    if op.groups > 1:
        return op
    return replace(op, weights=op.weights[..., kept[node.inputs[0]]])


@_slice.register
def _(op: Binary, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    constant = op.constant
    if constant is None or len(constant.values) == 1:
        return op
    return replace(op, constant=replace(constant, values=constant.values[kept[node.output]]))


@_slice.register
def _(op: Concat, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    out = kept[node.output]
    before = np.concatenate([[0], np.cumsum(out)])
    starts = tuple(int(before[start]) for start in op.starts)
    return replace(op, starts=starts, background=op.background[out])


@_slice.register
def _(op: Rearrange, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    here, there = kept[node.inputs[0]], kept[node.output]
    if here.all() and there.all():
        return op
    place = np.cumsum(here) - 1
    return replace(op, source=place[op.source[there]])


@_slice.register
def _(op: Lut, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    return replace(op, table=op.table[kept[node.output]]) if op.per_channel else op


@_slice.register
def _(op: LayerNormalization, node: Node, kept: Mapping[str, np.ndarray]) -> Op:
    out = kept[node.output]
    return replace(op, scale=op.scale[out], bias=op.bias[out])
