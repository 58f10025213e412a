"""The dynamic programme over the cuts of one order: every Pareto-optimal plan within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.choices import InputMode, OutputMode
from patchc.ir import MatMul
from patchc.plan.types import Plan, StepPlan, TunnelPlan
from patchc.planner.cost import nothing
from patchc.planner.labels import Bounds, Label, Labels
from patchc.planner.one_stripe import OneStripe
from patchc.planner.pareto import ParetoFront
from patchc.planner.price import Prices
from patchc.planner.segments import Segment, Segments
from patchc.schedule.types import shared_bytes

PER_MAP = 2  # of the work that is looked at (search.py, LOOKED_AT), for a map
FEW_NODES = 8  # of tunnels, once that is used up
# With products of activations only tunnels of so many nodes are looked at: attention has many short
# ones, and long ones through several of its blocks are not worth minutes.
NODES_WITH_PRODUCTS = 12


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


class OneOrder:
    """Of one order of nodes. What is worked out for one band serves the next ones."""

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
            around = segment.live_through + segment.maps
            most = bounds.bytes - around + (segment.sharing[0][0] if segment.sharing else 0)
            for one in single:
                if one.bytes > most:
                    continue
                if useful(segment.stop, one.bytes + segment.least, one.cost):
                    size = one.bytes + around
                    size -= self._shared(segment, one, one_stripe, size - bounds.bytes)
                    if size <= bounds.bytes:
                        yield self._stream(segment, one, 1, size)
            striped = None
            if useful(segment.stop, around, segment.least_cost):
                striped = self._striped(segment, prices, single, left)
            if not single and striped == [] and not self.segments.narrow(cut, position):
                return
            for k, one in striped or ():
                size = one.bytes + around
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
            found, _ = self._labels(segment, prices, k, bounds)
            # Narrower stripes that save nothing are not worth their halos.
            if kept:
                known = np.array(kept)
                found = [one for one in found if not (known <= one.needs).all(axis=1).any()]
            kept += [one.needs for one in found]
            striped += ((k, one) for one in found)
        return striped

    def _labels(
        self, segment: Segment, prices: Prices, k: int, bounds: Callable[[int], Bounds]
    ) -> tuple[Sequence[Label], int]:
        """Labels of a segment with the k-th number of stripes, and the end of the units that were
        looked at: that of the segment, or where there are none any more."""
        found = [self.labels.begin(segment.start, segment.loaded)]
        position = segment.start
        while found and position < segment.stop:
            behind = position + len(self.segments.units[position].nodes)
            self.to_look_at -= 1
            found = self.labels.extend(found, segment.start, position, prices, k, bounds(behind))
            position = behind
        return found, position

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
            affordable = self._small_enough(segment, prices, affordable, bounds)
            if affordable.any():
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

    def _small_enough(
        self,
        segment: Segment,
        prices: Prices,
        offered: np.ndarray,
        bounds: Callable[[int], Bounds],
    ) -> np.ndarray:
        """Without numbers of stripes for which a few units are already too many: where the
        narrowest stripes get no farther, none that take more bytes there do. Long segments, of
        which many are too large, are priced no farther than that."""
        while offered.any():
            narrowest = int(np.flatnonzero(offered)[-1])
            found, end = self._labels(segment, prices, narrowest, bounds)
            if found:
                break
            offered = offered & ~self._no_more_bytes(segment, prices, end)[narrowest]
            offered[narrowest] = False
        return offered

    def _needless(self, segment: Segment, prices: Prices, offered: np.ndarray) -> np.ndarray:
        """Numbers of stripes beside which another one that is offered takes no more bytes, however
        the segment runs."""
        fewer = self._no_more_bytes(segment, prices, segment.stop) & offered[:, None]
        before = ~np.tri(len(offered), dtype=bool)  # of equal ones the first is kept
        needless: np.ndarray = (fewer & (~fewer.T | before)).any(axis=0)
        return needless

    def _no_more_bytes(self, segment: Segment, prices: Prices, end: int) -> np.ndarray:
        """Whatever way the units of a segment before `end` run: bool (counts, counts), [one,
        other]: one number of stripes takes no more bytes than the other."""
        fewer = prices.no_more_bytes(segment.start, end)
        for image in segment.loaded:
            prices.look_back(segment.start)
            wide = np.array(prices.widest(image))
            fewer = fewer & (wide[:, None] <= wide)
        return fewer

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
