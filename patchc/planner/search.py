"""The plan of least cost that fits, and the whole frontier of memory against cost.

Cut points are positions in an order of nodes; between two of them lies one tunnel, which needs a
number of bytes (what crosses it included) and costs what the machine says (cost.py). A plan is a
path from the first cut to the last; it needs the largest of its tunnels' bytes and costs their
sum. Carrying every Pareto-optimal (bytes, cost) from cut to cut gives the frontier in one pass,
exactly, for the tunnels that are offered. The order is one of a few (order.py), whichever gives
the better plan.

What cannot lead to a plan within the bounds is not looked at: its cost so far, and the least that
all nodes behind it cost (`Runs.rest`), are more than is allowed. That least holds however the nodes
are run: the search does not know which way to run them is the cheapest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, takewhile

import numpy as np

from patchc.budget import NO_LIMIT
from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph, MatMul, Node
from patchc.plan.types import Plan, StepPlan, TunnelPlan
from patchc.planner.cost import nothing
from patchc.planner.labels import Bounds, Label, Labels
from patchc.planner.machine import ANY_CORE, Machine
from patchc.planner.one_stripe import OneStripe
from patchc.planner.order import best_order, orders
from patchc.planner.pareto import ParetoFront
from patchc.planner.price import Prices
from patchc.planner.segments import Segment, Segments
from patchc.planner.units import together
from patchc.schedule.types import shared_bytes


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One tunnel between two cuts, priced."""

    start: int  # cut positions: nodes start .. stop - 1 of the order
    stop: int
    steps: tuple[StepPlan, ...] | Label  # of a stream: those of the label
    stripes: int
    in_place: tuple[tuple[str, str], ...]
    bytes: int  # arena bytes while it runs
    cost: int
    whole: bool = True  # steps that are no stream's: of a layer, not of a block in rounds

    @property
    def plan(self) -> TunnelPlan:
        if isinstance(self.steps, Label):
            return TunnelPlan(self.steps.steps, stripes=self.stripes)
        return TunnelPlan(self.steps, whole=self.whole)


# What the search allows itself on top of the cost layer by layer, as shares of it, band by band.
BANDS = (0.0, 0.02, 0.06, 0.15, 0.4)
SURE = 0.02  # beyond that share, it is made sure first that there are plans of few enough bytes
HARDLY = 16  # of the fewest bytes, so a part more is hardly more
# Work over all tunnels that are looked at in a band: so much for each map that one reads or makes,
# and one for each unit that is added to one with several stripes. Beyond, only tunnels of few nodes
# are looked at: many side by side that read one map would make for long ones in multitudes.
LOOKED_AT = 80_000
PER_MAP = 2
FEW_NODES = 8
# With products of activations only tunnels of so many nodes are looked at: attention has many short
# ones, and long ones through several of its blocks are not worth minutes.
NODES_WITH_PRODUCTS = 12


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the frontier."""

    bytes: int
    cost: int
    tunnels: tuple[Tunnel, ...]

    @property
    def length(self) -> int:
        return len(self.tunnels)

    def plan(self, mode: InputMode, outputs: OutputMode = OutputMode.ARENA) -> Plan:
        return Plan(
            input_mode=mode,
            tunnels=tuple(tunnel.plan for tunnel in self.tunnels),
            in_place=tuple(pair for tunnel in self.tunnels for pair in tunnel.in_place),
            output_mode=outputs,
        )


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
            _Ordered(Segments(graph, mode, outputs, order, machine, self._copies))
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
        interest. Before the bands of more work, which take long, it is made sure that there is
        something to find.
        """
        if self._is_empty(limit, cost):
            return
        bands = [self.plain + int(share * self.plain) for share in BANDS]
        for band in (*bands, NO_LIMIT):
            most = min(band, cost)
            # Where few costs are allowed, all bands take less time than to make sure.
            sure = self._is_known(limit) or (cost > bands[-1] and band > self.plain * (1 + SURE))
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
            found.extend(ordered.band(Bounds(most, 0), LOOKED_AT)[-1:])
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


