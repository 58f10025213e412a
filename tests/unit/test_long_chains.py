"""Chains whose floor must not grow with their length."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from patchc.ir import Graph
from patchc.memory import check_placement, liveness_peak, place, placement, reversed_blocks
from patchc.memory.sweep import Sweep
from patchc.pipeline import random_maps
from patchc.plan.types import InputMode
from patchc.planner import search
from patchc.planner.choose import choose
from patchc.reference import run_graph, run_schedule
from tests.graphs import NetworkBuilder
from tests.unit.test_memory import growing


def equal(layers: int) -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(10, 10, 3), 8, 3)
    for i in range(layers):
        x = net.depthwise(x) if i % 2 else net.conv(x, 8, 3)
    return net.build(x)


def mixed(layers: int) -> Graph:
    """Channels and kernels differ."""
    net = NetworkBuilder()
    x = net.conv(net.input(10, 10, 3), 8, 3)
    shapes = ((8, 3), (6, 1), (8, 5), (10, 3), (7, 3), (8, 1))
    for i in range(layers):
        channels, kernel = shapes[i % 6]
        x = net.conv(x, channels, kernel) if i % 3 else net.depthwise(x, 3 + 2 * (i % 2))
    return net.build(x)


def residual(layers: int) -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(10, 10, 3), 8, 3)
    for _ in range(layers // 3):
        x = net.add(x, net.conv(net.conv(x, 8, 3), 8, 3))
    return net.build(x)


def two_sizes(layers: int) -> Graph:
    """A stage of larger maps, and one of smaller ones."""
    net = NetworkBuilder()
    x = net.conv(net.input(16, 16, 3), 8, 3)
    for i in range(layers // 2):
        x = net.conv(x, 8, 3) if i % 7 else net.relu(net.conv(x, 8, 5))
    x = net.conv(x, 16, 3, 2)
    for _ in range(layers // 2):
        x = net.conv(x, 16, 3)
    return net.build(net.mean(x))


@pytest.mark.slow
@pytest.mark.parametrize("network", [equal, mixed, residual, two_sizes])
def test_the_floor_does_not_grow_with_the_length(network):
    short = choose(network(30), InputMode.TILES, 0)
    graph = network(60)
    long = choose(graph, InputMode.TILES, 0)
    assert long.arena_bytes == short.arena_bytes
    check_placement(long.schedule, long.placement)
    image = {name: values[0] for name, values in random_maps(graph, 1, seed=0).items()}
    expected = run_graph(graph, image)
    for name, found in run_schedule(long.schedule, long.placement, image).items():
        assert np.array_equal(found, expected[name])


@pytest.mark.parametrize("count", [101, 1001])
def test_directions_of_a_long_chain_take_no_solver(count, monkeypatch):
    forwards = growing(count, 100, 10, frozenset())
    backwards = growing(count, 100, 10, frozenset(range(count - 1)))
    with monkeypatch.context() as patch:
        patch.setattr(placement, "_Solver", None)
        chosen = reversed_blocks(forwards, backwards)
    assert len(chosen) == (count - 1) // 2
    turned = growing(count, 100, 10, chosen)
    found = place(turned)
    check_placement(turned, found)
    assert found.arena_bytes == liveness_peak(turned) == 110


def test_a_sweep_places_a_long_chain_in_little_work(monkeypatch):
    """Places looked at grow with the length, and no faster."""
    tried = 0
    measured = Sweep._fits

    def fits(self, *args) -> bool:
        nonlocal tried
        tried += 1
        return measured(self, *args)

    monkeypatch.setattr(Sweep, "_fits", fits)
    work = []
    for count in (101, 1001):
        chain = growing(count, 100, 10, frozenset(range(1, count - 1, 2)))
        tried = 0
        overlaps = {(o.target, o.source): (o,) for o in chain.overlaps}
        found = Sweep(tuple(chain.buffers.values()), overlaps).run(110)
        assert found is not None
        work.append(tried)
    assert work[1] < 12 * work[0]
    assert work[1] < 30 * 1001


def test_a_sweep_finds_nothing_where_nothing_fits():
    chain = growing(7, 100, 10, frozenset())
    overlaps = {(o.target, o.source): (o,) for o in chain.overlaps}
    assert Sweep(tuple(chain.buffers.values()), overlaps).run(120) is None


def test_no_size_of_the_arena_is_tried_twice_nor_below_the_bound(monkeypatch):
    tried: list[int] = []
    run = Sweep.run

    def once(self, arena):
        tried.append(arena)
        return run(self, arena)

    monkeypatch.setattr(Sweep, "run", once)
    for drifts in (frozenset(), frozenset(range(1, 100, 2))):
        tried.clear()
        chain = growing(101, 100, 10, drifts)
        problem = placement.Problem.of(chain)
        placement._sweep(problem, liveness_peak(chain), 300)
        assert tried
        assert len(set(tried)) == len(tried)
        assert min(tried) >= liveness_peak(chain)


@pytest.mark.slow
def test_hundreds_of_maps_side_by_side_take_no_solver(monkeypatch):
    """Below what first fit needs nothing is tried that takes time with each pair of them."""
    net = NetworkBuilder()
    x = net.conv(net.input(10, 10, 3), 4, 3)
    graph = net.build(net.concat(*[net.conv(x, 1, 3) for _ in range(200)]))
    monkeypatch.setattr(placement, "_Solver", None)
    monkeypatch.setattr(placement, "Sweep", None)
    monkeypatch.setattr(search, "LOOKED_AT", 1000)
    found = choose(graph, InputMode.TILES, 0)
    check_placement(found.schedule, found.placement)
    assert found.arena_bytes <= found.layerwise_bytes


def test_pairs_that_are_alive_together():
    made = growing(7, 100, 10, frozenset())
    buffers = tuple(made.buffers.values())
    expected = sum(
        one.first <= two.last and two.first <= one.last for one, two in combinations(buffers, 2)
    )
    assert placement.Problem(buffers, {}).pairs() == expected
