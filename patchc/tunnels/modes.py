"""Which way to run each unit of a tunnel: Pareto-optimal combinations, unit by unit.

Rows of a unit are a function of the rows of the tensor it reads alone, so what a way of running it
needs (ring heights before and inside it, scratch, rows computed) is worked out once, for a given
number of rows that arrive together. Along a run, rings and costs add up and scratch is shared; a
combination that another one beats in rings, scratch and cost, with as many rows at a time, can
never become better, and is dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.ir import Graph, macs
from patchc.tunnels.geometry import (
    GeometryError,
    TunnelRows,
    is_mean,
    last_tensor,
    outside_reads,
    tunnel_rows,
)
from patchc.tunnels.plan import StepPlan, TunnelPlan
from patchc.tunnels.price import Widths, computed_rows, step_macs, step_scratch_bytes
from patchc.tunnels.scratch import SUM_BYTES
from patchc.tunnels.units import Unit

Steps = tuple[StepPlan, ...]


@dataclass(frozen=True, slots=True)
class _UnitRows:
    """One way to run a unit, along the rows."""

    slots: Mapping[str, int]  # ring rows of its input and of what it makes
    mul: int  # rows of its output that come together


@dataclass(frozen=True, slots=True)
class Combination:
    """A way to run each of the first units of a run, with one number of stripes."""

    rings: int  # bytes that add up
    scratch: int  # bytes that are shared
    extra: int  # multiply-accumulates on top of those of the plain units
    mul: int  # rows of the last output that come together
    steps: Steps

    @property
    def bytes(self) -> int:
        """Bytes that live only while the tunnel runs."""
        return self.rings + self.scratch

    def beats(self, other: Combination) -> bool:
        return (
            self.mul == other.mul
            and self.rings <= other.rings
            and self.scratch <= other.scratch
            and self.extra <= other.extra
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the search has no use for more of."""

    bytes: int  # in the arena
    extra: int  # multiply-accumulates on top of the plain network


