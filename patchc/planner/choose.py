"""From a budget to a placed Schedule: the cheapest plan on the frontier whose arena really fits.

The frontier counts bytes tunnel by tunnel. Placement may need more, because a map stays where it is
from one tunnel to the next: one that is written over the map before it lies a little lower, and
after several such tunnels maps have drifted down by the sum. Tunnels that run from the last row to
the first let them drift up again. So where a plan needs more than its price, the placement solver
chooses which tunnels run in reverse. The first plan that fits is taken, cheapest first. Limits are
for arena and reserve together; how much reserve a plan needs is known once there is the plan.

The cheapest plan is seldom the best to have: one that costs a little more often needs far less. So
what is chosen is the plan of least total among those within a slack of the cheapest that fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from patchc.budget import NO_LIMIT
from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph
from patchc.memory import Placement, place, reversed_blocks
from patchc.plan.types import Plan, handed_over
from patchc.planner.branched import Branched, one_branch, planned_branches
from patchc.planner.cost import executed_cost
from patchc.planner.kinds import reserve_of
from patchc.planner.layer_by_layer import priced_plan
from patchc.planner.machine import ANY_CORE, Machine
from patchc.planner.one_order import Point
from patchc.planner.search import Search
from patchc.schedule.lower import lower
from patchc.schedule.types import Schedule
from patchc.targets.reserve import NO_RESERVE, Reserve

# Plans of one branch that are tried: each leaves room for what the one before needed too much.
BRANCH_TRIES = 4


@dataclass(frozen=True)
class Choice:
    """A plan, lowered and placed."""

    plan: Plan
    schedule: Schedule
    placement: Placement
    cost: int  # as the machine counts
    # No plan that the search knows costs less than this and fits: cost - cost_bound is the gap.
    cost_bound: int
    reserve_bytes: int  # for stack and statics of a plan of this kind
    layerwise_bytes: int  # arena of the plan layer by layer

    @property
    def arena_bytes(self) -> int:
        return self.placement.arena_bytes

    @property
    def total_bytes(self) -> int:
        return self.arena_bytes + self.reserve_bytes


def layer_by_layer(
    graph: Graph,
    mode: InputMode,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
) -> Choice:
    """Every node on its own, over whole maps, by its cheapest kernel."""
    return Chooser(graph, mode, outputs, machine).whole(reserve)


class Chooser:
    """Plans of one graph: what is worked out for one question serves the next ones."""

    def __init__(
        self,
        graph: Graph,
        mode: InputMode,
        outputs: OutputMode = OutputMode.ARENA,
        machine: Machine = ANY_CORE,
        copies: Mapping[str, str] | None = None,
    ) -> None:
        """`copies`: inputs that are an image brought once more -> the image."""
        self.graph, self.mode, self.outputs, self.machine = graph, mode, outputs, machine
        self._copies = copies or {}

    @cached_property
    def _layer_by_layer(self) -> Choice:
        """Without a reserve."""
        plan, cost = priced_plan(self.graph, self.mode, self.outputs, self.machine)
        schedule = lower(self.graph, plan, self.machine.registry)
        placement = place(schedule)
        return Choice(plan, schedule, placement, cost, cost, 0, placement.arena_bytes)

    @cached_property
    def _search(self) -> Search:
        """In the order that was found for the plan layer by layer, among others."""
        tunnels = self._layer_by_layer.plan.tunnels
        order = [self.graph.node(name) for tunnel in tunnels for name in tunnel.nodes]
        return Search(self.graph, self.mode, self.outputs, self.machine, order, self._copies)

    @cached_property
    def _branches(self) -> tuple[Branched, Chooser] | None:
        """Equal branches, and the plans of one of them; None where the graph has none."""
        branches = planned_branches(self.graph, self.mode)
        if branches is None:
            return None
        one = one_branch(self.graph, branches, self.mode)
        branched = Branched(self.graph, branches, self.mode, self.machine)
        return branched, Chooser(one, self.mode, self.outputs, self.machine)

    @property
    def is_branched(self) -> bool:
        """Are these plans of equal branches?"""
        return self._branches is not None

    def whole(self, reserve: Reserve = NO_RESERVE) -> Choice:
        """As `layer_by_layer`."""
        found = self._layer_by_layer
        return replace(found, reserve_bytes=reserve_of(reserve, self.graph, found.plan))

    def choose(
        self, limit: int | None, reserve: Reserve = NO_RESERVE, slack: float = 0.0
    ) -> Choice:
        """As the function of that name."""
        whole = self.whole(reserve)
        if limit is None:
            return whole
        if self._branches is not None:
            found = _branched(*self._branches, limit, reserve, whole, slack)
            if whole.total_bytes > limit:
                return found
            better = found.total_bytes <= limit and found.cost < whole.cost
            lean = found.total_bytes < whole.total_bytes and found.cost <= within(whole.cost, slack)
            return found if better or lean else whole
        cheapest = _cheapest(self._search, whole, limit, reserve)
        if cheapest.total_bytes > limit or not slack:
            return cheapest
        most = within(cheapest.cost, slack)
        least = _least(self._search, whole, reserve, cheapest, most)
        # Tunnels need more stack than layers do, which prices do not hold.
        if whole.cost <= most and whole.total_bytes < least.total_bytes:
            least = whole
        return replace(least, cost_bound=cheapest.cost_bound)

    def leanest(self, reserve: Reserve = NO_RESERVE) -> Choice:
        """As the function of that name."""
        if self.is_branched:
            return self.choose(0, reserve)
        whole = self.whole(reserve)
        points = self._search.leanest(whole.total_bytes - reserve.least - 1)
        return _at_any_cost(self._search, whole, reserve, whole, points)

    def lean(self, slack: float) -> tuple[int, Schedule]:
        """Of the plans that cost no more than the cheapest and a share `slack` of that, the one of
        fewest bytes, which need not be placed for that: its bytes by their price, and the schedule.
        Not for independent branches."""
        whole = self.whole()
        cheapest = next(iter(self._search.frontier(NO_LIMIT)))
        most = within(min(cheapest.cost, whole.cost), slack)
        points = list(self._search.frontier(whole.arena_bytes - 1, most))
        if not points:
            return whole.arena_bytes, whole.schedule
        plan = points[-1].plan(self.mode, self.outputs)
        return points[-1].bytes, lower(self.graph, plan, self.machine.registry)

    def explore(self, reserve: Reserve = NO_RESERVE) -> tuple[Choice, ...]:
        """As the function of that name."""
        whole, search = self.whole(reserve), self._search
        choices = [whole]
        cheaper = search.least_cost < whole.cost  # perhaps, for more bytes
        limit = NO_LIMIT if cheaper else whole.total_bytes - reserve.least
        for point in search.frontier(limit):
            choices.extend(_placements(search, whole, reserve, point, point.cost))
        return not_dominated(choices)

    def priced(
        self, limits: Sequence[int], reserve: Reserve = NO_RESERVE, most: int = NO_LIMIT
    ) -> tuple[int | None, ...]:
        """What the cheapest plan of at most so many bytes in total would cost by its price, which
        placement may not quite reach; None where the search has none that costs no more than
        `most`. Not for independent branches."""
        whole = self.whole(reserve)
        found = []
        for limit in limits:
            point = next(iter(self._search.frontier(limit - reserve.least, most)), None)
            costs = [] if point is None else [point.cost]
            costs += [whole.cost] if whole.total_bytes <= limit and whole.cost <= most else []
            found.append(min(costs, default=None))
        return tuple(found)

    def reaches(self, limit: int, reserve: Reserve = NO_RESERVE) -> bool:
        """Has `priced` a cost at that limit? In less time."""
        return self.whole(reserve).total_bytes <= limit or self._search.reaches(
            limit - reserve.least
        )


def choose(
    graph: Graph,
    mode: InputMode,
    limit: int | None,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
    slack: float = 0.0,
) -> Choice:
    """Of the plans that cost no more than the cheapest of at most `limit` bytes in total and a
    share `slack` of that on top, the one of least total; where the search finds none that fits, the
    one of least total.

    Without slack the plan layer by layer is preferred to others of its cost: nothing is simpler to
    follow. Without a limit it is the answer, whatever it costs.
    """
    return Chooser(graph, mode, outputs, machine).choose(limit, reserve, slack)


def within(cost: int, slack: float) -> int:
    """The most that a plan may cost where one of `cost` is known."""
    return NO_LIMIT if math.isinf(slack) else cost + int(cost * slack)


def _cheapest(search: Search, whole: Choice, limit: int, reserve: Reserve) -> Choice:
    """The cheapest plan of at most `limit` bytes in total, or the one of least total."""
    fits = whole.total_bytes <= limit
    most = whole.cost - 1 if fits else NO_LIMIT
    bound: int | None = None
    if most >= search.least_cost:
        for point in search.frontier(limit - reserve.least, most):
            bound = point.cost if bound is None else bound
            for choice in _placements(search, whole, reserve, point, bound):
                if choice.total_bytes <= limit:
                    return choice
    least = whole if fits else _least(search, whole, reserve, whole)
    return least if bound is None else replace(least, cost_bound=min(bound, least.cost))


def _branched(
    branched: Branched, one: Chooser, limit: int, reserve: Reserve, whole: Choice, slack: float
) -> Choice:
    """The plan of the graph by the cheapest plan of one branch with which it fits, or by the one of
    least total."""
    graph, count = branched.graph, branched.branches.count
    beside = branched.beside()
    best: Choice | None = None
    for _ in range(BRANCH_TRIES):
        chosen = one.choose(max(limit - beside, 0), reserve, slack)
        plan = branched.plan(chosen.plan, one.outputs)
        schedule = lower(graph, plan, one.machine.registry)
        cost = count * chosen.cost + branched.outer_cost
        bound = count * chosen.cost_bound + branched.outer_cost
        needs = reserve_of(reserve, graph, plan)
        found = Choice(plan, schedule, place(schedule), cost, bound, needs, whole.arena_bytes)
        best = min((best or found, found), key=total_and_cost)
        if found.total_bytes <= limit or chosen.total_bytes > limit - beside:
            break
        beside += found.total_bytes - limit
    assert best is not None
    return best


def _least(
    search: Search, whole: Choice, reserve: Reserve, found: Choice, most: int = NO_LIMIT
) -> Choice:
    """`found`, or the plan of least total among those that cost no more than `most`. Placement may
    do better than a price, where more than one pair of maps overlap: so this can fit where nothing
    did by its price."""
    best, least = found, 0
    if most >= NO_LIMIT:  # the bytes alone are found much sooner, and leave little to look at
        points = search.leanest(best.total_bytes - reserve.least - 1)
        if not points:
            return best
        least, best = points[0].bytes, _at_any_cost(search, whole, reserve, best, points)
        best = _least_up_to(search, whole, reserve, best, least, most)
    limit = best.total_bytes - reserve.least - 1
    return best if limit < least else _least_up_to(search, whole, reserve, best, limit, most)


def _at_any_cost(
    search: Search, whole: Choice, reserve: Reserve, best: Choice, points: Iterable[Point]
) -> Choice:
    """`best`, or one of the plans that were found without looking at costs, with its own."""
    for point in points:
        for one in _placements(search, whole, reserve, point, 0):
            cost = executed_cost(one.schedule, search.machine.cost)
            best = min((best, replace(one, cost=cost, cost_bound=cost)), key=total_and_cost)
    return best


def leanest(
    graph: Graph,
    mode: InputMode,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
) -> Choice:
    """A plan of about the least total, in a fraction of the time that `choose` takes with a limit
    of 0, which finds one that needs as much, costs less and may need less."""
    return Chooser(graph, mode, outputs, machine).leanest(reserve)


def _least_up_to(
    search: Search, whole: Choice, reserve: Reserve, best: Choice, limit: int, most: int
) -> Choice:
    """`best`, or the plan of least total among those of at most `limit` bytes by their price."""
    points = list(search.frontier(limit, most))
    for point in reversed(points):  # from the least price on
        if point.bytes + reserve.least >= best.total_bytes:
            break
        plan = point.plan(search.mode, search.output_mode)
        # Of as many bytes it may cost less: what was found without looking at costs does not count.
        if point.bytes + reserve_of(reserve, search.graph, plan) > best.total_bytes:
            continue
        placed = _placements(search, whole, reserve, point, point.cost)
        best = min((best, *placed), key=total_and_cost)
    return best


def explore(
    graph: Graph,
    mode: InputMode,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
) -> tuple[Choice, ...]:
    """The whole frontier, placed: falling total, rising cost. Layer by layer is on it where nothing
    costs less and needs no more."""
    return Chooser(graph, mode, outputs, machine).explore(reserve)


def not_dominated(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Those that no other one beats in total and in cost: falling total, rising cost."""
    kept: list[Choice] = []
    for choice in sorted(choices, key=total_and_cost):
        if not kept or choice.cost < kept[-1].cost:
            kept.append(choice)
    return tuple(kept[::-1])


