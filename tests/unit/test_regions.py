"""Which positions of an operand are read for positions of the output, by hand."""

from __future__ import annotations

import gc
import weakref

import pytest

from patchc.geometry.axis import AxisMap, axis_maps, demand
from patchc.geometry.span import Span
from patchc.ir import (
    Add,
    Conv,
    GlobalAveragePool,
    MaxPool,
    Mul,
    Padding,
    ResizeNearest,
    Scaling,
    Upsample,
    Window,
)
from patchc.plan.types import InputMode
from patchc.planner.choose import choose, layer_by_layer
from tests.graphs import NetworkBuilder

CONV = AxisMap(1, 1, -1, 1)  # a window of 3, padded by one
STRIDED = AxisMap(2, 1, -1, 1)


@pytest.mark.parametrize(
    ("map_", "out", "size", "read"),
    [
        (CONV, (0, 1), 5, (0, 2)),
        (CONV, (2, 3), 5, (1, 4)),
        (CONV, (3, 5), 5, (2, 5)),
        (STRIDED, (1, 2), 6, (1, 4)),
        (STRIDED, (1, 3), 6, (1, 6)),
        (AxisMap(1, 1, -2, 2), (2, 3), 5, (0, 5)),  # dilated: the hull of three taps
        (AxisMap(up=2), (1, 4), 3, (0, 2)),
        (AxisMap(1, 1, 1, 1), (0, 2), 4, (1, 3)),  # a crop
        (AxisMap(), (3, 6), 5, (3, 5)),  # 1x1, padded behind the last one
        (AxisMap(), (5, 6), 5, (5, 5)),  # nothing but padding
        (AxisMap(1, 1, -1, -1), (0, 1), 5, (0, 0)),
        (CONV, (2, 2), 5, (1, 1)),  # nothing asked for
    ],
)
def test_positions_behind(map_, out, size, read):
    assert map_.behind(Span(*out), size) == Span(*read)


@pytest.mark.parametrize(
    ("map_", "size", "out", "turned"),
    [
        (CONV, 5, 5, CONV),
        # Of 4 rows padded by one before: out row 1 reads 1 .. 3, from the end 0 .. 2.
        (STRIDED, 4, 2, AxisMap(2, 1, 0, 2)),
        (AxisMap(up=2), 3, 6, AxisMap(up=2, first=0, last=0)),
        (AxisMap(), 4, 6, AxisMap(1, 1, -2, -2)),  # padded behind the last: before it, then
        (AxisMap(1, 1, 1, 1), 4, 3, AxisMap()),  # a crop of the first
    ],
)
def test_counted_from_the_end(map_, size, out, turned):
    found = map_.from_the_end(size, out)
    assert [found.behind(Span(i, i + 1), size) for i in range(out)] == [
        turned.behind(Span(i, i + 1), size) for i in range(out)
    ]
    assert found.from_the_end(size, out) == map_


def test_maps_of_operators():
    window = Window((3, 2), (2, 1), (1, 3), Padding(1, 0, 1, 2))
    assert axis_maps(MaxPool(window)) == (AxisMap(2, 1, -1, 1), AxisMap(1, 1, 0, 3))
    assert axis_maps(Upsample((2, 3))) == (AxisMap(up=2), AxisMap(up=3))
    assert axis_maps(Add()) == (AxisMap(), AxisMap())
    twice = Scaling(4, 8, 2.0, "asymmetric", "floor")
    assert axis_maps(ResizeNearest(twice, twice)) == (AxisMap(1, 2, 0, 0),) * 2


def test_an_operand_of_one_pixel_meets_every_row_and_column():
    assert demand(Mul(), Span(2, 3), Span(0, 4), 1, 1) == (Span(0, 1), Span(0, 1))
    assert demand(Mul(), Span(2, 3), Span(0, 4), 5, 4) == (Span(2, 3), Span(0, 4))
    assert demand(GlobalAveragePool(), Span(0, 1), Span(0, 1), 5, 4) == (Span(0, 5), Span(0, 4))


def weights_after_a_search() -> list[weakref.ref]:
    """References to the weights of a network that was planned and is not needed any more."""
    net = NetworkBuilder()
    x = net.conv(net.input(12, 12, 2), 4, 3, 2)
    x = net.resize_nearest(net.bottleneck(x, 4, 2, 3, 1), 9, 9)
    graph = net.build(net.conv(x, 3, 3))
    assert any(isinstance(node.op, ResizeNearest) for node in graph.nodes)
    choose(graph, InputMode.TILES, layer_by_layer(graph, InputMode.TILES).arena_bytes // 2)
    convolutions = [node.op for node in graph.nodes if isinstance(node.op, Conv)]
    assert len(convolutions) == 5
    return [weakref.ref(op.weights) for op in convolutions]


def test_no_cache_keeps_weights_alive():
    weights = weights_after_a_search()
    gc.collect()
    assert not any(reference() is not None for reference in weights)
