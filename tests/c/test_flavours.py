"""A second flavour of kernels through every reader: lowering, shadow memory, placement, C."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchc.errors import PatchcError
from patchc.kernels.portable import PORTABLE
from patchc.plan.types import InputMode, Plan
from patchc.planner.choose import choose, layer_by_layer
from patchc.planner.cost import CoreCost
from patchc.planner.machine import Machine
from patchc.schedule.lower import lower
from patchc.schedule.types import Move
from patchc.targets.cost_table import Coefficients, CostTable
from tests.c.flavour_plans import check, kernels_used, layers_plan, network, tunnel_plan
from tests.flavours import TWIN, WITH_TWINS
from tests.graphs import NetworkBuilder

TWO_FLAVOURS = Machine(WITH_TWINS, (TWIN, PORTABLE))


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


ALL = {"conv2d_pointwise.twin", "conv2d_depthwise.twin"}


@pytest.mark.parametrize("channels", [1, 4, 7])
def test_layer_by_layer(channels, tmp_path):
    graph = network(channels=channels)
    schedule = lower(graph, layers_plan(graph, TWO_FLAVOURS), WITH_TWINS)
    assert kernels_used(schedule, TWIN) == ALL
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
    plan = replace(tunnel_plan(graph, 0, TWO_FLAVOURS, **changes), input_mode=mode)
    schedule = lower(graph, slower(plan, every), WITH_TWINS)
    assert kernels_used(schedule, TWIN) == ALL
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
    plan = tunnel_plan(graph, 0, TWO_FLAVOURS)
    with pytest.raises(PatchcError, match=r"reads the rows of .* in order, and they are in a ring"):
        lower(graph, slower(plan, 0), WITH_TWINS)


@pytest.mark.parametrize("option", [1, 2])
def test_channel_groups(option, tmp_path):
    """Expansion and projection of the second flavour; the depthwise convolution between them reads
    rows that wrap, so it stays portable."""
    net = NetworkBuilder(22)
    graph = net.build(net.bottleneck(net.input(9, 8, 5), 5, 4, 3, 1))
    schedule = lower(graph, tunnel_plan(graph, option, TWO_FLAVOURS), WITH_TWINS)
    assert kernels_used(schedule, TWIN) == {"conv2d_pointwise.twin"}
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
    assert kernels_used(cheap.schedule, TWIN) == ALL
    assert kernels_used(dear.schedule, TWIN) == set()
    assert max(cheap.arena_bytes, dear.arena_bytes) <= limit
    assert cheap.cost < dear.cost
    check(cheap.schedule, tmp_path)
