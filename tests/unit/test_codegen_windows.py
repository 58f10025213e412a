"""Rectangles and pads of whole blocks, and where they lie in storage."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from patchc.codegen.windows import Rectangle, locate, reach
from patchc.geometry.axis import demand
from patchc.geometry.span import Span
from patchc.ir import MaxPool, Padding, Window
from patchc.ir.resize import COORDINATES
from patchc.plan.types import InputMode
from tests.c.emitted import depthwise, layerwise
from tests.graphs import NetworkBuilder


def pooled(kernel: int, stride: int, dilation: int, pad: int):
    """A pool over rows: the columns hold one position."""
    net = NetworkBuilder()
    x = net.input(7, 1, 1)
    window = Window((kernel, 1), (stride, 1), (dilation, 1), Padding(top=pad, bottom=pad + 2))
    quant = net.tensors[x].quant
    return net.build(net._node(MaxPool(window), (x,), "y", quant.scale, quant.zero_point))


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "pad"), [*product((1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 3))]
)
def test_every_tap_of_every_span_of_rows(kernel, stride, dilation, pad):
    """In the view, tap t of output row i is row i * stride + t * dilation - pads.top: that is the
    very row of the map, and a row outside the view is one outside the map. The view holds no more
    than the rows from the first tap to the last."""
    graph = pooled(kernel, stride, dilation, pad)
    height = graph.tensors["y"].shape[0]
    for start, stop in ((a, b) for a in range(height) for b in range(a + 1, height + 1)):
        found = reach(
            graph,
            graph.nodes[0],
            graph.nodes[0].inputs[0],
            Rectangle(Span(start, stop), Span(0, 1)),
        )
        inside, top = found.inside.rows, found.pads.top
        asked = []
        for i, tap in product(range(stop - start), range(kernel)):
            row = (start + i) * stride + tap * dilation - pad
            in_view = i * stride + tap * dilation - top
            assert (0 <= row < 7) == (0 <= in_view < found.inside.height)
            if 0 <= row < 7:
                assert inside.start + in_view == row
            asked.append(row)
        assert found.inside.height == len(
            [row for row in range(7) if min(asked) <= row <= max(asked)]
        )
        assert min(found.pads.top, found.pads.bottom) >= 0


@pytest.mark.parametrize("target", [3, 7, 11, 14])
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_every_span_of_a_resize(target, coordinates):
    """From the first position read to the last; the pads say where in the output the span is."""
    net = NetworkBuilder()
    graph = net.build(net.resize_linear(net.input(7, 1, 1), target, 2, coordinates))
    op = graph.nodes[0].op
    at, _ = op.between
    for start, stop in ((a, b) for a in range(target) for b in range(a + 1, target + 1)):
        out = Rectangle(Span(start, stop), Span(0, 2))
        found = reach(graph, graph.nodes[0], "image", out)
        assert found.inside.rows == Span(int(at.first[start]), int(at.second[stop - 1]) + 1)
        assert found.inside.cols == Span(0, 1)
        assert (found.pads.top, found.pads.bottom) == (-start, stop - target)
        assert (found.pads.left, found.pads.right) == (0, 0)
        assert_within(demand(op, out.rows, out.cols, 7, 1)[0], found.inside.rows)


def assert_within(hull, span):
    """The lowering's span holds what is read, and at most one position more on each side."""
    assert 0 <= span.start - hull.start <= 1
    assert 0 <= hull.stop - span.stop <= 1


def test_element_wise_nodes_read_the_rectangle_they_write_and_a_mean_the_whole_map():
    net = NetworkBuilder()
    x = net.input(5, 6, 2)
    graph = net.build(net.mean(net.relu(net.add(x, x, name="sum")), name="mean"))
    part = Rectangle(Span(1, 3), Span(2, 5))
    for node in graph.nodes[:2]:
        assert reach(graph, node, node.inputs[0], part).inside == part
    whole = reach(
        graph, graph.nodes[2], graph.nodes[2].inputs[0], Rectangle(Span(0, 1), Span(0, 1))
    )
    assert whole.inside == Rectangle(Span(0, 5), Span(0, 6))
    assert whole.pads == Padding()


def test_a_map_held_in_full_starts_at_slot_0():
    schedule = layerwise(depthwise(), InputMode.TILES)
    at = locate(schedule, "image", Rectangle(Span(0, 5), Span(1, 5)))
    assert (at.slot, at.slots, at.rows) == (0, 5, 5)
    assert (at.offset, at.cols, at.channels, at.pitch) == (6, 4, 6, 30)


def test_storage_that_lacks_columns_or_rows_is_refused():
    schedule = layerwise(depthwise(), InputMode.TILES)
    with pytest.raises(ValueError, match=r"image: columns .* of a storage that holds"):
        locate(schedule, "image", Rectangle(Span(0, 1), Span(0, 6)))
    with pytest.raises(ValueError, match="image: 6 rows of a storage that holds 5"):
        locate(schedule, "image", Rectangle(Span(0, 6), Span(0, 5)))


def test_an_empty_rectangle_needs_no_columns():
    """Windows that lie in the padding altogether."""
    schedule = layerwise(depthwise(), InputMode.TILES)
    at = locate(schedule, "image", Rectangle(Span(0, 3), Span(8, 8)))
    assert (at.offset, at.cols) == (0, 0)


def test_in_place_storage_keeps_its_own_pitch():
    """Two tensors in one buffer: each is found through its own storage."""
    schedule = layerwise(depthwise(), InputMode.TILES)
    wide = replace(schedule.storages["image"], slots=8, pitch=100, cols=(Span(0, 8),))
    moved = replace(schedule, storages={**schedule.storages, "image": wide})
    at = locate(moved, "image", Rectangle(Span(7, 8), Span(2, 4)))
    assert (at.pitch, at.offset, at.slot) == (100, 12, 7)
