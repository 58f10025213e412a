"""The plan of least cost that fits, and the whole frontier of memory against cost.

Cut points are positions in the order of nodes; between two of them lies one tunnel, which needs a
number of bytes (what crosses it included) and costs a number of multiply-accumulates. A plan is a
path from the first cut to the last; it needs the largest of its tunnels' bytes and costs their
sum. Carrying every Pareto-optimal (bytes, cost) from cut to cut gives the frontier in one pass,
exactly, for the tunnels that are offered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product

from patchc.ir import GlobalAveragePool, Graph, Node, macs
from patchc.tunnels.columns import demanded_columns, stripes
from patchc.tunnels.geometry import (
    broadcast_input,
    overlap_distance,
    tunnel_rows,
)
from patchc.tunnels.modes import Modes
from patchc.tunnels.order import best_order
from patchc.tunnels.plan import InputMode, Plan, StepPlan, TunnelPlan
from patchc.tunnels.planner import whole_in_place
from patchc.tunnels.schedule import shared_bytes
from patchc.tunnels.units import Unit, find_units


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One tunnel between two cuts, priced."""

    start: int  # cut positions: nodes start .. stop - 1 of the order
    stop: int
    plan: TunnelPlan
    in_place: tuple[tuple[str, str], ...]
    bytes: int  # arena bytes while it runs
    cost: int  # multiply-accumulates


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

    def plan(self, mode: InputMode) -> Plan:
        return Plan(
            input_mode=mode,
            tunnels=tuple(tunnel.plan for tunnel in self.tunnels),
            in_place=tuple(pair for tunnel in self.tunnels for pair in tunnel.in_place),
        )


def frontier(graph: Graph, mode: InputMode, limit: int) -> Iterator[Point]:
    """Every Pareto-optimal plan of at most `limit` bytes, by rising cost and falling bytes.

    Searched band by band as the points are asked for: with little recomputation allowed the search
    is fast, and with more, only plans smaller than those found so far are of interest.
    """
    plain = sum(macs(graph, node) for node in graph.nodes)
    for slack in (*(int(share * plain) for share in BANDS), NO_LIMIT):
        for point in band(graph, mode, limit, slack):
            yield point
            limit = point.bytes - 1


def band(graph: Graph, mode: InputMode, limit: int, slack: int) -> tuple[Point, ...]:
    """Every Pareto-optimal plan of at most `limit` bytes that costs at most `slack`
    multiply-accumulates more than the plain network, by rising cost and falling bytes."""
    order = best_order(graph, mode).nodes
    plain = [0, *accumulate(macs(graph, node) for node in order)]
    best: list[list[Point]] = [[] for _ in range(len(order) + 1)]
    best[0] = [Point(0, 0, ())]
    edges = _Edges(graph, mode, order, limit, slack)
    for cut in range(len(order)):
        if not best[cut]:
            continue
        best[cut] = _pareto(best[cut])
        for tunnel in edges.starting_at(cut):
            best[tunnel.stop].extend(
                Point(
                    max(point.bytes, tunnel.bytes),
                    point.cost + tunnel.cost,
                    (*point.tunnels, tunnel),
                )
                for point in best[cut]
                if point.cost + tunnel.cost - plain[tunnel.stop] <= slack
            )
    return tuple(_pareto(best[-1]))


