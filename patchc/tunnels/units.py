"""Units: runs of nodes that always stay in one tunnel, and the ways to run each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patchc.ir import Binary, Conv, GlobalAveragePool, Graph, Node, broadcasts
from patchc.tunnels.plan import StepPlan

# A tile is wide enough for this many bytes of the inner tensor: calls on less cost more in set-up
# than they save in memory.
TILE_BYTES = 128
# Channels of the expanded tensor at a time. A multiple of what a SIMD kernel wants, and small
# beside the sums.
GROUP_CHANNELS = 8
# Output rows at a time under bottleneck reordering: more rows recompute less and hold more sums.
GROUP_ROWS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Unit:
    """Consecutive nodes, and alternative step sequences that compute them."""

    nodes: tuple[str, ...]
    options: tuple[tuple[StepPlan, ...], ...]  # the first one recomputes nothing
    in_place: tuple[tuple[str, str], ...]  # sums written over the projection they add to


def find_units(graph: Graph, order: Sequence[Node]) -> tuple[Unit, ...]:
    """The units of a graph whose nodes run in `order`."""
    units: list[Unit] = []
    position = 0
    while position < len(order):
        unit = _unit(graph, order[position:])
        units.append(unit)
        position += len(unit.nodes)
    return tuple(units)


def _unit(graph: Graph, rest: Sequence[Node]) -> Unit:
    """The longest unit that `rest` starts with."""
    chain = _chain(graph, rest)
    expand = len(chain) >= 3 and _pointwise(chain[0]) and _depthwise(chain[1])
    start = 1 if expand else 0
    core = list(chain[: start + 1])
    if _depthwise(chain[start]) and len(chain) > start + 1 and _pointwise(chain[start + 1]):
        core.append(chain[start + 1])
    elif expand:
        core, start = [chain[0]], 0
    follower = chain[len(core)] if len(chain) > len(core) else None
    in_place: tuple[tuple[str, str], ...] = ()
    if follower is not None and isinstance(core[-1].op, Conv):
        if isinstance(follower.op, Binary):
            in_place = ((follower.output, core[-1].output),)
            core.append(follower)
        elif isinstance(follower.op, GlobalAveragePool) and len(core) == 1 + start:
            core.append(follower)
    names = tuple(node.name for node in core)
    if len(core) == 1:
        return Unit(names, ((StepPlan(names),),), ())
    inner = core[start:]
    tile = 0
    if len(inner) - len(in_place) > 1:
        channels = graph.tensors[inner[0].output].shape[2]
        tile = max(1, TILE_BYTES // channels)
    ring = [StepPlan(names[start:], tile=tile)]
    if start:
        ring.insert(0, StepPlan(names[:1]))
    options = [tuple(ring)]
    if start and len(core) >= 3 and _pointwise(core[2]):
        height = graph.tensors[core[2].output].shape[0]
        options += [
            (StepPlan(names, group=GROUP_CHANNELS, rows=rows),)
            for rows in GROUP_ROWS
            if rows <= height
        ]
    return Unit(names, tuple(options), in_place)


def _chain(graph: Graph, rest: Sequence[Node]) -> list[Node]:
    """The first nodes of `rest` that each read only what the one before it made, which nobody else
    reads; an Add or the like may read one more tensor, made earlier."""
    chain = [rest[0]]
    for node in rest[1:]:
        made = chain[-1].output
        if graph.consumers[made] != (node,) or made in graph.outputs:
            break
        others = [name for name in node.inputs if name != made]
        if others and not isinstance(node.op, Binary):
            break
        if list(node.inputs).count(made) != 1 or broadcasts(graph, node, made):
            break
        chain.append(node)
        if others:
            break
    return chain


def _pointwise(node: Node) -> bool:
    return isinstance(node.op, Conv) and node.op.is_pointwise


def _depthwise(node: Node) -> bool:
    return isinstance(node.op, Conv) and node.op.is_depthwise
