"""What the C types of the runtime hold, at each limit and one past it; and that the search chooses
no plan that goes past one."""

from __future__ import annotations

import pytest

from patchc.codegen import emit
from patchc.codegen.tables import clock_members
from patchc.errors import PatchcError
from patchc.geometry.clocks import MAX_COUNT, GeometryError, RowClock, check_counts
from patchc.geometry.columns import MAX_COLUMN
from patchc.ir import Graph
from patchc.memory import place
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.choose import explore, layer_by_layer
from patchc.planner.search import Search
from patchc.schedule.types import Schedule
from tests.c.emitted import options, signal
from tests.graphs import NetworkBuilder
from tests.plans import lower
from tests.property.priced import block_bytes, computing_blocks

# -- columns: uint16_t -------------------------------------------------------------------------


def expanded(width: int) -> Graph:
    """A bottleneck that leaves a map half as wide, 8 of its 20 expanded channels at a time."""
    net = NetworkBuilder(1)
    return net.build(net.bottleneck(net.input(1, width, 2), 2, 10, 3, 2))


def streamed(graph: Graph, mode: InputMode, *steps: tuple[str, ...], stripes: int = 1) -> Schedule:
    """All nodes in one tunnel."""
    plan = TunnelPlan(tuple(StepPlan(nodes) for nodes in steps), stripes=stripes)
    return lower(graph, Plan(mode, (plan,)))


@pytest.mark.parametrize("stripes", [1, 2])
def test_pieces(stripes):
    for width in (MAX_COLUMN, MAX_COLUMN + 1):
        net = NetworkBuilder(6)
        x = net.relu(net.input(1, width, 1), name="a")
        graph = net.build(net.relu(x, name="b"))
        if width > MAX_COLUMN:
            with pytest.raises(PatchcError, match=r"a.node \+ b.node: a has 65536 columns, and a"):
                streamed(graph, InputMode.TILES, ("a.node",), ("b.node",), stripes=stripes)
        else:
            streamed(graph, InputMode.TILES, ("a.node",), ("b.node",), stripes=stripes)


def test_inner_tensors():
    """With one stripe all of their columns are there, and no table lists them."""
    net = NetworkBuilder(1)
    e = net.conv(net.input(1, 2 * MAX_COLUMN, 1), 2, name="e")
    graph = net.build(net.conv(e, 2, 3, 2, name="d"))
    schedule = streamed(graph, InputMode.EXTERN, ("e.node", "d.node"))
    assert "cols_d" in str(emit(schedule, place(schedule), options())["src/net.c"])
    with pytest.raises(PatchcError, match="e has 131070 columns, and a tunnel takes at most 65535"):
        streamed(graph, InputMode.EXTERN, ("e.node", "d.node"), stripes=2)


@pytest.mark.parametrize("mode", InputMode)
def test_images_too_wide_for_rows_are_fetched_in_full(mode):
    net = NetworkBuilder(1)
    x = net.conv(net.input(1, MAX_COLUMN + 2, 1, "audio"), 2, 3, 2, name="a")
    graph = net.build(net.conv(x, 2, name="b"))
    schedule = streamed(graph, mode, ("a.node",), ("b.node",))
    assert schedule.storages["audio"].cols[0].stop == MAX_COLUMN + 2
    fetched = mode in (InputMode.TILES, InputMode.STREAM)
    assert [block.name for block in schedule.blocks] == ["load_audio"] * fetched + ["b"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", InputMode)
@pytest.mark.parametrize("make", [signal, expanded])
def test_what_the_search_finds_beyond_them_is_lowered_and_priced(make, mode):
    """Every plan that it chooses under a budget is emitted."""
    graph = make(70_000)
    limit = layer_by_layer(graph, mode).arena_bytes * 4 // 5
    points = tuple(Search(graph, mode).frontier(limit))
    assert points
    for point in points[:: -(-len(points) // 4)]:
        schedule = lower(graph, point.plan(mode))
        for tunnel, block in zip(point.tunnels, computing_blocks(schedule), strict=True):
            assert block_bytes(schedule, block) == tunnel.bytes
        placement = place(schedule)
        assert placement.arena_bytes <= limit
        assert any(not tunnel.plan.whole for tunnel in point.tunnels)
        emit(schedule, placement, options())


# -- clocks: int32_t ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fits", "ticks", "beyond", "more"),
    [
        (RowClock(1, 1, 0, 9), MAX_COUNT + 1, RowClock(1, 1, 0, 9), MAX_COUNT + 2),
        # 2^31 - 1 = 3 * 715827882 + 1
        (RowClock(3, 7, 1, 9), 715_827_883, RowClock(3, 7, 2, 9), 715_827_883),
        # An offset of -6 becomes one of 1, and a row is taken off.
        (RowClock(3, 7, -6, 9), 715_827_883, RowClock(3, 7, -5, 9), 715_827_883),
        (RowClock(0, 1, MAX_COUNT, 9), 1, RowClock(0, 1, MAX_COUNT + 1, 9), 1),
        (RowClock(0, MAX_COUNT, 0, 9), 1, RowClock(0, MAX_COUNT + 1, 0, 9), 1),
        (RowClock(0, 1, 1, 9, MAX_COUNT), 1, RowClock(0, 1, 1, 9, MAX_COUNT + 1), 1),
        (RowClock(0, 1, 0, 9, 1, -MAX_COUNT), 1, RowClock(0, 1, 0, 9, 1, -MAX_COUNT - 1), 1),
    ],
)
def test_counting(fits, ticks, beyond, more):
    check_counts(fits, ticks)
    with pytest.raises(GeometryError, match="a tunnel counts up to 2147483647"):
        check_counts(beyond, more)


def resized(*heights: int) -> Graph:
    """Resizes by no whole factor: the denominator of a clock is the product of their heights."""
    net = NetworkBuilder(2)
    x = net.input(heights[0], 8, 2)
    for height in heights[1:]:
        x = net.resize_linear(x, height, 8)
    return net.build(net.conv(x, 2))


def test_rows_of_many_resizes_are_not_streamed_together():
    graph = resized(50, 37, 61, 43, 71, 53)
    steps = [(node.name,) for node in graph.nodes]
    with pytest.raises(PatchcError, match=r"fractions of \d+ / \d+, and a tunnel counts up to"):
        streamed(graph, InputMode.TILES, *steps)


@pytest.mark.parametrize("heights", [(50, 37, 61, 43, 71, 53), (97, 131, 173, 211, 251, 199)])
def test_nor_does_the_search_choose_to(heights):
    graph = resized(*heights)
    for choice in explore(graph, InputMode.TILES):
        assert any(len(tunnel.nodes) > 1 for tunnel in choice.plan.tunnels)
        for block in choice.schedule.blocks:
            for step in block.steps:
                counted = clock_members(step.rows)
                assert counted["num"] * (block.ticks - 1) + counted["offset"] <= MAX_COUNT
