"""Make a table of an operator whose second operand is one constant for all channels.

y = Add(x, 5), Mul(x, 5), Sub(x, 5), Sub(5, x), Max(x, 5) or Min(x, 5): y = Lut[...](x), a
function of one value.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from patchc.ir import Add, Binary, Extremum, Graph, Lut, Mul, Node
from patchc.numerics.add import add_float
from patchc.numerics.extremum import extremum_float
from patchc.numerics.linear import ALL_VALUES
from patchc.numerics.mul import mul_float
from patchc.numerics.pairing import pairing_of
from patchc.numerics.sub import sub_float


def table_constants(graph: Graph) -> Graph:
    """The graph with such nodes made tables, under the same names."""
    return graph.with_nodes(tuple(_table(graph, node) for node in graph.nodes))


def _table(graph: Graph, node: Node) -> Node:
    if not isinstance(node.op, Binary) or node.op.constant is None:
        return node
    constant = np.unique(node.op.constant.values)
    if len(constant) > 1:
        return node
    pairing = pairing_of(graph, node)
    x = ALL_VALUES.astype(np.int8)
    operands = (constant, x) if pairing.swap else (x, constant)
    if isinstance(node.op, Add):
        entries = add_float(pairing, *operands)
    elif isinstance(node.op, Mul):
        entries = mul_float(pairing, *operands)
    elif isinstance(node.op, Extremum):
        entries = extremum_float(type(node.op), pairing, *operands)
    else:
        entries = sub_float(pairing, *operands)
    return replace(node, op=Lut(entries, node.op.kind))
