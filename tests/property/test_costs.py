"""The search with any cost: prices are what schedules execute, and no plan on offer is missed."""

from __future__ import annotations

from itertools import product
from math import prod

from hypothesis import assume, given
from hypothesis import strategies as st

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.plan.types import InputMode, OutputMode, Plan, TunnelPlan
from patchc.planner.choose import choose, explore, layer_by_layer
from patchc.planner.cost import executed_cost
from patchc.planner.layer_by_layer import layers
from patchc.planner.machine import Machine
from patchc.planner.order import best_order, orders
from patchc.planner.pareto import ParetoFront
from patchc.planner.search import NO_LIMIT, Search
from patchc.planner.segments import Segments
from patchc.planner.units import together
from patchc.schedule.lower import lower
from patchc.schedule.work import executed
from tests.graphs import NetworkBuilder
from tests.machines import machines
from tests.property.example_counts import Met, some
from tests.property.networks import chains, dags
from tests.property.priced import block_bytes, computing_blocks

INPUTS, OUTPUTS = st.sampled_from(list(InputMode)), st.sampled_from(list(OutputMode))
NETWORKS = st.one_of(chains(max_blocks=3), dags(max_blocks=2))


@some(40)
@given(NETWORKS, INPUTS, OUTPUTS, machines())
def test_prices_are_what_schedules_execute(graph, mode, outputs, machine):
    """Tunnel by tunnel, in bytes and in cost."""
    search = Search(graph, mode, outputs, machine)
    for point in search.frontier(NO_LIMIT):
        schedule = lower(graph, point.plan(mode, outputs), machine.registry)
        costs = dict.fromkeys(["", *(node.name for node in graph.nodes)], 0)
        for one in executed(schedule):
            costs[one.node] += machine.cost(one.kernel, one.features)
        for tunnel, block in zip(point.tunnels, computing_blocks(schedule), strict=True):
            assert block_bytes(schedule, block) == tunnel.bytes
            own = sum(costs[name] for name in tunnel.plan.nodes)
            # Moving rows of the image is part of a tunnel's price, but of no node's.
            assert own == tunnel.cost or (costs[""] and own < tunnel.cost)
        assert point.cost == sum(costs.values()) == executed_cost(schedule, machine.cost)
        assert search.least_cost <= point.cost


# -- against brute force -----------------------------------------------------------------------


@st.composite
def small_chains(draw: st.DrawFn) -> Graph:
    """Up to four units on maps of a few pixels."""
    net = NetworkBuilder(draw(st.integers(0, 2**16)))
    x = net.input(draw(st.integers(4, 7)), draw(st.integers(3, 7)), draw(st.integers(1, 3)))
    kinds = st.sampled_from(["pair", "conv", "stride", "pool", "bottleneck", "skip"])
    for kind in draw(st.lists(kinds, min_size=2, max_size=3)):
        height, width, channels = net.tensors[x].shape
        more = draw(st.integers(1, 6))
        if kind == "pair":
            x = net.conv(net.depthwise(x), more)
        elif kind == "bottleneck" and len(net.nodes) < 3:
            x = net.bottleneck(x, more, 2, 3, 1)
        elif kind == "skip":
            x = net.add(x, net.conv(x, channels, 3))
        elif kind == "pool" and min(height, width) >= 2:
            x = net.max_pool(x)
        elif kind == "stride":
            x = net.conv(x, more, draw(st.sampled_from([1, 3])), 2)
        else:
            x = net.conv(x, more, draw(st.sampled_from([1, 3])))
    if draw(st.booleans()):
        x = net.mean(x)
    return net.build(x)


@some(40)
@given(small_chains(), INPUTS, OUTPUTS, machines(), st.floats(0.3, 1.2))
def test_nothing_that_fits_and_costs_less_is_passed_over(graph, mode, outputs, machine, share):
    whole = layer_by_layer(graph, mode, outputs=outputs, machine=machine)
    limit = round(share * whole.arena_bytes)
    found = choose(graph, mode, limit, outputs=outputs, machine=machine)
    choices = explore(graph, mode, outputs=outputs, machine=machine)
    assert found.cost_bound <= found.cost
    assert found.cost == executed_cost(found.schedule, machine.cost)
    if found.arena_bytes <= limit:
        fitting = [choice.cost for choice in (*choices, whole) if choice.arena_bytes <= limit]
        assert found.cost <= min(fitting)
        assert found.plan == whole.plan or whole.arena_bytes > limit or found.cost < whole.cost


