"""Kernels with a faster loop for some cores through every reader: numpy = shadow memory = C."""

from __future__ import annotations

import pytest

from patchc.ir import Graph
from patchc.kernels.dsp import DSP
from patchc.kernels.mve import MVE
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS
from patchc.planner.machine import Machine
from patchc.schedule.lower import lower
from tests.c.flavour_plans import check, kernels_used, layers_plan, tunnel_plan
from tests.graphs import NetworkBuilder

LOOPS = {
    DSP: {"add.dsp", "sub.dsp", "max_pool.dsp"},
    MVE: {"add.mve", "sub.mve", "mul.mve", "max_pool.mve", "lut.mve"},
}


def network() -> Graph:
    """Sums, differences, products, tables and pools of a number of channels that no vector ends
    with, and a mean behind them."""
    net = NetworkBuilder(31)
    x = net.conv(net.input(10, 9, 3), 7, 3)
    x = net.add(net.sub(x, net.conv(x, 7)), x)
    x = net.max_pool(x, 3, 1, pad=1)
    x = net.mul(x, net.relu(net.conv(x, 7)))
    return net.build(net.mean(net.conv(net.max_pool(x), 6)))


def used(schedule: object, flavour: str) -> set[str]:
    return {name for name in kernels_used(schedule, flavour) if "conv" not in name}


@pytest.mark.parametrize("flavour", LOOPS)
def test_layer_by_layer(flavour, tmp_path):
    graph, machine = network(), Machine(KERNELS, (PORTABLE, flavour))
    schedule = lower(graph, layers_plan(graph, machine))
    assert used(schedule, flavour) == LOOPS[flavour]
    check(schedule, tmp_path)


@pytest.mark.parametrize("flavour", LOOPS)
def test_in_a_tunnel(flavour, tmp_path):
    """In place, in pieces of a few pixels, with the mean's sums kept between them."""
    graph, machine = network(), Machine(KERNELS, (PORTABLE, flavour))
    schedule = lower(graph, tunnel_plan(graph, 0, machine))
    means = {"mean_add.mve"} if flavour == MVE else set()
    assert used(schedule, flavour) == LOOPS[flavour] | means
    check(schedule, tmp_path)
