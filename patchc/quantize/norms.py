"""Norms of a float model, over any dimensions -> sums of squares or of absolute values, which have
integers.

ReduceL2 is the root of a sum of squares (the GRN of ConvNeXt V2 has it over rows and columns),
ReduceSumSquare the sum itself, ReduceL1 a sum of absolute values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.quantize.means import reduced_axes
from patchc.quantize.nodes import Wiring, attribute

NORMS = ("ReduceL1", "ReduceL2", "ReduceSumSquare")


def split_norms(graph: onnx.GraphProto) -> None:
    """Replace them in `graph`, whose shapes are inferred and whose nodes have names."""
    wiring = Wiring(graph)
    for node in list(wiring.nodes):
        shape = wiring.shapes.get(node.input[0], ()) if node.op_type in NORMS else ()
        if shape:
            wiring.replace(node, _sum(wiring, node, shape))
    wiring.write()


def _sum(wiring: Wiring, node: onnx.NodeProto, shape: Sequence[int]) -> list[onnx.NodeProto]:
    """The nodes that compute the same. `shape`: of what the norm is of."""
    (output,), source, name = node.output, node.input[0], node.name
    parts, total = f"{name}_parts", output
    if node.op_type == "ReduceL1":
        made = [helper.make_node("Abs", [source], [parts], parts)]
    else:
        made = [helper.make_node("Mul", [source, source], [parts], parts)]
    if node.op_type == "ReduceL2":
        total = f"{name}_sum"
    parts_shape = helper.make_tensor_value_info(parts, onnx.TensorProto.FLOAT, shape)
    wiring.graph.value_info.append(parts_shape)
    axes = np.array(sorted(reduced_axes(node, len(shape), wiring.constants)), np.int64)
    wiring.graph.initializer.append(numpy_helper.from_array(axes, f"{name}_axes"))
    made.append(
        helper.make_node(
            "ReduceSum",
            [parts, f"{name}_axes"],
            [total],
            total,
            keepdims=attribute(node, "keepdims", 1),
            noop_with_empty_axes=attribute(node, "noop_with_empty_axes", 0),
        )
    )
    if node.op_type == "ReduceL2":
        made.append(helper.make_node("Sqrt", [total], [output], name))
    return made
