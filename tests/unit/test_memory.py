"""Placement, its lower bounds, and the check that shares nothing with it."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.memory import (
    Placement,
    PlacementError,
    check_placement,
    element_peak,
    live_bytes,
    liveness_peak,
    place,
    reversed_blocks,
)
from patchc.memory.placement import Problem
from patchc.plan.types import InputMode
from patchc.planner.layer_by_layer import trivial_plan
from patchc.schedule.lower import lower
from patchc.schedule.types import Block, Buffer, BufferKind, Overlap, Schedule
from tests.graphs import NetworkBuilder


def schedule_of(buffers: list[Buffer]) -> Schedule:
    """A schedule with nothing but buffers: all that placement looks at."""
    last = max((b.last for b in buffers), default=0)
    blocks = tuple(Block(f"b{i}", 1, 1, ()) for i in range(last + 1))
    graph = Graph("none", (), (), {}, ())
    return Schedule(graph, InputMode.TILES, {b.name: b for b in buffers}, {}, {}, blocks)


@st.composite
def buffers(draw) -> list[Buffer]:
    made = []
    for index in range(draw(st.integers(1, 9))):
        first = draw(st.integers(0, 8))
        made.append(
            Buffer(
                name=f"buf{index}",
                kind=draw(st.sampled_from([BufferKind.MAP, BufferKind.MAP, BufferKind.EXTERN])),
                bytes=draw(st.integers(1, 60)),
                align=draw(st.sampled_from([1, 1, 4, 16])),
                first=first,
                last=draw(st.integers(first, 9)),
            )
        )
    return made


@settings(deadline=None)  # the solver takes a moment to load
@given(buffers())
def test_placements_never_overlap_and_never_beat_their_bound(made):
    schedule = schedule_of(made)
    placement = place(schedule)
    check_placement(schedule, placement)
    assert placement.arena_bytes >= placement.lower_bound_bytes >= liveness_peak(schedule)


def staircase() -> list[Buffer]:
    """First fit leaves a gap on it, in every order that it tries."""
    return [
        Buffer(name, BufferKind.MAP, size, 1, first, last)
        for name, size, first, last in [
            ("a", 2, 3, 5),
            ("b", 5, 5, 6),
            ("c", 5, 6, 10),
            ("d", 2, 2, 6),
            ("e", 3, 3, 4),
            ("f", 4, 1, 5),
        ]
    ]


def test_the_solver_is_asked_when_first_fit_fails_and_proves_its_answer():
    placement = place(schedule_of(staircase()))
    check_placement(schedule_of(staircase()), placement)
    assert placement.arena_bytes == placement.lower_bound_bytes
    assert placement.method == "CP-SAT, proved optimal"


def test_without_the_solver_there_is_one_clear_message(monkeypatch):
    """A broken install; where first fit does, nobody asks for it."""
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    with pytest.raises(PatchcError, match=r"solver of ortools.*: pip install ortools"):
        place(schedule_of(staircase()))
    check_placement(schedule_of(staircase()[:2]), place(schedule_of(staircase()[:2])))


def tiny() -> Schedule:
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 8, 3, 2)
    graph = net.build(net.mean(net.bottleneck(x, 8, 3, 3, 1)))
    return lower(graph, trivial_plan(graph, InputMode.TILES))


def test_live_bytes_by_hand():
    """image 192, x 128, expanded 384, depthwise 384, projected 128 = sum, mean 8."""
    assert live_bytes(tiny()) == [192, 320, 512, 896, 640, 256, 136]


def test_the_element_peak_counts_bytes_that_are_still_read():
    """At the peak the skip, the expanded map and the depthwise one are all still needed."""
    assert element_peak(tiny()) == liveness_peak(tiny()) == 896


def test_the_element_peak_sees_pixels_that_nobody_reads():
    """A 1x1 convolution of stride 2 reads a quarter of its input."""
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(8, 8, 4), 4, 1, 2))
    schedule = lower(graph, trivial_plan(graph, InputMode.TILES))
    assert liveness_peak(schedule) == 256 + 64
    assert element_peak(schedule) == 64 + 64


@pytest.mark.parametrize(
    ("offsets", "arena", "message"),
    [
        ({"x": 0, "y": 5}, 20, "x and y overlap"),
        ({"x": 0, "y": 12}, 20, "outside the arena"),
        ({"x": 2, "y": 12}, 22, "misaligned"),
    ],
)
def test_the_check_finds(offsets, arena, message):
    made = [
        Buffer("x", BufferKind.MAP, 10, 4, 0, 1),
        Buffer("y", BufferKind.MAP, 10, 1, 1, 2),
    ]
    with pytest.raises(PlacementError, match=message):
        check_placement(schedule_of(made), Placement(offsets, arena, 0, "by hand"))


def test_buffers_that_never_meet_may_share_bytes():
    made = [
        Buffer("x", BufferKind.MAP, 10, 1, 0, 1),
        Buffer("y", BufferKind.MAP, 10, 1, 2, 2),
    ]
    placement = place(schedule_of(made))
    assert placement.arena_bytes == 10
    check_placement(schedule_of(made), placement)
    check_placement(schedule_of(made), replace(placement, arena_bytes=20))


def growing(count: int, size: int, distance: int, reverse: frozenset[int]) -> Schedule:
    """Maps of one size, each written over the one before it, `distance` bytes behind."""
    made = [
        Buffer(f"m{i}", BufferKind.MAP, size, 1, max(i - 1, 0), min(i, count - 2))
        for i in range(count)
    ]
    overlaps = tuple(
        Overlap(i, f"m{i + 1}", f"m{i}", distance, i in reverse) for i in range(count - 1)
    )
    return replace(schedule_of(made), overlaps=overlaps)


@pytest.mark.parametrize(
    ("reverse", "allowed", "refused"), [(frozenset(), 0, 1), (frozenset({0}), 20, 19)]
)
def test_a_map_is_not_written_over_another_by_one_byte_more(reverse, allowed, refused):
    schedule = growing(2, 100, 10, reverse)
    check_placement(schedule, Placement({"m0": 10, "m1": allowed}, 120, 0, "by hand"))
    with pytest.raises(PlacementError, match="m0 and m1 overlap"):
        check_placement(schedule, Placement({"m0": 10, "m1": refused}, 120, 0, "by hand"))


@pytest.mark.parametrize("other", [10, 30])
def test_neighbours_share_no_byte(other):
    one, two = (Buffer(name, BufferKind.MAP, 10, 1, 0, 1) for name in "xy")
    problem = Problem.of(schedule_of([one, two]))
    inwards = 1 if other < 20 else -1
    assert not problem.collide(one, 20, two, other)
    assert problem.collide(one, 20, two, other + inwards)


def test_directions_keep_maps_from_drifting():
    forwards = growing(7, 100, 10, frozenset())
    backwards = growing(7, 100, 10, frozenset(range(6)))
    assert place(forwards).arena_bytes == place(backwards).arena_bytes == 160
    chosen = reversed_blocks(forwards, backwards)
    turned = growing(7, 100, 10, chosen)
    assert place(turned).arena_bytes == liveness_peak(turned) == 110
    assert len(chosen) == 3


def test_no_more_directions_than_needed():
    """Where maps shrink there is no drift."""
    one, two = growing(2, 100, 10, frozenset()), growing(2, 100, 10, frozenset({0}))
    assert reversed_blocks(one, two) == frozenset()
