"""Random operators and networks: the reference equals onnxruntime's integer kernels, byte for byte,
and a part of a map is computed as within the whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patchc.frontend.export import to_qoperator
from patchc.ir import Graph, format_graph
from patchc.reference import run_graph
from patchc.reference.geometry import padding, reach
from patchc.reference.operators import Patch, kernel, reading_axes
from patchc.verify.sessions import float_operators, session
from tests.property.example_counts import some
from tests.property.strategies import NODE_KINDS, graphs, images


def assert_equals_onnxruntime(graph: Graph) -> None:
    """Every output of the exported Graph, over two images."""
    model = to_qoperator(graph)
    running = session(model)
    for seed in range(2):
        inputs = images(graph, seed)
        feeds = {name: values.transpose(2, 0, 1)[None] for name, values in inputs.items()}
        found = run_graph(graph, inputs)
        expected = running.run(list(graph.outputs), feeds)
        for name, values in zip(graph.outputs, expected, strict=True):
            np.testing.assert_array_equal(
                found[name], values[0].transpose(1, 2, 0), f"{name} of\n{format_graph(graph)}"
            )


def one_node(kind: str) -> st.SearchStrategy[Graph]:
    return graphs(max_nodes=1, kinds=(kind,))


@given(st.sampled_from(NODE_KINDS).flatmap(one_node))
@some(150)
def test_one_operator(graph):
    assert_equals_onnxruntime(graph)


@given(graphs())
@some(100)
def test_networks(graph):
    assert_equals_onnxruntime(graph)


@given(graphs(max_nodes=3))
@some(10)
def test_onnxruntime_runs_exported_networks_in_integers(graph):
    assert float_operators(to_qoperator(graph)) == ()


@given(st.data(), st.sampled_from(NODE_KINDS).flatmap(one_node))
@some(150)
def test_a_rectangle_alone_equals_the_same_part_of_the_whole(data, graph):
    inputs = images(graph)
    values = run_graph(graph, inputs)
    node = graph.nodes[-1]
    tensors = [graph.tensors[name] for name in node.inputs]
    height, width, _ = graph.tensors[node.output].shape
    top = data.draw(st.integers(0, height - 1))
    left = data.draw(st.integers(0, width - 1))
    bottom = data.draw(st.integers(top + 1, height))
    right = data.draw(st.integers(left + 1, width))
    patches = []
    for tensor in tensors:
        row_axis, col_axis = reading_axes(node.op, tensor, graph.tensors[node.output])
        rows, cols = reach(row_axis, top, bottom), reach(col_axis, left, right)
        part = values[tensor.name][rows.start : rows.stop, cols.start : cols.stop]
        patches.append(Patch(part, padding(rows, cols)))
    found = kernel(node.op, tensors, graph.tensors[node.output])(*patches)
    np.testing.assert_array_equal(found, values[node.output][top:bottom, left:right])
