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
from itertools import accumulate

from patchc.ir import GlobalAveragePool, Graph, macs
from patchc.tunnels.columns import demanded_columns, stripes
from patchc.tunnels.geometry import broadcast_input, overlap_distance
from patchc.tunnels.modes import Bounds, Modes
from patchc.tunnels.order import best_order
from patchc.tunnels.plan import InputMode, OutputMode, Plan, StepPlan, TunnelPlan, handed_over
from patchc.tunnels.planner import whole_in_place
from patchc.tunnels.price import Widths
from patchc.tunnels.schedule import shared_bytes
from patchc.tunnels.units import Unit, find_units, together


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One tunnel between two cuts, priced."""

    start: int  # cut positions: nodes start .. stop - 1 of the order
    stop: int
    plan: TunnelPlan
    in_place: tuple[tuple[str, str], ...]
    bytes: int  # arena bytes while it runs
    cost: int  # multiply-accumulates


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """What does not depend on how the units of a run are run."""

    in_place: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    loaded: tuple[str, ...]  # graph inputs that the tunnel fetches itself
    outer: tuple[str, ...]  # maps read here and made before
    counts: tuple[int, ...]  # of stripes, to try
    widths: Widths
    crossing: int  # bytes of maps that are there before and after, and not read
    least: int  # no tunnel over the run needs fewer bytes than these and its own


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

    def plan(self, mode: InputMode, outputs: OutputMode = OutputMode.ARENA) -> Plan:
        return Plan(
            input_mode=mode,
            tunnels=tuple(tunnel.plan for tunnel in self.tunnels),
            in_place=tuple(pair for tunnel in self.tunnels for pair in tunnel.in_place),
            output_mode=outputs,
        )


def _pareto(points: Sequence[Point]) -> list[Point]:
    """Those that no other one beats in both bytes and cost; fewer tunnels break ties."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.bytes, p.cost, len(p.tunnels))):
        if not kept or point.cost < kept[-1].cost:
            kept.append(point)
    return kept[::-1]


