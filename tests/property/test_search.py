"""The search over random networks: what it promises holds for what it lowers to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchc.ir import macs
from patchc.memory import check_placement
from patchc.pipeline import random_maps
from patchc.plan.json import from_json, to_json
from patchc.plan.types import InputMode, OutputMode
from patchc.planner.choose import choose, explore, layer_by_layer, leanest
from patchc.planner.labels import Bounds
from patchc.planner.search import NO_LIMIT, Search
from patchc.reference import run_graph, run_schedule
from patchc.schedule.lower import lower
from tests.property.example_counts import some
from tests.property.networks import chains

MODES = st.sampled_from(list(InputMode))
OUTPUTS = st.sampled_from(list(OutputMode))


@some(25)
@given(chains(), MODES, OUTPUTS)
def test_along_the_frontier_less_memory_costs_more(graph, mode, outputs):
    choices = explore(graph, mode, outputs=outputs)
    assert choices
    for choice in choices:
        check_placement(choice.schedule, choice.placement)
    arenas = [choice.arena_bytes for choice in choices]
    costs = [choice.cost for choice in choices]
    assert arenas == sorted(set(arenas), reverse=True)
    assert costs == sorted(set(costs))
    # Less than the plain network where strides leave columns that nobody reads.
    assert costs[0] <= sum(macs(graph, node) for node in graph.nodes)


@some(25)
@given(chains(), MODES, st.floats(0.3, 1.1))
def test_a_budget_is_kept_or_refused_with_a_floor_that_works(graph, mode, share):
    limit = int(layer_by_layer(graph, mode).arena_bytes * share)
    choice = choose(graph, mode, limit)
    assert choice.cost >= choice.cost_bound
    if choice.arena_bytes > limit:  # the floor, then
        assert choose(graph, mode, choice.arena_bytes - 1).arena_bytes >= choice.arena_bytes
        assert choose(graph, mode, choice.arena_bytes).arena_bytes <= choice.arena_bytes


@some(25)
@given(chains(), MODES, OUTPUTS)
def test_the_least_is_the_end_of_the_frontier_and_found_without_looking_at_costs(
    graph, mode, outputs
):
    least = choose(graph, mode, 0, outputs=outputs)
    assert least.arena_bytes <= explore(graph, mode, outputs=outputs)[-1].arena_bytes
    quick = leanest(graph, mode, outputs=outputs)
    check_placement(quick.schedule, quick.placement)
    assert least.arena_bytes <= quick.arena_bytes <= layer_by_layer(graph, mode).arena_bytes
    # So this will do as a budget.
    assert choose(graph, mode, quick.arena_bytes, outputs=outputs).arena_bytes <= quick.arena_bytes


@some(15)
@given(chains(), MODES, st.floats(0.4, 1.0), st.floats(0.4, 1.0))
def test_a_larger_budget_never_costs_more(graph, mode, one, two):
    whole = layer_by_layer(graph, mode).arena_bytes
    small, large = sorted((int(whole * one), int(whole * two)))
    tight, loose = choose(graph, mode, small), choose(graph, mode, large)
    if tight.arena_bytes <= small:
        plain = sum(macs(graph, node) for node in graph.nodes)
        assert loose.cost <= max(tight.cost, plain)


@some(15)
@given(chains(), MODES, OUTPUTS, st.floats(0.4, 0.9))
def test_plans_survive_json_and_lower_to_the_same_schedule(graph, mode, outputs, share):
    limit = int(layer_by_layer(graph, mode).arena_bytes * share)
    choice = choose(graph, mode, limit, outputs=outputs)
    again = from_json(to_json(choice.plan))
    assert again == choice.plan
    schedule = lower(graph, again)
    assert schedule.blocks == choice.schedule.blocks
    assert schedule.buffers == choice.schedule.buffers


@pytest.mark.parametrize("slack", [0, 10**4, NO_LIMIT])
def test_slack_hides_no_plan_that_keeps_to_it(slack):
    from tests.graphs import NetworkBuilder

    net = NetworkBuilder()
    x = net.conv(net.input(24, 24, 3), 8, 3, 2)
    for channels, stride in ((8, 1), (12, 2), (12, 1)):
        x = net.bottleneck(x, channels, 4, 3, stride)
    graph = net.build(net.dense(net.mean(x), 4))
    plain = sum(macs(graph, node) for node in graph.nodes)
    limit = layer_by_layer(graph, InputMode.TILES).arena_bytes
    search = Search(graph, InputMode.TILES)
    everything = search.band(Bounds(limit, NO_LIMIT))
    some = search.band(Bounds(limit, plain + slack))
    assert [(p.bytes, p.cost) for p in some] == [
        (p.bytes, p.cost) for p in everything if p.cost - plain <= slack
    ]


def test_operands_that_arrive_at_different_rates():
    """Maps of one row: a stride of two keeps the shape, so the sum's operands advance unlike."""
    from tests.graphs import NetworkBuilder

    net = NetworkBuilder()
    x = net.conv(net.input(1, 40, 3), 8)
    y = net.conv(x, 8, 1, 2)
    z = net.upsample(net.conv(y, 8), 1, 2)
    graph = net.build(net.conv(net.add(net.conv(z, 8, 1), x), 4))
    for choice in explore(graph, InputMode.TILES):
        check_placement(choice.schedule, choice.placement)
        image = {name: values[0] for name, values in random_maps(graph, 1, seed=0).items()}
        expected = run_graph(graph, image)
        for name, found in run_schedule(choice.schedule, choice.placement, image).items():
            assert np.array_equal(found, expected[name])
