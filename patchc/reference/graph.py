"""A Graph run layer by layer in numpy: what a network means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import Graph, Node
from patchc.reference.geometry import padding, reach
from patchc.reference.operators import Patch, kernel, reading_axes


def run_graph(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor of the graph, by name, as int8 (h, w, c).

    `inputs` gives each graph input as int8 (h, w, c). Raises PatchcError for an input that is
    missing, unknown or of another shape or type.
    """
    values = checked_inputs(graph, inputs)
    for node in graph.nodes:
        values[node.output] = run_node(graph, node, [values[name] for name in node.inputs])
    return values


def run_node(graph: Graph, node: Node, operands: Sequence[np.ndarray]) -> np.ndarray:
    """The node's output, int8 (h, w, c), from its operands, int8 (h, w, c) in operand order."""
    inputs = [graph.tensors[name] for name in node.inputs]
    output = graph.tensors[node.output]
    patches = []
    for index, (tensor, values) in enumerate(zip(inputs, operands, strict=True)):
        row_axis, col_axis = reading_axes(node.op, tensor, output, index)
        rows = reach(row_axis, 0, output.shape[0])
        cols = reach(col_axis, 0, output.shape[1])
        inside = values[rows.start : rows.stop, cols.start : cols.stop]
        patches.append(Patch(inside, padding(rows, cols)))
    return kernel(node.op, inputs, output)(*patches)


def checked_inputs(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`inputs`, known to be what the graph takes. Raises PatchcError as `run_graph` does."""
    unknown = sorted(set(inputs) - set(graph.inputs))
    if unknown:
        raise PatchcError(
            f"{graph.name} has no input {unknown[0]!r}; its inputs are {', '.join(graph.inputs)}"
        )
    for name in graph.inputs:
        if name not in inputs:
            raise PatchcError(f"{graph.name}: no value for input {name!r}")
        values, shape = inputs[name], graph.tensors[name].shape
        if values.dtype != np.int8 or values.shape != shape:
            raise PatchcError(
                f"{graph.name}: input {name!r} takes int8 of shape {shape}, "
                f"not {values.dtype} of shape {values.shape}"
            )
    return {name: inputs[name] for name in graph.inputs}
