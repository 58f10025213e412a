"""Outputs that are handed over row by row: how they are lowered, what they cost, what shadow memory
catches, and what a user sees of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import patchc
from patchc.errors import PatchcError
from patchc.geometry.clocks import RowClock
from patchc.geometry.span import Span
from patchc.ir import Graph
from patchc.memory import element_peak, live_bytes, place
from patchc.plan.types import InputMode, OutputMode, Plan, StepPlan, TunnelPlan, handed_over
from patchc.planner.choose import choose, explore, layer_by_layer, reversible
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.order import best_order
from patchc.programs.program import run_command
from patchc.reference import ShadowMemoryError, execute
from patchc.schedule.types import BufferKind, Schedule
from patchc.verify.sessions import session
from tests.c.emitted import rows_in_two_stripes, segmentation
from tests.graphs import NetworkBuilder
from tests.onnx_float import IMAGE, quantized_cnn, samples
from tests.plans import lower
from tests.schedules import check, image, with_step
from tests.unit.test_cli import error_of, patchc_command

# -- lowering and prices -----------------------------------------------------------------------


def enlarged(factor: int = 4) -> Graph:
    """An output whose rows come `factor` at a time."""
    net = NetworkBuilder()
    x = net.conv(net.input(6, 8, 3), 4, 3, name="x")
    return net.build(net.upsample(x, factor, factor, name="out"))


def one_tunnel(graph: Graph, **changes: object) -> Plan:
    """Every node on its own in a tunnel of them all, outputs handed over."""
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    tunnel = replace(TunnelPlan(steps), **changes)
    return Plan(InputMode.TILES, (tunnel,), output_mode=OutputMode.ROWS)


def test_maps_are_handed_over_and_vectors_stay():
    """Nor is an input that is an output, too: nothing makes its rows."""
    net = NetworkBuilder()
    x = net.input(4, 4, 3)
    graph = net.build(net.conv(x, 2, name="map"), net.mean(x, name="vector"), x)
    assert handed_over(graph, OutputMode.ROWS) == {"map"}
    assert handed_over(graph, OutputMode.ARENA) == frozenset()
    schedule = lower(graph, trivial_plan(graph, InputMode.TILES, OutputMode.ROWS))
    kinds = {name: schedule.buffers[schedule.storages[name].buffer].kind for name in graph.outputs}
    assert [kinds[name] for name in graph.outputs] == [
        BufferKind.MAP,
        BufferKind.OUTPUT,
        BufferKind.OUTPUT,
    ]
    check(schedule, place(schedule))


def test_layer_by_layer_a_map_dies_when_it_has_been_handed_over():
    schedule = lower(segmentation(), trivial_plan(segmentation(), InputMode.TILES, OutputMode.ROWS))
    names = [block.name for block in schedule.blocks]
    for name in ("fine", "coarse", "edges"):
        at = names.index(f"store_{name}")
        assert names[at - 1] == name
        assert schedule.handed[name] == at
    assert schedule.buffers["fine"].last == names.index("store_fine")
    assert schedule.buffers["coarse"].last >= names.index("upsample3")  # which reads it


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_in_a_tunnel_an_output_is_a_ring_of_the_rows_of_a_tick(factor):
    schedule = lower(enlarged(factor), one_tunnel(enlarged(factor)))
    held = schedule.storages["out"]
    assert schedule.buffers[held.buffer].kind is BufferKind.RING
    assert held.slots == factor
    check(schedule, place(schedule))


def test_a_reader_in_the_tunnel_keeps_the_rows_that_it_needs():
    """A 3x3 window behind it: three rows, of which the last is handed over."""
    net = NetworkBuilder()
    x = net.conv(net.input(6, 8, 3), 4, 3, name="x")
    graph = net.build(x, net.conv(x, 2, 3, name="y"))
    schedule = lower(graph, one_tunnel(graph))
    assert [schedule.storages[name].slots for name in ("x", "y")] == [3, 1]
    order = [step.name for step in schedule.blocks[0].steps]
    assert order == ["load image", "x.node", "store x", "y.node", "store y"]
    check(schedule, place(schedule))


def test_a_reader_in_a_later_tunnel_keeps_the_map():
    """Its rows leave all the same as they are made."""
    net = NetworkBuilder()
    x = net.conv(net.input(6, 8, 3), 4, 3, name="x")
    graph = net.build(x, net.conv(x, 2, 3, name="y"))
    tunnels = (
        TunnelPlan((StepPlan(("x.node",)),), stripes=2),
        TunnelPlan((StepPlan(("y.node",)),), stripes=3),
    )
    schedule = lower(graph, Plan(InputMode.TILES, tunnels, output_mode=OutputMode.ROWS))
    assert schedule.storages["x"].slots == 6
    assert schedule.buffers["x"].kind is BufferKind.MAP
    assert schedule.handed == {"x": 0, "y": 1}
    check(schedule, place(schedule))


def test_a_stripe_hands_over_its_own_columns_without_the_halo():
    schedule = rows_in_two_stripes()
    steps = {step.name: step.cols for step in schedule.blocks[0].steps}
    assert steps["coarse.node"] == (Span(0, 3), Span(1, 4))
    assert steps["store coarse"] == (Span(0, 2), Span(2, 4))
    assert not check(schedule, place(schedule)).output_raster_order


def test_one_stripe_is_raster_order():
    graph = enlarged()
    assert check(lower(graph, one_tunnel(graph))).output_raster_order


def test_raster_order_allows_no_stripes():
    graph = enlarged()
    tunnels = (replace(one_tunnel(graph).tunnels[0], stripes=2),)
    with pytest.raises(PatchcError, match="raster order cannot be cut into stripes"):
        lower(graph, Plan(InputMode.TILES, tunnels, output_mode=OutputMode.RASTER))


@pytest.mark.parametrize("mode", [InputMode.TILES, InputMode.EXTERN, InputMode.STREAM])
def test_every_plan_for_raster_order_has_it(mode):
    """The whole frontier; of `rows` some plans do not."""
    graph = segmentation(16)
    orders = {}
    for outputs in (OutputMode.ROWS, OutputMode.RASTER):
        found = explore(graph, mode, outputs=outputs)
        stats = [check(one.schedule, one.placement) for one in found]
        orders[outputs] = [one.output_raster_order for one in stats]
    assert all(orders[OutputMode.RASTER])
    assert not all(orders[OutputMode.ROWS])


def test_rows_are_not_handed_over_from_the_last_one_on():
    graph = enlarged()
    plan = replace(one_tunnel(graph, reverse=True), input_mode=InputMode.EXTERN)
    with pytest.raises(PatchcError, match="rows are handed over from the first one on"):
        lower(graph, plan)
    assert reversible(graph, plan) == frozenset()
    assert reversible(graph, replace(plan, output_mode=OutputMode.ARENA)) == {0}


def test_the_order_of_layers_counts_what_has_left_as_free():
    """Two heads behind one map, each larger than what is left of the network."""
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, name="x")
    graph = net.build(net.conv(x, 30, name="a"), net.conv(x, 40, name="b"))
    arena, rows, raster = (best_order(graph, InputMode.EXTERN, mode) for mode in OutputMode)
    assert raster == rows
    assert arena.peak_bytes == 64 * (4 + 30 + 40)
    assert rows.peak_bytes == 64 * (4 + 40)
    schedule = lower(graph, trivial_plan(graph, InputMode.EXTERN, OutputMode.ROWS))
    assert max(live_bytes(schedule)) == rows.peak_bytes


def test_an_output_costs_its_ring():
    """A budget of half of the outputs, which without a callback have to be there as a whole."""
    graph = segmentation(24)
    outputs = sum(graph.tensors[name].bytes for name in graph.outputs)
    found = choose(graph, InputMode.TILES, outputs // 2, outputs=OutputMode.ROWS)
    assert found.arena_bytes <= outputs // 2
    assert found.plan.output_mode is OutputMode.ROWS
    assert choose(graph, InputMode.TILES, outputs // 2).arena_bytes > outputs
    assert element_peak(found.schedule) <= found.arena_bytes
    assert found.arena_bytes < layer_by_layer(graph, InputMode.TILES).arena_bytes
    check(found.schedule, found.placement)


# -- shadow memory -----------------------------------------------------------------------------


def changed(step: str, **changes: object) -> Schedule:
    return with_step(rows_in_two_stripes(), step, **changes)


def early(schedule: Schedule, name: str) -> RowClock:
    """The clock of a step, a row ahead."""
    (clock,) = (s.rows for block in schedule.blocks for s in block.steps if s.name == name)
    return replace(clock, add=clock.add + 1)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            lambda: changed("store coarse", cols=(Span(0, 3), Span(2, 4))),
            "step 'store coarse' .*: hands over pixels of 'coarse' a second time",
        ),
        (
            lambda: changed("store fine", cols=(Span(0, 4), Span(4, 7))),
            "output 'fine' was not handed over in full",
        ),
        (
            lambda: changed("store fine", rows=early(rows_in_two_stripes(), "store fine")),
            "step 'store fine' .*: reads row 1, .* of 'fine' at byte .*, which holds",
        ),
    ],
    ids=["twice", "not at all", "before they are made"],
)
def test_what_is_handed_over_wrongly_is_caught(schedule, message):
    found = schedule()
    with pytest.raises(ShadowMemoryError, match=message):
        execute(found, place(rows_in_two_stripes()), image(found.graph))


def test_a_ring_too_short_for_the_rows_of_a_tick_is_caught():
    schedule = lower(enlarged(), one_tunnel(enlarged()))
    short = replace(schedule.storages["out"], slots=3)
    spoiled = replace(schedule, storages={**schedule.storages, "out": short})
    with pytest.raises(ShadowMemoryError, match=r"'store out'.*reads row 0, .* which holds row 3"):
        execute(spoiled, place(schedule), image(spoiled.graph))


# -- commands ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image in, a map of its size with 16 channels out."""
    random = np.random.default_rng(3)
    weights = [
        numpy_helper.from_array(random.normal(size=shape).astype(np.float32) / 5, name)
        for name, shape in (("w1", (8, 3, 3, 3)), ("w2", (16, 8, 3, 3)))
    ]
    weights.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    pads, nearest = [1, 1, 1, 1], {"mode": "nearest", "nearest_mode": "floor"}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["c1"], "down", strides=[2, 2], pads=pads),
        helper.make_node("Relu", ["c1"], ["r1"], "relu"),
        helper.make_node(
            *("Resize", ["r1", "", "scales"], ["up"], "enlarge"),
            coordinate_transformation_mode="asymmetric",
            **nearest,
        ),
        helper.make_node("Conv", ["up", "w2"], ["mask"], "head", pads=pads),
    ]
    graph = helper.make_graph(
        nodes,
        "segmentation",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(IMAGE))],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 16, *IMAGE[2:]])],
        weights,
    )
    opsets = [helper.make_opsetid("", 17)]
    path = tmp_path_factory.mktemp("outputs") / "segmentation.onnx"
    return quantized_cnn(path, helper.make_model(graph, opset_imports=opsets, ir_version=8))


