"""Models without layers: their inputs and outputs made tensors that can be quantised.

A function of one value is a table if its operators stay in float between two quantised tensors.
Where a model begins or ends with one, no neighbour asks for these; an Identity does.
"""

from __future__ import annotations

import onnx
from onnx import helper

from patchc.quantize.float_functions import IDENTITY, all_functions


def mark_ends(graph: onnx.GraphProto) -> None:
    """Put an Identity in `graph`, whose nodes have names, between each input and the functions
    that read it, and between each output and the function that writes it."""
    names = all_functions(graph)
    functions = [node for node in graph.node if node.name in names]
    before, after = [], []
    for value in graph.input:
        readers = [node for node in functions if value.name in node.input]
        if readers:
            inner = f"{value.name}_inner"
            before.append(helper.make_node(IDENTITY, [value.name], [inner], inner))
            for node in readers:
                node.input[:] = [inner if name == value.name else name for name in node.input]
    for value in graph.output:
        for writer in (node for node in functions if value.name in node.output):
            inner = f"{value.name}_inner"
            after.append(helper.make_node(IDENTITY, [inner], [value.name], inner))
            writer.output[:] = [inner if name == value.name else name for name in writer.output]
            for node in graph.node:
                node.input[:] = [inner if name == value.name else name for name in node.input]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
