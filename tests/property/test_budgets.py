"""Random networks under random budgets: a few hundred (benchmarks.fuzz runs thousands)."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import plan_for
from patchc.ir import Graph
from patchc.memory import check_placement
from patchc.pipeline import random_maps
from patchc.plan.types import InputMode, OutputMode
from patchc.reference import run_graph, run_schedule
from tests.property.networks import chains, dags

INPUTS, OUTPUTS = st.sampled_from(list(InputMode)), st.sampled_from(list(OutputMode))


def check(graph: Graph, mode: InputMode, outputs: OutputMode, share: float) -> None:
    """Over shadow memory; tests/c does the same with the emitted C."""
    choice = plan_for(graph, mode, outputs, share)
    check_placement(choice.schedule, choice.placement)
    image = {name: values[0] for name, values in random_maps(graph, 1, seed=0).items()}
    expected = run_graph(graph, image)
    for name, found in run_schedule(choice.schedule, choice.placement, image).items():
        assert np.array_equal(found, expected[name])


@settings(deadline=None, max_examples=200)
@given(chains(), INPUTS, OUTPUTS, st.floats(0, 1))
def test_from_the_floor_to_layer_by_layer_the_bytes_are_the_same(graph, mode, outputs, share):
    check(graph, mode, outputs, share)


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(dags(), INPUTS, OUTPUTS, st.floats(0, 1))
def test_so_it_is_where_graphs_branch(graph, mode, outputs, share):
    check(graph, mode, outputs, share)
