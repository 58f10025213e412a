"""A second flavour of kernels through every reader: lowering, shadow memory, placement, C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.kernels.portable import PORTABLE
from patchc.memory import check_placement, place
from patchc.plan.types import InputMode, Plan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.choose import choose, layer_by_layer
from patchc.planner.cost import CoreCost
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.machine import Machine
from patchc.planner.units import find_units
from patchc.reference import run_graph, run_schedule
from patchc.schedule.lower import lower
from patchc.schedule.types import Move, Schedule
from patchc.targets.cost_table import Coefficients, CostTable
from tests.c.emitted import check_equal, write
from tests.flavours import TWIN, WITH_TWINS
from tests.graphs import NetworkBuilder

TWO_FLAVOURS = Machine(WITH_TWINS, (TWIN, PORTABLE))


def network(kernel: int = 3, stride: int = 1, channels: int = 6, side: int = 11) -> Graph:
    """A stem, a bottleneck with a skip where it keeps its size, and one more."""
    net = NetworkBuilder(21)
    x = net.conv(net.input(side, side - 1, 3), channels, 3)
    x = net.bottleneck(x, channels, 3, kernel, 1)
    x = net.bottleneck(x, channels + 3, 2, kernel, stride)
    return net.build(net.conv(x, 5, name="last"))


def tunnel_plan(graph: Graph, option: int, **changes: object) -> Plan:
    """All units in one tunnel, each in its option of that number, or in the last that it has."""
    units = find_units(graph, graph.nodes)
    steps = [s for unit in units for s in unit.options[min(option, len(unit.options) - 1)]]
    bare = tuple(replace(step, kernels=()) for step in steps)
    pairs = tuple(pair for unit in units for pair in unit.in_place)
    tunnel = replace(TunnelPlan(bare), **changes)
    return assigned(graph, Plan(InputMode.TILES, (tunnel,), pairs), TWO_FLAVOURS)


def slower(plan: Plan, rows: int) -> Plan:
    """The plan with rings that move every so many rows."""
    tunnels = tuple(
        replace(
            tunnel,
            steps=tuple(replace(s, slide=rows) if s.slide else s for s in tunnel.steps),
        )
        for tunnel in plan.tunnels
    )
    return replace(plan, tunnels=tunnels)


def check(schedule: Schedule, tmp_path) -> None:
    """Numpy = shadow memory = C under the sanitizers."""
    graph, placement = schedule.graph, place(schedule)
    check_placement(schedule, placement)
    random = np.random.default_rng(3)
    image = {
        name: random.integers(-128, 128, graph.tensors[name].shape).astype(np.int8)
        for name in graph.inputs
    }
    wanted = run_graph(graph, image)
    for name, values in run_schedule(schedule, placement, image).items():
        np.testing.assert_array_equal(values, wanted[name])
    write(schedule, tmp_path)
    check_equal(tmp_path, graph, "sanitize")


def twins_used(schedule: Schedule) -> set[str]:
    calls = (call for block in schedule.blocks for step in block.steps for call in step.all_calls)
    return {c.kernel.name for c in calls if hasattr(c, "kernel") and c.kernel.flavour == TWIN}


ALL = {"conv2d_pointwise.twin", "conv2d_depthwise.twin"}


@pytest.mark.parametrize("channels", [1, 4, 7])
def test_layer_by_layer(channels, tmp_path):
    graph = network(channels=channels)
    plan = trivial_plan(graph, InputMode.TILES)
    bare = tuple(
        replace(t, steps=tuple(replace(s, kernels=()) for s in t.steps)) for t in plan.tunnels
    )
    plan = assigned(graph, replace(plan, tunnels=bare), TWO_FLAVOURS)
    schedule = lower(graph, plan, WITH_TWINS)
    assert twins_used(schedule) == ALL
    check(schedule, tmp_path)


@pytest.mark.parametrize("every", [1, 2, 4])
@pytest.mark.parametrize(
    ("kernel", "stride", "changes"),
    [
        (3, 1, {}),
        (3, 2, {"stripes": 3}),
        (5, 2, {}),
        (3, 1, {"reverse": True}),
        (5, 1, {"reverse": True}),
    ],
)
def test_rings_that_slide(kernel, stride, changes, every, tmp_path):
    graph = network(kernel, stride)
    mode = InputMode.EXTERN if "reverse" in changes else InputMode.TILES
    plan = replace(tunnel_plan(graph, 0, **changes), input_mode=mode)
    schedule = lower(graph, slower(plan, every), WITH_TWINS)
    assert twins_used(schedule) == ALL
    moves = [s for block in schedule.blocks for s in block.steps if isinstance(s.calls[0], Move)]
    assert moves, "a ring is to slide here"
    tightest = lower(graph, plan, WITH_TWINS)
    for step in moves:
        slots = schedule.storages[step.piece].slots
        height = graph.tensors[step.piece].shape[0]
        least = tightest.storages[step.piece].slots
        assert slots == min(least + every - 1, height)
    check(schedule, tmp_path)


def test_a_ring_that_wraps_is_refused():
    graph = network()
    plan = tunnel_plan(graph, 0)
    with pytest.raises(PatchcError, match=r"reads the rows of .* in order, and they are in a ring"):
        lower(graph, slower(plan, 0), WITH_TWINS)


@pytest.mark.parametrize("option", [1, 2])
def test_channel_groups(option, tmp_path):
    """Expansion and projection of the second flavour; the depthwise convolution between them reads
    rows that wrap, so it stays portable."""
    net = NetworkBuilder(22)
    graph = net.build(net.bottleneck(net.input(9, 8, 5), 5, 4, 3, 1))
    schedule = lower(graph, tunnel_plan(graph, option), WITH_TWINS)
    assert twins_used(schedule) == {"conv2d_pointwise.twin"}
    check(schedule, tmp_path)


def priced(twin: int) -> Machine:
    """Both flavours, the second one at so many instructions per multiply-accumulate, the portable
    one at 4."""
    flavours = {PORTABLE: Coefficients(per_mac=4000), TWIN: Coefficients(per_mac=1000 * twin)}
    return Machine(WITH_TWINS, (PORTABLE, TWIN), CoreCost(CostTable(flavours)))


@pytest.mark.parametrize("share", [1.0, 0.6])
def test_the_planner_takes_the_cheaper_flavour(share, tmp_path):
    """Layer by layer and in tunnels, scratch memory and rings that slide within the budget."""
    graph = network()
    limit = int(layer_by_layer(graph, InputMode.TILES).arena_bytes * share) + 40
    cheap, dear = (choose(graph, InputMode.TILES, limit, machine=priced(n)) for n in (1, 9))
    assert twins_used(cheap.schedule) == ALL
    assert twins_used(dear.schedule) == set()
    assert max(cheap.arena_bytes, dear.arena_bytes) <= limit
    assert cheap.cost < dear.cost
    check(cheap.schedule, tmp_path)
