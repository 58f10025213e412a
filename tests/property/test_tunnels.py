"""Random plans of random networks: lowered, placed, run byte by byte; and what the lowering and
the search say about them, against brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from patchc.geometry.axis import axis_maps
from patchc.geometry.span import Span
from patchc.ir import RESIZES, Graph, Op
from patchc.memory import Placement, check_placement, place
from patchc.plan.types import InputMode, OutputMode, Plan
from patchc.planner.search import Search
from patchc.reference import ShadowMemoryError, execute, run_graph, schedule
from patchc.schedule.lower import lower
from patchc.schedule.types import BufferKind, Schedule
from tests.property.demand import Found, simulate
from tests.property.example_counts import Met, some
from tests.property.plans import plans, schedules_with
from tests.property.priced import block_bytes, computing_blocks
from tests.property.strategies import graphs, images, mobile_networks

NETWORKS = st.one_of(mobile_networks(), graphs())
EVERYTHING = 1 << 40  # bytes: a limit that excludes no plan


@st.composite
def planned(draw: st.DrawFn) -> tuple[Graph, Plan]:
    graph = draw(NETWORKS)
    return graph, draw(plans(graph))


plan_features = Met(
    streams=0.9,
    several_tunnels=0.4,
    several_steps=0.5,
    stripes=0.3,
    reverse=0.2,
    tiles=0.2,
    groups_of_several_rows=0.15,
    in_place=0.2,
    overlaps=0.3,
    handed_over=0.15,
)


def features(plan: Plan, found: Schedule) -> dict[str, bool]:
    """What a plan makes use of."""
    tunnels = [tunnel for tunnel in plan.tunnels if not tunnel.whole]
    steps = [step for tunnel in tunnels for step in tunnel.steps]
    return {
        "streams": bool(tunnels),
        "several_tunnels": len(tunnels) > 1,
        "several_steps": any(len(tunnel.steps) > 1 for tunnel in tunnels),
        "stripes": any(tunnel.stripes > 1 for tunnel in tunnels),
        "reverse": any(tunnel.reverse for tunnel in tunnels),
        "tiles": any(step.tile for step in steps),
        "groups_of_several_rows": any(step.group and step.rows > 1 for step in steps),
        "in_place": bool(plan.in_place),
        "overlaps": bool(found.overlaps),
        "handed_over": bool(found.handed),
    }


def assert_equals_graph(schedule: Schedule, placement: Placement) -> int:
    """Every output is what the graph computes; the multiply-accumulates that it took."""
    inputs = images(schedule.graph)
    found = execute(schedule, placement, inputs)
    expected = run_graph(schedule.graph, inputs)
    for name in schedule.graph.outputs:
        np.testing.assert_array_equal(found.outputs[name], expected[name])
    return found.stats.macs


# -- execution ---------------------------------------------------------------------------------


@plan_features.enough
@given(planned())
@some(150)
def test_every_plan_computes_what_the_graph_computes(case):
    found = lower(*case)
    placement = place(found)
    check_placement(found, placement)
    assert_equals_graph(found, placement)
    plan_features(**features(case[1], found))


verdicts = Met(equal=0.25, objected=0.5)


@verdicts.enough
@given(planned(), st.data())
@some(100)
def test_rows_run_at_once_are_judged_as_their_tiles_are(case, data):
    """With a buffer put anywhere in the arena, so that many schedules are wrong.

    Both must object to the same element or to none. What lies there instead may differ: a row run
    at once leaves nothing of its tiles in the scratch memory.
    """
    found = lower(*case)
    placement = place(found)
    offsets = dict(placement.offsets)
    if offsets:
        name = data.draw(st.sampled_from(sorted(offsets)))
        buffer = found.buffers[name]
        room = (placement.arena_bytes - buffer.bytes) // buffer.align
        offsets[name] = data.draw(st.integers(0, room)) * buffer.align
    placement = replace(placement, offsets=offsets)
    inputs = images(found.graph)

    def verdict() -> object:
        try:
            return execute(found, placement, inputs).stats
        except ShadowMemoryError as error:
            return str(error).partition(", which holds")[0]

    at_once = verdict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "at_once", lambda *_: None)
        assert verdict() == at_once
    objected = isinstance(at_once, str)
    verdicts(equal=not objected, objected=objected)


# -- lowering ----------------------------------------------------------------------------------


def rings(found: Schedule, seen: Found) -> set[str]:
    """Tensors made between the steps of a block that it keeps the last rows of."""
    return {
        name
        for name, _ in seen.made
        if found.buffers[found.storages[name].buffer].kind is BufferKind.RING
    }


def leaves_gaps(op: Op) -> bool:
    """Does a window skip rows or columns, between its taps or from one window to the next, or see
    nothing but padding? Then the lowering takes the hull, of which not everything is read. So it
    does where a Resize reads less than an affine map says."""
    if isinstance(op, RESIZES):
        return any(
            map_.behind(Span(i, i + 1), axis.size) != Span(int(first), int(second) + 1)
            for map_, axis, at in zip(axis_maps(op), (op.rows, op.cols), op.between, strict=True)
            for i, (first, second) in enumerate(zip(at.first, at.second, strict=True))
        ) or any(
            (np.diff(at.first) > 1 + at.second[:-1] - at.first[:-1]).any() for at in op.between
        )
    window = getattr(op, "window", None)
    if window is None:
        return False
    pads = (window.pads.top, window.pads.left)
    return any(
        dilation > 1 or stride > kernel or pad >= kernel
        for dilation, stride, kernel, pad in zip(
            window.dilation, window.stride, window.kernel, pads, strict=True
        )
    )


def hull(mask: np.ndarray) -> tuple[int, int]:
    """The columns of a mask, from the first to the one behind the last."""
    columns = np.flatnonzero(mask.any(axis=0))
    return (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 0)


lowered = Met(rings=0.5, exact_rings=0.25, exact_stripes=0.15, reverse=0.1)


@pytest.mark.slow
@lowered.enough
@given(planned())
@some(300)
def test_lowering_against_demand_pixel_by_pixel(case):
    """Nothing is read before it is made; rings hold the rows alive at once and not one more; a
    stripe computes the columns that it needs and no others; maps are made in full."""
    found = lower(*case)
    gaps = any(leaves_gaps(node.op) for node in found.graph.nodes)
    with_rings = []
    for block in found.blocks:
        seen = simulate(found, block)
        assert not seen.missing
        ring = rings(found, seen)
        with_rings += [block] if ring else []
        for name in ring:
            rows = max(1, seen.alive.get(name, 0), seen.piece.get(name, 0))
            slots = found.storages[name].slots
            assert slots >= rows if gaps else slots == rows, name
        for (name, stripe), made in seen.made.items():
            first, stop = hull(seen.read[name, stripe])
            if name not in ring:
                continue
            if found.input_mode is InputMode.STREAM and name in found.graph.inputs:
                assert hull(made) == (0, made.shape[1])  # a stream is read to the last pixel
            elif gaps:
                assert hull(made)[0] <= first
                assert hull(made)[1] >= stop
            else:
                assert hull(made) == (first, stop), name
        for name in {name for name, _ in seen.made} - ring:
            made = [seen.made[name, stripe] for stripe in range(block.stripes)]
            assert np.all(np.logical_or.reduce(made)), name
    lowered(
        rings=bool(with_rings),
        exact_rings=bool(with_rings) and not gaps,
        exact_stripes=any(block.stripes > 1 for block in with_rings) and not gaps,
        reverse=any(block.reverse for block in with_rings),
    )


def tight(found: Schedule) -> list[str]:
    """Tensors in rings of several rows, all of which are alive at once."""
    return [
        name
        for block in found.blocks
        for seen in [simulate(found, block)]
        for name in sorted(rings(found, seen))
        if 1 < found.storages[name].slots == seen.alive.get(name)
    ]


shortened = Met(ring=0.9)


@shortened.enough
@given(
    mobile_networks(least=5).flatmap(lambda g: schedules_with(g, tight, InputMode.TILES)),
    st.data(),
)
@some(100)
def test_a_ring_one_row_shorter_is_noticed(found, data):
    found_rings = tight(found)
    shortened(ring=bool(found_rings))
    if not found_rings:
        return
    name = data.draw(st.sampled_from(found_rings))
    short = replace(found.storages[name], slots=found.storages[name].slots - 1)
    spoiled = replace(found, storages={**found.storages, name: short})
    with pytest.raises(ShadowMemoryError):
        execute(spoiled, place(found), images(found.graph))


overlapping = Met(overlap=0.85, reverse=0.05)


@pytest.mark.slow
@overlapping.enough
@given(
    NETWORKS.flatmap(
        lambda graph: schedules_with(graph, lambda found: found.overlaps, InputMode.RESIDENT)
    )
)
@some(100)
def test_a_map_may_lie_at_the_very_distance_that_the_lowering_asks_for(found):
    overlapping(
        overlap=bool(found.overlaps),
        reverse=any(overlap.reverse for overlap in found.overlaps),
    )
    for overlap in found.overlaps:
        target, source = found.buffers[overlap.target], found.buffers[overlap.source]
        shift = overlap.shift(target, source)
        offsets = {source.name: max(0, -shift), target.name: max(0, shift)}
        end = max(offsets[source.name] + source.bytes, offsets[target.name] + target.bytes)
        for buffer in found.buffers.values():
            if buffer.kind is not BufferKind.EXTERN and buffer.name not in offsets:
                offsets[buffer.name] = -(-end // buffer.align) * buffer.align
                end = offsets[buffer.name] + buffer.bytes
        placement = Placement(offsets, end, 0, "by hand")
        check_placement(found, placement)
        assert_equals_graph(found, placement)


# -- the search --------------------------------------------------------------------------------


searched = Met(tunnels=0.6, several_points=0.25)


@searched.enough
@given(NETWORKS, st.sampled_from(InputMode), st.sampled_from(OutputMode))
@some(60)
def test_the_search_prices_plans_as_they_turn_out(graph, mode, outputs):
    """Bytes are those live, tunnel by tunnel; costs are the multiply-accumulates done."""
    assume(all(graph.consumers[name] for name in graph.inputs))
    points = tuple(Search(graph, mode, outputs).frontier(EVERYTHING))
    for point in points:
        found = lower(graph, point.plan(mode, outputs))
        for tunnel, block in zip(point.tunnels, computing_blocks(found), strict=True):
            assert block_bytes(found, block) == tunnel.bytes
        assert point.bytes == max(tunnel.bytes for tunnel in point.tunnels)
        assert assert_equals_graph(found, place(found)) == point.cost
    searched(
        tunnels=any(not tunnel.plan.whole for point in points for tunnel in point.tunnels),
        several_points=len(points) > 1,
    )
