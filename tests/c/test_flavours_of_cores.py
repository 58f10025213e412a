"""The kernels for cores with DSP instructions or MVE through every reader: numpy = shadow memory =
C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from patchc.codegen import WeightsMode
from patchc.kernels.dsp import DSP
from patchc.kernels.kernel import Slicing, site_of
from patchc.kernels.mve import MVE
from patchc.kernels.registry import KERNELS
from patchc.plan.types import InputMode
from patchc.schedule.lower import lower
from tests.c.flavour_plans import (
    MACHINES,
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

IN_TUNNELS = ("conv2d", "conv2d_pointwise", "conv2d_depthwise")
IN_GROUPS = ("conv2d_pointwise", "conv2d_depthwise", "pointwise_add", "pointwise_finish")

every_flavour = pytest.mark.parametrize("flavour", [DSP, MVE])


def of(flavour, names):
    return {f"{name}.{flavour}" for name in names}


def used(schedule, flavour):
    """Those for few taps by the name of the kernel that they are a case of."""
    return {name.replace("_few.", ".") for name in kernels_used(schedule, flavour)}


@every_flavour
@pytest.mark.parametrize("channels", [1, 4, 7])
def test_layer_by_layer(channels, flavour, tmp_path):
    graph, machine = classifier(channels), MACHINES[flavour]
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    assert used(schedule, flavour) >= of(flavour, (*IN_TUNNELS, "dense"))
    check(schedule, tmp_path)


@pytest.mark.parametrize("channels", [3, 6])
def test_weights_outside_of_the_text_are_aligned(channels, tmp_path):
    """Beside portable kernels, whose weights end anywhere."""
    graph = classifier(channels)
    machine = MACHINES[DSP]
    plan = layers_plan(graph, machine)
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
    schedule = lower(graph, replace(plan, tunnels=mixed), machine.registry)
    assert kernels_used(schedule, DSP)
    check(schedule, tmp_path, WeightsMode.EXTERN)


@every_flavour
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
def test_tunnels(kernel, stride, changes, flavour, tmp_path):
    graph, machine = network(kernel, stride), MACHINES[flavour]
    mode = InputMode.EXTERN if "reverse" in changes else InputMode.TILES
    plan = replace(tunnel_plan(graph, 0, machine, **changes), input_mode=mode)
    schedule = lower(graph, plan, machine.registry)
    assert used(schedule, flavour) >= of(flavour, IN_TUNNELS)
    check(schedule, tmp_path)


@pytest.mark.parametrize(
    ("flavour", "group", "kernel", "weights"),
    [
        (DSP, 4, 3, WeightsMode.INLINE),
        (DSP, 8, 5, WeightsMode.EXTERN),
        (DSP, 12, 7, WeightsMode.INLINE),
        (DSP, 12, 3, WeightsMode.EXTERN),
        (MVE, 8, 3, WeightsMode.INLINE),
        (MVE, 16, 5, WeightsMode.EXTERN),
        (MVE, 8, 7, WeightsMode.EXTERN),
    ],
)
def test_channel_groups(flavour, group, kernel, weights, tmp_path):
    """Rounds of groups that divide the channels, and of one that does not."""
    graph, machine = bottleneck(5, 4, kernel), MACHINES[flavour]
    plan = in_groups(graph, tunnel_plan(graph, 1, machine), group, machine)
    schedule = lower(graph, plan, machine.registry)
    assert used(schedule, flavour) >= of(flavour, IN_GROUPS)
    check(schedule, tmp_path, weights)


@pytest.mark.parametrize(
    ("kernel", "slicing", "group", "refused"),
    [
        ("pointwise_add.dsp", Slicing.INPUTS, 3, True),
        ("pointwise_add.dsp", Slicing.INPUTS, 2, True),
        ("pointwise_add.dsp", Slicing.INPUTS, 6, True),
        ("pointwise_add.dsp", Slicing.INPUTS, 4, False),
        ("pointwise_add.mve", Slicing.INPUTS, 3, False),
        ("conv2d_depthwise.dsp", Slicing.CHANNELS, 3, True),
        ("conv2d_depthwise.dsp", Slicing.CHANNELS, 2, False),
        ("conv2d_depthwise.mve", Slicing.CHANNELS, 4, True),
        ("conv2d_depthwise.mve", Slicing.CHANNELS, 12, True),
        ("conv2d_depthwise.mve", Slicing.CHANNELS, 8, False),
    ],
)
def test_groups_that_no_block_of_weights_ends_with_are_refused(kernel, slicing, group, refused):
    net = NetworkBuilder()
    x = net.input(3, 3, 20)
    graph = net.build(net.conv(x, 5) if slicing is Slicing.INPUTS else net.depthwise(x))
    (node,) = graph.nodes
    found = KERNELS[kernel]
    site = site_of(graph, node, role=found.role, slicing=slicing, group=group)
    assert (found.refusal(site) is not None) == refused


@every_flavour
@pytest.mark.parametrize(
    ("kernel", "stride", "multiplier", "taken"),
    [(3, 1, 1, True), (5, 2, 1, True), (7, 1, 1, True), (3, 3, 1, False), (4, 1, 1, False),
     (1, 1, 1, False), (9, 1, 1, False), (3, 1, 2, False)],
)  # fmt: skip
def test_depthwise_windows_that_are_taken(kernel, stride, multiplier, taken, flavour):
    net = NetworkBuilder()
    x = net.input(12, 12, 4)
    graph = net.build(net.conv(x, 4 * multiplier, kernel, stride, depthwise=True))
    site = site_of(graph, graph.nodes[0])
    chosen = MACHINES[flavour].registry.candidates(site, (flavour,))
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
