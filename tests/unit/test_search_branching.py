"""Tunnels over nodes that branch: what the search finds there."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.ir import Graph
from patchc.memory import place
from patchc.pipeline import random_maps
from patchc.plan.types import InputMode, OutputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.choose import choose, explore, layer_by_layer
from patchc.planner.search import Search
from patchc.reference import run_graph, run_schedule
from tests.graphs import NetworkBuilder
from tests.plans import lower


def u_net() -> Graph:
    """Down by a bottleneck, up again to what it started from."""
    net = NetworkBuilder()
    skip = net.conv(net.input(24, 24, 3), 8, 3)
    x = net.bottleneck(net.max_pool(skip), 12, 6, 5, 1)
    x = net.concat(net.upsample(net.conv(x, 8), 2, 2), skip)
    return net.build(net.conv(x, 2, 3))


def siamese() -> Graph:
    """Two images, each through a convolution, and their difference."""
    net = NetworkBuilder()
    one, two = net.input(20, 16, 3, "left"), net.input(20, 16, 3, "right")
    x = net.concat(net.conv(one, 8, 3), net.conv(net.conv(two, 4), 8, 3))
    return net.build(net.conv(x, 4, 3, 2))


def assert_equal(graph: Graph, choice) -> None:
    image = {name: values[0] for name, values in random_maps(graph, 1, seed=0).items()}
    expected = run_graph(graph, image)
    for name, found in run_schedule(choice.schedule, choice.placement, image).items():
        assert np.array_equal(found, expected[name])


@pytest.mark.slow
def test_channel_groups_in_a_tunnel_that_a_skip_crosses():
    graph = u_net()
    limit = layer_by_layer(graph, InputMode.TILES).arena_bytes
    plans = [
        point.plan(InputMode.TILES) for point in Search(graph, InputMode.TILES).frontier(limit)
    ]
    both = [
        tunnel
        for plan in plans
        for tunnel in plan.tunnels
        if any(step.group for step in tunnel.steps) and len(tunnel.nodes) == len(graph.nodes)
    ]
    assert both, "no plan reorders a bottleneck while the skip's rows wait"
    for choice in explore(graph, InputMode.TILES):
        assert_equal(graph, choice)


def test_one_tunnel_fetches_two_images_together():
    graph = siamese()
    whole = layer_by_layer(graph, InputMode.TILES)
    choice = choose(graph, InputMode.TILES, whole.arena_bytes // 2)
    assert choice.arena_bytes <= whole.arena_bytes // 2
    (tunnel,) = choice.plan.tunnels
    assert len(tunnel.nodes) == len(graph.nodes)
    assert_equal(graph, choice)


def test_an_output_that_was_handed_over_may_be_written_over_by_its_last_reader():
    net = NetworkBuilder()
    handed = net.conv(net.input(12, 12, 4), 4, 3)
    graph = net.build(handed, net.dense(net.mean(net.conv(handed, 4, 3)), 4))
    mode, rows = InputMode.TILES, OutputMode.ROWS
    first, *others = (StepPlan((node.name,)) for node in graph.nodes)
    plan = Plan(mode, (TunnelPlan((first,)), TunnelPlan((*others,))), output_mode=rows)
    schedule = lower(graph, plan)
    assert handed in {overlap.source for overlap in schedule.overlaps}
    found = place(schedule)
    image = {name: values[0] for name, values in random_maps(graph, 1, seed=0).items()}
    expected = run_graph(graph, image)
    for name, values in run_schedule(schedule, found, image).items():
        assert np.array_equal(values, expected[name])