class Modes:
    """Combinations of ways to run units, for one graph."""

    def __init__(self, graph: Graph, handed: Collection[str] = ()) -> None:
        self.graph, self.handed = graph, handed
        self._rows: dict[tuple[Steps, int], _UnitRows | None] = {}
        self._computed: dict[StepPlan, list[int]] = {}
        self._rings: dict[Steps, list[Combination]] = {}
        self._tunnel_rows: dict[tuple[Steps, tuple[str, ...]], TunnelRows] = {}

    def rows(self, steps: Steps, loaded: Sequence[str]) -> TunnelRows:
        """`tunnel_rows` of these steps. Raises GeometryError."""
        key = steps, tuple(loaded)
        if key not in self._tunnel_rows:
            self._tunnel_rows[key] = tunnel_rows(
                self.graph, TunnelPlan(steps), loaded, handed=self.handed
            )
        return self._tunnel_rows[key]

    def choices(
        self,
        run: Sequence[Unit],
        outputs: Sequence[str],
        loaded: Sequence[str],
        widths: Widths,
        bounds: Bounds,
    ) -> Iterator[tuple[int, Combination]]:
        """(index of the number of stripes, combination) of everything that may be worth it."""
        if not self._is_chain(run, loaded):
            steps = tuple(step for unit in run for step in unit.options[0])
            if steps not in self._rings:
                self._rings[steps] = self._only_rings(run, steps, outputs, loaded, widths)
            yield from (
                (k, one) for k, one in enumerate(self._rings[steps]) if one.extra <= bounds.extra
            )
            return
        sizes = [[self._sizes(unit, steps, widths) for steps in unit.options] for unit in run]
        widest = {name: found.tolist() for name, found in widths.widest.items()}
        previous: list[Combination] = []
        for k in range(widths.counts):
            found = [Combination(0, 0, 0, 1, ())]
            for position, unit in enumerate(run):
                source = unit_input(self.graph, unit)
                rings = {
                    name: width[k] * self.graph.tensors[name].shape[2]
                    for name, width in widest.items()
                    if name not in outputs and (name != source or position > 0 or source in loaded)
                }
                last = position == len(run) - 1
                found = self._extend(found, unit, sizes[position], k, rings, bounds, last)
            # Narrower stripes that save nothing are not worth their halos.
            found = [
                one
                for one in found
                if not any(
                    old.rings <= one.rings and old.scratch <= one.scratch and old.extra <= one.extra
                    for old in previous
                )
            ]
            previous += found
            yield from ((k, one) for one in found)

    def _only_rings(
        self,
        run: Sequence[Unit],
        steps: Steps,
        outputs: Sequence[str],
        loaded: Sequence[str],
        widths: Widths,
    ) -> list[Combination]:
        """Runs that branch inside: the first way of each unit, with rings seen as a whole. One per
        number of stripes, or none."""
        graph = self.graph
        try:
            rows = self.rows(steps, loaded)
        except GeometryError:
            return []
        rings, scratch, extra = widths.zeros(), widths.zeros(), widths.zeros()
        means = {last_tensor(graph, step) for step in steps if is_mean(graph, step)}
        for name, slots in rows.slots.items():
            channels = graph.tensors[name].shape[2]
            if name in means:
                rings += SUM_BYTES * channels
            if name not in outputs:
                rings += slots * channels * widths.widest[name]
        for unit in run:
            more = self._sizes(unit, unit.options[0], widths)
            scratch, extra = np.maximum(scratch, more[0]), extra + more[1]
        return [
            Combination(int(rings[k]), int(scratch[k]), int(extra[k]), 1, steps)
            for k in range(widths.counts)
        ]

    def _is_chain(self, run: Sequence[Unit], loaded: Sequence[str]) -> bool:
        """Does each unit read, of what the run makes or fetches, just the output of the one before
        it, and is that read by no other unit of the run?"""
        graph = self.graph
        made = dict.fromkeys(loaded, 0)
        for position, unit in enumerate(run):
            reads = {
                tensor
                for name in unit.nodes
                for tensor in graph.node(name).inputs
                if tensor in made and made[tensor] != position
            }
            before = {unit_output(graph, run[position - 1])} if position else set()
            if reads != before or (before and unit_input(graph, unit) not in before):
                return False
            made.update({graph.node(name).output: position for name in unit.nodes})
        return True

    def _unit_rows(self, steps: Steps, mul: int) -> _UnitRows | None:
        """None when the unit cannot run like this on `mul` rows at a time."""
        key = (steps, mul)
        if key not in self._rows:
            graph = self.graph
            pace = next(t for t, position in outside_reads(graph, steps[0]) if position == 0)
            try:
                rows = tunnel_rows(graph, TunnelPlan(steps), (pace,), mul, self.handed)
            except GeometryError:
                self._rows[key] = None
            else:
                out = last_tensor(graph, steps[-1])
                self._rows[key] = _UnitRows(dict(rows.slots), rows.clocks[out].mul)
        return self._rows[key]

    def _sizes(self, unit: Unit, steps: Steps, widths: Widths) -> tuple[np.ndarray, np.ndarray]:
        """Scratch bytes and extra cost of one way to run a unit, per number of stripes."""
        aliased = {operand for _, operand in unit.in_place}
        scratch = widths.zeros()
        extra = scratch - sum(macs(self.graph, self.graph.node(name)) for name in unit.nodes)
        for step in steps:
            more = step_scratch_bytes(self.graph, step, widths, aliased)
            scratch = np.maximum(scratch, more)
            if step not in self._computed:
                self._computed[step] = computed_rows(self.graph, step)
            extra += step_macs(self.graph, step, self._computed[step], widths)
        return scratch, extra

    def _extend(
        self,
        before: Sequence[Combination],
        unit: Unit,
        sizes: Sequence[tuple[np.ndarray, np.ndarray]],
        k: int,
        ring_bytes: Mapping[str, int],
        bounds: Bounds,
        last: bool,
    ) -> list[Combination]:
        """Every combination, continued by every way to run `unit`; the beaten ones dropped.

        `ring_bytes`: bytes of one ring row, for the tensors that have rings.
        """
        graph = self.graph
        target = unit_output(graph, unit)
        found: list[Combination] = []
        for steps, (scratch, more) in zip(unit.options, sizes, strict=True):
            sums = 0
            if any(is_mean(graph, step) for step in steps):
                sums = SUM_BYTES * graph.tensors[target].shape[2]
            needs: dict[int, int] = {}  # rows at a time -> ring bytes of this unit
            for one in before:
                rows = self._unit_rows(steps, one.mul)
                if rows is None:
                    continue
                if one.mul not in needs:
                    # The output's ring belongs to the unit that reads it; what the last one makes
                    # has a ring where it is handed over only.
                    needs[one.mul] = sums + sum(
                        slots * ring_bytes.get(name, 0)
                        for name, slots in rows.slots.items()
                        if last or name != target
                    )
                rings = one.rings + needs[one.mul]
                shared = max(one.scratch, int(scratch[k]))
                total = one.extra + int(more[k])
                if rings + shared <= bounds.bytes and total <= bounds.extra:
                    path = (*one.steps, *steps)
                    found.append(Combination(rings, shared, total, rows.mul, path))
        found.sort(key=lambda one: (one.extra, one.rings, one.scratch, len(one.steps)))
        kept: list[Combination] = []
        for one in found:
            if not any(other.beats(one) for other in kept):
                kept.append(one)
        return kept


def unit_input(graph: Graph, unit: Unit) -> str:
    """The tensor that paces a unit: the first operand of its first node."""
    return graph.node(unit.nodes[0]).inputs[0]


def unit_output(graph: Graph, unit: Unit) -> str:
    """The tensor that a unit makes for others."""
    return graph.node(unit.nodes[-1]).output
