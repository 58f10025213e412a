"""Networks whose operators have several operands, or only copy: layer by layer, and by every plan
of the search, in numpy over shadow memory and in C; and against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from patchc.frontend.export import to_qoperator
from patchc.ir import Graph
from patchc.memory import check_placement, place
from patchc.plan.types import InputMode
from patchc.planner.choose import reversible
from patchc.reference import execute, run_graph
from patchc.schedule.lower import lower
from patchc.verify.sessions import session
from tests.c.emitted import (
    check_equal,
    concatenated,
    copied,
    gated,
    images,
    layerwise,
    points,
    resized,
    write,
)

NETWORKS = pytest.mark.parametrize("network", [gated, concatenated, copied, resized])
MODES = pytest.mark.parametrize("mode", InputMode, ids=lambda mode: mode.value)


@NETWORKS
def test_the_network_is_onnxruntimes(network: Callable[[], Graph]) -> None:
    graph = network()
    inputs = {name: values[2] for name, values in images(graph).items()}
    feeds = {name: values.transpose(2, 0, 1)[None] for name, values in inputs.items()}
    found = session(to_qoperator(graph)).run(list(graph.outputs), feeds)
    wanted = run_graph(graph, inputs)
    for name, values in zip(graph.outputs, found, strict=True):
        np.testing.assert_array_equal(values[0].transpose(1, 2, 0), wanted[name])


@MODES
@NETWORKS
def test_every_plan_of_the_search(network: Callable[[], Graph], mode: InputMode) -> None:
    """Each also with every tunnel that can run from the last row up doing so."""
    graph = network()
    inputs = {name: values[2] for name, values in images(graph).items()}
    wanted = run_graph(graph, inputs)
    for point in points(graph, mode):
        plan = point.plan(mode)
        for schedule in (
            lower(graph, plan),
            lower(graph, plan.in_reverse(reversible(graph, plan))),
        ):
            placement = place(schedule)
            check_placement(schedule, placement)
            found = execute(schedule, placement, inputs).outputs
            for name in graph.outputs:
                np.testing.assert_array_equal(found[name], wanted[name])


@NETWORKS
@pytest.mark.parametrize(
    ("mode", "share"),
    [(InputMode.TILES, 1), (InputMode.EXTERN, 0.5)],
    ids=["tiles-smallest", "extern-middle"],
)
def test_plans_of_the_search_in_c(
    network: Callable[[], Graph], mode: InputMode, share: float, tmp_path
) -> None:
    graph = network()
    found = points(graph, mode)
    plan = found[int(share * (len(found) - 1))].plan(mode)
    write(lower(graph, plan.in_reverse(sorted(reversible(graph, plan))[1::2])), tmp_path)
    check_equal(tmp_path, graph, "sanitize")


@NETWORKS
def test_layer_by_layer_in_c(network: Callable[[], Graph], tmp_path) -> None:
    schedule = layerwise(network(), InputMode.RESIDENT)
    write(schedule, tmp_path)
    check_equal(tmp_path, schedule.graph, "sanitize")


def test_a_gate_heads_a_tunnel() -> None:
    """The map has to exist before its gate is known; the product streams on."""
    graph = gated()
    heads = {
        tunnel.nodes[0]
        for point in points(graph, InputMode.TILES)
        for tunnel in point.plan(InputMode.TILES).tunnels
        if len(tunnel.nodes) > 1
    }
    assert {"gated0.node", "gated1.node"} & heads
