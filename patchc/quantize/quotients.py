"""Quotients of two activations in a float model -> what has integers.

A value over the Euclidean norm of its neighbours (torch's `normalize`: ReduceL2, a Clip against
zeros, Expand, Div) is an LpNormalization. Any other quotient is a product with a reciprocal, which
is a table of its own.
"""

from __future__ import annotations

import onnx
from onnx import helper

from patchc.quantize.means import reduced_axes
from patchc.quantize.nodes import Wiring, attribute

# Norms below what a Clip against division by zero allows are no norms of a quantised tensor.
LARGEST_GUARD = 1e-6


def split_quotients(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names."""
    wiring = Wiring(graph)
    for node in list(wiring.nodes):
        varying = {name for name in node.input if name not in wiring.constants}
        if node.op_type == "Div" and len(varying) == 2:
            _replace(wiring, node)
    wiring.write()


def _replace(wiring: Wiring, node: onnx.NodeProto) -> None:
    over, under = node.input
    norm = _norm_of(wiring, under, over)
    if norm is not None:
        axis, unused = norm
        made = helper.make_node(
            "LpNormalization", [over], [node.output[0]], node.name, axis=axis, p=2
        )
        wiring.replace(node, [made])
        for name in unused:
            producer = wiring.producer(name)
            if producer is not None and not any(name in other.input for other in wiring.nodes):
                wiring.replace(producer)
        return
    inverse = f"{node.name}_inverse"
    wiring.replace(
        node,
        [
            helper.make_node("Reciprocal", [under], [inverse], inverse),
            helper.make_node("Mul", [over, inverse], [node.output[0]], node.name),
        ],
    )


def _norm_of(wiring: Wiring, name: str, source: str) -> tuple[int, list[str]] | None:
    """Along which dimension `name` is the Euclidean norm of `source`, kept or expanded; and the
    tensors on the way to it, the last one first."""
    passed: list[str] = []
    node = wiring.producer(name)
    while node is not None and node.op_type in ("Clip", "Expand", "Max"):
        passed.append(name)
        if node.op_type != "Expand" and not _is_guard(wiring, node):
            return None
        name = node.input[0]
        node = wiring.producer(name)
    rank = len(wiring.shapes.get(source, ()))
    if node is None or node.op_type != "ReduceL2" or node.input[0] != source or not rank:
        return None
    axes = reduced_axes(node, rank, wiring.constants)
    if len(axes) != 1 or not attribute(node, "keepdims", 1):
        return None
    (axis,) = axes
    return axis, [*passed, name]


def _is_guard(wiring: Wiring, node: onnx.NodeProto) -> bool:
    """Does it keep a norm from being zero, and no more?"""
    bound = wiring.constants.get(node.input[1]) if len(node.input) > 1 else None
    above = len(node.input) > 2 and node.input[2] != ""
    return bound is not None and bound.size == 1 and bound.item() <= LARGEST_GUARD and not above
