"""Pareto-optimal ways to run the units of a tunnel, extended unit by unit.

A label is a partial tunnel: a way to run each of its units so far. Along a segment the rings and
the costs of the units add up, and they share the scratch memory. The ring of a tensor is known once
the last reader of the tensor is in the tunnel.

The state behind a unit is the set of row clocks of the tensors that are still read. If only one
tensor is still read, its clock is the whole state, so labels with different pasts meet in the same
state; of that clock only the number of rows that come at a time matters.

Dominated labels are dropped: another label whose rows come as many at a time needs no more bytes of
rings, no more scratch and no more cost. In a chain a dominated label never becomes better. Where
tensors wait for a second reader it might, by as many rows as one way of running a unit comes later
than another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from patchc.geometry.axis import axis_maps
from patchc.geometry.clocks import GeometryError, chunk_by_chunk
from patchc.geometry.rows import Progress, TensorRows, after, begin, moved_rows, ring_rows
from patchc.geometry.step import is_mean, last_tensor
from patchc.ir import GlobalAveragePool, Graph, Node, needs_whole
from patchc.plan.types import StepPlan
from patchc.planner.pareto import Stairs
from patchc.planner.price import Prices
from patchc.planner.units import Unit
from patchc.schedule.scratch import SUM_BYTES

Steps = tuple[StepPlan, ...]
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What the units to come need to know of those before. Equal states are the same object."""

    progress: Progress  # of tensors that are still read
    rows_at_a_time: tuple[int, ...]  # of each of them
    transitions: dict[Steps, Transition | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Transition:
    """From one state to the next: one more unit, run in one way."""

    state: State
    rings: tuple[tuple[str, int], ...]  # tensors that it is the last one to read, and ring rows
    moves: tuple[tuple[str, int, int], ...]  # those of them that slide: moves, rows moved in all
    sums: int  # bytes of int32 sums that outlive the pieces


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """What a transition adds to a label, its steps aside, with one number of stripes."""

    state: State  # behind it
    rings: int  # bytes
    cost: int


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A partial tunnel: a way to run each of the first units of a segment, with one number of
    stripes."""

    state: State
    end: int  # position behind its last unit
    rings: int = 0  # bytes that add up
    scratch: int = 0  # bytes that are shared
    cost: int = 0
    count: int = 0  # of steps
    before: Label | None = None
    last: Steps = ()  # of the last unit

    @property
    def bytes(self) -> int:
        """Bytes that live only while the tunnel runs."""
        return self.rings + self.scratch

    @property
    def steps(self) -> Steps:
        """Of all its units."""
        parts: list[Steps] = []
        one: Label | None = self
        while one is not None:
            parts.append(one.last)
            one = one.before
        return tuple(step for part in reversed(parts) for step in part)

    @property
    def needs(self) -> tuple[int, int, int]:
        """What another label saves nothing of if it has as much of each, or more."""
        return self.rings, self.scratch, self.cost


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the search has no use for more of."""

    bytes: int  # in the arena
    cost: int


class Labels:
    """The labels of one graph in one order."""

    def __init__(
        self,
        graph: Graph,
        order: Sequence[Node],
        made: Mapping[str, int],
        last: Mapping[str, int],
        handed: Collection[str],
    ) -> None:
        """`made`: tensor -> position of the node that makes it, -1 for graph inputs. `last`: the
        last position that reads it. `handed`: outputs whose rows are handed over."""
        self.graph, self.order, self.made, self.last = graph, order, made, last
        self.handed = handed
        self._states: dict[Key, State] = {}
        self._apart: dict[int, int] = {}
        self._early = _early_rows(graph, order)
        # From here on there is no Resize by no whole factor, whose clock is a bound.
        bounded = [position for position, node in enumerate(order) if _bounded(node)]
        self._exact_from = bounded[-1] + 1 if bounded else 0

    def begin(self, start: int, loaded: Sequence[str]) -> Label:
        """A tunnel that starts at position `start` and fetches the maps `loaded`."""
        key = ("begin", start, tuple(loaded))
        if key not in self._states:
            outer = self._outer(start, loaded)
            progress = begin(self.graph, self.order[start], outer, loaded)
            self._states[key] = self._state(progress, start, start)
        return Label(self._states[key], start)

    def extend(
        self,
        before: Sequence[Label],
        start: int,
        position: int,
        prices: Prices,
        k: int,
        bounds: Bounds,
    ) -> list[Label]:
        """Every label from `start` on, by rising cost, extended by every way to run the unit at
        `position`, with the k-th number of stripes; dominated labels are dropped. `bounds`: of an
        extended label."""
        unit = prices.units[position]
        end = position + len(unit.nodes)
        found: list[tuple[int, int, int, int, int, State, Label, Steps]] = []
        for steps, price in zip(unit.options, prices.options(position), strict=True):
            scratch, more = price.scratch[k], price.cost[k]
            if scratch > bounds.bytes:
                continue
            added: dict[State, Added | None] = {}
            for one in before:
                total = one.cost + more
                if total > bounds.cost:
                    break
                shared = one.scratch if one.scratch > scratch else scratch
                if one.rings + shared > bounds.bytes:
                    continue
                state = one.state
                if state not in added:
                    then = self._transition(state, unit, steps, start, position)
                    added[state] = None if then is None else self._added(then, start, prices, k)
                if (adds := added[state]) is None:
                    continue
                rings, total = one.rings + adds.rings, total + adds.cost
                if rings + shared <= bounds.bytes and total <= bounds.cost:
                    count = one.count + len(steps)
                    found.append((total, rings, shared, count, len(found), adds.state, one, steps))
        if len(found) == 1:
            ((total, rings, shared, count, _, state, one, steps),) = found
            return [Label(state, end, rings, shared, total, count, one, steps)]
        kept: list[Label] = []
        stairs: defaultdict[tuple[int, ...], Stairs] = defaultdict(Stairs)  # by rows at a time
        for total, rings, shared, count, _, then_state, one, steps in sorted(found):
            # By rising cost: one of those before dominates it, or none does.
            lower = stairs[then_state.rows_at_a_time]
            if not lower.reach(rings, shared):
                lower.add(rings, shared)
                kept.append(Label(then_state, end, rings, shared, total, count, one, steps))
        return kept

    def _added(self, then: Transition, start: int, prices: Prices, k: int) -> Added:
        """What a unit adds to the rings and the cost of labels of one state."""
        rings, cost = then.sums, 0
        for tensor, rows in then.rings:
            prices.look_back(max(start, self.made[tensor] + 1))
            rings += rows * prices.row_bytes(tensor, k)
        for tensor, times, rows in then.moves:
            cost += prices.move_cost(tensor, k, times, rows)
        return Added(then.state, rings, cost)

    # -- states ------------------------------------------------------------------------------

    def _outer(self, start: int, loaded: Sequence[str]) -> frozenset[str]:
        return frozenset(name for name in self._read_behind[start] if name not in loaded)

    @cached_property
    def _read_behind(self) -> list[tuple[str, ...]]:
        """Per cut: tensors that are made before it, and read behind it."""
        found = [tuple(name for name, made in self.made.items() if made < 0)]
        for position, node in enumerate(self.order):
            there = (*found[-1], node.output)
            found.append(tuple(name for name in there if self.last[name] > position))
        return found

    def _transition(
        self, state: State, unit: Unit, steps: Steps, start: int, position: int
    ) -> Transition | None:
        """None where the unit cannot run like this behind what there is."""
        if steps in state.transitions:
            return state.transitions[steps]
        graph, progress = self.graph, state.progress
        try:
            for step in steps:
                progress, _ = after(graph, progress, step)
        except GeometryError:
            state.transitions[steps] = None
            return None
        end = position + len(unit.nodes)
        rings = tuple(
            (name, ring_rows(graph, name, rows, reverse=False, handed=name in self.handed))
            for name, rows in progress.tensors.items()
            if name not in progress.outer and self.last[name] < end
        )
        sums = sum(
            SUM_BYTES * graph.tensors[last_tensor(graph, step)].shape[2]
            for step in steps
            if is_mean(graph, step)
        )
        moves = tuple(self._moves(name, rows, progress.tensors[name]) for name, rows in rings)
        found = Transition(
            self._state(progress, start, end), rings, tuple(m for m in moves if m[1]), sums
        )
        state.transitions[steps] = found
        return found

    def _moves(self, name: str, slots: int, rows: TensorRows) -> tuple[str, int, int]:
        """A ring of so many rows, how often it moves them, and how many in all."""
        every = max((reader.plan.slide for reader in rows.readers), default=0)
        if not every or slots >= self.graph.tensors[name].shape[0]:
            return name, 0, 0
        assert rows.clock is not None
        return name, *moved_rows(rows.clock, slots, every)

    def _state(self, progress: Progress, start: int, position: int) -> State:
        """The state of a tunnel that has come to `position`."""
        inner = {
            name: rows
            for name, rows in progress.tensors.items()
            if name not in progress.outer and self.last[name] >= position
        }
        if len(inner) == 1 and position > max(start, self._last_apart(start)):
            ((name, rows),) = inner.items()
            if not rows.readers:
                return self._settled(name, rows, position)
        outer = {
            name: TensorRows(rows.clock)
            for name, rows in progress.tensors.items()
            if name in progress.outer and rows.clock is not None
        }
        tensors = {**outer, **inner}
        fetched = (name for name in self.graph.inputs if name not in progress.outer)
        key: Key = (start, progress.first, *fetched)
        key += tuple(sorted(tensors.items(), key=lambda item: item[0]))
        return self._shared(key, progress.having(tensors), inner)

    def _settled(self, name: str, rows: TensorRows, position: int) -> State:
        """One tensor is all that the steps to come read of those before: its rows are the pace."""
        assert rows.clock is not None
        clock = (
            rows.clock
            if position < self._exact_from
            else chunk_by_chunk(rows.clock, self._early[name])
        )
        alone = TensorRows(clock, rows.piece)
        progress = Progress(clock, self._outer(position, (name,)), {name: alone})
        return self._shared((name, alone), progress, {name: alone})

    def _shared(self, key: Key, progress: Progress, inner: Mapping[str, TensorRows]) -> State:
        if key not in self._states:
            muls = tuple(rows.clock.mul for _, rows in sorted(inner.items()) if rows.clock)
            self._states[key] = State(progress, muls)
        return self._states[key]

    @cached_property
    def _made_before(self) -> np.ndarray:
        """Per node: the position that makes the last of the maps that set its pace; -1: none does,
        or images do."""
        graph = self.graph
        return np.array(
            [
                max(
                    (self.made[n] for n in node.inputs if not needs_whole(graph, node, n)),
                    default=-1,
                )
                for node in self.order
            ]
        )

    def _last_apart(self, start: int) -> int:
        """The last node that reads nothing but maps made before position `start`: it goes by the
        tunnel's first pace."""
        if start not in self._apart:
            found = np.flatnonzero(self._made_before[start + 1 :] < start)
            self._apart[start] = start + 1 + int(found[-1]) if len(found) else start
        return self._apart[start]


def _early_rows(graph: Graph, order: Sequence[Node]) -> dict[str, int]:
    """Per tensor: how many rows before its first one bring rows of what follows. None do, but for
    windows that lie in the padding above the map as a whole."""
    early = dict.fromkeys(graph.tensors, 0)
    for node in reversed(order):
        if isinstance(node.op, GlobalAveragePool):
            continue
        down, _ = axis_maps(node.op)
        need = -((down.last - early[node.output] * down.stride) // down.up)
        for name in node.inputs:
            early[name] = max(early[name], need)
    return early


def _bounded(node: Node) -> bool:
    """Is its clock a bound on the rows that there are?"""
    if isinstance(node.op, GlobalAveragePool):
        return False
    down, _ = axis_maps(node.op)
    return down.stride > 1 and down.up > 1
