"""Fold a table that is a pure clip into the clamp of the node before it.

y = Lut[clip to lo..hi](x), x = op(...) with a clamp, read by nobody else and no graph output, same
quantisation: y = op(...) with the clamp narrowed to lo..hi. A Relu between its own
QuantizeLinear and DequantizeLinear is the usual case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from patchc.ir import Clamp, Graph, Lut, Node
from patchc.ir.graph import INT8_MAX, INT8_MIN


def fold_clips(graph: Graph) -> Graph:
    """The graph with such pairs made one node, which keeps the name of the first."""
    nodes: dict[str, Node] = {}  # by output
    for node in graph.nodes:
        before = nodes.get(node.inputs[0])
        clamp = _clip(graph, node)
        if before is None or clamp is None or not _may_absorb(graph, before):
            nodes[node.output] = node
            continue
        own: Clamp = getattr(before.op, "clamp")  # noqa: B009  (only some operators have one)
        lo, hi = (min(max(value, clamp.lo), clamp.hi) for value in (own.lo, own.hi))
        changes: dict[str, Any] = {"clamp": Clamp(lo, hi)}
        del nodes[before.output]
        nodes[node.output] = replace(before, op=replace(before.op, **changes), output=node.output)
    return graph.with_nodes(tuple(nodes.values()))


def _clip(graph: Graph, node: Node) -> Clamp | None:
    """The range of the clip that a node computes, if that is all it does."""
    if not isinstance(node.op, Lut) or node.op.per_channel:
        return None
    if graph.tensors[node.inputs[0]].quant != graph.tensors[node.output].quant:
        return None
    table = node.op.table.astype(int)
    lo, hi = int(table[0]), int(table[-1])
    values = np.arange(INT8_MIN, INT8_MAX + 1)
    is_clip = lo <= hi and np.array_equal(table, np.clip(values, lo, hi))
    return Clamp(lo, hi) if is_clip else None


def _may_absorb(graph: Graph, node: Node) -> bool:
    """Whether the node has a clamp, and one reader that is not outside the graph."""
    readers = graph.consumers.get(node.output, ())
    return hasattr(node.op, "clamp") and len(readers) == 1 and node.output not in graph.outputs
