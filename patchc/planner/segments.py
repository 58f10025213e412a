"""What is known of a segment, the nodes between two cuts of one order, however it is run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from patchc.choices import InputMode, OutputMode
from patchc.geometry.needed import needed_columns
from patchc.geometry.step import comes_in_rows
from patchc.ir import GlobalAveragePool, Graph, Node
from patchc.plan.types import StepPlan, handed_over
from patchc.planner.cut_columns import CutColumns
from patchc.planner.layer_by_layer import layers, whole_in_place
from patchc.planner.machine import ANY_CORE, Machine
from patchc.planner.price import Prices
from patchc.planner.rounds import Rounds, find_rounds
from patchc.planner.step_cost import StepParts, step_cost, step_parts
from patchc.planner.unit_prices import Pricing
from patchc.planner.units import Unit, find_units
from patchc.schedule.extents import tile_count
from patchc.schedule.types import shared_bytes


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Nodes start .. stop - 1 of the order, to be computed in one tunnel."""

    start: int
    stop: int
    in_place: tuple[tuple[str, str], ...]
    outputs: tuple[str, ...]
    loaded: tuple[str, ...]  # graph inputs that the tunnel fetches itself
    brings_twice: bool  # would it fetch one image twice? Rows would not come in ascending order
    outer: tuple[str, ...]  # maps read here and made before
    # Bytes that a map read here, which nothing behind the segment reads, may share with one that is
    # written at most, and the two: falling.
    sharing: tuple[tuple[int, str, str], ...]
    most_stripes: int
    live_through: int  # bytes of maps made before it and read after it, but not in it
    maps: int  # bytes of those read and written
    least: int  # no tunnel over the segment needs fewer bytes than these and its own
    least_cost: int  # no tunnel over the segment costs less


