"""Random networks under random budgets: a few hundred (benchmarks.fuzz runs thousands)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz import features, plan_for
from patchc.ir import Graph
from patchc.memory import check_placement
from patchc.pipeline import random_maps
from patchc.plan.types import InputMode, OutputMode
from patchc.reference import run_graph, run_schedule
from tests.property.example_counts import Met, some
from tests.property.networks import chains, dags

INPUTS, OUTPUTS = st.sampled_from(list(InputMode)), st.sampled_from(list(OutputMode))


SMALL = (8, 12, 16)  # sides: every byte is executed, and every tunnel searched


def check(graph: Graph, mode: InputMode, outputs: OutputMode, share: float, met: Met) -> None:
    """Over shadow memory; tests/c does the same with the emitted C."""
    choice = plan_for(graph, mode, outputs, share)
    used = features(graph, choice, mode)
    met(
        tunnels="tunnels" in used,
        several_tunnels="several tunnels" in used,
        stripes="stripes > 1" in used,
        in_place="in place" in used,
        handed_over="outputs handed over" in used,
        branches="branches inside a tunnel" in used,
    )
    check_placement(choice.schedule, choice.placement)
    image = {name: values[0] for name, values in random_maps(graph, 1, seed=0).items()}
    expected = run_graph(graph, image)
    for name, found in run_schedule(choice.schedule, choice.placement, image).items():
        assert np.array_equal(found, expected[name])


in_chains = Met(
    tunnels=0.8, several_tunnels=0.35, stripes=0.15, in_place=0.5, handed_over=0.05, branches=0.02
)


@pytest.mark.slow
@in_chains.enough
@some(200)
@given(chains(), INPUTS, OUTPUTS, st.floats(0, 1))
def test_from_the_floor_to_layer_by_layer_the_bytes_are_the_same(graph, mode, outputs, share):
    check(graph, mode, outputs, share, in_chains)


in_branches = Met(
    tunnels=0.65, several_tunnels=0.35, stripes=0.35, in_place=0.5, handed_over=0.08, branches=0.25
)


@pytest.mark.slow
@in_branches.enough
@some(80)
@given(dags(3, SMALL, decoder=False), INPUTS, OUTPUTS, st.floats(0, 1))
def test_so_it_is_where_graphs_branch(graph, mode, outputs, share):
    check(graph, mode, outputs, share, in_branches)


in_decoders = Met(
    tunnels=0.65, several_tunnels=0.35, stripes=0.3, in_place=0.5, handed_over=0.05, branches=0.5
)


@pytest.mark.slow
@in_decoders.enough
@some(60)
@given(dags(2, SMALL, decoder=True), INPUTS, OUTPUTS, st.floats(0, 1))
def test_and_where_a_decoder_meets_its_encoder(graph, mode, outputs, share):
    check(graph, mode, outputs, share, in_decoders)
