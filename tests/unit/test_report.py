"""The report: the fields that tools read, figures that add up, tables that fit a terminal."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import onnx
import pytest

from patchc.codegen import constant_facts
from patchc.errors import Way
from patchc.frontend.model import HostOps, ImportedModel
from patchc.ir import Graph, macs
from patchc.memory import live_bytes, place
from patchc.numerics.node_forms import FormCounts
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.machine import machine_of
from patchc.report import Facts, Report, build_report, to_text
from patchc.report.choices import kernel_choices
from patchc.report.floor import find_peak, over_budget
from patchc.report.runs import held_words, places
from patchc.report.words import WIDTH, shorten
from patchc.schedule.lower import lower
from patchc.schedule.types import KernelCall, Schedule
from patchc.schedule.work import executed
from patchc.targets.cores import core
from tests.graphs import NetworkBuilder

RESERVE = 1000

# design.md, section 6: names that tools read. None: any value.
DOCUMENTED = {
    "patchc": None,
    "model": {"name": None, "sha256": None, "macs": None},
    "target": None,
    "budget_bytes": None,
    "input_mode": None,
    "input_bytes_read": None,
    "input_passes": None,
    "ram": {
        "arena_bytes": None,
        "static_bytes": None,
        "stack_bytes": None,
        "total_bytes": None,
        "input_bytes": None,
        "total_with_input_bytes": None,
        "liveness_peak_bytes": None,
        "element_peak_bytes": None,
        "layerwise_bytes": None,
    },
    "flash": {"weights_bytes": None, "code_bytes": None},
    "weight_bytes_read": None,
    "cost": {"macs_executed": None, "macs_overhead": None, "cycles_estimate": None},
    "exact": {"channels": None, "proved": None, "lines": None, "guarded": None, "emulated": None},
    "tunnels": [{"nodes", "segmentation", "modes", "bytes", "macs"}],
    "kernels": None,
}


def network() -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 3), 4, 3, name="stem")
    x = net.bottleneck(x, 4, 6, 3, 1)
    return net.build(net.dense(net.mean(x), 10, name="classes"))


def compiled(
    graph: Graph, mode: InputMode = InputMode.TILES, budget: int | None = None
) -> tuple[Report, Schedule]:
    plan = trivial_plan(graph, mode)
    schedule = lower(graph, plan)
    placement = place(schedule)
    imported = ImportedModel(graph, onnx.ModelProto(), "ab" * 32, None, None, (), (), ())
    facts = Facts(
        name="net",
        target="cortex-m4",
        budget_bytes=budget,
        reserve_bytes=RESERVE,
        layerwise_bytes=placement.arena_bytes,
        constant_bytes={node.name: 100 for node in graph.nodes},
        weights_bytes=100 * len(graph.nodes),
        exact=constant_facts(schedule).exact,
    )
    return build_report(imported, plan, schedule, placement, facts), schedule


def test_forms_are_counted_as_they_are_emitted():
    """Channels of convolutions, and those of the mean, which share one."""
    net = NetworkBuilder()
    y = net.mean(net.conv(net.input(8, 8, 3), 16, 3))
    exact = compiled(net.build(net.dense(y, 10)))[0].exact
    assert exact.channels == 42 == exact.proved + exact.emulated
    assert exact.proved == exact.lines + exact.guarded
    assert exact.emulated == 0
    assert exact.lines > 30


def test_every_documented_field_is_there_in_its_place():
    data = json.loads(compiled(network())[0].to_json())
    for field, inner in DOCUMENTED.items():
        assert field in data
        if isinstance(inner, dict):
            assert set(inner) <= set(data[field]), field
    for tunnel in data["tunnels"]:
        assert set(tunnel) == DOCUMENTED["tunnels"][0]


@pytest.mark.parametrize("mode", list(InputMode))
def test_ram_adds_up_and_the_image_is_counted_once(mode: InputMode):
    graph = network()
    ram = compiled(graph, mode)[0].ram
    image = graph.tensors["image"].bytes
    assert ram.total_bytes == ram.arena_bytes + ram.static_bytes + ram.stack_bytes
    assert ram.static_bytes + ram.stack_bytes == RESERVE
    assert ram.source == "reserve"
    assert ram.input_bytes == image
    outside = 0 if mode is InputMode.RESIDENT else image
    assert ram.total_with_input_bytes == ram.total_bytes + outside
    assert ram.element_peak_bytes <= ram.liveness_peak_bytes <= ram.arena_bytes
    assert ram.lower_bound_bytes <= ram.arena_bytes


def test_layer_by_layer_runs_every_mac_once():
    graph = network()
    report, _ = compiled(graph)
    assert report.model.macs == sum(macs(graph, node) for node in graph.nodes) > 0
    assert report.cost.macs_executed == report.model.macs
    assert report.cost.macs_overhead == 1.0
    assert sum(tunnel.macs for tunnel in report.tunnels) == report.cost.macs_executed


def test_recomputed_columns_and_calls_are_counted():
    """The last layer in two stripes that both compute all of it."""
    report, schedule = compiled(network())
    last = schedule.blocks[-1]
    step = replace(last.steps[0], cols=last.steps[0].cols * 2)
    striped = replace(
        schedule, blocks=(*schedule.blocks[:-1], replace(last, stripes=2, steps=(step,)))
    )
    graph = schedule.graph
    constants = {node.name: 100 for node in graph.nodes}
    facts = Facts("net", "cortex-m4", None, RESERVE, 0, constants, 0, FormCounts())
    imported = ImportedModel(graph, onnx.ModelProto(), "", None, None, (), (), ())
    again = build_report(
        imported, trivial_plan(graph, InputMode.TILES), striped, place(striped), facts
    )
    extra = macs(graph, graph.nodes[-1])
    assert again.cost.macs_executed == report.cost.macs_executed + extra
    assert again.cost.macs_overhead == again.cost.macs_executed / report.model.macs
    assert again.weight_bytes_read == report.weight_bytes_read + 100


def test_reads_of_the_image():
    image = network().tensors["image"].bytes
    for mode in InputMode:
        report, _ = compiled(network(), mode)
        assert (report.input_bytes_read, report.input_passes) == (image, 1)


def test_layers_name_kernels_and_in_place():
    report, schedule = compiled(network())
    assert [layer.node for layer in report.layers] == [
        s.name for b in schedule.blocks for s in b.steps
    ]
    assert [layer.op for layer in report.layers if layer.in_place] == ["Add"]
    assert sum(report.kernels.values()) == len(report.layers)
    assert max(layer.bytes for layer in report.layers) == report.ram.liveness_peak_bytes


def test_tables_fit_the_terminal_and_print_bytes():
    report, _ = compiled(network(), budget=123456)
    long = replace(report.layers[0], node="/".join(["a_very_long_module_name"] * 6), bytes=10**7)
    text = to_text(replace(report, layers=(long, *report.layers)))
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert f"{report.ram.arena_bytes:,}" in text
    assert "budget 123,456" in text
    assert "reserve, until measured" in text


def test_layers_are_told_run_by_run():
    """Layer by layer with the bytes alive; the words are explained below."""
    report, _ = compiled(network())
    lines = to_text(report).splitlines()
    assert lines[0] == f"net: {len(report.layers)} steps, layer by layer"
    last, peak = len(report.blocks) - 1, report.ram.liveness_peak_bytes
    assert lines[2] == f"Blocks 0 to {last}, layer by layer: up to {peak:,} B alive"
    rows = lines[4 : 4 + len(report.layers)]
    for row, layer in zip(rows, report.layers, strict=True):
        assert row.split()[0] == shorten(layer.node, 22).split()[0]
        assert f" {layer.bytes:,} " in f"{row} "
    assert any(line.startswith("alive: ") for line in lines)
    assert any(line.startswith("= : ") for line in lines)
    assert not any(line.startswith("a tunnel ") for line in lines)


def test_tunnels_say_how_much_of_each_layer_is_held():
    graph = network()
    plan = Plan(
        InputMode.TILES,
        (
            TunnelPlan(tuple(StepPlan((node.name,)) for node in graph.nodes[:3]), stripes=2),
            *(TunnelPlan((StepPlan((node.name,)),), whole=True) for node in graph.nodes[3:]),
        ),
    )
    plan = assigned(graph, plan, machine_of(core("cortex-m4")))
    schedule = lower(graph, plan)
    imported = ImportedModel(graph, onnx.ModelProto(), "", None, None, (), (), ())
    facts = Facts("net", "cortex-m4", None, 0, 0, {}, 0, FormCounts())
    report = build_report(imported, plan, schedule, place(schedule), facts)
    text = to_text(report)
    block = report.blocks[0]
    assert f"2 stripes x {block.ticks} ticks, {block.bytes:,} B alive" in text
    where = places(report)
    for layer in report.layers:
        if layer.tunnel == 0:
            assert held_words(layer, where.get(layer.tensor)) in text
    inner = next(layer for layer in report.layers if layer.node == graph.nodes[1].name)
    slots = schedule.storages[inner.tensor].slots
    assert slots < inner.shape[0]
    assert held_words(inner, where[inner.tensor]) == f"{slots} of {inner.shape[0]} rows"
    assert "a tunnel computes its layers together" in text


def test_blocks_and_buffers_are_those_of_the_schedule():
    graph = network()
    report, schedule = compiled(graph)
    placement = place(schedule)
    assert [block.bytes for block in report.blocks] == live_bytes(schedule)
    assert {one.name: one.offset for one in report.arena} == dict(placement.offsets)
    for one in report.arena:
        buffer = schedule.buffers[one.name]
        found = (buffer.kind.value, buffer.bytes, buffer.first, buffer.last)
        assert (one.kind, one.bytes, one.first, one.last) == found
        for held in one.holds:
            assert held.shape == graph.tensors[held.tensor].shape
    assert max(one.offset + one.bytes for one in report.arena) == report.ram.arena_bytes


def test_host_operators_are_named():
    graph = network()
    plan = trivial_plan(graph, InputMode.TILES)
    schedule = lower(graph, plan)
    ops = HostOps(("softmax (Softmax)",), onnx.ModelProto())
    imported = ImportedModel(graph, onnx.ModelProto(), "", None, ops, (), (), ())
    facts = Facts("net", "cortex-m4", None, 0, 0, {}, 0, FormCounts())
    report = build_report(imported, plan, schedule, place(schedule), facts)
    assert report.host.trailing == ("softmax (Softmax)",)
    assert "softmax (Softmax)" in to_text(report)


def test_the_same_schedule_gives_the_same_text():
    assert compiled(network())[0].to_json() == compiled(network())[0].to_json()


@pytest.mark.parametrize(("name", "width"), [("short", 10), ("a" * 40, 27), ("abcdef", 5)])
def test_long_names_are_cut_in_the_middle(name: str, width: int):
    cut = shorten(name, width)
    assert len(cut) == min(len(name), width)
    assert cut[0] == name[0]
    assert cut[-1] == name[-1]


def test_the_peak_names_the_buffers_that_are_live():
    _, schedule = compiled(network())
    peak = find_peak(schedule)
    sizes = [int(text.rsplit("(", 1)[1].split()[1]) for text in peak.buffers]
    assert sum(sizes) == peak.bytes
    assert sizes == sorted(sizes, reverse=True)


def test_over_budget_says_what_sets_the_floor_and_what_would_lower_it():
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(16, 16, 3), 2, 3, 2, name="stem"))
    _, schedule = compiled(graph)
    arena = 16 * 16 * 3 + 8 * 8 * 2
    ways = (
        Way("--input extern", 128 + RESERVE, False, ("--input", "extern")),
        Way("an image of 8 x 8", 99, True, image=(8, 8)),
    )
    error = over_budget(schedule, place(schedule), 900, RESERVE, ways, 1)
    assert (error.budget_bytes, error.least_bytes) == (900, arena + RESERVE)
    assert error.layer == "stem.node"
    assert error.buffers == ("image 16x16x3 (input, 768 B)", "stem 8x8x2 (output, 128 B)")
    assert error.ways == ways
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error).splitlines() == [
        f"budget 900 B not reachable: least is {arena + RESERVE} B",
        f"  (arena {arena} + reserve {RESERVE} for stack and statics)",
        f"  set by stem.node: {arena} B live at once",
        "    image 16x16x3 (input, 768 B)",
        "    stem 8x8x2 (output, 128 B)",
        "  ways down, each planned, with the least that it takes then:",
        f"    {128 + RESERVE} B       --input extern",
        f"    {'99 B':>{len(str(128 + RESERVE)) + 2}} fits  an image of 8 x 8",
        "    (1 change not tried, for want of time)",
        f"  a --reserve of at most {900 - arena} B fits, if stack and statics need no more",
        "  else: a larger budget",
    ]
    found = json.loads(error.to_json())["error"]
    assert found["ways"][1]["image"] == [8, 8]
    assert found["least_bytes"] == error.least_bytes


def test_over_budget_fits_the_terminal():
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(16, 16, 3), 2, 3, 2, name="stem" * 40))
    _, schedule = compiled(graph)
    error = over_budget(schedule, place(schedule), 10_000, 20_000)
    assert max(map(len, str(error).splitlines())) <= WIDTH
    assert "else: a larger budget, or another network" in str(error)


def test_numbers_in_json_are_plain():
    """numpy integers would make json.dumps fail or change the text with the numpy version."""

    def walk(value: object) -> None:
        assert not isinstance(value, np.generic)
        for inner in (
            value.values()
            if isinstance(value, dict)
            else value
            if isinstance(value, list | tuple)
            else ()
        ):
            walk(inner)

    walk(compiled(network())[0].to_dict())


def test_choices_give_the_price_and_the_scratch_memory_of_other_kernels():
    machine = machine_of(core("cortex-m4"))
    net = NetworkBuilder()
    x = net.bottleneck(net.conv(net.input(8, 8, 3), 4, 3, name="stem"), 8, 6, 3, 1)
    graph = net.build(net.dense(net.mean(x), 10, name="classes"))
    plan = trivial_plan(graph, InputMode.TILES, machine=machine)
    schedule = lower(graph, plan, machine.registry)
    imported = ImportedModel(graph, onnx.ModelProto(), "", None, None, (), (), ())
    facts = Facts("net", "cortex-m4", None, 0, 0, {}, 0, FormCounts(), machine)
    report = build_report(imported, plan, schedule, place(schedule), facts)
    stem, *_ = report.choices
    assert (stem.node, stem.kernel) == ("stem.node", "conv2d.dsp")
    steps = [step for block in schedule.blocks for step in block.steps if step.nodes]
    first = next(call for call in steps[0].all_calls if isinstance(call, KernelCall))
    assert first.scratch is not None
    assert stem.scratch_bytes == first.scratch.bytes
    (other,) = stem.others
    assert (other.kernel, other.scratch_bytes, other.refused) == ("conv2d", 0, None)
    assert other.cost is not None
    assert other.cost > stem.cost
    work = {one.node: machine.cost(one.kernel, one.features) for one in executed(schedule)}
    assert all(choice.cost == work[choice.node] for choice in report.choices)
    assert f"{len(report.choices)} nodes have other kernels" in " ".join(to_text(report).split())
    assert not compiled(graph)[0].choices  # of one flavour there is nothing to choose from


def test_choices_say_why_a_flavour_does_not_run_a_node():
    machine = machine_of(core("cortex-m4"))
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(8, 8, 8), 8, 3, name="grouped"))
    op = replace(graph.nodes[0].op, groups=2, weights=graph.nodes[0].op.weights[..., :4])
    graph = replace(graph, nodes=(replace(graph.nodes[0], op=op),))
    plan = trivial_plan(graph, InputMode.TILES, machine=machine)
    schedule = lower(graph, plan, machine.registry)
    (choice,) = kernel_choices(plan, schedule, machine)
    assert choice.kernel == "conv2d"
    assert {other.kernel: other.refused for other in choice.others}["conv2d.dsp"] == "it has groups"
