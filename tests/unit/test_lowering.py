"""Plan -> Schedule for layer-by-layer plans, and plans that do not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchc.errors import PatchcError
from patchc.geometry.clocks import RowClock
from patchc.plan.json import from_json, to_json
from patchc.plan.types import InputMode, StepPlan, TunnelPlan
from patchc.planner.layer_by_layer import trivial_plan
from patchc.schedule.lower import lower
from patchc.schedule.types import BufferKind
from tests.graphs import NetworkBuilder


def residual():
    net = NetworkBuilder()
    x = net.conv(net.input(5, 5, 3), 8, 3, name="x")
    return net.build(net.relu(net.add(x, net.conv(x, 8, 3, name="y"), name="sum"), name="out"))


def test_one_block_per_node_and_one_for_the_image():
    schedule = lower(residual(), trivial_plan(residual(), InputMode.TILES))
    assert [block.name for block in schedule.blocks] == ["load_image", "x", "y", "sum", "out"]


def test_element_wise_outputs_share_the_buffer_of_the_operand_made_last():
    schedule = lower(residual(), trivial_plan(residual(), InputMode.TILES))
    assert {s.tensor: s.buffer for s in schedule.storages.values()} == {
        "image": "image",
        "x": "x",
        "y": "y",
        "sum": "y",
        "out": "y",
    }
    assert schedule.buffers["y"].kind is BufferKind.OUTPUT
    assert (schedule.buffers["x"].first, schedule.buffers["x"].last) == (1, 3)
    assert (schedule.buffers["y"].first, schedule.buffers["y"].last) == (2, 4)


@pytest.mark.parametrize(
    ("mode", "kind", "loads"),
    [
        (InputMode.TILES, BufferKind.INPUT, True),
        (InputMode.STREAM, BufferKind.INPUT, True),
        (InputMode.EXTERN, BufferKind.EXTERN, False),
        (InputMode.RESIDENT, BufferKind.INPUT, False),
    ],
)
def test_where_the_image_is(mode, kind, loads):
    schedule = lower(residual(), trivial_plan(residual(), mode))
    assert schedule.buffers["image"].kind is kind
    assert any(block.name == "load_image" for block in schedule.blocks) is loads


def test_a_plan_survives_json():
    plan = trivial_plan(residual(), InputMode.STREAM)
    assert from_json(to_json(plan)) == plan


def nodes(*names: str) -> tuple[TunnelPlan, ...]:
    return tuple(TunnelPlan((StepPlan((name,)),), whole=True) for name in names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tunnels": nodes("x.node", "y.node")}, "leaves out out.node, sum.node"),
        ({"tunnels": nodes("x.node", "y.node", "sum.node", "out.node", "z")}, "node 'z'"),
        ({"tunnels": nodes("y.node", "x.node", "sum.node", "out.node")}, "before its operand 'x'"),
        ({"tunnels": nodes(*["x.node"] * 2, "y.node", "sum.node", "out.node")}, "a node twice"),
        (
            {
                "tunnels": (
                    TunnelPlan((StepPlan(("x.node",)), StepPlan(("y.node",))), whole=True),
                    *nodes("sum.node", "out.node"),
                )
            },
            "one node only",
        ),
        ({"in_place": (("y", "x"),)}, "writes 'y' over 'x'"),
        ({"in_place": (("nobody", "x"),)}, "unknown tensors in place: nobody"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(change, message):
    plan = trivial_plan(residual(), InputMode.TILES)
    with pytest.raises(PatchcError, match=message):
        lower(residual(), replace(plan, **change))


def test_an_extern_image_is_never_written_over():
    net = NetworkBuilder()
    graph = net.build(net.relu(net.input(4, 4, 2)))
    assert trivial_plan(graph, InputMode.EXTERN).in_place == ()
    assert trivial_plan(graph, InputMode.TILES).in_place == (("lut0", "image"),)


def test_names_become_unique_identifiers():
    net = NetworkBuilder()
    x = net.conv(net.input(4, 4, 1, name="1/image:0"), 2, name="a.b")
    graph = net.build(net.conv(net.conv(x, 2, name="a/b"), 2, name="A_B"))
    assert list(lower(graph, trivial_plan(graph, InputMode.TILES)).buffers) == [
        "t_1_image_0",
        "a_b",
        "a_b_2",
        "A_B_3",
    ]


def test_a_row_clock_is_clamped():
    clock = RowClock(num=3, den=2, offset=-2, limit=5)
    assert [clock.at(t) for t in range(-1, 6)] == [0, 0, 0, 2, 3, 5, 5]
