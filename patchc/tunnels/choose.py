"""From a budget to a placed Schedule: the cheapest plan on the frontier whose arena really fits.

The frontier counts bytes tunnel by tunnel. Placement may need a little more, because a map stays
where it is from one tunnel to the next; so each plan is lowered and placed, as it stands and with
every second tunnel in reverse, and the first one that fits is taken, cheapest first. Limits are for
arena and reserve together; how much reserve a plan needs is known once there is the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchc.ir import Graph, macs
from patchc.memory import Placement, place
from patchc.targets.reserve import NO_RESERVE, Reserve, kind_of
from patchc.tunnels.lowering import lower
from patchc.tunnels.plan import InputMode, Plan
from patchc.tunnels.planner import trivial_plan
from patchc.tunnels.schedule import Schedule
from patchc.tunnels.search import NO_LIMIT, Point, alternate, frontier

# Recomputation that the search allows itself, as shares of the plain network's cost, one after the
# other: most budgets are met by little of it, and a search that allows little is fast.
SLACK = (0.0, 0.02, 0.06, 0.15, 0.4)
# How much more memory the search for the floor allows itself from one attempt to the next.
FLOOR_GROWTH = 1.3


@dataclass(frozen=True)
class Choice:
    """A plan, lowered and placed."""

    plan: Plan
    schedule: Schedule
    placement: Placement
    cost: int  # multiply-accumulates executed
    # No plan that the search knows costs less than this and fits: cost - cost_bound is the gap.
    cost_bound: int
    reserve_bytes: int  # for stack and statics of a plan of this kind

    @property
    def arena_bytes(self) -> int:
        return self.placement.arena_bytes

    @property
    def total_bytes(self) -> int:
        return self.arena_bytes + self.reserve_bytes


def layer_by_layer(graph: Graph, mode: InputMode, reserve: Reserve = NO_RESERVE) -> Choice:
    """Every node on its own, over whole maps."""
    cost = sum(macs(graph, node) for node in graph.nodes)
    return _placed(graph, trivial_plan(graph, mode), cost, cost, reserve)


def choose(
    graph: Graph, mode: InputMode, limit: int | None, reserve: Reserve = NO_RESERVE
) -> Choice | None:
    """The cheapest plan of at most `limit` bytes in total; None when the search finds none.

    Layer by layer where that fits: nothing costs less, and nothing is simpler to follow.
    """
    whole = layer_by_layer(graph, mode, reserve)
    if limit is None or whole.total_bytes <= limit:
        return whole
    for slack in (*(int(share * whole.cost) for share in SLACK), NO_LIMIT):
        points = sorted(
            frontier(graph, mode, limit - reserve.least, slack),
            key=lambda point: (point.cost, point.bytes),
        )
        for point in points:
            for choice in _placements(graph, mode, point, points[0].cost, reserve):
                if choice.total_bytes <= limit:
                    return choice
    return None


def floor(graph: Graph, mode: InputMode, limit: int, reserve: Reserve = NO_RESERVE) -> Choice:
    """The plan of least total that the search reaches, when none has `limit` bytes or fewer."""
    whole = layer_by_layer(graph, mode, reserve)
    arena = max(limit - reserve.least, 1)
    while arena < whole.arena_bytes:
        arena = int(arena * FLOOR_GROWTH) + 1
        found = _all_placed(graph, mode, arena, reserve)
        if found:
            least = min((whole, *found), key=_total_and_cost)
            # A larger arena may need less in total.
            found = _all_placed(graph, mode, least.total_bytes - reserve.least, reserve)
            return min((least, *found), key=_total_and_cost)
    return whole


def explore(
    graph: Graph, mode: InputMode, limit: int | None = None, reserve: Reserve = NO_RESERVE
) -> tuple[Choice, ...]:
    """The whole frontier, placed: falling total, rising cost. Starts with layer by layer."""
    whole = layer_by_layer(graph, mode, reserve)
    top = whole.total_bytes if limit is None else limit
    choices = [whole] if whole.total_bytes <= top else []
    choices += _all_placed(graph, mode, top - reserve.least, reserve)
    kept: list[Choice] = []
    for choice in sorted(choices, key=_total_and_cost):
        if not kept or choice.cost < kept[-1].cost:
            kept.append(choice)
    return tuple(kept[::-1])


def _total_and_cost(choice: Choice) -> tuple[int, int]:
    return choice.total_bytes, choice.cost


def _all_placed(graph: Graph, mode: InputMode, arena: int, reserve: Reserve) -> list[Choice]:
    """The frontier up to an arena of so many bytes."""
    return [
        choice
        for point in frontier(graph, mode, arena)
        for choice in _placements(graph, mode, point, point.cost, reserve)
    ]


def _placements(
    graph: Graph, mode: InputMode, point: Point, bound: int, reserve: Reserve
) -> Iterator[Choice]:
    plan = point.plan(mode)
    straight = _placed(graph, plan, point.cost, bound, reserve)
    yield straight
    if straight.arena_bytes > point.bytes:  # else nothing is left to gain
        yield _placed(graph, alternate(plan), point.cost, bound, reserve)


def _placed(graph: Graph, plan: Plan, cost: int, bound: int, reserve: Reserve) -> Choice:
    schedule = lower(graph, plan)
    return Choice(plan, schedule, place(schedule), cost, bound, reserve.of(kind_of(plan)))
