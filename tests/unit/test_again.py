"""Tensors made twice: the graph of such a plan, its file, what the search makes of a gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

import patchc
from patchc.budget import NO_LIMIT
from patchc.certificate.__main__ import check_out
from patchc.choices import InputMode
from patchc.codegen import constant_facts
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.ir import Graph
from patchc.memory import live_bytes
from patchc.passes import run_passes
from patchc.plan.again import copied_images, repeated
from patchc.plan.json import from_json, to_json
from patchc.plan.printer import format_plan
from patchc.plan.types import Again
from patchc.planner.again import LITTLE, AgainChooser, choose_again
from patchc.planner.choose import choose
from patchc.planner.machine import ANY_CORE
from patchc.planner.waiting import cheapest_again, layers_cost
from patchc.reference import run_graph
from patchc.report import to_text
from patchc.schedule.types import Load
from patchc.targets.cores import core
from patchc.targets.reserve import Reserve
from tests.float_builder import FloatBuilder
from tests.schedules import check


def bottleneck(net: FloatBuilder, x: str) -> str:
    """With 48 channels inside whose gate waits for the mean of all pixels."""
    inner = net.depthwise(net.conv_relu(x, 48), 3)
    gate = net.unary("HardSigmoid", net.conv(net.mean(inner), 48), alpha=1 / 6, beta=0.5)
    return net.conv(net.binary("Mul", inner, gate), 8)


def gated(folder):
    """A bottleneck of 32 x 32 pixels."""
    net = FloatBuilder("gated")
    x = bottleneck(net, net.conv_relu(net.input(3, 32, 32), 8, 3))
    return quantized(net, x, folder)


def skipped(folder):
    """Three bottlenecks of 16 x 16 pixels, at whose end a map of 32 x 32 x 8 is read again."""
    net = FloatBuilder("skipped")
    skip = net.conv_relu(net.input(3, 32, 32), 8, 3)
    x = net.conv_relu(skip, 8, 3, 2)
    for _ in range(3):
        x = bottleneck(net, x)
    return quantized(net, net.binary("Add", net.upsample(x), skip), folder)


def quantized(net, x, folder):
    onnx.save_model(net.build(net.dense(net.mean(x), 4)), folder / "float.onnx")
    images = np.random.default_rng(3).normal(size=(2, 3, 32, 32)).astype(np.float32)
    return patchc.quantize(
        folder / "float.onnx", folder / "int8.onnx", calibration={"image": images}
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return gated(tmp_path_factory.mktemp("gated"))


@pytest.fixture(scope="module")
def graph(model) -> Graph:
    return run_passes(import_model(model).graph)


def gated_map(graph: Graph) -> Again:
    """All convolutions that lead to what is gated, again for the product."""
    (product,) = (node for node in graph.nodes if node.op.kind == "Mul")
    return Again(tuple(node.name for node in graph.nodes[:3]), (product.name,))


@pytest.mark.parametrize("mode", InputMode)
def test_a_second_node_makes_it_for_its_later_readers(graph, mode):
    item = gated_map(graph)
    found = repeated(graph, (item,), mode)
    product, first = found.node(item.readers[0]), graph.node(item.nodes[0])
    second = found.node(f"{first.name}_again")
    assert product.inputs[0] == f"{graph.node(item.nodes[-1]).output}_again"
    assert second.op is first.op
    copies = copied_images(graph, found)
    assert len(copies) == (mode is InputMode.TILES)
    assert second.inputs == ((copies[0].output,) if copies else first.inputs)
    maps = {name: np.full(found.tensors[name].shape, 3, np.int8) for name in found.inputs}
    values = run_graph(found, maps)
    assert np.array_equal(values[second.output], values[first.output])


def test_names_of_second_nodes_are_free(graph):
    item = gated_map(graph)
    *nodes, last = graph.nodes
    taken = graph.with_nodes((*nodes, replace(last, name=f"{item.nodes[0]}_again")))
    again = repeated(taken, (item,), InputMode.EXTERN)
    assert len({node.name for node in again.nodes}) == len(graph.nodes) + len(item.nodes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda item: replace(item, nodes=("nowhere",)),
            "'nowhere', which the model does not have",
        ),
        (lambda item: replace(item, readers=()), "names no node"),
        (lambda item: replace(item, nodes=item.nodes * 2), "in an order that does not work"),
        (lambda item: replace(item, nodes=item.readers), "for a node that does not read it"),
        (lambda item: Again(item.nodes[:1], item.nodes[1:2]), "for all nodes that read it"),
    ],
)
def test_items_of_a_file_that_do_not_fit_are_refused(graph, change, words):
    with pytest.raises(PatchcError, match=words):
        repeated(graph, (change(gated_map(graph)),), InputMode.TILES)


def test_plans_that_make_nothing_again_have_the_file_that_they_had(graph):
    plan = choose(graph, InputMode.TILES, None).plan
    assert "again" not in to_json(plan)
    twice = replace(plan, again=(gated_map(graph),))
    assert from_json(to_json(twice)) == twice
    assert format_plan(twice) != format_plan(plan)


@pytest.mark.parametrize("mode", InputMode)
def test_the_search_does_without_the_whole_map(graph, mode):
    plain, found = choose(graph, mode, 0), choose_again(graph, mode, 0)
    assert found.total_bytes <= plain.total_bytes
    check(found.schedule, found.placement)
    loads = [
        call
        for block in found.schedule.blocks
        for step in block.steps
        for call in step.calls
        if isinstance(call, Load)
    ]
    assert {call.image for call in loads} <= set(graph.inputs)
    if mode is InputMode.STREAM:
        assert len(loads) == 1, "its rows come once"
    else:
        assert found.plan.again
        assert found.total_bytes < plain.total_bytes * 0.7


def test_what_waits_at_all_peaks_is_made_again_before_what_is_cheap_at_one(tmp_path):
    graph = run_passes(import_model(skipped(tmp_path)).graph)
    lean = choose(graph, InputMode.EXTERN, NO_LIMIT, slack=LITTLE)
    live = sorted(live_bytes(lean.schedule))
    assert live[-1] == live[-2], "no gated map alone makes the plan smaller"
    skip, (add,) = graph.nodes[0], (node for node in graph.nodes if node.op.kind == "Add")
    item, cost = cheapest_again(graph, InputMode.EXTERN, ANY_CORE, lean.schedule)
    assert item == Again((skip.name,), (add.name,))
    gated = next(node.inputs[0] for node in graph.nodes if node.op.kind == "Mul")
    leading = [node for node in graph.nodes if node.output == gated]
    leading.append(graph.producer[leading[0].inputs[0]])
    dearer = cost / graph.tensors[skip.output].bytes
    assert layers_cost(graph, leading, ANY_CORE) / graph.tensors[gated].bytes < dearer


def test_a_budget_that_is_met_cheaply_makes_nothing_again(graph):
    whole = choose(graph, InputMode.EXTERN, None)
    found = choose_again(graph, InputMode.EXTERN, whole.total_bytes)
    assert not found.plan.again


@pytest.mark.parametrize("reserve", [Reserve.of_all(0), core("cortex-m4").reserve])
def test_what_is_explored_can_be_chosen(graph, reserve):
    points = AgainChooser(graph, InputMode.EXTERN).explore(reserve)
    assert any(point.plan.again for point in points)
    sizes, costs = ([one(p) for p in points] for one in (lambda p: p.total_bytes, lambda p: p.cost))
    assert sizes == sorted(sizes, reverse=True)
    assert costs == sorted(costs)
    for point in points:
        found = choose_again(graph, InputMode.EXTERN, point.total_bytes, reserve)
        assert found.total_bytes <= point.total_bytes
        assert found.cost <= point.cost
    floor = choose_again(graph, InputMode.EXTERN, 0, reserve)
    assert (floor.total_bytes, floor.cost) <= (sizes[-1], costs[-1])


def test_the_least_of_a_missed_budget_can_be_had(model, tmp_path):
    with pytest.raises(patchc.BudgetError) as caught:
        patchc.compile(model, tmp_path / "out", budget=1500, reserve=0)
    least = caught.value.least_bytes
    found = patchc.compile(model, tmp_path / "out", budget=least, reserve=0)
    assert found.report.ram.total_bytes <= least


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["tiles", "extern", "resident"])
def test_from_the_file_to_c(model, graph, mode, tmp_path):
    result = patchc.compile(model, tmp_path / "out", budget="least", input_mode=mode, name="net")
    (item, *_) = result.report.again
    assert item.bytes == graph.tensors[item.tensor].bytes
    assert result.report.cost.macs_overhead > 1
    plain = sum(layer.macs for layer in patchc.inspect(model).layers)
    assert result.report.model.macs == plain, "of the file's nodes only"
    assert "made again" in to_text(result.report)
    found = patchc.verify(tmp_path / "out", cases=2, sanitize=True)
    assert found.passed, found.failures
    assert "every access holds" in check_out(tmp_path / "out")
    replayed = patchc.compile(
        model, tmp_path / "replayed", plan=tmp_path / "out/plan.json", name="net"
    )
    assert replayed.report.ram == result.report.ram
    assert replayed.stages.schedule.blocks == result.stages.schedule.blocks


def test_constants_of_both_nodes_are_there_once(graph):
    twice = repeated(graph, (gated_map(graph),), InputMode.EXTERN)
    once, both = (
        constant_facts(choose(one, InputMode.EXTERN, None).schedule).flash for one in (graph, twice)
    )
    assert once == both


def test_dump_names_what_runs_again(model):
    text = patchc.dump(model, "plan", budget="least", input_mode="extern")
    assert "  again " in text
