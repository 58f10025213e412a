"""Tensors that are made twice: plans of graphs in which what waits long is made a second time.

A map that is read long after it was made (the skip of a U-Net, what a squeeze-and-excite gate is
multiplied with) lies in RAM all that time. Where it is cheap to make again from something that lies
there anyway, or from the image, it need not: its nodes run once more for the later readers, and as
a part of their tunnels it never exists in full. Training compilers know this as rematerialisation.

Which tensors, is found step by step. The plan of hardly more work than layer by layer shows at its
peak which maps wait; of these the one whose bytes are the cheapest to do without is made again, and
the graph with that (plan/again.py) is planned like any other. So every graph on the way has its own
plans, and the best of all is taken. What this misses are tensors that pay only together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from patchc.budget import NO_LIMIT
from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph, Node
from patchc.memory import live_bytes, place
from patchc.plan.again import copied_images, repeated
from patchc.plan.types import Again
from patchc.planner.choose import (
    Choice,
    Chooser,
    not_dominated,
    total_and_cost,
    within,
)
from patchc.planner.fetching import fetching
from patchc.planner.kinds import reserve_of
from patchc.planner.layer_by_layer import layers
from patchc.planner.machine import ANY_CORE, Machine
from patchc.schedule.lower import lower, without_rectangles
from patchc.schedule.types import BufferKind, Schedule
from patchc.targets.reserve import NO_RESERVE, Reserve

LITTLE = 0.02  # more work than layer by layer that is hardly any
# How many tensors are made again at most; and pairs of nodes of all graphs that are planned for
# that, as a search takes about so long: large graphs are not to take for ever.
MOST_AGAIN, MOST_PAIRS = 10, 150_000
MOST_TRIES = 3  # tensors in a row that have not made the peak smaller
MOST_TOGETHER = 24  # nodes that run again for one tensor
FUSED = 0.9  # of what nodes cost layer by layer, they cost in tunnels at least
NEAR = 8  # maps before one at the peak that are looked at
WORTH = 0.02  # of the bytes at the peak: what a tensor made again has to save there


@dataclass(frozen=True)
class _Planned:
    """A graph to plan, with what it makes again."""

    network: Graph  # without that
    again: tuple[Again, ...]
    mode: InputMode
    outputs: OutputMode
    machine: Machine
    graph: Graph  # with it
    more: int = 0  # what that costs, layer by layer
    alone: bool = False  # one tensor, of several that were found

    @cached_property
    def plans(self) -> Chooser:
        """Of what the search sees: an image that is brought again is an input of its own."""
        copies = copied_images(self.network, self.graph)
        graph = without_rectangles(self.graph, copies) if copies else self.graph
        return Chooser(graph, self.mode, self.outputs, self.machine)

    def reserve(self, reserve: Reserve) -> Reserve:
        """For its plans."""
        return reserve.running_again if self.again else reserve

    def with_item(self, item: Again, cost: int) -> _Planned:
        graph = repeated(self.graph, (item,), self.mode)
        return replace(self, again=(*self.again, item), graph=graph, more=self.more + cost)

    def choice(self, found: Choice, whole: Choice, reserve: Reserve) -> Choice:
        """One of `plans` as a plan of the network; `whole` is that of the network layer by
        layer."""
        if not self.again:
            return found
        plan = replace(found.plan, again=self.again)
        made = replace(
            found,
            plan=plan,
            reserve_bytes=reserve_of(reserve, self.graph, plan),
            layerwise_bytes=whole.layerwise_bytes,
        )
        copies = copied_images(self.network, self.graph)
        if not copies:
            return made
        tunnels = plan.tunnels
        for copy in copies:
            tunnels = fetching(self.graph, tunnels, copy)
        plan = replace(plan, tunnels=tunnels)
        schedule = lower(self.graph, plan, self.machine.registry)
        return replace(made, plan=plan, schedule=schedule, placement=place(schedule))


def choose_again(
    graph: Graph,
    mode: InputMode,
    limit: int | None,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
    slack: float = 0.0,
) -> Choice:
    """As `choose`, of plans that make tensors again, too."""
    graphs = _graphs(graph, mode, reserve, outputs, machine)
    found = next(graphs).plans.choose(limit, reserve, slack)
    if limit is None:
        return found
    plain = _alone(graph, graph.nodes, machine)
    if found.total_bytes <= limit and found.cost <= plain * (1 + max(slack, LITTLE)) < math.inf:
        return found

    def chosen(planned: _Planned) -> Choice:
        one = planned.plans.choose(limit, planned.reserve(reserve), slack)
        return planned.choice(one, found, reserve)

    best = found.cost if found.total_bytes <= limit else None
    fitting: list[tuple[int, int, _Planned]] = []
    known: list[_Planned] = []
    for planned in graphs:
        known.append(planned)
        dear = best is not None and FUSED * (plain + planned.more) >= best
        if not dear or math.isinf(slack):
            (cost,) = planned.plans.priced((limit,), planned.reserve(reserve))
            if cost is not None:
                fitting.append((cost, len(fitting), planned))
                best = cost if best is None else min(best, cost)
        elif not planned.alone:
            break  # what comes behind makes more again
    choices = [found]
    for cost, _, planned in sorted(fitting, key=lambda one: one[:2]):
        if any(one.total_bytes <= limit and one.cost <= cost for one in choices):
            break
        choices.append(chosen(planned))
    if math.isinf(slack) or all(one.total_bytes > limit for one in choices):
        # What seemed to fit by its price may not: so the dear ones are looked at as well, and the
        # least total does not depend on the limit.
        least = min(one.total_bytes for one in choices)
        for planned in reversed([*known, *graphs]):
            if planned.plans.reaches(least - 1, planned.reserve(reserve)):
                choices.append(chosen(planned))
                least = min(least, choices[-1].total_bytes)
    return _best(choices, limit, slack)


def _best(choices: Sequence[Choice], limit: int, slack: float) -> Choice:
    """Of those that fit and cost no more than the cheapest and `slack`, the one of least total; of
    none that fits, too."""
    fitting = [one for one in choices if one.total_bytes <= limit]
    if fitting:
        most = within(min(one.cost for one in fitting), slack)
        choices = [one for one in fitting if one.cost <= most]
        bound = min(one.cost_bound for one in fitting)
        choices = [replace(one, cost_bound=min(bound, one.cost)) for one in choices]
    key = total_and_cost if slack or not fitting else _cost_and_total
    return min(choices, key=key)


def _cost_and_total(choice: Choice) -> tuple[int, int]:
    return choice.cost, choice.total_bytes


def explore_again(
    graph: Graph,
    mode: InputMode,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
) -> tuple[Choice, ...]:
    """As `explore`, with plans that make tensors again: falling total, rising cost."""
    found: list[Choice] = []
    for planned in _graphs(graph, mode, reserve, outputs, machine):
        for one in planned.plans.explore(planned.reserve(reserve)):
            whole = found[0] if found else one
            found.append(planned.choice(one, whole, reserve))
    return not_dominated(found)


def priced_again(
    graph: Graph,
    mode: InputMode,
    limits: Sequence[int],
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
) -> tuple[int | None, ...]:
    """As `priced`, of plans that make tensors again, too."""
    found: tuple[int | None, ...] = (None,) * len(limits)
    plain = _alone(graph, graph.nodes, machine)
    for planned in _graphs(graph, mode, reserve, outputs, machine):
        costs = planned.plans.priced(limits, planned.reserve(reserve))
        both = zip(found, costs, strict=True)
        found = tuple(min((c for c in pair if c is not None), default=None) for pair in both)
        if all(cost is not None and cost <= plain * (1 + LITTLE) for cost in found):
            break
    return found


def _graphs(
    graph: Graph, mode: InputMode, reserve: Reserve, outputs: OutputMode, machine: Machine
) -> Iterator[_Planned]:
    """The network, then with one tensor more made again each time; and with that one alone."""
    network = planned = _Planned(graph, (), mode, outputs, machine, graph)
    yield network
    if network.plans.is_branched:
        return
    own = {node.name for node in graph.nodes}
    pairs = len(graph.nodes) ** 2
    least, tries = NO_LIMIT, 0
    while (
        _is_read_twice(planned.graph)
        and len(planned.again) < MOST_AGAIN
        and pairs <= MOST_PAIRS
        and tries < MOST_TRIES
    ):
        size, schedule = planned.plans.lean(LITTLE)
        tries = tries + 1 if size >= least else 0
        least = min(least, size)
        found = _cheapest(planned, schedule)
        if found is None:
            return
        item, cost = found
        if planned.again and own.issuperset((*item.nodes, *item.readers)):
            yield replace(network.with_item(item, cost), alone=True)
        planned = planned.with_item(item, cost)
        pairs += len(planned.graph.nodes) ** 2
        yield planned


def _is_read_twice(graph: Graph) -> bool:
    return any(len(nodes) > 1 for nodes in graph.consumers.values())


def _cheapest(planned: _Planned, schedule: Schedule) -> tuple[Again, int] | None:
    """What to make again, so that fewer bytes wait at the peak of a plan, and what that costs;
    None: nothing.

    Maps that wait there, in the first place. Else those from which maps at the peak are made, a few
    nodes before: had they not been whole either, one tunnel could lead through both.
    """
    graph, live = planned.graph, live_bytes(schedule)
    peak = max(range(len(live)), key=live.__getitem__)
    blocks = {
        name: index
        for index, block in enumerate(schedule.blocks)
        for step in block.steps
        for name in step.nodes
    }
    whole = {
        name: buffer
        for name, storage in schedule.storages.items()
        if name in graph.producer
        and name not in graph.outputs
        and (buffer := schedule.buffers[storage.buffer]).kind is BufferKind.MAP
    }
    alive = [name for name, buffer in whole.items() if buffer.first <= peak <= buffer.last]
    behind = {name for top in alive for name in _ancestors(graph, top, NEAR)} & whole.keys()
    for names, first in ((alive, peak), (sorted(behind.difference(alive)), 0)):
        found = [
            one
            for name in names
            for readers in _later_readers(graph, name, blocks, first)
            for one in _priced(planned, name, readers, blocks, live[peak])
        ]
        if found:
            return min(found, key=lambda one: one[0])[1:]
    return None


def _priced(
    planned: _Planned,
    name: str,
    readers: tuple[str, ...],
    blocks: Mapping[str, int],
    peak: int,
) -> Iterator[tuple[float, Again, int]]:
    """What a byte costs that is saved, in each way to make a tensor again; the way; its cost."""
    graph = planned.graph
    until = min(blocks[reader] for reader in readers)
    for cut, nodes in _ways(graph, name, planned.mode):
        saved = graph.tensors[name].bytes
        if not _lies_there(graph, cut, planned.mode, blocks, until):
            saved -= graph.tensors[cut].bytes
        if saved >= peak * WORTH:
            cost = _alone(graph, nodes, planned.machine)
            yield cost / saved, Again(tuple(node.name for node in nodes), readers), cost


def _alone(graph: Graph, nodes: Iterable[Node], machine: Machine) -> int:
    """What nodes cost layer by layer."""
    return sum(layers(graph, node, machine)[0].cost for node in nodes)


def _lies_there(
    graph: Graph, name: str, mode: InputMode, blocks: Mapping[str, int], until: int
) -> bool:
    """Can a tensor be read in a block without waiting for that?"""
    if name in graph.inputs and mode in (InputMode.TILES, InputMode.EXTERN):
        return True
    return name in graph.outputs or any(
        blocks[node.name] >= until for node in graph.consumers[name]
    )


def _later_readers(
    graph: Graph, name: str, blocks: Mapping[str, int], first: int
) -> Iterator[tuple[str, ...]]:
    """The nodes that read a tensor from a block on, and later than another one; the last of them,
    the last two and so on."""
    readers = sorted(graph.consumers[name], key=lambda node: blocks[node.name])
    for count in range(1, len(readers)):
        later = readers[-count:]
        block = blocks[later[0].name]
        if block >= first and block > blocks[readers[0].name]:
            yield tuple(node.name for node in later)


def _ways(graph: Graph, name: str, mode: InputMode) -> Iterator[tuple[str, list[Node]]]:
    """Nodes that make a tensor again, and the one map that they make it of; vectors lie there
    anyway."""
    for cut in _ancestors(graph, name, MOST_TOGETHER):
        if cut in graph.inputs and mode is InputMode.STREAM:
            continue  # its rows come once
        nodes = _between(graph, cut, name)
        if nodes is not None:
            yield cut, nodes


def _ancestors(graph: Graph, name: str, most: int) -> list[str]:
    """About `most` maps that lead to one, the nearest first."""
    found = [name]
    for tensor in found:  # while it grows
        made = graph.producer.get(tensor)
        if made is not None and len(found) <= most:
            found += [
                operand
                for operand in dict.fromkeys(made.inputs)
                if operand not in found and not _is_vector(graph, operand)
            ]
    return found[1:]


def _between(graph: Graph, cut: str, name: str) -> list[Node] | None:
    """All nodes that lead from `cut` to a tensor; None where they need another map, too."""
    wanted, found = [name], set[str]()
    while wanted:
        tensor = wanted.pop()
        if tensor == cut or _is_vector(graph, tensor) or tensor in found:
            continue
        if tensor not in graph.producer or len(found) == MOST_TOGETHER:
            return None
        found.add(tensor)
        wanted += graph.producer[tensor].inputs
    return [node for node in graph.nodes if node.output in found]


def _is_vector(graph: Graph, name: str) -> bool:
    return graph.tensors[name].shape[:2] == (1, 1)
