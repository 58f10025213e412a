"""The plan of least cost that fits, and the whole frontier of memory against cost.

Cut points are positions in the order of nodes; between two of them lies one tunnel, which needs a
number of bytes (what crosses it included) and costs a number of multiply-accumulates. A plan is a
path from the first cut to the last; it needs the largest of its tunnels' bytes and costs their
sum. Carrying every Pareto-optimal (bytes, cost) from cut to cut gives the frontier in one pass,
exactly, for the tunnels that are offered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from patchc.ir import GlobalAveragePool, Graph, macs
from patchc.tunnels.geometry import broadcast_input
from patchc.tunnels.modes import Bounds, Combination, Modes
from patchc.tunnels.one_stripe import OneStripe
from patchc.tunnels.order import best_order
from patchc.tunnels.plan import InputMode, Plan, StepPlan, TunnelPlan
from patchc.tunnels.planner import whole_in_place
from patchc.tunnels.price import Prices
from patchc.tunnels.schedule import shared_bytes
from patchc.tunnels.staircase import Staircase
from patchc.tunnels.units import Unit, find_units, together


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One tunnel between two cuts, priced."""

    start: int  # cut positions: nodes start .. stop - 1 of the order
    stop: int
    steps: tuple[StepPlan, ...] | Combination  # of a stream: those of the combination
    stripes: int
    in_place: tuple[tuple[str, str], ...]
    bytes: int  # arena bytes while it runs
    cost: int  # multiply-accumulates

    @property
    def plan(self) -> TunnelPlan:
        if isinstance(self.steps, Combination):
            return TunnelPlan(self.steps.steps, stripes=self.stripes)
        return TunnelPlan(self.steps, whole=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """What does not depend on how the units of a run are run."""

    start: int
    stop: int
    in_place: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    loaded: tuple[str, ...]  # graph inputs that the tunnel fetches itself
    outer: tuple[str, ...]  # maps read here and made before
    dying: tuple[str, ...]  # those of them that nothing behind it reads
    most_stripes: int
    crossing: int  # bytes of maps that are there before and after, and not read
    maps: int  # bytes of those read and written
    least: int  # no tunnel over the run needs fewer bytes than these and its own
    cost: int  # multiply-accumulates of the plain nodes
    least_cost: int  # no tunnel over the run costs less


# More than any plan costs on top of the plain network.
NO_LIMIT = 2**62
# Recomputation that the search allows itself, as shares of the plain network's cost, band by band.
BANDS = (0.0, 0.02, 0.06, 0.15, 0.4, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the frontier."""

    bytes: int
    cost: int
    tunnels: tuple[Tunnel, ...]

    @property
    def length(self) -> int:
        return len(self.tunnels)

    def plan(self, mode: InputMode) -> Plan:
        return Plan(
            input_mode=mode,
            tunnels=tuple(tunnel.plan for tunnel in self.tunnels),
            in_place=tuple(pair for tunnel in self.tunnels for pair in tunnel.in_place),
        )


class Search:
    """The dynamic programme over the cuts of one graph. What it works out about runs of nodes
    serves every band."""

    def __init__(self, graph: Graph, mode: InputMode) -> None:
        self.graph, self.mode = graph, mode
        self.order = together(graph, best_order(graph, mode).nodes)
        # Multiply-accumulates of the plain network before each cut.
        self.plain = [0, *accumulate(macs(graph, node) for node in self.order)]
        self.units: dict[int, Unit] = {}
        # Before each unit: means, and pairs of tensors of which one is written over the other.
        self.means, self.pairs_before = {0: 0}, {0: 0}
        self.pairs: tuple[tuple[str, str], ...] = ()
        position = 0
        for unit in find_units(graph, self.order):
            self.units[position] = unit
            means = sum(isinstance(graph.node(n).op, GlobalAveragePool) for n in unit.nodes)
            behind = position + len(unit.nodes)
            self.means[behind] = self.means[position] + means
            self.pairs += unit.in_place
            self.pairs_before[behind] = len(self.pairs)
            position = behind
        self.whole_in_place = whole_in_place(graph, mode, self.order)
        index = {node.output: i for i, node in enumerate(self.order)}
        end = len(self.order)
        # tensor -> position that makes it (-1: there from the start), and the last that reads it
        self.made = {name: index.get(name, -1) for name in graph.tensors}
        self.reads = {
            name: sorted(index[node.output] for node in nodes)
            for name, nodes in graph.consumers.items()
        }
        self.last_read = {
            name: end if name in graph.outputs else max(reads, default=-1)
            for name, reads in self.reads.items()
        }
        self.callback = mode in (InputMode.TILES, InputMode.STREAM)
        self.images = [name for name in graph.inputs if not broadcast_input(graph, name)]
        self.modes = Modes(graph, self.order, self.made, self.last_read)
        self._left: dict[int, tuple[str, ...]] = {}
        self._entered: dict[int, tuple[str, ...]] = {}
        self._runs: dict[tuple[int, int], _Run] = {}
        self._prices: dict[int, Prices] = {}
        self._computed: dict[StepPlan, list[int]] = {}

    def frontier(self, limit: int) -> Iterator[Point]:
        """Every Pareto-optimal plan of at most `limit` bytes, by rising cost and falling bytes.

        Searched band by band as the points are asked for: with little recomputation allowed the
        search is fast, and with more, only plans smaller than those found so far are of interest.
        """
        for slack in (*(int(share * self.plain[-1]) for share in BANDS), NO_LIMIT):
            for point in self.band(Bounds(limit, slack)):
                yield point
                limit = point.bytes - 1

    def band(self, bounds: Bounds) -> tuple[Point, ...]:
        """Every Pareto-optimal plan within the bounds, by rising cost and falling bytes."""
        best: list[Staircase[Point]] = [Staircase() for _ in range(len(self.order) + 1)]
        best[0].add(Point(0, 0, ()))
        for cut in range(len(self.order)):
            points = tuple(best[cut])
            if points:
                for tunnel in self._starting_at(cut, points, best, bounds):
                    for point in points:
                        cost = point.cost + tunnel.cost
                        if cost - self.plain[tunnel.stop] <= bounds.extra:
                            size = max(point.bytes, tunnel.bytes)
                            best[tunnel.stop].add(Point(size, cost, (*point.tunnels, tunnel)))
        return tuple(best[-1])[::-1]

    # -- tunnels -----------------------------------------------------------------------------

    def _starting_at(
        self, cut: int, points: Sequence[Point], best: Sequence[Staircase[Point]], bounds: Bounds
    ) -> Iterator[Tunnel]:
        """Layer by layer, and every run of units from here on in every way that is offered; but
        none that cannot improve on what there is.

        `points`: plans that lead here. `best`: those that are known to lead to each cut; each
        tunnel that comes of this is expected to be added to them before the next is asked for.
        """

        def useful(stop: int, size: int, cost: int) -> bool:
            """Could a tunnel of that many bytes and multiply-accumulates, or more, be?"""
            limit = self.plain[stop] + bounds.extra - cost
            return size <= bounds.bytes and any(
                point.cost <= limit
                and not best[stop].beats(
                    max(point.bytes, size), point.cost + cost, point.length + 1
                )
                for point in points
            )

        whole = self._whole(cut)
        if whole.bytes <= bounds.bytes:
            yield whole
        one_stripe = OneStripe(self.graph, self.modes, cut, bounds)
        position = cut
        while position in self.units:
            position += len(self.units[position].nodes)
            run = self._run(cut, position)
            if not useful(run.stop, run.least, run.least_cost):
                continue
            prices = self._price(position)
            single = one_stripe.upto(run.stop, run.loaded, prices)
            for one in single:
                cost = run.cost + one.extra
                if useful(run.stop, one.bytes + run.least, cost):
                    size = one.bytes + run.crossing + run.maps
                    size -= self._shared(run, one, one_stripe)
                    if size <= bounds.bytes:
                        yield self._stream(run, one, 1, size)
            striped = None
            if useful(run.stop, run.crossing + run.maps, run.least_cost):
                striped = self._striped(run, prices, single, bounds)
            if not single and striped == []:
                return
            for k, one in striped or ():
                size = one.bytes + run.crossing + run.maps
                if size <= bounds.bytes:
                    yield self._stream(run, one, prices.counts[k], size)

    def _stream(self, run: _Run, one: Combination, stripes: int, size: int) -> Tunnel:
        cost = run.cost + one.extra
        return Tunnel(run.start, run.stop, one, stripes, run.in_place, size, cost)

    def _whole(self, cut: int) -> Tunnel:
        node = self.order[cut]
        reads = tuple(dict.fromkeys(node.inputs))
        operand = self.whole_in_place.get(node.output)
        size = self._crossing(cut, cut + 1, reads) + sum(map(self._size, reads))
        size += 0 if operand else self.graph.tensors[node.output].bytes
        cost = macs(self.graph, node)
        in_place = ((node.output, operand),) if operand else ()
        return Tunnel(cut, cut + 1, (StepPlan((node.name,)),), 1, in_place, size, cost)

    def _striped(
        self, run: _Run, prices: Prices, single: Sequence[Combination], bounds: Bounds
    ) -> list[tuple[int, Combination]] | None:
        """Combinations with several stripes that save something, with the index of their number.
        None: not for this run, but perhaps for longer ones."""
        if self.means[run.start] != self.means[run.stop]:
            return []
        if run.most_stripes == 1:
            return None
        least = prices.least_extra(run.start)
        kept = list(single)
        striped: list[tuple[int, Combination]] = []
        for k, count in enumerate(prices.counts):
            if not 1 < count <= run.most_stripes or least[k] > bounds.extra:
                continue
            found = [self.modes.begin(run.start, run.loaded)]
            position = run.start
            while position < run.stop:
                found = self.modes.extend(found, run.start, position, prices, k, bounds)
                position += len(self.units[position].nodes)
            # Narrower stripes that save nothing are not worth their halos.
            found = [one for one in found if not any(old.saves(one) for old in kept)]
            kept += found
            striped += ((k, one) for one in found)
        return striped

    # -- what does not depend on the combination ---------------------------------------------

    def _run(self, start: int, stop: int) -> _Run:
        if (start, stop) not in self._runs:
            self._runs[start, stop] = self._find_run(start, stop)
        return self._runs[start, stop]

    def _find_run(self, start: int, stop: int) -> _Run:
        outputs = tuple(name for name in self._leaving(stop) if self.made[name] >= start)
        loaded = tuple(
            name
            for name in self.images
            if self.callback
            and self.reads[name]
            and start <= self.reads[name][0]
            and self.last_read[name] < stop
        )
        outer = self._outer(start, stop, loaded)
        crossing = self._crossing(start, stop, outer)
        sizes = [self._size(name) for name in (*outer, *outputs)]
        cost = self.plain[stop] - self.plain[start]
        # Nowhere is less computed than where the rest of the network says what is read.
        end = self._price(len(self.order))
        extra = end.least_extra(start) - end.least_extra(stop)
        return _Run(
            start=start,
            stop=stop,
            in_place=self.pairs[self.pairs_before[start] : self.pairs_before[stop]],
            outputs=outputs,
            loaded=loaded,
            outer=outer,
            dying=tuple(n for n in outer if self.last_read[n] < stop and self._size(n)),
            most_stripes=self._most_stripes(start, stop, outputs, loaded),
            crossing=crossing,
            maps=sum(sizes),
            least=crossing + max(sizes, default=0),
            cost=cost,
            least_cost=cost + int(extra[0]),
        )

    def _price(self, stop: int) -> Prices:
        if stop not in self._prices:
            outputs = self._leaving(stop)
            widths = {self.graph.tensors[name].shape[1] for name in outputs}
            counts = {count for width in widths for count in _stripe_counts(width)}
            self._prices[stop] = Prices(
                self.graph,
                self.order[:stop],
                outputs,
                sorted(counts),
                self.units,
                self._computed,
                self.images if self.mode is InputMode.STREAM else (),
            )
        return self._prices[stop]

    def _most_stripes(
        self, start: int, stop: int, outputs: Sequence[str], loaded: Sequence[str]
    ) -> int:
        """One where a single pass over the image demands it."""
        if loaded and self.mode is InputMode.STREAM:
            return 1
        return min(self.graph.tensors[name].shape[1] for name in outputs)

    # -- bytes -------------------------------------------------------------------------------

    def _size(self, name: str) -> int:
        extern = self.mode is InputMode.EXTERN and name in self.graph.inputs
        return 0 if extern else self.graph.tensors[name].bytes

    def _leaving(self, stop: int) -> tuple[str, ...]:
        """Maps that nodes before `stop` make and nodes behind it read, or the caller."""
        if stop not in self._left:
            self._left[stop] = tuple(
                node.output for node in self.order[:stop] if self.last_read[node.output] >= stop
            )
        return self._left[stop]

    def _entering(self, start: int) -> tuple[str, ...]:
        """Maps that are there before `start`, or could be, and are read from there on."""
        if start not in self._entered:
            self._entered[start] = tuple(
                name
                for name, made in self.made.items()
                if made < start and self.last_read[name] >= start
            )
        return self._entered[start]

    def _first_read(self, name: str, start: int) -> int:
        """The first position from `start` on that reads a tensor."""
        reads = self.reads[name]
        at = bisect_left(reads, start)
        return reads[at] if at < len(reads) else len(self.order)

    def _crossing(self, start: int, stop: int, read: Sequence[str]) -> int:
        """Bytes of maps that are there before the tunnel and after it, without being read in it."""
        total = 0
        for name in self._entering(start):
            fetched = self.callback and name in self.graph.inputs
            there = not fetched or self._first_read(name, 0) < start
            if there and self.last_read[name] >= stop and name not in read:
                total += self._size(name)
        return total

    def _outer(self, start: int, stop: int, loaded: Sequence[str]) -> tuple[str, ...]:
        """Maps that nodes start .. stop - 1 read and do not make."""
        return tuple(
            name
            for name in self._entering(start)
            if name not in loaded and self._first_read(name, start) < stop
        )

    def _shared(self, run: _Run, one: Combination, one_stripe: OneStripe) -> int:
        """Bytes that the best single pair of maps, one read and one written, may share while the
        tunnel runs with one stripe; more pairs at once are left to placement."""
        pairs = (
            shared_bytes(
                self._size(source),
                self._size(target),
                one_stripe.distance(one, source, target),
            )
            for source in run.dying
            for target in run.outputs
        )
        return max(pairs, default=0)


def _stripe_counts(width: int) -> list[int]:
    """Numbers of stripes, the least for each width of the widest stripe."""
    counts: dict[int, int] = {}
    for count in range(1, width + 1):
        counts.setdefault(-(-width // count), count)
    return list(counts.values())
