"""The order of least liveness peak."""

from __future__ import annotations

from itertools import permutations

import pytest

from patchc.ir import Graph
from patchc.memory import liveness_peak
from patchc.plan.types import InputMode, OutputMode
from patchc.planner import order
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.order import best_order
from patchc.schedule.lower import lower
from tests.graphs import NetworkBuilder

MODES = list(InputMode)


def chain() -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 16, 3, 2)
    return net.build(net.dense(net.mean(net.bottleneck(x, 16, 4, 3, 1)), 10))


def two_branches() -> Graph:
    """One branch swells in its middle: it must run before the other one is kept around."""
    net = NetworkBuilder()
    x = net.input(8, 8, 4)
    small = net.conv(net.conv(x, 8, 3), 8, 3)
    big = net.conv(net.conv(net.conv(x, 64), 64, 3), 8)
    return net.build(net.add(small, big))


def residuals_and_two_outputs() -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(6, 6, 2), 8, 3)
    a = net.relu(net.add(x, net.conv(x, 8, 3)))
    b = net.add(a, net.conv(a, 8))
    return net.build(net.conv(b, 3), net.mean(a))


def brute_force_peak(graph: Graph, mode: InputMode) -> int:
    """The least peak over all topological orders, by lowering each as a plan of its own."""
    best = None
    for nodes in permutations(graph.nodes):
        written = set(graph.inputs)
        for node in nodes:
            if not written.issuperset(node.inputs):
                break
            written.add(node.output)
        else:
            moved = graph.with_nodes(nodes)
            peak = liveness_peak(lower(moved, _in_order(moved, mode)))
            best = peak if best is None else min(best, peak)
    assert best is not None
    return best


def _in_order(graph: Graph, mode: InputMode):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "MAX_STATES", 0)  # no search: the graph's own order
        return trivial_plan(graph, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("network", [chain, two_branches, residuals_and_two_outputs])
def test_the_peak_is_the_least_of_all_orders(network, mode):
    graph = network()
    found = best_order(graph, mode)
    assert found.optimal
    assert found.peak_bytes == brute_force_peak(graph, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("network", [chain, two_branches, residuals_and_two_outputs])
def test_the_schedule_has_the_peak_that_the_search_promised(network, mode):
    graph = network()
    schedule = lower(graph, trivial_plan(graph, mode))
    assert liveness_peak(schedule) == best_order(graph, mode).peak_bytes


def test_a_search_that_is_cut_off_keeps_the_file_order_and_says_so(monkeypatch):
    monkeypatch.setattr(order, "MAX_STATES", 0)
    graph = two_branches()
    found = best_order(graph, InputMode.TILES)
    assert not found.optimal
    assert found.nodes == graph.nodes


def test_many_parallel_branches_stay_affordable():
    net = NetworkBuilder()
    x = net.input(4, 4, 4)
    branches = [net.conv(net.conv(x, 8 + i), 8) for i in range(12)]
    total = branches[0]
    for branch in branches[1:]:
        total = net.add(total, branch)
    assert best_order(net.build(total), InputMode.TILES).optimal


def test_every_order_to_plan_in_runs_operands_first():
    for graph in (chain(), two_branches(), residuals_and_two_outputs()):
        for found in order.orders(graph, InputMode.TILES, OutputMode.ARENA):
            assert sorted(node.name for node in found) == sorted(node.name for node in graph.nodes)
            made = set(graph.inputs)
            for node in found:
                assert made.issuperset(node.inputs)
                made.add(node.output)


def test_depth_first_runs_the_larger_operand_with_all_that_leads_to_it_first():
    net = NetworkBuilder()
    x = net.input(8, 8, 4)
    small = net.conv(net.conv(x, 2), 2)
    large = net.conv(net.conv(x, 6), 6)
    graph = net.build(net.concat(small, large))
    *_, found = order.orders(graph, InputMode.TILES, OutputMode.ARENA)
    assert [node.output for node in found][2:4] == [graph.producer[small].inputs[0], small]
