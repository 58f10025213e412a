"""Networks and plans in which every kernel of a flavour has its turn, and the check of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from patchc.codegen import WeightsMode
from patchc.ir import Graph
from patchc.kernels.cmsis_nn import cmsis_nn_kernels
from patchc.kernels.dsp import DSP
from patchc.kernels.mve import MVE
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS, Registry
from patchc.memory import Placement, check_placement, place
from patchc.plan.types import InputMode, Plan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.machine import Machine
from patchc.planner.units import find_units
from patchc.reference import run_graph, run_schedule
from patchc.schedule.types import Schedule
from tests.c.emitted import check_equal, write
from tests.graphs import NetworkBuilder


def flavour_machine(flavour: str) -> Machine:
    """With a flavour's kernels first, so that they are taken where nobody asks for a price."""
    first = (kernel for kernel in KERNELS.entries if kernel.flavour == flavour)
    return Machine(Registry((*first, *KERNELS.entries)), (PORTABLE, flavour))


def library_machine(flavour: str) -> Machine:
    """The same with kernels that call CMSIS-NN, whatever layers are proved."""
    kernels = cmsis_nn_kernels(exact=False)
    first = [kernel for kernel in kernels if kernel.flavour == flavour]
    rest = [kernel for kernel in KERNELS.entries if not kernel.cmsis_nn]
    others = [kernel for kernel in kernels if kernel.flavour != flavour]
    return Machine(Registry((*first, *rest, *others)), (PORTABLE, flavour))


MACHINES = {DSP: flavour_machine(DSP), MVE: flavour_machine(MVE)}


def network(kernel: int = 3, stride: int = 1, channels: int = 6, side: int = 11) -> Graph:
    """A stem, a bottleneck with a skip where it keeps its size, and one more."""
    net = NetworkBuilder(21)
    x = net.conv(net.input(side, side - 1, 3), channels, 3)
    x = net.bottleneck(x, channels, 3, kernel, 1)
    x = net.bottleneck(x, channels + 3, 2, kernel, stride)
    return net.build(net.conv(x, 5, name="last"))


def classifier(channels: int, side: int = 9) -> Graph:
    """A network of every kernel: windows, pointwise, depthwise, over a whole map, over a pixel."""
    net = NetworkBuilder(channels)
    x = net.conv(net.input(side, side, 3), channels, 3, 2)
    x = net.bottleneck(x, channels + 1, 3, 5, 1)
    x = net.conv(x, channels, 3)
    return net.build(net.conv(net.dense(x, 10), 5, name="last"))


def bottleneck(channels: int, expansion: int, kernel: int, stride: int = 1) -> Graph:
    net = NetworkBuilder(22)
    return net.build(net.bottleneck(net.input(9, 8, channels), 5, expansion, kernel, stride))


def layers_plan(graph: Graph, machine: Machine) -> Plan:
    """Every node on its own, by its first candidate."""
    plan = trivial_plan(graph, InputMode.TILES)
    bare = tuple(
        replace(t, steps=tuple(replace(s, kernels=()) for s in t.steps)) for t in plan.tunnels
    )
    return assigned(graph, replace(plan, tunnels=bare), machine)


def tunnel_plan(graph: Graph, option: int, machine: Machine, **changes: object) -> Plan:
    """All units in one tunnel, each in its option of that number, or in the last that it has."""
    units = find_units(graph, graph.nodes)
    steps = [s for unit in units for s in unit.options[min(option, len(unit.options) - 1)]]
    bare = tuple(replace(step, kernels=()) for step in steps)
    pairs = tuple(pair for unit in units for pair in unit.in_place)
    tunnel = replace(TunnelPlan(bare), **changes)
    return assigned(graph, Plan(InputMode.TILES, (tunnel,), pairs), machine)


def placed_and_run(schedule: Schedule) -> Placement:
    """Where its buffers lie, after numpy has run the schedule over shadow memory: as the graph."""
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
    return placement


def check(schedule: Schedule, folder: Path, weights: WeightsMode = WeightsMode.INLINE) -> None:
    """Numpy = shadow memory = C under the sanitizers."""
    placed_and_run(schedule)
    write(schedule, folder, weights=weights)
    check_equal(folder, schedule.graph, "sanitize")


def in_groups(graph: Graph, plan: Plan, group: int, machine: Machine) -> Plan:
    """The plan with rounds of so many channels where it has rounds."""
    return _resized(graph, plan, "group", group, machine)


def in_tiles(graph: Graph, plan: Plan, tile: int, machine: Machine) -> Plan:
    """The plan with tiles of so many columns where it has tiles."""
    return _resized(graph, plan, "tile", tile, machine)


def _resized(graph: Graph, plan: Plan, field: str, size: int, machine: Machine) -> Plan:
    """The plan with another size in a field of its steps, where there is one."""
    tunnels = []
    for tunnel in plan.tunnels:
        assert any(getattr(step, field) for step in tunnel.steps)
        bare = (
            replace(step, **{field: size if getattr(step, field) else 0}, kernels=())
            for step in tunnel.steps
        )
        tunnels.append(replace(tunnel, steps=tuple(bare)))
    return assigned(graph, replace(plan, tunnels=tuple(tunnels)), machine)


def kernels_used(schedule: Schedule, flavour: str) -> set[str]:
    """Those of a flavour."""
    calls = (call for block in schedule.blocks for step in block.steps for call in step.all_calls)
    return {c.kernel.name for c in calls if hasattr(c, "kernel") and c.kernel.flavour == flavour}
