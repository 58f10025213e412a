"""Units: runs of nodes that always stay in one tunnel, and the ways to run each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import lcm

from patchc.ir import (
    Binary,
    Concat,
    Conv,
    GlobalAveragePool,
    Graph,
    Lut,
    MaxPool,
    Node,
    needs_whole,
)
from patchc.plan.types import StepPlan
from patchc.planner.assign import assignments, candidates
from patchc.planner.cost import macs
from patchc.planner.machine import ANY_CORE, Machine

# A tile is wide enough for this many bytes of the inner tensor: calls on less cost more in set-up
# than they save in memory.
TILE_BYTES = 128
# Channels of the expanded tensor at a time: a multiple of what a SIMD kernel wants, and small
# beside the sums.
GROUP_CHANNELS = 8
# The same where a cost knows more than multiply-accumulates, of which no group saves any: sums are
# read and written less often.
LARGE_GROUP_CHANNELS = 24
# Output rows at a time under bottleneck reordering: more rows recompute less and hold more sums.
GROUP_ROWS = (1, 2, 4, 8)
# Nodes beside tables that a unit looks at: expansion, depthwise, projection, what follows.
UNIT_NODES = 4


@dataclass(frozen=True, slots=True)
class Unit:
    """Consecutive nodes, and alternative step sequences that compute them."""

    nodes: tuple[str, ...]
    options: tuple[tuple[StepPlan, ...], ...]  # with every choice of kernels
    alike: tuple[tuple[int, ...], ...]  # indices of options of the same rings
    in_place: tuple[tuple[str, str], ...]  # sums written over the projection they add to


def find_units(
    graph: Graph, order: Sequence[Node], machine: Machine = ANY_CORE
) -> tuple[Unit, ...]:
    """The units of a graph whose nodes run in `order`."""
    units: list[Unit] = []
    position = 0
    while position < len(order):
        unit = _unit(graph, order[position:], machine)
        units.append(unit)
        position += len(unit.nodes)
    return tuple(units)


def together(graph: Graph, order: Sequence[Node]) -> tuple[Node, ...]:
    """The same nodes with those that can be one unit next to each other.

    A convolution waits for the only node that reads it where they could run as one step, so what a
    block's skip needs (a pool, channels appended) comes before the block.
    """
    waits = _waiting(graph, order)
    found: list[Node] = []

    def segment(node: Node) -> None:
        for name in dict.fromkeys(node.inputs):
            producer = graph.producer.get(name)
            if producer is not None and waits.get(producer.name) == node.name:
                segment(producer)
        found.append(node)

    for node in order:
        if node.name not in waits:
            segment(node)
    return tuple(found)


def _waiting(graph: Graph, order: Sequence[Node]) -> dict[str, str]:
    """Node -> the only node that reads it, which it waits for; one for each of these."""
    waits: dict[str, str] = {}
    for node in reversed(order):
        readers = graph.consumers[node.output]
        if len(readers) != 1 or node.output in graph.outputs or not isinstance(node.op, Conv):
            continue
        (reader,) = readers
        pair = (is_pointwise(node) and is_depthwise(reader)) or (
            is_depthwise(node) and is_pointwise(reader)
        )
        pair = pair or isinstance(reader.op, Binary | GlobalAveragePool)
        if pair and reader.name not in waits.values():
            waits[node.name] = reader.name
    return waits


def _unit(graph: Graph, rest: Sequence[Node], machine: Machine) -> Unit:
    """The longest unit that `rest` starts with."""
    side = _side(graph, rest)
    chain = _chain(graph, rest[len(side) :])
    expand, core = _parts(chain)
    nodes = [*side, *expand, *core]
    last = [*expand, *core][-1]
    follower = chain[len(expand) + len(core)] if len(chain) > len(expand) + len(core) else None
    in_place = [(node.output, node.inputs[0]) for node in nodes[1:] if isinstance(node.op, Lut)]
    if follower is not None and isinstance(core[0].op, Conv):
        if isinstance(follower.op, Binary):
            in_place.append((follower.output, last.output))
            core.append(follower)
        elif isinstance(follower.op, GlobalAveragePool) and not expand and len(core) == 1:
            core.append(follower)
    names = tuple(node.name for node in (*side, *expand, *core))
    tiled = [*side, *core]
    overwritten = {operand for _, operand in in_place}
    first = (StepPlan(tuple(node.name for node in expand)),) if expand else ()
    ring = StepPlan(tuple(node.name for node in tiled))
    tiles: tuple[int, ...] = (0,)
    if any(node.output not in overwritten for node in tiled[:-1]):
        tiles = _tiles(graph, ring, graph.tensors[core[0].output].shape[2], machine)
    ways = [(*first, replace(ring, tile=tile)) for tile in tiles]
    channelwise = bool(expand) and is_channelwise(core[0])
    if channelwise and not side and not any(is_per_channel(node) for node in nodes):
        height = graph.tensors[core[-1].output].shape[0]
        groups = (
            (GROUP_CHANNELS,) if machine.cost is macs else (GROUP_CHANNELS, LARGE_GROUP_CHANNELS)
        )
        ways += [
            (StepPlan(names, group=group, rows=rows),)
            for rows in GROUP_ROWS
            if rows <= height
            for group in groups
        ]
    overwriting = {graph.producer[output].name for output, _ in in_place}
    options = [
        option for steps in ways for option in assignments(graph, steps, machine, overwriting)
    ]
    return Unit(names, tuple(options), _alike(options), tuple(in_place))


def _rings(step: StepPlan) -> StepPlan:
    """What is left of a step without what changes its scratch and its cost alone: kernels, the
    width of tiles, the size of groups."""
    return replace(step, kernels=(), tile=0, group=min(step.group, 1))


def _alike(options: Sequence[Sequence[StepPlan]]) -> tuple[tuple[int, ...], ...]:
    groups: dict[tuple[StepPlan, ...], list[int]] = {}
    for index, steps in enumerate(options):
        groups.setdefault(tuple(map(_rings, steps)), []).append(index)
    return tuple(map(tuple, groups.values()))


def _tiles(graph: Graph, step: StepPlan, channels: int, machine: Machine) -> tuple[int, ...]:
    """Columns at a time: the fewest that are worth a call, and more where kernels compute several
    at once. `channels`: of the inner tensor."""
    fewest = max(1, TILE_BYTES // channels)
    by_node = candidates(graph, replace(step, tile=fewest), machine, whole=False)
    at_once = {kernel.at_once for kernels in by_node for kernel in kernels} - {1}
    more = {min(at_once), lcm(*at_once)} if at_once else set()
    return (fewest, *sorted(tile for tile in more if tile > fewest))


def _side(graph: Graph, rest: Sequence[Node]) -> list[Node]:
    """What leads to the other operand of the sum behind the convolutions that follow: a pool,
    channels appended, a table."""
    side: list[Node] = []
    for node in rest:
        if not isinstance(node.op, MaxPool | Concat | Lut) or len(node.inputs) != 1:
            break
        if side and node.inputs[0] != side[-1].output:
            break
        side.append(node)
        chain = _chain(graph, rest[len(side) :]) if len(rest) > len(side) else []
        expand, core = _parts(chain) if chain else ([], [])
        end = len(expand) + len(core)
        if (
            core
            and isinstance(core[0].op, Conv)
            and len(chain) > end
            and isinstance(chain[end].op, Binary)
            and graph.consumers[side[-1].output] == (chain[end],)
            and side[-1].output not in graph.outputs
        ):
            return side
        if len(graph.consumers[node.output]) != 1 or node.output in graph.outputs:
            break
    return []


def _parts(chain: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The expansion that a chain starts with, if any, and the convolutions to run tile by tile;
    each with the tables behind it."""
    first = _with_tables(chain, 0)
    if not isinstance(chain[0].op, Conv):
        return [], [chain[0]]
    if is_pointwise(chain[0]) and len(chain) > first and is_depthwise(chain[first]):
        end = _projected(chain, first)
        if end:
            return list(chain[:first]), list(chain[first:end])
    elif is_depthwise(chain[0]):
        return [], list(chain[: _projected(chain, 0) or first])
    return [], list(chain[:first])


