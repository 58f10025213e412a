"""Tensors that are made twice: plans of graphs in which what waits long is made a second time.

A map that is read long after it was made (the skip of a U-Net, what a squeeze-and-excite gate is
multiplied with) lies in RAM all that time. Where it is cheap to make again from something that lies
there anyway, or from the image, it need not: its nodes run once more for the later readers, and as
a part of their tunnels it never exists in full. Training compilers know this as rematerialisation.

Which tensors, is found step by step. The plan of hardly more work than layer by layer shows which
maps wait; one of them is made again (planner/waiting.py), and the graph with that (plan/again.py)
is planned like any other. So every graph on the way has its own plans, and the best of all is
taken. What this misses are tensors that pay only together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, islice

from patchc.budget import NO_LIMIT
from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph
from patchc.memory import place
from patchc.plan.again import copied_images, is_read_first, repeated
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
from patchc.planner.machine import ANY_CORE, Machine
from patchc.planner.waiting import cheapest_again, layers_cost
from patchc.schedule.lower import lower, without_rectangles
from patchc.targets.reserve import NO_RESERVE, Reserve

LITTLE = 0.02  # more work than layer by layer that is hardly any
MODEST = 0.1  # and that is little enough to be looked for where another plan fits
# How many tensors are made again at most; and pairs of nodes of all graphs that are planned for
# that, as a search takes about so long: large graphs are not to take for ever.
MOST_AGAIN, MOST_PAIRS = 10, 150_000
MOST_TRIES = 3  # tensors in a row that have not made the peak smaller
FUSED = 0.9  # of what nodes cost layer by layer, they cost in tunnels at least


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

    def is_dear(self, plain: int, most: float) -> bool:
        """Does every plan cost `most` or more? `plain`: the cost of the network layer by layer."""
        return FUSED * (plain + self.more) >= most

    @cached_property
    def plans(self) -> Chooser:
        """Of what the search sees: an image that is brought again is an input of its own."""
        copies = copied_images(self.network, self.graph)
        graph = without_rectangles(self.graph, copies) if copies else self.graph
        images = {node.output: node.inputs[0] for node in copies}
        return Chooser(graph, self.mode, self.outputs, self.machine, images)

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


class AgainChooser:
    """As `Chooser`, with plans that make tensors again: what is worked out for one question serves
    the next ones."""

    def __init__(
        self,
        graph: Graph,
        mode: InputMode,
        outputs: OutputMode = OutputMode.ARENA,
        machine: Machine = ANY_CORE,
    ) -> None:
        self._found: list[_Planned] = []
        self._more = _graphs(graph, mode, outputs, machine)
        self._plain = layers_cost(graph, graph.nodes, machine)

    @property
    def _graphs(self) -> Iterator[_Planned]:
        """The function of that name, run only as far as anybody looks, and once."""
        for index in count():
            if index == len(self._found):
                self._found.extend(islice(self._more, 1))
            if index == len(self._found):
                return
            yield self._found[index]

    def choose(
        self, limit: int | None, reserve: Reserve = NO_RESERVE, slack: float = 0.0
    ) -> Choice:
        """As `choose_again`."""
        graphs = self._graphs
        found = next(graphs).plans.choose(limit, reserve, slack)
        if limit is None:
            return found
        fits = found.total_bytes <= limit
        if fits and found.cost <= self._plain * (1 + max(slack, LITTLE)) < math.inf:
            return found

        def chosen(planned: _Planned) -> Choice:
            one = planned.plans.choose(limit, reserve, slack)
            return planned.choice(one, found, reserve)

        best = found.cost if fits else None
        # What costs no less than a plan that fits is not taken: that there is one need not be
        # known.
        most = NO_LIMIT if best is None or math.isinf(slack) else best - 1
        fitting: list[tuple[int, int, _Planned]] = []
        known: list[_Planned] = []
        for planned in graphs:
            known.append(planned)
            if best is None or math.isinf(slack) or not planned.is_dear(self._plain, best):
                (cost,) = planned.plans.priced((limit,), reserve, most)
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
            # What seemed to fit by its price may not: so the dear ones are looked at as well, and
            # the least total does not depend on the limit.
            least = min(one.total_bytes for one in choices)
            for planned in reversed([*known, *graphs]):
                if planned.plans.reaches(least - 1, reserve):
                    choices.append(chosen(planned))
                    least = min(least, choices[-1].total_bytes)
        return _best(choices, limit, slack)

    def explore(self, reserve: Reserve = NO_RESERVE) -> tuple[Choice, ...]:
        """As `explore`, with plans that make tensors again: falling total, rising cost."""
        found: list[Choice] = []
        for planned in self._graphs:
            for one in planned.plans.explore(reserve):
                whole = found[0] if found else one
                found.append(planned.choice(one, whole, reserve))
        return not_dominated(found)

    def priced(
        self, limits: Sequence[int], reserve: Reserve = NO_RESERVE
    ) -> tuple[int | None, ...]:
        """As `Chooser.priced`; of plans that make tensors again, too, where these cost MODEST more
        than layer by layer at most, or where no other plan fits."""
        graphs = self._graphs
        found = next(graphs).plans.priced(limits, reserve)
        little, modest = (within(self._plain, share) for share in (LITTLE, MODEST))
        for planned in graphs:
            known = [NO_LIMIT if cost is None else min(cost - 1, modest) for cost in found]
            if all(most <= little for most in known):
                break
            if planned.is_dear(self._plain, max(known)):
                if planned.alone:
                    continue
                break  # what comes behind makes more again
            costs = [
                planned.plans.priced((limit,), reserve, most)[0]
                for limit, most in zip(limits, known, strict=True)
            ]
            found = tuple(
                old if new is None else new for old, new in zip(found, costs, strict=True)
            )
        return found


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
    return AgainChooser(graph, mode, outputs, machine).choose(limit, reserve, slack)


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


def _graphs(
    graph: Graph, mode: InputMode, outputs: OutputMode, machine: Machine
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
        found = cheapest_again(planned.graph, mode, machine, schedule)
        if found is None:
            return
        item, cost = found
        # Its other readers may be nodes that the items before it have added.
        alone = own.issuperset((*item.nodes, *item.readers)) and is_read_first(graph, item)
        if planned.again and alone:
            yield replace(network.with_item(item, cost), alone=True)
        planned = planned.with_item(item, cost)
        pairs += len(planned.graph.nodes) ** 2
        yield planned


def _is_read_twice(graph: Graph) -> bool:
    return any(len(nodes) > 1 for nodes in graph.consumers.values())