class Tried:
    """Plans for the nodes before a cut, as `Staircase` keeps them."""

    def __init__(self, bytes: int, cost: int) -> None:
        self.bytes, self.cost, self.length = bytes, cost, 1


def all_plans(graph: Graph, mode: InputMode, machine: Machine) -> list[tuple[int, int]]:
    """(bytes, cost) on the frontier of all paths over cuts: every tunnel that there is lowered,
    measured and counted on its own, between layers."""
    best: ParetoFront[Tried] = ParetoFront()
    least = best_order(graph, mode).nodes
    for order in {together(graph, found) for found in orders(graph, least)}:
        runs = Segments(graph, mode, OutputMode.ARENA, order, machine)
        at: list[ParetoFront[Tried]] = [ParetoFront() for _ in range(len(order) + 1)]
        at[0].add(Tried(0, 0))
        for start, here in enumerate(at[:-1]):
            for stop, size, cost in tunnels(graph, mode, runs, start, machine):
                for point in here:
                    at[stop].add(Tried(max(point.bytes, size), point.cost + cost))
        for point in at[-1]:
            best.add(point)
    return [(point.bytes, point.cost) for point in best]


def tunnels(graph: Graph, mode: InputMode, runs: Segments, start: int, machine: Machine):
    """(where it ends, bytes, cost) of every tunnel from a cut on."""
    order = runs.order
    alone = [
        [
            TunnelPlan((way.step,), whole=True)
            for way in layers(graph, node, machine, node.output in runs.whole_in_place)
        ]
        for node in order
    ]
    for tunnel in alone[start]:
        yield start + 1, *measured(graph, mode, runs, machine, start, tunnel, alone)
    stop, units = start, []
    while stop in runs.units:
        units.append(runs.units[stop])
        stop += len(units[-1].nodes)
        run, counts = runs.segment(start, stop), runs.prices(stop).counts
        for options in product(*(unit.options for unit in units)):
            steps = tuple(step for option in options for step in option)
            for stripes in (count for count in counts if count <= run.most_stripes):
                tunnel = TunnelPlan(steps, stripes=stripes)
                try:
                    yield stop, *measured(graph, mode, runs, machine, start, tunnel, alone)
                except PatchcError:
                    continue


def measured(graph, mode, runs, machine, start, tunnel, alone) -> tuple[int, int]:
    """Bytes and cost of one tunnel in a plan that is layer by layer otherwise, so that only this
    one moves rows, if any."""
    stop = start + len(tunnel.nodes)
    others = [ways[0] for ways in alone]
    in_place = [
        pair
        for position, node in enumerate(runs.order)
        if not start <= position < stop or tunnel.whole
        for pair in runs.whole_in_place.items()
        if pair[0] == node.output
    ]
    if not tunnel.whole:
        in_place += runs.segment(start, stop).in_place
    plan = Plan(mode, (*others[:start], tunnel, *others[stop:]), tuple(in_place))
    schedule = lower(graph, plan, machine.registry)
    block = computing_blocks(schedule)[start]
    cost = sum(
        machine.cost(one.kernel, one.features)
        for one in executed(schedule)
        if one.node in tunnel.nodes or not one.node
    )
    return block_bytes(schedule, block), cost


def frontier(graph: Graph, mode: InputMode, machine: Machine) -> list[tuple[int, int]]:
    """What the search finds, rising bytes and falling cost."""
    best: ParetoFront[Tried] = ParetoFront()
    for point in Search(graph, mode, OutputMode.ARENA, machine).frontier(NO_LIMIT):
        best.add(Tried(point.bytes, point.cost))
    return [(point.bytes, point.cost) for point in best]


brute_force = Met(tunnels_cost_less=0.1, two_flavours=0.2, narrow=0.1)


@brute_force.enough
@some(50)
@given(small_chains(), INPUTS, machines())
def test_the_frontier_is_that_of_all_plans(graph, mode, machine):
    runs = Segments(graph, mode, OutputMode.ARENA, graph.nodes, machine)
    assume(prod(len(unit.options) for unit in runs.units.values()) <= 200)
    found = frontier(graph, mode, machine)
    assert found == all_plans(graph, mode, machine)
    brute_force(
        tunnels_cost_less=found[-1][1] < Search(graph, mode, machine=machine).plain,
        two_flavours=len(machine.flavours) > 1,
        narrow=runs.narrow(0, len(graph.nodes)),
    )
