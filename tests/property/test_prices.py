"""What the search says a tunnel needs is what lowering makes of it, without lowering."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from patchc.ir import Conv, Graph, Op
from patchc.plan.types import InputMode, OutputMode
from patchc.planner.choose import layer_by_layer
from patchc.planner.search import Search
from patchc.schedule.lower import lower
from tests.property.example_counts import Met, some
from tests.property.networks import chains, dags
from tests.property.priced import block_bytes, computing_blocks

INPUTS, OUTPUTS = st.sampled_from(list(InputMode)), st.sampled_from(list(OutputMode))


def check(graph: Graph, mode: InputMode, outputs: OutputMode, met: Met) -> None:
    limit = layer_by_layer(graph, mode, outputs=outputs).arena_bytes
    points = tuple(Search(graph, mode, outputs).frontier(limit))
    streams = [tunnel.plan for point in points for tunnel in point.tunnels if not tunnel.plan.whole]
    there = {
        "tunnels": bool(streams),
        "stripes": any(tunnel.stripes > 1 for tunnel in streams),
        "one_pixel_padded": any(
            pads_one_pixel(graph.node(name).op) for tunnel in streams for name in tunnel.nodes[1:]
        ),
    }
    met(**{tag: there[tag] for tag in met.least})
    for point in points:
        schedule = lower(graph, point.plan(mode, outputs))
        assert point.bytes == max(tunnel.bytes for tunnel in point.tunnels)
        for tunnel, block in zip(point.tunnels, computing_blocks(schedule), strict=True):
            assert block_bytes(schedule, block) == tunnel.bytes, tunnel


def pads_one_pixel(op: Op) -> bool:
    """Is it a 1x1 convolution with pads behind the last column, and none before the first?"""
    if not isinstance(op, Conv) or op.window.kernel != (1, 1):
        return False
    return op.window.pads.left == 0 < op.window.pads.right


in_chains = Met(tunnels=0.7, stripes=0.5, one_pixel_padded=0.15)


@in_chains.enough
@some(40)
@given(st.one_of(chains(), chains(padded=True)), INPUTS, OUTPUTS)
def test_in_chains(graph, mode, outputs):
    check(graph, mode, outputs, in_chains)


in_branches = Met(tunnels=0.7, stripes=0.5)


@in_branches.enough
@some(40)
@given(dags(), INPUTS, OUTPUTS)
def test_where_graphs_branch(graph, mode, outputs):
    check(graph, mode, outputs, in_branches)