class Search:
    """The dynamic programme over the cuts of one graph. What it works out about runs of nodes
    serves every band."""

    def __init__(
        self, graph: Graph, mode: InputMode, outputs: OutputMode = OutputMode.ARENA
    ) -> None:
        self.graph, self.mode, self.output_mode = graph, mode, outputs
        self.handed = handed_over(graph, outputs)
        self.order = together(graph, best_order(graph, mode, outputs).nodes)
        # Multiply-accumulates of the plain network before each cut.
        self.plain = [0, *accumulate(macs(graph, node) for node in self.order)]
        self.units: dict[int, Unit] = {}
        position = 0
        for unit in find_units(graph, self.order):
            self.units[position] = unit
            position += len(unit.nodes)
        self.modes = Modes(graph, self.handed)
        self.whole_in_place = whole_in_place(graph, mode, self.order)
        index = {node.output: i for i, node in enumerate(self.order)}
        end = len(self.order)
        # tensor -> position that makes it (-1: there from the start), and the last that reads it
        self.made = {name: index.get(name, -1) for name in graph.tensors}
        self.first_read, self.last_read = {}, {}
        for name, nodes in graph.consumers.items():
            reads = [index[node.output] for node in nodes]
            self.first_read[name] = min(reads, default=end)
            kept = name in graph.outputs and name not in self.handed
            self.last_read[name] = end if kept else max(reads, default=-1)
        self.callback = mode in (InputMode.TILES, InputMode.STREAM)
        self._runs: dict[tuple[int, int], _Run] = {}
        self._shared: dict[TunnelPlan, int] = {}

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
        best: list[list[Point]] = [[] for _ in range(len(self.order) + 1)]
        best[0] = [Point(0, 0, ())]
        for cut in range(len(self.order)):
            if not best[cut]:
                continue
            best[cut] = _pareto(best[cut])
            for tunnel in self._starting_at(cut, bounds):
                best[tunnel.stop].extend(
                    Point(
                        max(point.bytes, tunnel.bytes),
                        point.cost + tunnel.cost,
                        (*point.tunnels, tunnel),
                    )
                    for point in best[cut]
                    if point.cost + tunnel.cost - self.plain[tunnel.stop] <= bounds.extra
                )
        return tuple(_pareto(best[-1]))

    def _starting_at(self, cut: int, bounds: Bounds) -> Iterator[Tunnel]:
        """Layer by layer, and every run of units from here on in every way that is offered."""
        whole = self._whole(cut)
        if whole.bytes <= bounds.bytes:
            yield whole
        run: list[Unit] = []
        position = cut
        while position in self.units:
            run.append(self.units[position])
            position += len(run[-1].nodes)
            found = False
            for tunnel, inner in self._streams(cut, position, run, bounds):
                found = found or inner <= bounds.bytes
                if tunnel is not None and tunnel.bytes <= bounds.bytes:
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

    def _streams(
        self, start: int, stop: int, units: Sequence[Unit], bounds: Bounds
    ) -> Iterator[tuple[Tunnel | None, int]]:
        """Tunnels over a run of units (None: surely too large), and the bytes that only live inside
        each."""
        if (start, stop) not in self._runs:
            self._runs[start, stop] = self._run(start, stop, units)
        run = self._runs[start, stop]
        plain = self.plain[stop] - self.plain[start]
        for k, found in self.modes.choices(units, run.outputs, run.loaded, run.widths, bounds):
            if found.bytes + run.least > bounds.bytes:
                yield None, found.bytes
                continue
            plan = TunnelPlan(found.steps, stripes=run.counts[k])
            size = found.bytes + run.crossing + self._maps(plan, run, stop)
            yield Tunnel(start, stop, plan, run.in_place, size, plain + found.extra), found.bytes

    def _run(self, start: int, stop: int, units: Sequence[Unit]) -> _Run:
        nodes = self.order[start:stop]
        outputs = self._outputs(start, stop)
        loaded = tuple(
            name
            for name in self.graph.inputs
            if self.callback
            and start <= self.first_read[name]
            and self.last_read[name] < stop
            and not broadcast_input(self.graph, name)
        )
        handed = tuple(node.output for node in nodes if node.output in self.handed)
        leaving = tuple(dict.fromkeys((*outputs, *handed)))
        counts = self._counts(units, leaving, loaded)
        cut = stripes(counts)
        columns = demanded_columns(self.graph, nodes, leaving, cut)
        if self.mode is InputMode.STREAM:  # every pixel comes, also those that nobody reads
            columns |= {name: cut.share(self.graph.tensors[name].shape[1]) for name in loaded}
        outer = self._outer(start, stop, loaded)
        crossing = self._crossing(start, stop, outer)
        sizes = [self._size(name) for name in (*outer, *outputs)]
        return _Run(
            in_place=tuple(pair for unit in units for pair in unit.in_place),
            outputs=outputs,
            loaded=loaded,
            outer=outer,
            counts=tuple(counts),
            widths=Widths.of(columns, cut),
            crossing=crossing,
            least=crossing + max(sizes, default=0),
        )

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

    def _maps(self, plan: TunnelPlan, run: _Run, stop: int) -> int:
        """Bytes of the maps that a tunnel reads and writes, overlapping where they may."""
        total = sum(map(self._size, (*run.outer, *run.outputs)))
        dying = [name for name in run.outer if self.last_read[name] < stop and self._size(name)]
        if plan.stripes != 1 or not dying or not run.outputs:
            return total
        if plan not in self._shared:
            rows = self.modes.rows(plan.steps, run.loaded)
            # The best single pair; more pairs at once are left to placement.
            self._shared[plan] = max(
                shared_bytes(
                    self._size(source),
                    self._size(target),
                    overlap_distance(self.graph, rows, source, target),
                )
                for source in dying
                for target in run.outputs
            )
        return total - max(self._shared[plan], 0)


def _stripe_counts(width: int) -> list[int]:
    """Numbers of stripes, the least for each width of the widest stripe."""
    counts: dict[int, int] = {}
    for count in range(1, width + 1):
        counts.setdefault(-(-width // count), count)
    return list(counts.values())