def _pareto(points: Sequence[Point]) -> list[Point]:
    """Those that no other one beats in both bytes and cost; fewer tunnels break ties."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.bytes, p.cost, len(p.tunnels))):
        if not kept or point.cost < kept[-1].cost:
            kept.append(point)
    return kept[::-1]


class _Edges:
    """The tunnels that start at a cut, priced, those within the limit."""

    def __init__(
        self, graph: Graph, mode: InputMode, order: Sequence[Node], limit: int, slack: int
    ) -> None:
        self.graph, self.mode, self.order, self.limit = graph, mode, order, limit
        self.units: dict[int, Unit] = {}
        position = 0
        for unit in find_units(graph, order):
            self.units[position] = unit
            position += len(unit.nodes)
        self.modes = Modes(graph, limit, slack)
        self.whole_in_place = whole_in_place(graph, mode, order)
        index = {node.output: i for i, node in enumerate(order)}
        end = len(order)
        # tensor -> position that makes it (-1: there from the start), and the last that reads it
        self.made = {name: index.get(name, -1) for name in graph.tensors}
        self.first_read, self.last_read = {}, {}
        for name, nodes in graph.consumers.items():
            reads = [index[node.output] for node in nodes]
            self.first_read[name] = min(reads, default=end)
            self.last_read[name] = end if name in graph.outputs else max(reads, default=-1)
        self.callback = mode in (InputMode.TILES, InputMode.STREAM)

    def starting_at(self, cut: int) -> Iterator[Tunnel]:
        """Layer by layer, and every run of units from here on in every way that is offered."""
        whole = self._whole(cut)
        if whole.bytes <= self.limit:
            yield whole
        run: list[Unit] = []
        position = cut
        while position in self.units:
            run.append(self.units[position])
            position += len(run[-1].nodes)
            found = False
            for tunnel, inner in self._streams(cut, position, run):
                found = found or inner <= self.limit
                if tunnel.bytes <= self.limit:
                    yield tunnel
            if not found:
                return

    # -- bytes -------------------------------------------------------------------------------

    def _size(self, name: str) -> int:
        extern = self.mode is InputMode.EXTERN and name in self.graph.inputs
        return 0 if extern else self.graph.tensors[name].bytes

    def _crossing(self, start: int, stop: int, read: Sequence[str]) -> int:
        """Bytes of maps that are there before the tunnel and after it, without being read in it."""
        total = 0
        for name in self.graph.tensors:
            there = self.made[name] < start
            if name in self.graph.inputs and self.callback:
                there = self.first_read[name] < start
            if there and self.last_read[name] >= stop and name not in read:
                total += self._size(name)
        return total

    def _outputs(self, start: int, stop: int) -> tuple[str, ...]:
        return tuple(
            node.output for node in self.order[start:stop] if self.last_read[node.output] >= stop
        )

    def _whole(self, cut: int) -> Tunnel:
        node = self.order[cut]
        reads = tuple(dict.fromkeys(node.inputs))
        operand = self.whole_in_place.get(node.output)
        size = self._crossing(cut, cut + 1, reads) + sum(map(self._size, reads))
        size += 0 if operand else self.graph.tensors[node.output].bytes
        plan = TunnelPlan((StepPlan((node.name,)),), whole=True)
        cost = macs(self.graph, node)
        in_place = ((node.output, operand),) if operand else ()
        return Tunnel(cut, cut + 1, plan, in_place, size, cost)

    def _streams(self, start: int, stop: int, run: Sequence[Unit]) -> Iterator[tuple[Tunnel, int]]:
        """Tunnels over a run of units, each with the bytes that only live inside it."""
        in_place = tuple(pair for unit in run for pair in unit.in_place)
        outputs = self._outputs(start, stop)
        loaded = tuple(
            name
            for name in self.graph.inputs
            if self.callback
            and start <= self.first_read[name]
            and self.last_read[name] < stop
            and not broadcast_input(self.graph, name)
        )
        counts = self._counts(run, outputs, loaded)
        cut = stripes(counts)
        columns = demanded_columns(self.graph, self.order[start:stop], outputs, cut)
        if self.mode is InputMode.STREAM:  # every pixel comes, also those that nobody reads
            columns |= {name: cut.share(self.graph.tensors[name].shape[1]) for name in loaded}
        outer = self._outer(start, stop, loaded)
        crossing = self._crossing(start, stop, outer)
        plain = sum(macs(self.graph, node) for node in self.order[start:stop])
        for k, found in self.modes.choices(run, outputs, loaded, columns, cut):
            plan = TunnelPlan(found.steps, stripes=counts[k])
            size = found.bytes + crossing + self._maps(plan, outer, outputs, loaded, stop)
            cost = plain + found.extra
            yield Tunnel(start, stop, plan, in_place, size, cost), found.bytes

    def _outer(self, start: int, stop: int, loaded: Sequence[str]) -> tuple[str, ...]:
        """Maps that nodes start .. stop - 1 read and do not make."""
        reads = dict.fromkeys(name for node in self.order[start:stop] for name in node.inputs)
        return tuple(name for name in reads if self.made[name] < start and name not in loaded)

    def _counts(
        self, run: Sequence[Unit], outputs: Sequence[str], loaded: Sequence[str]
    ) -> list[int]:
        """Numbers of stripes to try: one where sums or a single pass over the image demand it."""
        mean = any(
            isinstance(self.graph.node(name).op, GlobalAveragePool)
            for unit in run
            for name in unit.nodes
        )
        if mean or (loaded and self.mode is InputMode.STREAM):
            return [1]
        return _stripe_counts(min(self.graph.tensors[name].shape[1] for name in outputs))

    def _maps(
        self,
        plan: TunnelPlan,
        outer: Sequence[str],
        outputs: Sequence[str],
        loaded: Sequence[str],
        stop: int,
    ) -> int:
        """Bytes of the maps that a tunnel reads and writes, overlapping where they may."""
        total = sum(map(self._size, (*outer, *outputs)))
        dying = [name for name in outer if self.last_read[name] < stop and self._size(name)]
        if plan.stripes != 1 or not dying or not outputs:
            return total
        rows = tunnel_rows(self.graph, plan, loaded)
        # The best single pair; more pairs at once are left to placement.
        gain = 0
        for source, target in product(dying, outputs):
            distance = overlap_distance(self.graph, rows, source, target)
            gain = max(gain, shared_bytes(self._size(source), self._size(target), distance))
        return total - gain


def _stripe_counts(width: int) -> list[int]:
    """Numbers of stripes, the least for each width of the widest stripe."""
    counts: dict[int, int] = {}
    for count in range(1, width + 1):
        counts.setdefault(-(-width // count), count)
    return list(counts.values())
