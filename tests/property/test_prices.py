"""What the search says a tunnel needs is what lowering makes of it, without lowering."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchc.ir import Graph
from patchc.plan.types import InputMode, OutputMode
from patchc.planner.choose import layer_by_layer
from patchc.planner.search import Search
from patchc.schedule.lower import lower
from tests.property.networks import chains, dags
from tests.property.priced import block_bytes, computing_blocks

INPUTS, OUTPUTS = st.sampled_from(list(InputMode)), st.sampled_from(list(OutputMode))


def check(graph: Graph, mode: InputMode, outputs: OutputMode) -> None:
    limit = layer_by_layer(graph, mode, outputs=outputs).arena_bytes
    for point in Search(graph, mode, outputs).frontier(limit):
        schedule = lower(graph, point.plan(mode, outputs))
        assert point.bytes == max(tunnel.bytes for tunnel in point.tunnels)
        for tunnel, block in zip(point.tunnels, computing_blocks(schedule), strict=True):
            assert block_bytes(schedule, block) == tunnel.bytes, tunnel


@settings(deadline=None, max_examples=40)
@given(chains(), INPUTS, OUTPUTS)
def test_in_chains(graph, mode, outputs):
    check(graph, mode, outputs)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(dags(), INPUTS, OUTPUTS)
def test_where_graphs_branch(graph, mode, outputs):
    check(graph, mode, outputs)
