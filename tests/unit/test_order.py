"""The order of least liveness peak."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest

from patchc.ir import Graph, Node
from patchc.memory import liveness_peak
from patchc.plan.types import InputMode
from patchc.planner import layer_by_layer as planner
from patchc.planner import least_peak, order, search
from patchc.planner.choose import choose
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
    return trivial_plan(graph, mode, order=graph.nodes)


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


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("network", [chain, two_branches, residuals_and_two_outputs])
def test_a_search_that_is_not_affordable_finds_as_good_an_order_in_small_graphs(
    network, mode, monkeypatch
):
    graph = network()
    exact = best_order(graph, mode)
    monkeypatch.setattr(least_peak, "EXACT_WORK", 0)
    found = best_order(graph, mode)
    assert found.peak_bytes == exact.peak_bytes == peak_of(graph, found.nodes, mode)


def test_an_order_that_was_not_proved_says_so(monkeypatch):
    """Where even the beam is one set wide, depth first still saves the second branch's map."""
    monkeypatch.setattr(least_peak, "EXACT_WORK", 0)
    monkeypatch.setattr(least_peak, "BEAM_WORK", 0)
    graph = trees(8)
    found = best_order(graph, InputMode.TILES)
    assert not found.optimal
    assert found.peak_bytes <= least_of_file_and_depth_first(graph)


def fan_out(readers: int, different: bool) -> Graph:
    """One map read by many convolutions, whose outputs are concatenated."""
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, 3)
    parts = [net.conv(x, 1 + i % 7 if different else 1) for i in range(readers)]
    return net.build(net.concat(*parts))


def two_fans(readers: int) -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, 3)
    for _ in range(2):
        x = net.conv(net.concat(*[net.conv(x, 1 + i % 3) for i in range(readers)]), 4)
    return net.build(x)


def stages(count: int, branches: int) -> Graph:
    """Wide stages one after the other, of branches two convolutions long."""
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, 3)
    for _ in range(count):
        parts = [net.conv(net.conv(x, 1 + i % 5), 1 + i % 3) for i in range(branches)]
        x = net.conv(net.concat(*parts), 4)
    return net.build(x)


def grid(rows: int, columns: int) -> Graph:
    """Branches side by side, each of which reads its neighbour."""
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, 3)
    row = [net.conv(x, 4) for _ in range(columns)]
    for _ in range(rows):
        row = [net.add(net.conv(row[i], 4), row[(i + 1) % columns]) for i in range(columns)]
    return net.build(net.concat(*row))


def many_outputs(readers: int) -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, 3)
    return net.build(*[net.conv(x, 1 + i % 6) for i in range(readers)])


def many_inputs(readers: int) -> Graph:
    net = NetworkBuilder()
    images = [net.input(8, 8, 1, f"image{i}") for i in range(readers)]
    return net.build(net.concat(*[net.conv(image, 1 + i % 6) for i, image in enumerate(images)]))


def trees(leaves: int) -> Graph:
    """Branches added up in pairs of pairs, though the file computes all of them first."""
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, 3)
    row = [net.conv(net.conv(x, 1 + i % 9), 4) for i in range(leaves)]
    while len(row) > 1:
        row = [net.add(*row[i : i + 2]) for i in range(0, len(row), 2)]
    return net.build(row[0])


def random_graph(count: int, window: int) -> Graph:
    """Convolutions, sums and concatenations of what the last `window` nodes made."""
    random, net = Random(window), NetworkBuilder()
    made = [net.conv(net.input(8, 8, 3), 8)]
    unread = set(made)
    for _ in range(count):
        a, b = (random.choice(made[-window:]) for _ in range(2))
        channels = [net.tensors[x].shape[2] for x in (a, b)]
        unread -= {a, b}
        if a == b or random.random() < 0.5:
            made.append(net.conv(net.conv(a, 4), random.choice([4, 8, 12])))
        elif channels[0] == channels[1]:
            made.append(net.add(a, b))
        else:
            made.append(net.conv(net.concat(a, b), 8))
        unread.add(made[-1])
    return net.build(net.concat(*[x for x in made if x in unread], 1))


def peak_of(graph: Graph, nodes: Sequence[Node], mode: InputMode) -> int:
    return liveness_peak(lower(graph, trivial_plan(graph, mode, order=nodes)))


def least_of_file_and_depth_first(graph: Graph) -> int:
    _, *others = order.orders(graph, graph.nodes)
    return min(peak_of(graph, nodes, InputMode.TILES) for nodes in (graph.nodes, *others))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("graph", "proved"),
    [
        (fan_out(300, different=False), True),
        (fan_out(300, different=True), True),
        (two_fans(150), True),
        (stages(10, 15), True),
        (stages(2, 75), True),
        (grid(10, 15), True),
        (many_outputs(300), False),
        (many_inputs(150), True),
        (trees(64), False),
        (random_graph(150, 6), True),
        (random_graph(150, 60), True),
    ],
    ids=lambda value: f"{len(value.nodes)} nodes" if isinstance(value, Graph) else str(value),
)
def test_work_is_bounded_whatever_the_graph(graph, proved, monkeypatch):
    """Steps looked at; and the order is no worse than those that take no search."""
    looked = 0

    def step(self: least_peak.Liveness, state: least_peak.State, index: int) -> tuple[int, int]:
        nonlocal looked
        looked += 1
        return measured(self, state, index)

    measured = least_peak.Liveness.step
    monkeypatch.setattr(least_peak.Liveness, "step", step)
    found = best_order(graph, InputMode.TILES)
    assert looked < 400_000
    assert found.optimal or not proved
    assert found.peak_bytes == peak_of(graph, found.nodes, InputMode.TILES)
    assert found.peak_bytes <= least_of_file_and_depth_first(graph)


def test_one_order_is_searched_per_compilation(monkeypatch):
    """Whatever the budget: the search of tunnels and the report take the one that there is."""
    searched = []

    def counted(graph: Graph, *args: object) -> order.Order:
        searched.append(graph)
        return best_order(graph, *args)

    monkeypatch.setattr(planner, "best_order", counted)
    monkeypatch.setattr(search, "best_order", counted)
    choose(two_branches(), InputMode.TILES, 0)
    assert len(searched) == 1


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
        for found in order.orders(graph, best_order(graph, InputMode.TILES).nodes):
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
    *_, found = order.orders(graph, best_order(graph, InputMode.TILES).nodes)
    assert [node.output for node in found][2:4] == [graph.producer[small].inputs[0], small]
