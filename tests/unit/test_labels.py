"""Ways to run the units of a tunnel, one unit after the other, by hand."""

from __future__ import annotations

from patchc.ir import Graph
from patchc.plan.types import InputMode, OutputMode
from patchc.planner.labels import Bounds, Label, Labels
from patchc.planner.order import best_order
from patchc.planner.segments import Segments
from tests.graphs import NetworkBuilder

NO_LIMIT = Bounds(10**9, 10**9)


class Walk:
    """Through all units of a graph in one tunnel that fetches its images, with one stripe."""

    def __init__(self, graph: Graph, loaded: tuple[str, ...] = ("image",)) -> None:
        order = best_order(graph, InputMode.TILES).nodes
        self.segments = Segments(graph, InputMode.TILES, OutputMode.ARENA, order)
        segments = self.segments
        self.labels = Labels(
            graph, segments.order, segments.made, segments.last_read, segments.handed
        )
        self.prices = segments.prices(len(segments.order))
        self.position = 0
        self.found = [self.labels.begin(0, loaded)]

    def unit(self, bounds: Bounds = NO_LIMIT) -> list[Label]:
        """The combinations with one unit more."""
        at, self.position = (
            self.position,
            self.position + len(self.segments.units[self.position].nodes),
        )
        self.found = self.labels.extend(self.found, 0, at, self.prices, 0, bounds)
        return self.found


def test_rings_are_known_once_their_last_reader_is_there():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 2), 3, 3, name="x")
    walk = Walk(net.build(net.conv(x, 4, 5, name="y")))
    (one,) = walk.unit()
    assert (one.rings, one.scratch, one.cost, one.count) == (3 * 8 * 2, 0, 64 * 54, 1)
    (two,) = walk.unit()
    assert two.rings == 3 * 8 * 2 + 5 * 8 * 3
    assert [step.nodes for step in two.steps] == [("x.node",), ("y.node",)]
    assert two.bytes == two.rings


def test_a_tensor_that_waits_is_part_of_the_state():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 2), 2, name="x")
    y = net.conv(net.conv(net.conv(x, 2, 3, name="a"), 2, 3, name="b"), 2, 3, name="c")
    walk = Walk(net.build(net.conv(net.add(x, y, name="sum"), 3, name="last")))
    (one,) = walk.unit()
    assert set(one.state.progress.tensors) == {"x"}
    assert one.rings == 1 * 8 * 2  # of the image
    (two,) = walk.unit()
    assert set(two.state.progress.tensors) == {"x", "a"}
    assert two.rings == one.rings
    while walk.position < len(walk.segments.order) - 1:
        (found,) = walk.unit()
    # x waits for 4 rows; 3 of a and of b.
    assert found.rings == (1 + 4 + 3 + 3) * 8 * 2
    assert set(found.state.progress.tensors) == {"sum"}


def test_ways_to_the_same_state_share_it_and_the_beaten_ones_go():
    net = NetworkBuilder()
    walk = Walk(net.build(net.conv(net.bottleneck(net.input(8, 8, 2), 3, 8, 3, 1), 2)))
    found = walk.unit()
    assert len(found) > 1
    for one in found:
        alike = (o for o in found if o.state.rows_at_a_time == one.state.rows_at_a_time)
        others = [other.needs for other in alike if other is not one]
        assert not any(all(a <= b for a, b in zip(o, one.needs, strict=True)) for o in others)
    by_rows = {one.state.rows_at_a_time: one.state for one in found}
    assert all(one.state is by_rows[one.state.rows_at_a_time] for one in found)


def test_bounds_leave_out_what_exceeds_them():
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(8, 8, 2), 3, 3, name="x"))
    cost = 64 * 54
    cost = 8 * 8 * 54
    assert len(Walk(graph).unit(Bounds(48, cost))) == 1
    assert Walk(graph).unit(Bounds(48, cost - 1)) == []
    assert Walk(graph).unit(Bounds(47, cost)) == []
    assert Walk(graph).unit(Bounds(48, cost - 1)) == []


def test_a_mean_keeps_sums_and_ends_what_streams():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 2), 5, 3, name="x")
    walk = Walk(net.build(net.mul(x, net.mean(x, name="mean"), name="y")))
    walk.unit()
    found = walk.unit()
    assert all(one.rings >= 5 * 4 for one in found)
    assert walk.unit() == []  # each row needs the mean, which is there after the last one
