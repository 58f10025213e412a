"""How far layers that CMSIS-NN rounds are from onnxruntime: `--numerics cmsis`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from patchc.ir import Graph
from patchc.reference import run_graph, run_node
from patchc.verify.difference import Difference, compare


@dataclass(frozen=True, slots=True)
class RoundedLayer:
    """One layer against onnxruntime's formula, from the operands that the network gives it."""

    node: str
    difference: Difference


def rounded_layers(
    graph: Graph, cases: Sequence[Mapping[str, np.ndarray]]
) -> tuple[RoundedLayer, ...]:
    """Of a Graph whose layers mean what computes them, in its order; none where all are exact."""
    nodes = [node for node in graph.nodes if getattr(node.op, "library", None) is not None]
    found: dict[str, list[np.ndarray]] = {node.name: [] for node in nodes}
    expected: dict[str, list[np.ndarray]] = {node.name: [] for node in nodes}
    for maps in cases if nodes else ():
        values = run_graph(graph, maps)
        for node in nodes:
            plain = replace(node, op=replace(cast(Any, node.op), library=None))
            found[node.name].append(values[node.output])
            operands = [values[name] for name in node.inputs]
            expected[node.name].append(run_node(graph, plain, operands))
    return tuple(
        RoundedLayer(
            node.name,
            compare(
                node.output,
                found[node.name],
                expected[node.name],
                graph.tensors[node.output].quant,
            ),
        )
        for node in nodes
    )