def total_and_cost(choice: Choice) -> tuple[int, int]:
    return choice.total_bytes, choice.cost


def _placements(
    search: Search, whole: Choice, reserve: Reserve, point: Point, bound: int
) -> Iterator[Choice]:
    """A plan as it was found and, where that may help, with some of its tunnels in reverse."""

    def placed(plan: Plan) -> Choice:
        schedule = lower(graph, plan, search.machine.registry)
        needs = reserve_of(reserve, graph, plan)
        placement = place(schedule)
        return Choice(plan, schedule, placement, point.cost, bound, needs, whole.arena_bytes)

    graph, plan = search.graph, point.plan(search.mode, search.output_mode)
    straight = placed(plan)
    yield straight
    if straight.arena_bytes <= point.bytes:  # nothing is left to gain
        return
    free = reversible(graph, plan)
    backwards = lower(graph, plan.in_reverse(free), search.machine.registry)
    tunnels = _tunnels(straight.schedule)
    chosen = free & {tunnels[block] for block in reversed_blocks(straight.schedule, backwards)}
    if chosen:
        yield placed(plan.in_reverse(chosen))


def reversible(graph: Graph, plan: Plan) -> frozenset[int]:
    """Tunnels of a plan that may run from the last row to the first, and over maps that die."""
    callback = plan.input_mode in (InputMode.TILES, InputMode.STREAM)
    images = set(graph.inputs) if callback else set()
    handed = handed_over(graph, plan.output_mode)
    return frozenset(
        index
        for index, tunnel in enumerate(plan.tunnels)
        if not tunnel.whole
        and tunnel.stripes == 1
        and not any(images & set(graph.node(name).inputs) for name in tunnel.nodes)
        and not any(graph.node(name).output in handed for name in tunnel.nodes)
    )


def _tunnels(schedule: Schedule) -> dict[int, int]:
    """Block -> the tunnel that it runs: blocks that only load a map are none."""
    computing = (
        index for index, one in enumerate(schedule.blocks) if any(step.nodes for step in one.steps)
    )
    return {block: tunnel for tunnel, block in enumerate(computing)}
