"""Rectangles and pads of steps, and where they lie in storage."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from patchc.codegen.windows import Rectangle, calls, locate, reach
from patchc.ir import MaxPool, Padding, Window
from patchc.tunnels.plan import InputMode
from patchc.tunnels.schedule import RowClock, Span, Step, Storage
from tests.c.streamed import streamed
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
        found = reach(graph, graph.nodes[0], Rectangle(Span(start, stop), Span(0, 1)))
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


def test_element_wise_nodes_read_the_rectangle_they_write_and_a_mean_the_whole_map():
    net = NetworkBuilder()
    x = net.input(5, 6, 2)
    graph = net.build(net.mean(net.relu(net.add(x, x, name="sum")), name="mean"))
    part = Rectangle(Span(1, 3), Span(2, 5))
    for node in graph.nodes[:2]:
        assert reach(graph, node, part).inside == part
    whole = reach(graph, graph.nodes[2], Rectangle(Span(0, 1), Span(0, 1)))
    assert whole.inside == Rectangle(Span(0, 5), Span(0, 6))
    assert whole.pads == Padding()


def step(rows: RowClock, rows_per_call: int) -> Step:
    return Step("s", "lut", "n", ("x",), "y", rows, rows_per_call, (Span(0, 4), Span(4, 9)))


def test_calls_of_a_tick_start_where_the_last_tick_ended():
    clock = RowClock(num=5, den=2, offset=3, limit=9)  # 1, 4, 6, 9, 9 rows after ticks 0 .. 4
    found = [
        [(r.rows.start, r.rows.stop) for r in calls(step(clock, 2), stripe=1, tick=t)]
        for t in range(5)
    ]
    assert found == [[(0, 1)], [(1, 3), (3, 4)], [(4, 6)], [(6, 8), (8, 9)], []]


def test_calls_take_the_columns_of_their_stripe():
    (only,) = calls(step(RowClock(0, 1, 3, 3), 3), stripe=1, tick=0)
    assert only.cols == Span(4, 9)


def test_a_ring_row_lies_in_its_slot_and_its_columns_start_where_the_stripe_does():
    schedule = streamed(2, InputMode.TILES)  # the second stripe of `middle` holds columns 3 .. 7
    at = locate(schedule, "middle", Rectangle(Span(5, 7), Span(4, 8)), stripe=1)
    assert (at.slot, at.slots, at.rows) == (5 % 3, 3, 2)
    assert (at.offset, at.cols, at.channels, at.pitch) == ((4 - 3) * 4, 4, 4, 5 * 4)


def test_a_map_held_in_full_says_its_columns_once():
    schedule = streamed(2, InputMode.TILES)
    at = locate(schedule, "out", Rectangle(Span(2, 3), Span(4, 8)), stripe=1)
    assert (at.offset, at.slot) == (4 * 3, 2)


def test_storage_that_lacks_columns_or_rows_is_refused():
    schedule = streamed(2, InputMode.TILES)
    with pytest.raises(ValueError, match=r"middle: columns .* of a storage that holds"):
        locate(schedule, "middle", Rectangle(Span(0, 1), Span(0, 6)), stripe=0)
    with pytest.raises(ValueError, match="middle: 4 rows of a storage that holds 3"):
        locate(schedule, "middle", Rectangle(Span(0, 4), Span(0, 5)), stripe=0)


def test_an_empty_rectangle_needs_no_columns():
    """Windows that lie in the padding altogether."""
    schedule = streamed(2, InputMode.TILES)
    at = locate(schedule, "middle", Rectangle(Span(0, 3), Span(8, 8)), stripe=0)
    assert (at.offset, at.cols) == (0, 0)


def test_in_place_storage_keeps_its_own_pitch():
    """Two tensors in one buffer: each is found through its own storage."""
    schedule = streamed(1, InputMode.TILES)
    wide = Storage("out", "middle", slots=8, pitch=100, cols=(Span(0, 8),))
    moved = replace(schedule, storages={**schedule.storages, "out": wide})
    at = locate(moved, "out", Rectangle(Span(7, 8), Span(2, 4)), stripe=0)
    assert (at.buffer, at.pitch, at.offset, at.slot) == ("middle", 100, 6, 7)
