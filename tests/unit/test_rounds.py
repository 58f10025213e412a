"""Blocks in rounds of channels: their price, what lowering and the C make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

import patchc
from patchc.certificate.__main__ import check_out
from patchc.choices import InputMode
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.geometry.clocks import GeometryError
from patchc.ir import Graph, macs
from patchc.passes import run_passes
from patchc.plan.types import OutputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.choose import explore
from patchc.planner.cost import node_costs
from patchc.planner.layer_by_layer import priced_plan
from patchc.planner.machine import ANY_CORE, Machine, machine_of
from patchc.planner.rounds import Rounds
from patchc.planner.segments import Segments
from patchc.schedule.lower import lower
from patchc.schedule.work import executed_work
from patchc.targets.cores import core
from tests.float_builder import FloatBuilder
from tests.property.priced import block_bytes
from tests.schedules import check

SHAPES = {  # rows and columns, channels in the block, window, stride
    "3x3": (12, 48, 3, 1),
    "5x5": (14, 40, 5, 1),
    "stride 2": (13, 32, 3, 2),
    "a last round of 4": (10, 28, 3, 1),
}


def gated(folder, size: int, inner: int, kernel: int, stride: int):
    """A bottleneck with a gate, whose depthwise convolution a table follows."""
    net = FloatBuilder("gated")
    x = net.conv_relu(net.input(3, size, size), 8, 3)
    y = net.unary("HardSwish", net.conv(x, inner))
    y = net.unary("HardSwish", net.depthwise(y, kernel, stride))
    gate = net.unary("HardSigmoid", net.conv(net.mean(y), inner), alpha=1 / 6, beta=0.5)
    z = net.conv(net.binary("Mul", y, gate), 8)
    if stride == 1:
        z = net.binary("Add", z, x)
    onnx.save_model(net.build(net.dense(net.mean(z), 4)), folder / "float.onnx")
    images = np.random.default_rng(3).normal(size=(2, 3, size, size)).astype(np.float32)
    return patchc.quantize(
        folder / "float.onnx", folder / "int8.onnx", calibration={"image": images}
    )


@pytest.fixture(scope="module", params=SHAPES)
def model(request, tmp_path_factory):
    return gated(tmp_path_factory.mktemp("gated"), *SHAPES[request.param])


@pytest.fixture(scope="module")
def graph(model) -> Graph:
    return run_passes(import_model(model).graph)


def blocks(graph: Graph, mode: InputMode, machine: Machine) -> tuple[Segments, tuple[Rounds, ...]]:
    """The ways to run the one block that there is."""
    segments = Segments(graph, mode, OutputMode.ARENA, graph.nodes, machine)
    (ways,) = segments.rounds.values()
    return segments, ways


def with_block(graph: Graph, mode: InputMode, way: Rounds, machine: Machine) -> Plan:
    """Layer by layer but for the block."""
    plan = assigned(graph, priced_plan(graph, mode, machine=machine)[0], machine)
    inside = set(way.step.nodes)
    tunnels = [tunnel for tunnel in plan.tunnels if not inside & set(tunnel.nodes)]
    at = next(i for i, t in enumerate(plan.tunnels) if t.nodes[0] == way.step.nodes[0])
    tunnels.insert(at, TunnelPlan((way.step,)))
    pairs = [pair for pair in plan.in_place if graph.producer[pair[0]].name not in inside]
    return replace(plan, tunnels=tuple(tunnels), in_place=(*pairs, *way.in_place))


def in_rounds(graph: Graph, mode=InputMode.TILES, machine: Machine = ANY_CORE) -> Plan:
    """With the block in its fewest bytes."""
    ways = blocks(graph, mode, machine)[1]
    return with_block(graph, mode, min(ways, key=lambda way: way.bytes), machine)


def step_of(plan: Plan) -> StepPlan:
    (step,) = (step for tunnel in plan.tunnels for step in tunnel.steps if step.group)
    return step


@pytest.mark.parametrize("mode", InputMode)
@pytest.mark.parametrize("target", [None, "cortex-m4", "cortex-m55"])
def test_they_need_and_cost_what_the_search_says(graph, mode, target):
    machine = ANY_CORE if target is None else machine_of(core(target))
    segments, ways = blocks(graph, mode, machine)
    assert ways
    for way in ways:
        plan = with_block(graph, mode, way, machine)
        schedule = lower(graph, plan, machine.registry)
        (block,) = (
            index
            for index, block in enumerate(schedule.blocks)
            if block.steps[-1].name == way.step.nodes[-1]
        )
        segment = segments.segment(way.stop - len(way.step.nodes), way.stop)
        size = way.bytes + segment.live_through + segment.maps - segments.shared(way)
        assert block_bytes(schedule, block) == size
        costs = node_costs(schedule, machine.cost)
        # Each kernel of a node is rounded to whole cycles.
        assert sum(costs[name] for name in way.step.nodes) == way.cost


def test_nothing_is_computed_twice_where_all_rows_run_at_once(graph):
    ways = blocks(graph, InputMode.TILES, ANY_CORE)[1]
    expand = graph.node(ways[0].step.nodes[0])
    height = graph.tensors[graph.node(ways[0].step.nodes[-1]).output].shape[0]
    (whole,) = (way for way in ways if way.step.rows == height)
    schedule = lower(graph, with_block(graph, InputMode.TILES, whole, ANY_CORE))
    assert executed_work(schedule)[expand.name].macs == macs(graph, expand)


def test_the_search_takes_them(tmp_path):
    model = gated(tmp_path, 14, 96, 5, 1)
    graph = run_passes(import_model(model).graph)
    machine = machine_of(core("cortex-m4"))
    points = explore(graph, InputMode.TILES, machine=machine)
    steps = [step for p in points for tunnel in p.plan.tunnels for step in tunnel.steps]
    assert any(step.group and "lut_placed" in step.kernels for step in steps)


def test_numpy_over_shadow_memory(graph):
    for way in blocks(graph, InputMode.TILES, ANY_CORE)[1]:
        check(lower(graph, with_block(graph, InputMode.TILES, way, ANY_CORE)))


def test_the_last_table_is_written_over_nothing(graph):
    plan = in_rounds(graph)
    step = step_of(plan)
    last = graph.node(step.nodes[-1])
    with pytest.raises((GeometryError, PatchcError), match="over"):
        lower(graph, replace(plan, in_place=(*plan.in_place, (last.output, last.inputs[0]))))


def test_rounds_end_in_a_projection_or_a_table(graph):
    plan = in_rounds(graph)
    step = step_of(plan)
    at = next(i for i, tunnel in enumerate(plan.tunnels) if step in tunnel.steps)
    cut = replace(step, nodes=step.nodes[:-1], kernels=step.kernels[:-1])
    rest = replace(step, nodes=step.nodes[-1:], kernels=("lut",), group=0, rows=1)
    tunnels = (TunnelPlan((cut,)), TunnelPlan((rest,), whole=True))
    plan = replace(plan, tunnels=(*plan.tunnels[:at], *tunnels, *plan.tunnels[at + 1 :]))
    with pytest.raises(PatchcError, match="can run so: change the plan"):
        lower(graph, plan)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "target"),
    [("tiles", "cortex-m0"), ("stream", "cortex-m4"), ("resident", "cortex-m55")],
)
def test_from_the_file_to_c(model, graph, mode, target, tmp_path):
    plan = in_rounds(graph, InputMode(mode), machine_of(core(target)))
    result = patchc.compile(model, tmp_path / "out", plan=plan, target=target, name="net")
    found = patchc.verify(tmp_path / "out", cases=2, sanitize=True)
    assert found.passed, found.failures
    assert "every access holds" in check_out(tmp_path / "out")
    assert "lut_placed" in str(result.report.to_json())


@pytest.mark.parametrize("gate", [False, True])
def test_a_depthwise_convolution_that_multiplies_channels_runs_in_no_rounds(gate, tmp_path):
    """It makes two channels of each one: kernels of rounds make one."""
    net = FloatBuilder("multiplied")
    y = net.unary("HardSwish", net.conv(net.input(4, 10, 10), 8))
    y = net.unary("HardSwish", net.conv(y, 16, 3, depthwise=True))
    if gate:
        y = net.binary("Mul", y, net.conv(net.mean(y), 16))
    onnx.save_model(net.build(net.conv(y, 8)), tmp_path / "float.onnx")
    images = np.random.default_rng(3).normal(size=(2, 4, 10, 10)).astype(np.float32)
    model = patchc.quantize(
        tmp_path / "float.onnx", tmp_path / "int8.onnx", calibration={"image": images}
    )
    patchc.compile(model, tmp_path / "out", budget="least", name="net")
    found = patchc.verify(tmp_path / "out", cases=1)
    assert found.passed, found.failures


@pytest.mark.qemu
@pytest.mark.parametrize("target", ["cortex-m0", "cortex-m4", "cortex-m55"])
def test_on_cores(target, tmp_path):
    model = gated(tmp_path, *SHAPES["a last round of 4"])
    graph = run_passes(import_model(model).graph)
    plan = in_rounds(graph, machine=machine_of(core(target)))
    patchc.compile(model, tmp_path / "out", plan=plan, target=target)
    found = patchc.verify(tmp_path / "out", on="qemu", cases=1)
    assert found.passed, found.failures
