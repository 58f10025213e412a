"""Tunnels along the rows: rings, ticks and clocks, by hand."""

from __future__ import annotations

import pytest

from patchc.geometry.clocks import GeometryError, at_ticks
from patchc.geometry.rows import TunnelRows, overlap_distance, tunnel_rows
from patchc.geometry.rows import first_bytes as bytes_read_from
from patchc.ir import Conv, Graph, Padding, Window
from patchc.plan.types import StepPlan, TunnelPlan
from tests.graphs import NetworkBuilder


def one_by_one(graph: Graph, *, loaded=("image",), reverse=False, handed=()) -> TunnelRows:
    """Every node a step of its own, all in one tunnel."""
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    return tunnel_rows(graph, TunnelPlan(steps, reverse=reverse), loaded, handed)


def through(operate, height: int = 8) -> TunnelRows:
    """The image through one operator, and a 1x1 convolution behind it."""
    net = NetworkBuilder()
    x = operate(net, net.input(height, 6, 2))
    return one_by_one(net.build(net.conv(x, 2, name="last")))


def window(kernel: int, stride: int, dilation: int, top: int, bottom: int):
    """A depthwise convolution along the rows."""

    def operate(net: NetworkBuilder, x: str) -> str:
        pads = Padding(top, 0, bottom, 0)
        op = Conv(
            Window((kernel, 1), (stride, 1), (dilation, 1), pads),
            2,
            net.random.integers(-9, 9, (2, kernel, 1, 1)),
            net.random.uniform(0.01, 0.02, 2),
            net.random.integers(-9, 9, 2),
        )
        return net._node(op, (x,), "x", 0.02)

    return operate


@pytest.mark.parametrize(
    ("operate", "image", "ticks"),
    [
        (window(3, 1, 1, 1, 1), 3, 9),  # the last row comes with the padding behind the image
        (window(3, 1, 1, 0, 0), 3, 8),
        (window(3, 2, 1, 1, 1), 3, 8),  # 4 rows: the last one reads rows 5 .. 7
        (window(3, 1, 2, 2, 2), 5, 10),
        (window(5, 1, 1, 2, 2), 5, 10),
        (window(1, 1, 1, 0, 0), 1, 8),
        (window(1, 2, 1, 0, 0), 1, 8),
        (window(2, 2, 1, 0, 0), 2, 8),
        (window(1, 1, 1, 0, 1), 1, 9),
        (lambda net, x: net.upsample(x, 2, 2, name="x"), 1, 8),
        (lambda net, x: net.relu(x, name="x"), 1, 8),
    ],
)
def test_rows_of_the_image_under_one_window(operate, image, ticks):
    found = through(operate)
    assert found.slots["image"] == image
    assert found.ticks == ticks


def test_both_rows_of_an_upsampling_are_there_at_once():
    """A tick makes two rows; three are under the window, and the pair holds one more."""
    net = NetworkBuilder()
    x = net.upsample(net.input(6, 6, 2), 2, 2, name="up")
    found = one_by_one(net.build(net.conv(x, 2, 3)))
    assert found.slots["image"] == 1
    assert found.slots["up"] == 4


@pytest.mark.parametrize(("convolutions", "slots"), [(1, 3), (2, 3), (3, 4), (4, 5)])
def test_a_skip_waits_for_the_other_operand(convolutions, slots):
    """A row later with each convolution of 3 rows; the first one needs 3 itself."""
    net = NetworkBuilder()
    x = net.conv(net.input(9, 6, 2), 2, name="x")
    y = x
    for _ in range(convolutions):
        y = net.conv(y, 2, 3)
    found = one_by_one(net.build(net.add(x, y)))
    assert found.slots["x"] == slots
    assert found.slots["image"] == 1
    assert found.slots[y] == 1


def test_a_step_of_two_rows_makes_them_together():
    net = NetworkBuilder()
    e = net.conv(net.input(8, 6, 2), 8, name="e")
    p = net.conv(net.depthwise(e, 3, name="d"), 2, name="p")
    graph = net.build(net.conv(p, 3, 3, name="last"))
    steps = (StepPlan(("e.node", "d.node", "p.node"), group=8, rows=2), StepPlan(("last.node",)))
    found = tunnel_rows(graph, TunnelPlan(steps), ("image",))
    # Rows -1 .. 2 of the image for the first two, 1 .. 4 for the next, as 3 and then 5 are there.
    assert found.slots["image"] == 4
    assert found.slots["p"] == 4
    assert at_ticks(found.clock("p"), found.ticks).tolist()[:6] == [0, 0, 0, 2, 2, 4]


def test_a_mean_is_there_after_the_last_row():
    net = NetworkBuilder()
    graph = net.build(net.mean(net.conv(net.input(4, 6, 2), 3, name="x"), name="mean"))
    found = one_by_one(graph)
    assert found.slots == {"image": 1, "x": 1, "mean": 1}
    assert at_ticks(found.clock("mean"), found.ticks).tolist() == [0, 0, 0, 0, 1]


def test_rows_handed_over_are_all_read_in_the_tick_that_makes_them():
    net = NetworkBuilder()
    graph = net.build(net.upsample(net.input(4, 6, 2), 3, 1, name="up"))
    assert one_by_one(graph, handed=("up",)).slots["up"] == 3
    assert one_by_one(graph).slots["up"] == 1  # nothing reads it


@pytest.mark.parametrize(("reverse", "table"), [(False, [0, 0, 1, 1, 2]), (True, [0, 1, 1, 2])])
def test_from_the_last_row_on_the_padding_at_the_bottom_comes_first(reverse, table):
    """Windows of rows 0 and 1, and of row 2 and the padding."""
    net = NetworkBuilder()
    operate = window(2, 2, 1, 0, 1)
    graph = net.build(net.conv(operate(net, net.input(3, 6, 2)), 2))
    found = one_by_one(graph, loaded=(), reverse=reverse)
    assert at_ticks(found.steps[0].clock, found.ticks).tolist() == table


def test_where_a_map_may_be_written_over_what_it_is_made_of():
    """6 x 4 pixels of 2 bytes. In tick t a window of 3 rows makes row t - 1 and still reads from
    row t - 2 on: the end of row t - 1 lies two rows behind that."""
    net = NetworkBuilder()
    graph = net.build(net.depthwise(net.input(6, 4, 2), 3, name="x"))
    found = one_by_one(graph, loaded=())
    first = bytes_read_from(graph, "image", found.tensors["image"].readers, reverse=False)
    assert first.tolist() == [0, 0, 0, 8, 16, 24, 32]
    assert overlap_distance(graph, "image", first, "x", found.clock("x")) == 16


def test_what_every_row_needs_cannot_stream():
    net = NetworkBuilder()
    graph = net.build(net.gate(net.conv(net.input(6, 6, 2), 4), 2))
    with pytest.raises(GeometryError, match=r"needs \w+ whole, before its first row"):
        one_by_one(graph)
