"""What onnxruntime's optimiser leaves in float, node by node, and the rest compared to the byte.

The file runs optimised, int8 in integers as well as uint8, with every tensor that the Graph has
exposed. A tensor that an integer operator makes there has to be, byte for byte, what the node of
the Graph makes of the same operands. One that a QuantizeLinear makes was computed in float.

An exposed tensor has one more reader, which may keep onnxruntime from fusing what it fuses else:
golden.py compares the outputs of the whole file without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from patchc.frontend.model import ImportedModel
from patchc.reference import run_node
from patchc.verify.sessions import Optimized, optimized

# What the optimiser may put behind an operator without changing a value.
_MOVING = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


@dataclass(frozen=True, slots=True)
class OptimisedNodes:
    """Names of nodes of the Graph, in its order."""

    by_default: tuple[str, ...]  # onnxruntime's defaults compute them in float and quantise that
    floats: tuple[str, ...]  # likewise where it may compute int8 in integers
    integers: tuple[str, ...]  # compared, each of them
    values: int  # bytes compared
    differing: tuple[tuple[str, int], ...]  # node and bytes that differ, of those in integers

    @property
    def bytes_different(self) -> int:
        """Of all that are compared."""
        return sum(count for _, count in self.differing)


def compare_optimised(
    imported: ImportedModel, cases: Sequence[Mapping[str, np.ndarray]]
) -> OptimisedNodes:
    """Every node of the Graph whose output and operands the file has tensors for."""
    graph = imported.graph
    all_borders = (*imported.inputs, *imported.borders, *imported.outputs)
    borders = {border.tensor: border for border in all_borders if border.tensor in graph.tensors}
    given = {value.name for value in imported.onnx_model.graph.input}
    names = dict.fromkeys(border.onnx_name for border in borders.values())
    asked = [name for name in names if name not in given]
    found = optimized(imported.onnx_model, exposed=asked, signed_integers=True)
    default = optimized(imported.onnx_model, exposed=asked)
    nodes = [node for node in graph.nodes if {node.output, *node.inputs} <= borders.keys()]
    made = {node.name: borders[node.output].onnx_name for node in nodes}
    floats = _quantised(found, made)
    integers = [node for node in nodes if node.name not in floats]
    different = dict.fromkeys((node.name for node in integers), 0)
    values, running = 0, found.exact()
    for case in cases:
        known = dict(case) | dict(zip(asked, running.run(asked, dict(case)), strict=True))
        maps = {
            tensor: border.to_map(known[border.onnx_name]) for tensor, border in borders.items()
        }
        for node in integers:
            ours = run_node(graph, node, [maps[name] for name in node.inputs])
            different[node.name] += int(np.count_nonzero(ours != maps[node.output]))
            values += ours.size
    return OptimisedNodes(
        _quantised(default, made),
        floats,
        tuple(different),
        values,
        tuple((name, count) for name, count in different.items() if count),
    )


def _quantised(found: Optimized, made: Mapping[str, str]) -> tuple[str, ...]:
    """The nodes, of those given with the names of their tensors, whose tensor is quantised."""
    producers = {name: node for node in found.model.graph.node for name in node.output}
    return tuple(node for node, name in made.items() if _is_quantised(producers, name))


def _is_quantised(producers: Mapping[str, onnx.NodeProto], name: str) -> bool:
    """Does a QuantizeLinear make the tensor?"""
    node = producers.get(name)
    while node is not None and node.op_type in _MOVING:
        node = producers.get(node.input[0])
    return node is not None and node.op_type == "QuantizeLinear"
