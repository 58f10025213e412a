"""Where in a plan the callback brings a rectangle of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from patchc.ir import Graph, Node
from patchc.plan.types import FETCH, StepPlan, TunnelPlan


def fetching(graph: Graph, tunnels: Sequence[TunnelPlan], crop: Node) -> tuple[TunnelPlan, ...]:
    """`tunnels`, for which the output of `crop` was an input, with the node that fetches it: in the
    first one that reads it, row by row, or in front of that where it has to lie there whole."""
    fetch = StepPlan((crop.name,), (FETCH,))
    readers = {node.name for node in graph.consumers[crop.output]}
    at = next(i for i, tunnel in enumerate(tunnels) if readers & set(tunnel.nodes))
    first = tunnels[at]
    alone = sum(bool(readers & set(tunnel.nodes)) for tunnel in tunnels) == 1
    found = [replace(first, steps=(fetch, *first.steps))]
    if first.whole or not alone:
        found = [TunnelPlan((fetch,), whole=True), first]
    return (*tunnels[:at], *found, *tunnels[at + 1 :])
