"""Graphs with equal branches: found, and planned branch by branch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import patchc
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.ir import Graph
from patchc.ir.branches import find_branches
from patchc.memory import check_placement
from patchc.passes import run_passes
from patchc.pipeline import random_maps
from patchc.plan.json import from_json, to_json
from patchc.plan.types import FETCH, InputMode
from patchc.planner.choose import choose
from patchc.reference import run_graph, run_schedule
from patchc.schedule.lower import lower
from patchc.schedule.types import Load
from patchc.schedule.work import input_reads
from tests.independent import classifier, quantized, samples, saved

LEAST = 1  # a budget that nothing meets: what is found is the least


def graph_of(model: Path) -> Graph:
    return run_passes(import_model(model).graph)


@pytest.mark.parametrize(
    ("name", "count"), [("halves", 2), ("quadrants", 4), ("central_concat", 5)]
)
def test_branches_are_found(name, count, tmp_path):
    graph = graph_of(quantized(name, tmp_path, before=True))
    found = find_branches(graph)
    assert found is not None
    assert found.count == count
    assert found.cut == graph.inputs[0]
    kinds = [[graph.node(node).op.kind for node in branch] for branch in found.nodes]
    assert all(kind == kinds[0] for kind in kinds)
    assert kinds[0][0] == "Rearrange"
    assert kinds[0].count("Conv") == 8
    (result,) = found.results
    assert graph.tensors[result].shape == (1, 1, 16)
    assert [name.rsplit("patch")[-1][0] for name in found.tensors[result]] == list(
        map(str, range(count))
    )


def test_a_network_without_branches_has_none(tmp_path):
    model = patchc.quantize(
        saved(classifier(), tmp_path / "float.onnx"), tmp_path / "q.onnx", calibration=samples()
    )
    assert find_branches(graph_of(model)) is None


@pytest.mark.slow
@pytest.mark.parametrize("mode", [InputMode.EXTERN, InputMode.RESIDENT, InputMode.TILES])
@pytest.mark.parametrize("name", ["quadrants", "central_max", "central_concat", "sum"])
def test_a_plan_of_one_branch_runs_all(name, mode, tmp_path):
    graph = graph_of(quantized(name, tmp_path, before=False))
    found = choose(graph, mode, LEAST)
    check_placement(found.schedule, found.placement)
    images = {name: values[0] for name, values in random_maps(graph, 1, seed=3).items()}
    expected = run_graph(graph, images)
    for output, values in run_schedule(found.schedule, found.placement, images).items():
        np.testing.assert_array_equal(values, expected[output])


@pytest.mark.slow
@pytest.mark.parametrize("mode", [InputMode.EXTERN, InputMode.TILES])
def test_ram_does_not_grow_with_the_number_of_patches(mode, tmp_path):
    """But for the sum so far, one vector of 16 bytes, of which the first branch has none."""
    least = {}
    for name in ("quadrants", "central"):
        graph = graph_of(quantized(name, tmp_path, before=False))
        least[name] = choose(graph, mode, LEAST).arena_bytes
        alone = choose(branch_alone(graph), InputMode.EXTERN, LEAST).arena_bytes
        assert alone <= least[name] <= alone + 16
    assert least["quadrants"] == least["central"]


def branch_alone(graph: Graph) -> Graph:
    found = find_branches(graph)
    nodes = tuple(node for node in graph.nodes if node.name in found.nodes[0])
    return Graph(graph.name, graph.inputs, found.results, graph.tensors, ()).with_nodes(nodes)


@pytest.mark.slow
def test_the_callback_brings_each_rectangle_once(tmp_path):
    """Nothing of the image is asked for but the patches, and the plan survives its file."""
    model = quantized("central", tmp_path, before=False)
    graph = graph_of(model)
    found = choose(graph, InputMode.TILES, 2500)
    loads = [call for block in found.schedule.blocks for call in block.steps[0].calls]
    loads = [call for call in loads if isinstance(call, Load)]
    assert [(call.image, call.row, call.col) for call in loads] == [
        (graph.inputs[0], row, col) for row, col in ((0, 0), (0, 12), (12, 0), (12, 12), (6, 6))
    ]
    assert input_reads(found.schedule)[0] == 5 * 12 * 12 * 3
    assert graph.inputs[0] not in found.schedule.storages
    again = from_json(to_json(found.plan))
    assert again == found.plan
    assert lower(graph, again) == found.schedule


@pytest.mark.slow
def test_a_plan_fetches_rectangles_of_a_callbacks_image_only(tmp_path):
    graph = graph_of(quantized("quadrants", tmp_path, before=False))
    plan = choose(graph, InputMode.TILES, LEAST).plan
    with pytest.raises(PatchcError, match="only of a callback's image, in tiles"):
        lower(graph, replace(plan, input_mode=InputMode.EXTERN))
    tunnel = plan.tunnels[0]
    named = replace(tunnel.steps[-1], kernels=(FETCH,), nodes=tunnel.steps[-1].nodes[:1])
    spoiled = replace(tunnel, steps=(*tunnel.steps[:-1], named))
    with pytest.raises(PatchcError):
        lower(graph, replace(plan, tunnels=(spoiled, *plan.tunnels[1:])))
