"""Columns that stripes demand, for two numbers of stripes at once, by hand."""

from __future__ import annotations

import pytest

from patchc.geometry.columns import Columns, Demand, stripes
from patchc.ir import Graph, Padding
from tests.graphs import NetworkBuilder

COUNTS = (1, 2)


def spans(columns: Columns) -> list[tuple[int, int]]:
    return list(zip(columns.start.tolist(), columns.stop.tolist(), strict=True))


def demand(graph: Graph, counts=COUNTS) -> Demand:
    """Of all nodes in one tunnel."""
    found = Demand(graph, graph.nodes, graph.outputs, stripes(counts))
    found.down_to(0)
    return found


def test_shares_of_every_count():
    cut = stripes((1, 3))
    assert spans(cut.share(8)) == [(0, 8), (0, 2), (2, 5), (5, 8)]
    assert cut.widest(cut.share(8)).tolist() == [8, 3]
    assert cut.total(cut.share(8)).tolist() == [8, 8]
    assert cut.last(cut.share(8)).tolist() == [8, 8]


@pytest.mark.parametrize(
    ("operate", "image"),
    [
        (lambda net, x: net.conv(x, 2), [(0, 8), (0, 4), (4, 8)]),
        (lambda net, x: net.conv(x, 2, 3), [(0, 8), (0, 5), (3, 8)]),
        (lambda net, x: net.conv(x, 2, 5), [(0, 8), (0, 6), (2, 8)]),
        (lambda net, x: net.conv(x, 2, 3, 2), [(0, 8), (0, 4), (3, 8)]),
        # 3 columns, of which the last one reads up to column 6.
        (lambda net, x: net.conv(x, 2, 3, 2, pad=0), [(0, 7), (0, 3), (2, 7)]),
        (lambda net, x: net.conv(x, 2, 3, pad=0), [(0, 8), (0, 5), (3, 8)]),
        (lambda net, x: net.max_pool(x), [(0, 8), (0, 4), (4, 8)]),
        (lambda net, x: net.upsample(x, 1, 3), [(0, 8), (0, 4), (4, 8)]),
        # Padded behind the last column: 10 of them, and nothing is read past the 8th.
        (lambda net, x: net.conv(x, 2, pad=Padding(0, 0, 0, 2)), [(0, 8), (0, 5), (5, 8)]),
        (lambda net, x: net.conv(x, 2, pad=Padding(0, 2, 0, 0)), [(0, 8), (0, 3), (3, 8)]),
        (lambda net, x: net.conv(net.conv(x, 2, 3), 2, 3), [(0, 8), (0, 6), (2, 8)]),
        (lambda net, x: net.add(x, net.conv(x, 2, 3)), [(0, 8), (0, 5), (3, 8)]),  # the hull
        (lambda net, x: net.mean(x), [(0, 8), (0, 4), (4, 8)]),
    ],
)
def test_of_the_image(operate, image):
    net = NetworkBuilder()
    graph = net.build(operate(net, net.input(6, 8, 2)))
    assert spans(demand(graph).columns("image")) == image


def test_an_odd_upsampling_shares_a_column():
    """6 columns of 3: stripes of 1, 2, 1 and 2 columns."""
    net = NetworkBuilder()
    graph = net.build(net.upsample(net.input(6, 3, 2), 2, 2))
    assert spans(demand(graph, (4,)).columns("image")) == [(0, 1), (0, 2), (1, 2), (2, 3)]


def test_one_pixel_that_meets_all():
    net = NetworkBuilder()
    x = net.input(6, 8, 2)
    gate = net.input(1, 1, 2, "gate")
    graph = net.build(net.mul(x, gate))
    assert spans(demand(graph).columns("gate")) == [(0, 1)] * 3


def test_columns_that_nobody_reads_are_not_computed():
    net = NetworkBuilder()
    x = net.conv(net.input(6, 8, 2), 2)
    graph = net.build(net.conv(x, 2, 3, 2, pad=0))
    found = demand(graph)
    assert found.narrow == {0: 7}
    assert spans(found.columns(x)) == [(0, 7), (0, 3), (2, 7)]
