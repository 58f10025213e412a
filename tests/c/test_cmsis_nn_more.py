"""Means, sums and products that CMSIS-NN computes: layer by layer, in tunnels and stripes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchc.ir import Add, Graph, Mul, Quantization, Tensor
from patchc.kernels.cmsis_nn_pairs import pair_form
from patchc.numerics.cmsis_rounding import Rounding
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.machine import Machine
from patchc.schedule.lower import lower
from patchc.schedule.types import KernelCall, Schedule
from patchc.targets.cores import core
from tests.c.flavour_plans import layers_plan
from tests.cmsis_nn import check, complete, library_first, proved
from tests.graphs import NetworkBuilder

CORES = ("cortex-m0", "cortex-m4", "cortex-m55")


def with_proved_pairs(graph: Graph) -> Graph:
    """The graph with scales of sums and products nudged until they are proved."""
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        if isinstance(node.op, Add | Mul):
            inputs = tuple(tensors[name] for name in node.inputs)
            for step in range(100):
                y = tensors[node.output]
                form = pair_form(node.op, inputs, y, Rounding.SINGLE)
                if form is not None and form.proved:
                    break
                scale = float(np.float32(y.quant.scale * (1 + step * 1e-6)))
                tensors[y.name] = Tensor(y.name, y.shape, replace(y.quant, scale=scale))
    return replace(graph, tensors=tensors)


def used(schedule: Schedule) -> set[str]:
    calls = (call for block in schedule.blocks for step in block.steps for call in step.all_calls)
    kernels = (call.kernel for call in calls if isinstance(call, KernelCall))
    return {kernel.name.split(".")[0] for kernel in kernels if kernel.cmsis_nn}


def network() -> Graph:
    net = NetworkBuilder(41)
    x = net.conv(net.input(13, 11, 3), 6, 3)
    x = net.average_pool(net.add(x, net.conv(x, 6, 3)), 3, 2)
    x = net.mul(net.conv(x, 5), net.conv(x, 5, 3))
    x = net.average_pool(x, 1, 1)
    return proved(with_proved_pairs(net.build(x)))


def in_one_tunnel(graph: Graph, machine: Machine, stripes: int) -> Plan:
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    plan = Plan(InputMode.TILES, (TunnelPlan(steps, stripes=stripes),))
    return assigned(graph, plan, machine)


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("stripes", [0, 1, 3])
def test_means_sums_and_products(name: str, stripes: int, tmp_path: Path) -> None:
    graph, machine = network(), library_first(core(name), pairs=True)
    plan = in_one_tunnel(graph, machine, stripes) if stripes else layers_plan(graph, machine)
    schedule = lower(graph, plan, machine.registry)
    assert {"average_pool", "add", "mul"} <= used(schedule)
    check(schedule, tmp_path, complete(tmp_path))


@pytest.mark.parametrize("name", CORES)
def test_global_means(name: str, tmp_path: Path) -> None:
    """Of 35 pixels, 7 channels; by a window as large as the map."""
    net = NetworkBuilder(42)
    x = net.mean(net.conv(net.input(5, 7, 3), 7), rescaled=False)
    graph, machine = proved(net.build(net.conv(x, 4))), library_first(core(name))
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    assert "global_average_pool" in used(schedule)
    check(schedule, tmp_path)


def test_operands_in_the_other_order(tmp_path: Path) -> None:
    """The formula's first operand is the node's second."""
    net = NetworkBuilder(43)
    x = net.input(4, 5, 3)
    y = net._node(Add(reverse=True), (x, net.conv(x, 3)), "y", 0.03)
    graph = net.build(y)
    tensors = dict(graph.tensors)
    tensors[x] = replace(tensors[x], quant=Quantization(0.011, 7))
    graph = proved(with_proved_pairs(replace(graph, tensors=tensors)))
    machine = library_first(core("cortex-m0"), pairs=True)
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    assert "add" in used(schedule)
    check(schedule, tmp_path, complete(tmp_path))