class _Ordered:
    """The dynamic programme over the cuts of one order."""

    def __init__(self, segments: Segments) -> None:
        self.segments, self.graph, self.order = segments, segments.graph, segments.order
        self.labels = Labels(
            segments.graph, segments.order, segments.made, segments.last_read, segments.handed
        )
        self.to_look_at = 0  # work in a band (LOOKED_AT), before tunnels have to be short
        products = any(isinstance(node.op, MatMul) for node in self.order)
        # Where nothing costs anything, only bytes tell numbers of stripes apart.
        self.is_free = segments.machine.cost is nothing
        self.longest = NODES_WITH_PRODUCTS if products else len(self.order)

    def band(self, bounds: Bounds, to_look_at: int) -> tuple[Point, ...]:
        """Every Pareto-optimal plan within the bounds, by falling bytes. `to_look_at`: work,
        before only short tunnels are looked at."""
        best: list[ParetoFront[Point]] = [ParetoFront() for _ in range(len(self.order) + 1)]
        best[0].add(Point(0, 0, ()))
        self.to_look_at = to_look_at
        for cut in range(len(self.order)):
            points = tuple(best[cut])
            if points:
                for tunnel in self._starting_at(cut, points, best, bounds):
                    for point in points:
                        cost = point.cost + tunnel.cost
                        if cost + self.segments.rest[tunnel.stop] <= bounds.cost:
                            size = max(point.bytes, tunnel.bytes)
                            best[tunnel.stop].add(Point(size, cost, (*point.tunnels, tunnel)))
        return tuple(best[-1])[::-1]

    # -- tunnels -----------------------------------------------------------------------------

    def _starting_at(
        self, cut: int, points: Sequence[Point], best: Sequence[ParetoFront[Point]], bounds: Bounds
    ) -> Iterator[Tunnel]:
        """Layer by layer, blocks in rounds of channels, and every segment of units from here on in
        every way that is offered; but none that cannot improve on what there is.

        `points`: plans that lead here. `best`: those that are known to lead to each cut; each
        tunnel that comes of this is expected to be added to them before the next is asked for.
        """

        def useful(stop: int, size: int, cost: int) -> bool:
            """Could a tunnel of that many bytes and that cost, or more, be?"""
            limit = bounds.cost - self.segments.rest[stop] - cost
            return size <= bounds.bytes and any(
                point.cost <= limit
                and not best[stop].dominates(
                    max(point.bytes, size), point.cost + cost, point.length + 1
                )
                for point in points
            )

        least = min(point.cost for point in points)
        # Maps that are there are read in the tunnel or wait. One that it makes may share bytes with
        # one of them, but no more than it brings.
        beside = bounds.bytes - self.segments.waiting_bytes(cut)

        def left(stop: int) -> Bounds:
            """For what starts here and ends at a cut."""
            return Bounds(beside, bounds.cost - least - self.segments.rest[stop])

        plain, in_place = self.segments.whole(cut)
        for layer in self.segments.layers[cut]:
            size = plain + layer.scratch
            if size <= bounds.bytes:
                yield Tunnel(cut, cut + 1, (layer.step,), 1, in_place, size, layer.cost)
        for block in self.segments.rounds.get(cut, ()):
            segment = self.segments.segment(cut, block.stop)
            size = block.bytes + segment.live_through + segment.maps
            size -= self.segments.shared(block)
            if not segment.loaded and useful(block.stop, size, block.cost):
                steps, pairs, cost = (block.step,), block.in_place, block.cost
                yield Tunnel(cut, block.stop, steps, 1, pairs, size, cost, whole=False)
        one_stripe = OneStripe(self.graph, self.labels, cut, left)
        position = cut
        last_striped = self.segments.last_stop(cut, bounds.bytes)
        while position in self.segments.units:
            position += len(self.segments.units[position].nodes)
            if position - cut > (self.longest if self.to_look_at >= 0 else FEW_NODES):
                return
            segment = self.segments.segment(cut, position)
            if segment.brings_twice or not useful(segment.stop, segment.least, segment.least_cost):
                continue
            self.to_look_at -= PER_MAP * (len(segment.outer) + len(segment.outputs))
            prices = self.segments.prices(position)
            single = one_stripe.upto(segment.stop, segment.loaded, prices)
            for one in single:
                if useful(segment.stop, one.bytes + segment.least, one.cost):
                    size = one.bytes + segment.live_through + segment.maps
                    size -= self._shared(segment, one, one_stripe, size - bounds.bytes)
                    if size <= bounds.bytes:
                        yield self._stream(segment, one, 1, size)
            striped = None
            if useful(segment.stop, segment.live_through + segment.maps, segment.least_cost):
                striped = self._striped(segment, prices, single, left)
            if not single and striped == [] and not self.segments.narrow(cut, position):
                return
            for k, one in striped or ():
                size = one.bytes + segment.live_through + segment.maps
                if size <= bounds.bytes:
                    yield self._stream(segment, one, prices.counts[k], size)
            if (
                not single
                and segment.stop >= last_striped
                and self.segments.is_settled(cut, segment.stop)
            ):
                return

    def _stream(self, segment: Segment, one: Label, stripes: int, size: int) -> Tunnel:
        return Tunnel(segment.start, segment.stop, one, stripes, segment.in_place, size, one.cost)

    def _striped(
        self,
        segment: Segment,
        prices: Prices,
        single: Sequence[Label],
        bounds: Callable[[int], Bounds],
    ) -> list[tuple[int, Label]] | None:
        """Labels with several stripes that save something, with the index of their number;
        None: not for this run, but perhaps for longer ones. `bounds`: of those that end at a
        cut."""
        if self.segments.means[segment.start] != self.segments.means[segment.stop]:
            return []
        if segment.most_stripes == 1:
            return None
        kept = [one.needs for one in single]
        striped: list[tuple[int, Label]] = []
        for k in self._affordable(segment, prices, bounds):
            found = [self.labels.begin(segment.start, segment.loaded)]
            position = segment.start
            while found and position < segment.stop:
                behind = position + len(self.segments.units[position].nodes)
                self.to_look_at -= 1
                found = self.labels.extend(
                    found, segment.start, position, prices, k, bounds(behind)
                )
                position = behind
            # Narrower stripes that save nothing are not worth their halos.
            if kept:
                known = np.array(kept)
                found = [one for one in found if not (known <= one.needs).all(axis=1).any()]
            kept += [one.needs for one in found]
            striped += ((k, one) for one in found)
        return striped

    def _affordable(
        self, segment: Segment, prices: Prices, bounds: Callable[[int], Bounds]
    ) -> list[int]:
        """Indices of the numbers of stripes, several, that do not cost too much, were each unit run
        in its cheapest way.

        The last unit comes first: what it costs serves every segment that ends here, and in most of
        them rules all numbers out. Units not yet looked at cost the least that they can.
        """
        counts = np.array(prices.counts)
        affordable = (counts > 1) & (counts <= segment.most_stripes)
        if self.is_free:
            affordable &= ~self._needless(segment, prices, affordable)
            return np.flatnonzero(affordable).tolist()
        most = bounds(segment.stop).cost - segment.least_cost
        more = np.zeros(len(counts), dtype=np.int64)
        position = segment.stop
        while position > segment.start and affordable.any():
            position = self.segments.unit_before[position]
            more += prices.least_cost(position) - self.segments.least_of_unit[position]
            affordable &= more <= most
        return np.flatnonzero(affordable).tolist()

    def _needless(self, segment: Segment, prices: Prices, offered: np.ndarray) -> np.ndarray:
        """Numbers of stripes beside which another one that is offered takes no more bytes, however
        the segment runs."""
        fewer = prices.no_more_bytes(segment.start) & offered[:, None]
        for image in segment.loaded:
            prices.look_back(segment.start)
            wide = np.array(prices.widest(image))
            fewer = fewer & (wide[:, None] <= wide)
        before = ~np.tri(len(offered), dtype=bool)  # of equal ones the first is kept
        needless: np.ndarray = (fewer & (~fewer.T | before)).any(axis=0)
        return needless

    def _shared(self, segment: Segment, one: Label, one_stripe: OneStripe, wanted: int) -> int:
        """Bytes that the best single pair of maps, one read and one written, may share while the
        tunnel runs with one stripe; more pairs at once are left to placement. 0 where those are
        fewer than `wanted`."""
        best, size = 0, self.segments.size
        for most, source, target in segment.sharing:
            if most <= best or most < wanted:
                break
            distance = one_stripe.distance(one, source, target)
            best = max(best, shared_bytes(size(source), size(target), distance))
        return best