def _projected(chain: Sequence[Node], start: int) -> int:
    """Where the pair of depthwise convolution and projection at `start` ends; 0: there is none."""
    middle = _with_tables(chain, start)
    if len(chain) > middle and is_pointwise(chain[middle]):
        return _with_tables(chain, middle)
    return 0


def _with_tables(chain: Sequence[Node], start: int) -> int:
    """The position behind the node at `start` and the tables that follow it."""
    end = start + 1
    while end < len(chain) and isinstance(chain[end].op, Lut):
        end += 1
    return end


def _chain(graph: Graph, rest: Sequence[Node]) -> list[Node]:
    """The first nodes of `rest` that each read only what the one before it made, which nobody else
    reads; an Add or the like may read one more tensor, made earlier."""
    chain = [rest[0]]
    tables = int(isinstance(rest[0].op, Lut))
    for node in islice(rest, 1, None):
        if len(chain) - tables == UNIT_NODES:
            break
        made = chain[-1].output
        if graph.consumers[made] != (node,) or made in graph.outputs:
            break
        others = [name for name in node.inputs if name != made]
        if others and not isinstance(node.op, Binary):
            break
        if list(node.inputs).count(made) != 1 or needs_whole(graph, node, made):
            break
        if others and graph.tensors[made].shape != graph.tensors[node.output].shape:
            break  # broadcast: the result does not fit in its place
        chain.append(node)
        tables += isinstance(node.op, Lut)
        if others:
            break
    return chain


def is_pointwise(node: Node) -> bool:
    return isinstance(node.op, Conv) and node.op.is_pointwise


def is_depthwise(node: Node) -> bool:
    return isinstance(node.op, Conv) and node.op.is_depthwise


def is_channelwise(node: Node) -> bool:
    """Is it a depthwise convolution that makes one channel of each, so that rounds can run it?"""
    return (
        isinstance(node.op, Conv)
        and is_depthwise(node)
        and node.op.channels_in == node.op.channels_out
    )


def is_per_channel(node: Node) -> bool:
    return isinstance(node.op, Lut) and node.op.per_channel