BUDGET = ("--budget", 1000, "--reserve", 0)


def test_where_the_output_sets_the_floor_rows_are_offered_with_their_figure(tmp_path, model):
    """The output alone has 2304 bytes."""
    message = error_of("compile", model, "-o", tmp_path / "o", *BUDGET)
    assert "B fits  --outputs rows" in message
    message = error_of("compile", model, "-o", tmp_path / "o", *BUDGET[:1], 100, *BUDGET[2:],
                       "--outputs", "rows")  # fmt: skip
    assert "--outputs" not in message


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["rows", "raster"])
def test_an_output_larger_than_the_budget(tmp_path, model, mode):
    """Compiled, verified under sanitizers, run, and equal to onnxruntime on the user's file."""
    out = tmp_path / "out"
    compiled = patchc_command("compile", model, "-o", out, *BUDGET, "--outputs", mode)
    assert "outputs  mask" in compiled.stdout
    report = json.loads((out / "report.json").read_text())
    assert report["ram"]["total_bytes"] <= 1000
    assert report["output_mode"] == mode
    (output,) = report["outputs"]
    assert output["bytes"] == 2304
    assert output["handed_over"] is True
    stripes = report["tunnels"][-1]["segmentation"]["stripes"]
    assert output["order"] == ("raster" if stripes == 1 or mode == "raster" else "stripes")
    assert f"--outputs {mode}" in (out / "include/segmentation.h").read_text()
    assert "OUT0_OFFSET" not in (out / "include/segmentation.h").read_text()
    assert patchc.verify(out, cases=3, sanitize=True).passed
    assert "2 golden vectors: equal" in run_command(["make", "-C", str(out), "test"], 300)
    found = patchc.run(out, samples(1))
    wanted = session(onnx.load(model)).run(None, samples(1))[0]
    np.testing.assert_array_equal(found["mask"], wanted)


