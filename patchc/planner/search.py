"""The plan of least cost that fits, and the whole frontier of memory against cost.

Cut points are positions in an order of nodes; between two of them lies one tunnel, which needs a
number of bytes (what crosses it included) and costs what the machine says (cost.py). A plan is a
path from the first cut to the last; it needs the largest of its tunnels' bytes and costs their
sum. Carrying every Pareto-optimal (bytes, cost) from cut to cut gives the frontier in one pass,
exactly, for the tunnels that are offered. The order is one of a few (order.py), whichever gives
the better plan.

What cannot lead to a plan within the bounds is not looked at: its cost so far, and the least that
all nodes behind it cost (`Segments.rest`), are more than is allowed. That least holds however the
nodes are run: the search does not know which way to run them is the cheapest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import count, takewhile

from patchc.budget import NO_LIMIT
from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph, Node
from patchc.planner.cost import nothing
from patchc.planner.labels import Bounds
from patchc.planner.machine import ANY_CORE, Machine
from patchc.planner.one_order import OneOrder, Point
from patchc.planner.order import best_order, orders
from patchc.planner.pareto import ParetoFront
from patchc.planner.segments import Segments
from patchc.planner.units import together

# What the search allows itself on top of the cost layer by layer, as shares of it, band by band.
BANDS = (0.0, 0.02, 0.06, 0.15, 0.4)
SURE = 0.02  # beyond that share, it is made sure first that there are plans of few enough bytes
HARDLY = 16  # of the fewest bytes, so a part more is hardly more
# Work over all tunnels that are looked at in a band: so much for each map that one reads or makes,
# and one for each unit that is added to one with several stripes. Beyond, only tunnels of few nodes
# are looked at: many side by side that read one map would make for long ones in multitudes.
LOOKED_AT = 80_000


class Search:
    """The frontier of one graph. What is worked out about segments serves every band."""

    def __init__(
        self,
        graph: Graph,
        mode: InputMode,
        outputs: OutputMode = OutputMode.ARENA,
        machine: Machine = ANY_CORE,
        least: Sequence[Node] | None = None,
        copies: Mapping[str, str] | None = None,
    ) -> None:
        """`least`: the order of least peak layer by layer, where it is known already. `copies`:
        inputs that are an image brought once more -> the image."""
        self.graph, self.mode, self.output_mode, self.machine = graph, mode, outputs, machine
        if least is None:
            least = best_order(graph, mode, outputs).nodes
        self._least_peak, self._copies = least, copies or {}
        found = (together(graph, order) for order in orders(graph, least))
        self._orders = [
            OneOrder(Segments(graph, mode, outputs, order, machine, self._copies))
            for order in dict.fromkeys(found)
        ]
        # The cheapest plan layer by layer.
        self.plain = min(
            sum(found[0].cost for found in ordered.segments.layers) for ordered in self._orders
        )
        # What `leanest` has found; the most bytes at which it found nothing.
        self._leanest: tuple[Point, ...] = ()
        self._out_of_reach = -1
        self._empty: list[tuple[int, int]] = []  # bytes and costs within which there is no plan
        # No plan costs less.
        self.least_cost = min(ordered.segments.rest[0] for ordered in self._orders)

    def frontier(self, limit: int, cost: int = NO_LIMIT) -> Iterator[Point]:
        """Every Pareto-optimal plan of at most `limit` bytes that costs no more than `cost`, by
        rising cost and falling bytes.

        Searched band by band as the points are asked for: with little on top of the cost layer by
        layer the search is fast, and with more, only plans smaller than those found so far are of
        interest. Where any cost is allowed it is made sure, before the bands of more work, that
        there is something to find.
        """
        if self._is_empty(limit, cost):
            return
        asked, bands = limit, [self.plain + int(share * self.plain) for share in BANDS]
        for band in (*bands, NO_LIMIT):
            most = min(band, cost)
            # Where few costs are allowed, all bands take less time than to make sure.
            sure = self._is_known(limit) or (cost > bands[-1] and band > self.plain * (1 + SURE))
            if sure and not self._is_known(limit):
                self.leanest(asked)  # what is found for more bytes answers for fewer, too
            if sure and not self.reaches(limit):
                return
            if not self._is_empty(limit, most):
                for point in self.band(Bounds(limit, most)):
                    yield point
                    limit = point.bytes - 1
                self._empty.append((limit, most))
            if band >= cost:
                break

    def _is_empty(self, limit: int, cost: int) -> bool:
        """Has a band been searched that holds all plans within these bounds, and none found?"""
        return any(limit <= most and cost <= dear for most, dear in self._empty)

    def reaches(self, limit: int) -> bool:
        """Is there a plan of at most that many bytes, whatever it costs?"""
        return bool(self.leanest(limit))

    def leanest(self, limit: int) -> tuple[Point, ...]:
        """A plan of the fewest bytes, whatever it costs, and those of other orders that need hardly
        more: placement may do better with one of them. They have no costs here. Empty: all take
        more than `limit`.

        The same search with all costs 0: of the many ways to run a segment, each with more bytes
        and less cost than another, few are left to carry along.
        """
        if not self._is_known(limit):
            self._leanest = tuple(sorted(self._least_of_orders(limit), key=lambda one: one.bytes))
            if not self._leanest:
                self._out_of_reach = limit
        found = self._leanest
        return found if found and found[0].bytes <= limit else ()

    def _least_of_orders(self, limit: int) -> list[Point]:
        """Of each order the plan of fewest bytes, of at most that many, or of hardly more than one
        that is known."""
        first, *others = self._free._orders
        found: list[Point] = []
        # From few bytes on: the fewer there may be, the less is looked at to find that they are too
        # few.
        for most in (*takewhile(lambda one: one < limit, _sizes()), limit):
            if most > self._out_of_reach and not found:
                found.extend(first.band(Bounds(most, 0), LOOKED_AT)[-1:])
        for ordered in others:
            least = min((point.bytes for point in found), default=limit)
            most = min(limit, least + least // HARDLY)
            found.extend(ordered.band(Bounds(most, 0), LOOKED_AT // len(others))[-1:])
        return found

    def _is_known(self, limit: int) -> bool:
        """Is it known whether there is a plan of at most that many bytes?"""
        return bool(self._leanest) or limit <= self._out_of_reach

    @cached_property
    def _free(self) -> Search:
        """With all costs 0."""
        machine = replace(self.machine, cost=nothing)
        return Search(
            self.graph, self.mode, self.output_mode, machine, self._least_peak, self._copies
        )

    def band(self, bounds: Bounds) -> tuple[Point, ...]:
        """Every Pareto-optimal plan within the bounds, by rising cost and falling bytes. Where the
        first order's plans all cost the least that there can be, the others are left out: what
        they have of fewer bytes is for the next band."""
        best: ParetoFront[Point] = ParetoFront()
        for ordered in self._orders:
            for point in ordered.band(bounds, LOOKED_AT // len(self._orders)):
                best.add(point)
            if [point.cost for point in best] == [self.least_cost]:
                break
        return tuple(best)[::-1]


def _sizes() -> Iterator[int]:
    """Numbers of bytes, each half an octave above the one before."""
    return (round(2 ** (10 + half / 2)) for half in count())
