"""The kernels for cores with DSP instructions through every reader: numpy = shadow memory = C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from patchc.codegen import WeightsMode
from patchc.kernels.dsp import DSP
from patchc.kernels.kernel import Slicing, site_of
from patchc.kernels.registry import KERNELS
from patchc.plan.types import InputMode
from patchc.schedule.lower import lower
from tests.c.flavour_plans import (
    DSP_MACHINE,
    bottleneck,
    check,
    classifier,
    in_groups,
    kernels_used,
    layers_plan,
    network,
    tunnel_plan,
)
from tests.graphs import NetworkBuilder

IN_TUNNELS = {"conv2d.dsp", "conv2d_pointwise.dsp", "conv2d_depthwise.dsp"}
IN_GROUPS = {
    "conv2d_pointwise.dsp",
    "conv2d_depthwise.dsp",
    "pointwise_add.dsp",
    "pointwise_finish.dsp",
}


@pytest.mark.parametrize("channels", [1, 4, 7])
def test_layer_by_layer(channels, tmp_path):
    graph = classifier(channels)
    schedule = lower(graph, layers_plan(graph, DSP_MACHINE), DSP_MACHINE.registry)
    assert kernels_used(schedule, DSP) == IN_TUNNELS | {"dense.dsp"}
    check(schedule, tmp_path)


@pytest.mark.parametrize("channels", [3, 6])
def test_weights_outside_of_the_text_are_aligned(channels, tmp_path):
    """Beside portable kernels, whose weights end anywhere."""
    graph = classifier(channels)
    plan = layers_plan(graph, DSP_MACHINE)
    mixed = tuple(
        replace(
            t,
            steps=tuple(
                replace(s, kernels=tuple(n.removesuffix(".dsp") for n in s.kernels))
                for s in t.steps
            ),
        )
        if index % 2
        else t
        for index, t in enumerate(plan.tunnels)
    )
    schedule = lower(graph, replace(plan, tunnels=mixed), DSP_MACHINE.registry)
    assert kernels_used(schedule, DSP)
    check(schedule, tmp_path, WeightsMode.EXTERN)


@pytest.mark.parametrize(
    ("kernel", "stride", "changes"),
    [
        (3, 1, {}),
        (3, 2, {"stripes": 3}),
        (5, 2, {}),
        (7, 1, {"stripes": 2}),
        (3, 1, {"reverse": True}),
        (5, 1, {"reverse": True}),
    ],
)
def test_tunnels(kernel, stride, changes, tmp_path):
    graph = network(kernel, stride)
    mode = InputMode.EXTERN if "reverse" in changes else InputMode.TILES
    plan = replace(tunnel_plan(graph, 0, DSP_MACHINE, **changes), input_mode=mode)
    schedule = lower(graph, plan, DSP_MACHINE.registry)
    assert kernels_used(schedule, DSP) == IN_TUNNELS | {"add.dsp"}
    check(schedule, tmp_path)


@pytest.mark.parametrize(
    ("group", "kernel", "weights"),
    [
        (4, 3, WeightsMode.INLINE),
        (8, 5, WeightsMode.EXTERN),
        (12, 7, WeightsMode.INLINE),
        (12, 3, WeightsMode.EXTERN),
    ],
)
def test_channel_groups(group, kernel, weights, tmp_path):
    """Rounds of groups that divide the channels, and of one that does not."""
    graph = bottleneck(5, 4, kernel)
    plan = in_groups(graph, tunnel_plan(graph, 1, DSP_MACHINE), group, DSP_MACHINE)
    schedule = lower(graph, plan, DSP_MACHINE.registry)
    assert kernels_used(schedule, DSP) == IN_GROUPS | {"add.dsp"}
    check(schedule, tmp_path, weights)


@pytest.mark.parametrize(("group", "refused"), [(3, True), (2, True), (6, True), (4, False)])
def test_groups_that_no_word_of_weights_ends_with_are_refused(group, refused):
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(3, 3, 20), 5))
    (node,) = graph.nodes
    kernel = KERNELS["pointwise_add.dsp"]
    site = site_of(graph, node, role=kernel.role, slicing=Slicing.INPUTS, group=group)
    assert (kernel.refusal(site) is not None) == refused


@pytest.mark.parametrize(
    ("kernel", "stride", "multiplier", "taken"),
    [(3, 1, 1, True), (5, 2, 1, True), (7, 1, 1, True), (3, 3, 1, False), (4, 1, 1, False),
     (1, 1, 1, False), (9, 1, 1, False), (3, 1, 2, False)],
)  # fmt: skip
def test_depthwise_windows_that_are_taken(kernel, stride, multiplier, taken):
    net = NetworkBuilder()
    x = net.input(12, 12, 4)
    graph = net.build(net.conv(x, 4 * multiplier, kernel, stride, depthwise=True))
    site = site_of(graph, graph.nodes[0])
    chosen = DSP_MACHINE.registry.candidates(site, (DSP,))
    assert bool(chosen) == taken


def test_constants_are_proved_for_sums_as_the_kernel_makes_them(monkeypatch):
    """Wrong numbers are an error of ours that names the node and the channel."""
    graph = bottleneck(5, 4, 3)
    node = graph.nodes[0]
    KERNELS["conv2d_pointwise.dsp"].pack(graph, node, 0)
    monkeypatch.setattr(
        "patchc.kernels.dsp.proved",
        lambda channels, forms: np.arange(len(channels)) != 2,
    )
    again = bottleneck(5, 4, 3)
    with pytest.raises(AssertionError, match=r"Conv .*, output channel 2: .* not proved"):
        KERNELS["conv2d_pointwise.dsp"].pack(again, again.nodes[0], 0)
