"""Bottleneck reordering: RAM that does not grow with the channels in between."""

from __future__ import annotations

import pytest

from patchc.ir import Graph
from patchc.memory import place
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.choose import choose
from patchc.planner.machine import ANY_CORE
from patchc.schedule.lower import lower
from tests.graphs import NetworkBuilder

EXPANSIONS = (2, 4, 6, 12, 24)
CHANNELS = 16


def bottleneck(size: int, expansion: int) -> Graph:
    net = NetworkBuilder()
    return net.build(net.bottleneck(net.input(size, size, CHANNELS), CHANNELS, expansion, 3, 1))


def arena(graph: Graph, *steps: StepPlan) -> int:
    plan = assigned(graph, Plan(InputMode.TILES, (TunnelPlan(steps),)), ANY_CORE)
    return place(lower(graph, plan)).arena_bytes


@pytest.mark.parametrize("size", [7, 14])
def test_ram_in_groups_is_the_same_whatever_the_expansion(size):
    """In rings it grows with it, and more so layer by layer."""
    grouped, rings, least = set(), [], set()
    for expansion in EXPANSIONS:
        graph = bottleneck(size, expansion)
        expand, depthwise, project, add = (node.name for node in graph.nodes)
        reordered = StepPlan((expand, depthwise, project), group=8)
        grouped.add(arena(graph, reordered, StepPlan((add,))))
        rings.append(arena(graph, *(StepPlan((node.name,)) for node in graph.nodes)))
        least.add(choose(graph, InputMode.TILES, 1).arena_bytes)
    assert len(grouped) == len(least) == 1
    assert min(least) < min(grouped) < min(rings)
    assert rings == sorted(rings)
    # Three rows of each channel: of the expanded map and one of the depthwise one.
    assert rings[-1] - rings[0] == (EXPANSIONS[-1] - EXPANSIONS[0]) * CHANNELS * size * 4
