"""Kernels for cores without a long multiply: the bytes of the portable ones, wherever they run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from patchc.ir import Window
from patchc.kernels.kernel import Role, site_of
from patchc.kernels.narrow import NARROW
from patchc.kernels.registry import KERNELS
from patchc.plan.types import InputMode, Plan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.machine import machine_of
from patchc.planner.units import find_units
from patchc.schedule.lower import lower
from patchc.schedule.types import Schedule
from patchc.targets.cores import CORES
from tests.c import kernel_cases as make
from tests.c.emitted import check_equal, write
from tests.c.kernel_brute_force import brute_force
from tests.c.kernel_cases import Case
from tests.c.kernel_host import library, run
from tests.graphs import NetworkBuilder

FLAVOURS = CORES["cortex-m0"].flavours


@settings(max_examples=100, deadline=None)
@given(make.convolutions())
def test_convolution(case: Case) -> None:
    """Any window, stride, pads and groups; wrapped biases and sums beyond 2^24."""
    (kernel,) = KERNELS.candidates(site_of(case.graph, case.node), FLAVOURS)
    assert kernel.flavour == NARROW
    found = run(library(), case.call(kernel.name))
    np.testing.assert_array_equal(found, brute_force(case.graph, case.node, case.inputs))


def test_they_supersede_the_portable_ones_of_their_cores() -> None:
    case = make.conv_case(Window((1, 1)), 1, 3, 5, (2, 2), 0)
    site = site_of(case.graph, case.node)
    for role in (Role.COMPUTE, Role.ACCUMULATE):
        found = KERNELS.candidates(replace(site, role=role), FLAVOURS)
        assert [kernel.flavour for kernel in found] == [NARROW]
        portable = KERNELS.candidates(replace(site, role=role), ("portable",))
        assert found[0].name == f"{portable[0].name}.narrow"


def flavours_used(schedule: Schedule) -> set[str]:
    calls = (call for block in schedule.blocks for step in block.steps for call in step.all_calls)
    return {call.kernel.name for call in calls if hasattr(call, "kernel")}


@pytest.mark.parametrize("option", [None, 0, 1, 2])
def test_networks(option: int | None, tmp_path) -> None:
    """Layer by layer, row by row, in groups of channels whose sums are kept: the C under the
    sanitizers."""
    net = NetworkBuilder(21)
    x = net.conv(net.input(11, 10, 3), 6, 3)
    x = net.bottleneck(x, 6, 3, 3, 1)
    x = net.bottleneck(x, 9, 2, 3, 2)
    graph = net.build(net.dense(net.mean(x), 5, name="last"))
    if option is None:
        plan = trivial_plan(graph, InputMode.TILES)
        steps = [(tunnel, tunnel.steps) for tunnel in plan.tunnels]
    else:
        units = find_units(graph, graph.nodes)
        found = [s for unit in units for s in unit.options[min(option, len(unit.options) - 1)]]
        pairs = tuple(pair for unit in units for pair in unit.in_place)
        plan = Plan(InputMode.TILES, (), pairs)
        steps = [(TunnelPlan(tuple(found)), found)]
    tunnels = [replace(t, steps=tuple(replace(s, kernels=()) for s in of)) for t, of in steps]
    plan = assigned(graph, replace(plan, tunnels=tuple(tunnels)), machine_of(CORES["cortex-m0"]))
    schedule = lower(graph, plan)
    used = flavours_used(schedule)
    convolutions = {name for name in used if KERNELS[name].operator is type(graph.nodes[0].op)}
    assert convolutions
    assert all(name.endswith(".narrow") for name in convolutions)
    write(schedule, tmp_path)
    check_equal(tmp_path, graph, "sanitize")
