"""Units: which nodes stay together, and the ways to run them."""

from __future__ import annotations

from patchc.choices import InputMode
from patchc.kernels.dsp import DSP
from patchc.plan.types import StepPlan
from patchc.planner.assign import with_kernels
from patchc.planner.choose import choose
from patchc.planner.machine import ANY_CORE, machine_of
from patchc.planner.units import (
    GROUP_CHANNELS,
    GROUP_ROWS,
    LARGE_GROUP_CHANNELS,
    TILE_BYTES,
    find_units,
)
from patchc.targets.cores import core
from tests.c.flavour_plans import MACHINES
from tests.graphs import NetworkBuilder


def unit_names(graph):
    return [unit.nodes for unit in find_units(graph, graph.nodes)]


def test_a_bottleneck_with_its_skip_is_one_unit():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 8, 3, 2, name="stem")
    graph = net.build(net.bottleneck(x, 8, 4, 3, 1))
    stem, block = find_units(graph, graph.nodes)
    assert stem.nodes == ("stem.node",)
    assert len(block.nodes) == 4
    ring, *groups = block.options
    assert ring == (
        with_kernels(graph, StepPlan(block.nodes[:1])),
        with_kernels(graph, StepPlan(block.nodes[1:], tile=TILE_BYTES // 32)),
    )
    assert [option[0].rows for option in groups] == [r for r in GROUP_ROWS if r <= 4]
    assert {option[0].group for option in groups} == {GROUP_CHANNELS}
    total, projection = graph.node(block.nodes[3]).output, graph.node(block.nodes[2]).output
    assert block.in_place == ((total, projection),)


def test_tiles_fit_the_passes_of_kernels():
    """Depthwise of two pixels at once, pointwise of three: tiles of one pixel, two, or six."""
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 32, 3, 2)
    graph = net.build(net.bottleneck(x, 8, 4, 3, 1))
    (_, block) = find_units(graph, graph.nodes, MACHINES[DSP])
    found = {step.tile for option in block.options for step in option if len(step.nodes) > 1}
    assert found - {0} == {TILE_BYTES // 128, 2, 6}


def test_groups_are_large_too_where_more_than_macs_has_a_price():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 8, 3, 2)
    graph = net.build(net.bottleneck(x, 8, 4, 3, 1))
    for machine, wanted in (
        (ANY_CORE, {GROUP_CHANNELS}),
        (machine_of(core("cortex-m4")), {GROUP_CHANNELS, LARGE_GROUP_CHANNELS}),
    ):
        (_, block) = find_units(graph, graph.nodes, machine)
        assert {step.group for option in block.options for step in option} - {0} == wanted


def test_depthwise_and_projection_without_expansion():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 16, 3, name="stem")
    graph = net.build(net.conv(net.depthwise(x, name="dw"), 24, name="pw"))
    assert unit_names(graph) == [("stem.node",), ("dw.node", "pw.node")]


def test_an_expanded_tensor_that_somebody_else_reads_stays_whole():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 16, name="expand")
    y = net.conv(net.depthwise(x, name="dw"), 16, name="project")
    graph = net.build(net.add(x, y, name="sum"))
    assert unit_names(graph) == [("expand.node",), ("dw.node", "project.node", "sum.node")]


def test_a_convolution_and_the_sum_it_joins():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 8, 3, name="a")
    graph = net.build(net.add(x, net.conv(x, 8, 3, name="b"), name="sum"))
    first, second = find_units(graph, graph.nodes)
    assert first.nodes == ("a.node",)
    assert second.options == ((with_kernels(graph, StepPlan(("b.node", "sum.node"))),),)


def test_a_convolution_whose_result_is_broadcast_stays_apart_from_the_product():
    """The product is larger than what the convolution makes, so it cannot be written over that."""
    net = NetworkBuilder()
    x = net.mean(net.conv(net.input(8, 8, 3), 8, 3, name="a"), name="mean")
    graph = net.build(net.mul(x, net.conv(x, 1, name="b"), name="product"))
    assert ("b.node",) in unit_names(graph)
    assert choose(graph, InputMode.TILES, 0).arena_bytes  # such plans are lowered


def test_a_pointwise_convolution_before_a_mean_is_added_up_tile_by_tile():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 16), 64, name="head")
    graph = net.build(net.dense(net.mean(x, name="mean"), 10, name="logits"))
    head, dense = find_units(graph, graph.nodes)
    assert head.options == (
        (with_kernels(graph, StepPlan(("head.node", "mean.node"), tile=TILE_BYTES // 64)),),
    )
    assert dense.nodes == ("logits.node",)


def test_a_branch_ends_a_chain():
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 8, name="x")
    y = net.depthwise(x, name="dw")
    graph = net.build(net.conv(y, 8, name="left"), net.conv(y, 4, name="right"))
    assert unit_names(graph) == [
        ("x.node", "dw.node")[:1],
        ("dw.node",),
        ("left.node",),
        ("right.node",),
    ]
