"""From a budget to a placed Schedule: the cheapest plan on the frontier whose arena really fits.

The frontier counts bytes tunnel by tunnel. Placement may need a little more, because a map stays
where it is from one tunnel to the next; so each plan is lowered and placed, as it stands and with
every second tunnel in reverse, and the first one that fits is taken, cheapest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchc.ir import Graph, macs
from patchc.memory import Placement, place
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

    @property
    def arena_bytes(self) -> int:
        return self.placement.arena_bytes


def layer_by_layer(graph: Graph, mode: InputMode) -> Choice:
    """Every node on its own, over whole maps."""
    cost = sum(macs(graph, node) for node in graph.nodes)
    return _placed(graph, trivial_plan(graph, mode), cost, cost)


def choose(graph: Graph, mode: InputMode, limit: int | None) -> Choice | None:
    """The cheapest plan whose arena is at most `limit` bytes; None when the search finds none.

    Layer by layer where that fits: nothing costs less, and nothing is simpler to follow.
    """
    whole = layer_by_layer(graph, mode)
    if limit is None or whole.arena_bytes <= limit:
        return whole
    for slack in (*(int(share * whole.cost) for share in SLACK), NO_LIMIT):
        points = sorted(
            frontier(graph, mode, limit, slack), key=lambda point: (point.cost, point.bytes)
        )
        for point in points:
            for choice in _placements(graph, mode, point, points[0].cost):
                if choice.arena_bytes <= limit:
                    return choice
    return None


def floor(graph: Graph, mode: InputMode, limit: int) -> Choice:
    """The plan of least arena that the search reaches, when none has `limit` bytes or fewer."""
    whole = layer_by_layer(graph, mode)
    limit = max(limit, 1)
    while limit < whole.arena_bytes:
        limit = int(limit * FLOOR_GROWTH) + 1
        found = [
            choice
            for point in frontier(graph, mode, limit)
            for choice in _placements(graph, mode, point, point.cost)
        ]
        if found:
            return min((whole, *found), key=lambda choice: (choice.arena_bytes, choice.cost))
    return whole


def explore(graph: Graph, mode: InputMode, limit: int | None = None) -> tuple[Choice, ...]:
    """The whole frontier, placed: falling arena, rising cost. Starts with layer by layer."""
    whole = layer_by_layer(graph, mode)
    top = whole.arena_bytes if limit is None else limit
    choices = [whole] if whole.arena_bytes <= top else []
    for point in frontier(graph, mode, top):
        choices.extend(_placements(graph, mode, point, point.cost))
    kept: list[Choice] = []
    for choice in sorted(choices, key=lambda c: (c.arena_bytes, c.cost)):
        if not kept or choice.cost < kept[-1].cost:
            kept.append(choice)
    return tuple(kept[::-1])


def _placements(graph: Graph, mode: InputMode, point: Point, bound: int) -> Iterator[Choice]:
    plan = point.plan(mode)
    straight = _placed(graph, plan, point.cost, bound)
    yield straight
    if straight.arena_bytes > point.bytes:  # else nothing is left to gain
        yield _placed(graph, alternate(plan), point.cost, bound)


def _placed(graph: Graph, plan: Plan, cost: int, bound: int) -> Choice:
    schedule = lower(graph, plan)
    return Choice(plan, schedule, place(schedule), cost, bound)
