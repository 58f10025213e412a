"""What the search says a tunnel needs is what lowering makes of it, without lowering."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchc.ir import Graph
from patchc.memory.liveness import arena_buffers
from patchc.tunnels.choose import layer_by_layer
from patchc.tunnels.lowering import lower
from patchc.tunnels.plan import InputMode, OutputMode
from patchc.tunnels.schedule import Schedule, shared_bytes
from patchc.tunnels.search import Search
from tests.property.networks import chains, dags

INPUTS, OUTPUTS = st.sampled_from(list(InputMode)), st.sampled_from(list(OutputMode))


def block_bytes(schedule: Schedule, block: int) -> int:
    """Bytes alive while a block runs, the two maps that may share most laid over each other."""
    alive = {b.name: b.bytes for b in arena_buffers(schedule) if b.first <= block <= b.last}
    shared = [
        shared_bytes(alive[overlap.source], alive[overlap.target], overlap.distance)
        for overlap in schedule.overlaps
        if overlap.block == block
    ]
    return sum(alive.values()) - max((0, *shared))


def check(graph: Graph, mode: InputMode, outputs: OutputMode) -> None:
    limit = layer_by_layer(graph, mode, outputs=outputs).arena_bytes
    for point in Search(graph, mode, outputs).frontier(limit):
        schedule = lower(graph, point.plan(mode, outputs))
        computing = [
            index
            for index, block in enumerate(schedule.blocks)
            if any(call.node for step in block.steps for call in step.calls)
        ]
        for tunnel, block in zip(point.tunnels, computing, strict=True):
            assert block_bytes(schedule, block) == tunnel.bytes, tunnel


@settings(deadline=None, max_examples=40)
@given(chains(), INPUTS, OUTPUTS)
def test_in_chains(graph, mode, outputs):
    check(graph, mode, outputs)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(dags(), INPUTS, OUTPUTS)
def test_where_graphs_branch(graph, mode, outputs):
    check(graph, mode, outputs)
