"""Pareto-optimal points, one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from patchc.planner.pareto import ParetoFront, Stairs


@dataclass(frozen=True)
class P:
    bytes: int
    cost: int
    length: int = 1


POINTS = st.lists(
    st.builds(P, st.integers(0, 6), st.integers(0, 6), st.integers(1, 3)), max_size=30
)


@given(POINTS)
def test_keeps_what_nothing_beats_by_rising_bytes_and_falling_cost(points):
    stairs: ParetoFront[P] = ParetoFront()
    for point in points:
        stairs.add(point)
    best = {
        (p.bytes, p.cost)
        for p in points
        if not any(
            (o.bytes, o.cost) != (p.bytes, p.cost) and o.bytes <= p.bytes and o.cost <= p.cost
            for o in points
        )
    }
    assert [(p.bytes, p.cost) for p in stairs] == sorted(best)
    for kept in stairs:
        same = [p.length for p in points if (p.bytes, p.cost) == (kept.bytes, kept.cost)]
        assert kept.length == min(same)


@given(POINTS, st.integers(0, 6), st.integers(0, 6), st.integers(1, 3))
def test_what_it_beats_it_would_not_keep(points, size, cost, length):
    stairs: ParetoFront[P] = ParetoFront()
    for point in points:
        stairs.add(point)
    before = list(stairs)
    beaten = stairs.dominates(size, cost, length)
    stairs.add(P(size, cost, length))
    assert beaten == (list(stairs) == before)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30))
def test_stairs_reach_what_any_pair_so_far_is_no_larger_than(pairs):
    stairs = Stairs()
    for index, (first, second) in enumerate(pairs):
        reached = any(x <= first and y <= second for x, y in pairs[:index])
        assert stairs.reach(first, second) == reached
        if not reached:
            stairs.add(first, second)