def test_by_default_outputs_lie_in_the_arena(tmp_path, model):
    result = patchc.compile(model, tmp_path / "out")
    assert result.report.output_mode == "arena"
    assert [(o.handed_over, o.order) for o in result.report.outputs] == [(False, None)]


def test_a_plan_is_replayed_and_may_not_be_contradicted(tmp_path, model):
    first = patchc.compile(model, tmp_path / "a", budget=1000, reserve=0, output_mode="rows")
    again = patchc.compile(model, tmp_path / "b", plan=tmp_path / "a/plan.json", reserve=0)
    assert again.stages.plan == first.stages.plan
    assert (tmp_path / "a/src/segmentation.c").read_text().split("*/", 1)[1] == (
        tmp_path / "b/src/segmentation.c"
    ).read_text().split("*/", 1)[1]
    with pytest.raises(PatchcError, match="--outputs arena contradicts the plan, which is for row"):
        patchc.compile(model, tmp_path / "c", plan=tmp_path / "a/plan.json", output_mode="arena")
    with pytest.raises(PatchcError, match="--outputs 'lines': choose one of arena, rows"):
        patchc.compile(model, tmp_path / "c", output_mode="lines")


def test_explore_shows_what_rows_save(model):
    arena, rows = (patchc.explore(model, output_mode=mode, reserve=0) for mode in ("arena", "rows"))
    assert min(p.arena_bytes for p in arena.points) >= 2304
    assert min(p.arena_bytes for p in rows.points) < 1000
    ran = patchc_command("explore", model, "--outputs", "rows", "--json")
    assert json.loads(ran.stdout)["output_mode"] == "rows"