class Segments:
    """The segments of a graph whose nodes are computed in one order."""

    def __init__(
        self,
        graph: Graph,
        mode: InputMode,
        outputs: OutputMode,
        order: Sequence[Node],
        machine: Machine = ANY_CORE,
        copies: Mapping[str, str] | None = None,
    ) -> None:
        """`copies`: inputs that are an image brought once more -> the image."""
        self.graph, self.mode, self.order, self.machine = graph, mode, tuple(order), machine
        self._copies = copies or {}
        self.handed = handed_over(graph, outputs)
        self.in_raster_order = self.handed if outputs is OutputMode.RASTER else frozenset()
        self.units: dict[int, Unit] = {}
        # Before each unit: means, and pairs of tensors of which one is written over the other.
        self.means, self.pairs_before = {0: 0}, {0: 0}
        self.unit_before: dict[int, int] = {}  # where a unit ends -> where it begins
        self.pairs: tuple[tuple[str, str], ...] = ()
        position = 0
        for unit in find_units(graph, self.order, machine):
            self.units[position] = unit
            means = sum(isinstance(graph.node(n).op, GlobalAveragePool) for n in unit.nodes)
            behind = position + len(unit.nodes)
            self.means[behind] = self.means[position] + means
            self.pairs += unit.in_place
            self.pairs_before[behind] = len(self.pairs)
            self.unit_before[behind] = position
            position = behind
        self.whole_in_place = whole_in_place(graph, mode, self.order)
        index = {node.output: i for i, node in enumerate(self.order)}
        end, kept = len(self.order), set(graph.outputs) - self.handed
        # tensor -> position that makes it (-1: there from the start), and the last that reads it
        self.made = {name: index.get(name, -1) for name in graph.tensors}
        self.reads = {
            name: sorted(index[node.output] for node in nodes)
            for name, nodes in graph.consumers.items()
        }
        self.last_read = {
            name: end if name in kept else max(reads, default=-1)
            for name, reads in self.reads.items()
        }
        self.callback = mode in (InputMode.TILES, InputMode.STREAM)
        self.images = [name for name in graph.inputs if comes_in_rows(graph, name)]
        self._left: dict[int, tuple[str, ...]] = {}
        self._entered: dict[int, tuple[str, ...]] = {}
        self._found: dict[tuple[int, int], Segment] = {}
        self._prices: dict[int, Prices] = {}
        self._parts: dict[StepPlan, StepParts] = {}
        self._pricing = Pricing(self.units, machine, self._parts)
        self.layers = [
            layers(graph, node, machine, node.output in self.whole_in_place) for node in self.order
        ]
        self.rounds = find_rounds(graph, self.units, machine)
        self._bound_costs()

    def _bound_costs(self) -> None:
        """Work out what the units cost at least, whatever tunnel they are part of, and what all
        nodes behind each cut cost at least, however they run."""
        needed = needed_columns(self.graph, self.order)
        self._narrow = [at for at, n in enumerate(self.order) if self._is_narrow(needed, n)]

        for unit in self.units.values():
            aliased = {operand for _, operand in unit.in_place}
            for step in {step for steps in unit.options for step in steps}:
                self._parts[step] = step_parts(self.graph, step, self.machine, aliased)

        def least(step: StepPlan) -> int:
            """No tunnel computes the step for less: each column that is needed once, in as few
            pieces as hold them."""
            return int(
                step_cost(
                    self._parts[step],
                    self.machine,
                    needed.__getitem__,
                    lambda tensor, tile: tile_count(needed[tensor], tile),
                )
            )

        self._least_before = {0: 0}  # of the units before each cut
        self.least_of_unit: dict[int, int] = {}
        for position, unit in self.units.items():
            self.least_of_unit[position] = min(sum(map(least, steps)) for steps in unit.options)
            behind = position + len(unit.nodes)
            self._least_before[behind] = self._least_before[position] + self.least_of_unit[position]
        self.rest = [0] * (len(self.order) + 1)  # no plan for the nodes behind a cut costs less
        for cut in reversed(range(len(self.order))):
            self.rest[cut] = self.layers[cut][0].cost + self.rest[cut + 1]
            if cut in self.units:
                behind = cut + len(self.units[cut].nodes)
                self.rest[cut] = min(self.rest[cut], self.least_of_unit[cut] + self.rest[behind])
            for one in self.rounds.get(cut, ()):
                self.rest[cut] = min(self.rest[cut], one.cost + self.rest[one.stop])

    def _is_narrow(self, needed: Mapping[str, int], node: Node) -> bool:
        return needed[node.output] < self.graph.tensors[node.output].shape[1]

    def narrow(self, start: int, stop: int) -> bool:
        """May a tunnel leave out columns of what nodes start .. stop - 1 make?"""
        return bisect_left(self._narrow, start) < bisect_left(self._narrow, stop)

    def whole(self, cut: int) -> tuple[int, tuple[tuple[str, str], ...]]:
        """Layer by layer: bytes while the node behind a cut runs, scratch aside, and what it is
        written over."""
        node = self.order[cut]
        reads = tuple(dict.fromkeys(node.inputs))
        operand = self.whole_in_place.get(node.output)
        size = self._live_through(cut, cut + 1, reads) + sum(map(self.size, reads))
        if operand:
            return size, ((node.output, operand),)
        return size + self.graph.tensors[node.output].bytes, ()

    def shared(self, block: Rounds) -> int:
        """Bytes that the map which a block in rounds makes may share with the one that it reads."""
        if self.last_read[block.source] >= block.stop or not self.size(block.source):
            return 0
        sizes = self.size(block.source), self.size(block.target)
        return max(0, shared_bytes(*sizes, block.distance))

    def segment(self, start: int, stop: int) -> Segment:
        """From the cut `start`, where a unit begins, to `stop`, where one ends."""
        if (start, stop) not in self._found:
            self._found[start, stop] = self._find(start, stop)
        return self._found[start, stop]

    def _find(self, start: int, stop: int) -> Segment:
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
        live_through = self._live_through(start, stop, outer)
        sizes = [self.size(name) for name in (*outer, *outputs)]
        return Segment(
            start=start,
            stop=stop,
            in_place=self.pairs[self.pairs_before[start] : self.pairs_before[stop]],
            outputs=outputs,
            loaded=loaded,
            brings_twice=len({self._copies.get(name, name) for name in loaded}) < len(loaded),
            outer=outer,
            sharing=tuple(
                sorted(
                    (
                        (min(self.size(source), self.size(target)), source, target)
                        for source in outer
                        if self.last_read[source] < stop and self.size(source)
                        for target in outputs
                    ),
                    reverse=True,
                )
            ),
            most_stripes=self._most_stripes(start, stop, loaded),
            live_through=live_through,
            maps=sum(sizes),
            least=live_through + max(sizes, default=0),
            least_cost=self._least_before[stop] - self._least_before[start],
        )

    def prices(self, stop: int) -> Prices:
        """Of the units before the cut `stop`."""
        if stop not in self._prices:
            outputs = self._owned(0, stop)
            widths = {self.graph.tensors[name].shape[1] for name in outputs}
            counts = {count for width in widths for count in _stripe_counts(width)}
            streamed = self.images if self.mode is InputMode.STREAM else ()
            nodes = self.order[:stop]
            columns = CutColumns(self.graph, nodes, outputs, sorted(counts), streamed)
            self._prices[stop] = Prices(columns, self._pricing, self._narrow)
        return self._prices[stop]

    def last_stop(self, start: int, limit: int) -> int:
        """The last cut where maps that are there around a segment from `start` on take no more than
        `limit` bytes, images excepted; `start` where there is none."""
        made, last, size = self._maps
        there = (made < start) & (last >= start)
        # Of maps that are there before: bytes that are read from each cut on.
        carried = size[there].sum() - np.cumsum(np.bincount(last[there], size[there], self._cuts))
        carried = np.concatenate([[size[there].sum()], carried])[: self._cuts]
        around = size[there].sum() + self._leaving_bytes - carried
        fits = np.flatnonzero(around[start + 1 :] <= limit)
        return start + 1 + int(fits[-1]) if len(fits) else start

    @cached_property
    def _cuts(self) -> int:
        return len(self.order) + 1

    @cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per node: its position, the last that reads what it makes, the bytes."""
        names = [node.output for node in self.order]
        last = np.array([self.last_read[name] for name in names], dtype=np.int64)
        size = np.array([self.size(name) for name in names], dtype=np.int64)
        return np.arange(len(names)), last, size

    @cached_property
    def _leaving_bytes(self) -> np.ndarray:
        """Per cut: bytes of `_leaving`."""
        made, last, size = self._maps
        change = np.zeros(self._cuts + 1, dtype=np.int64)
        read = last > made
        np.add.at(change, made[read] + 1, size[read])
        np.add.at(change, last[read] + 1, -size[read])
        return np.cumsum(change)[: self._cuts]

    def waiting_bytes(self, cut: int) -> int:
        """Of maps that nodes before a cut make and nodes behind it read, or the caller."""
        return int(self._leaving_bytes[cut])

    def is_settled(self, start: int, stop: int) -> bool:
        """Do all longer segments fetch the same images, and compute all columns with one stripe?"""
        waiting = (
            name
            for name in self.images
            if self.callback and self.reads[name] and self.last_read[name] >= stop
        )
        end = len(self.order)
        return not any(self.reads[name][0] >= start for name in waiting) and not self.prices(
            end
        ).narrow(start, end)

    def _most_stripes(self, start: int, stop: int, loaded: Sequence[str]) -> int:
        """One where a single pass over the image demands it, or an output's whole rows."""
        if loaded and self.mode is InputMode.STREAM:
            return 1
        if any(start <= self.made[name] < stop for name in self.in_raster_order):
            return 1
        return min(self.graph.tensors[name].shape[1] for name in self._owned(start, stop))

    def _owned(self, start: int, stop: int) -> tuple[str, ...]:
        """What nodes start .. stop - 1 make of which each stripe owns its share of columns: maps
        that leave, and outputs that are handed over."""
        found = [name for name in self._leaving(stop) if self.made[name] >= start]
        outputs = (name for name in self.graph.outputs if name in self.handed)
        found += [name for name in outputs if start <= self.made[name] < stop]
        return tuple(dict.fromkeys(found))

    # -- bytes -------------------------------------------------------------------------------

    def size(self, name: str) -> int:
        """Bytes of a map in the arena."""
        return self._sizes[name]

    @cached_property
    def _sizes(self) -> dict[str, int]:
        extern = self.graph.inputs if self.mode is InputMode.EXTERN else ()
        tensors = self.graph.tensors.items()
        return {name: 0 if name in extern else tensor.bytes for name, tensor in tensors}

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

    def _live_through(self, start: int, stop: int, read: Sequence[str]) -> int:
        """Bytes of maps that are there before the tunnel and after it, without being read in it."""
        total, inside = 0, set(read)
        for name in self._entering(start):
            if self.last_read[name] >= stop and name not in inside:
                fetched = self.callback and name in self.graph.inputs
                if not fetched or self._first_read(name, 0) < start:
                    total += self._sizes[name]
        return total

    def _outer(self, start: int, stop: int, loaded: Sequence[str]) -> tuple[str, ...]:
        """Maps that nodes start .. stop - 1 read and do not make."""
        return tuple(
            name
            for name in self._entering(start)
            if name not in loaded and self._first_read(name, start) < stop
        )


def _stripe_counts(width: int) -> list[int]:
    """Numbers of stripes, the least for each width of the widest stripe."""
    counts: dict[int, int] = {}
    for count in range(1, width + 1):
        counts.setdefault(-(-width // count), count)
    return list(counts.values())
