"""A tunnel along the rows: when rows are made, and how tall its rings are.

Time is counted in ticks. A tick brings one more row of the tunnel's first operand, its pace; every
tensor's finished rows are a clamped affine function of the tick (clocks.py). Past the last row the
pace runs on virtually, which is what brings the rows that look into the padding at the bottom.

A tunnel may also run from the last row to the first. Rows are then counted from the bottom, and
everything here holds with the padding that the windows use there.

Steps are taken one after the other (`begin`, `after`): lowering does it once per tunnel, and the
search for every tunnel that it looks at, each a step longer than one before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.geometry.axis import AxisMap, axis_maps
from patchc.geometry.clocks import (
    GeometryError,
    RowClock,
    advance,
    at_ticks,
    check_counts,
    earlier,
    every,
    first_clock,
    last_tick,
    paced,
)
from patchc.geometry.step import is_mean, last_tensor, outside_reads, piece_tensor
from patchc.ir import GlobalAveragePool, Graph, Node, needs_whole
from patchc.plan.types import StepPlan, TunnelPlan


@dataclass(frozen=True, slots=True)
class StepRows:
    """One step of a tunnel along the rows."""

    plan: StepPlan
    clock: RowClock  # rows of its pieces finished: of its output, or of a mean's input
    reads: tuple[tuple[str, int], ...]  # (tensor, node position in the step) from outside the step


@dataclass(frozen=True, slots=True)
class Reader:
    """A node of a step that reads a tensor made outside the step."""

    plan: StepPlan
    clock: RowClock  # of the step's pieces
    position: int  # of the node in the step


@dataclass(frozen=True, slots=True)
class TensorRows:
    """A tensor that a tunnel makes, fetches, or reads of what was made before."""

    clock: RowClock | None  # None: the whole map is there, and paces nothing
    piece: int = 1  # rows per call of the step that makes it
    readers: tuple[Reader, ...] = ()


NOT_READ = TensorRows(None)  # a map made before that no step so far has read


@dataclass(frozen=True, slots=True)
class Progress:
    """The steps of a tunnel so far, as those to come see them."""

    first: RowClock  # of the tunnel's first operand
    outer: Collection[str]  # tensors made before the tunnel, and not fetched by it
    tensors: Mapping[str, TensorRows]
    reverse: bool = False

    def having(self, tensors: Mapping[str, TensorRows]) -> Progress:
        """The same with other tensors."""
        return Progress(self.first, self.outer, tensors, self.reverse)


@dataclass(frozen=True, slots=True)
class TunnelRows:
    """Everything about a tunnel that does not depend on its stripes."""

    steps: tuple[StepRows, ...]
    ticks: int
    tensors: Mapping[str, TensorRows]  # between steps: made, fetched, or read of what was there
    slots: Mapping[str, int]  # ring rows of those that are made or fetched here
    outer: tuple[str, ...]  # tensors read here and made outside
    reverse: bool

    def clock(self, tensor: str) -> RowClock:
        """When the rows of a tensor that is made or fetched here are finished."""
        found = self.tensors[tensor].clock
        assert found is not None
        return found


def begin(
    graph: Graph,
    node: Node,
    outer: Collection[str],
    loaded: Sequence[str],
    reverse: bool = False,
) -> Progress:
    """A tunnel before its first step, which starts with `node`. What that reads sets the pace;
    whatever else is fetched comes as fast, for its height."""
    tensors = {
        tensor: TensorRows(first_clock(graph.tensors[tensor].shape[0]))
        for tensor in node.inputs
        if not needs_whole(graph, node, tensor)
    }
    height = graph.tensors[node.output].shape[0]  # where all is there from the start
    first = next((found.clock for found in tensors.values()), first_clock(height))
    assert first is not None
    for tensor in loaded:
        clock = paced(graph.tensors[tensor].shape[0], first)
        tensors.setdefault(tensor, TensorRows(clock))
    return Progress(first, outer, tensors, reverse)


def after(graph: Graph, before: Progress, plan: StepPlan) -> tuple[Progress, StepRows]:
    """The tunnel with one more step. Raises GeometryError when it cannot stream with the others."""
    reads = outside_reads(graph, plan)
    clock = _step_clock(graph, before, plan, reads)
    tensors = dict(before.tensors)
    _check_counts(clock)
    for tensor, position in reads:
        found = tensors.get(tensor, NOT_READ)
        if found.clock is not None:
            _check_counts(found.clock)
        readers = (*found.readers, Reader(plan, clock, position))
        tensors[tensor] = TensorRows(found.clock, found.piece, readers)
    tensors[last_tensor(graph, plan)] = TensorRows(_output_clock(graph, plan, clock), plan.rows)
    return before.having(tensors), StepRows(plan, clock, reads)


def _check_counts(clock: RowClock) -> None:
    """Raises GeometryError where C could not count the clock's rows, were the tunnel to run for as
    long again after them: how long it does is not known before its last step."""
    check_counts(clock, 2 * (last_tick(clock) + 1))


def tunnel_rows(
    graph: Graph, tunnel: TunnelPlan, loaded: Sequence[str], handed: Collection[str] = ()
) -> TunnelRows:
    """Clocks, ticks and ring heights.

    `loaded`: tensors that exist as rings although no step makes them: the graph inputs that the
    tunnel fetches itself. `handed`: outputs whose rows are handed over in the tick that makes them.

    Raises GeometryError when the steps cannot stream together.
    """
    made = [last_tensor(graph, step) for step in tunnel.steps]
    outer = tuple(
        dict.fromkeys(
            tensor
            for step in tunnel.steps
            for tensor, _ in outside_reads(graph, step)
            if tensor not in made and tensor not in loaded
        )
    )
    progress = begin(graph, graph.node(tunnel.nodes[0]), outer, loaded, tunnel.reverse)
    steps: list[StepRows] = []
    for plan in tunnel.steps:
        progress, step = after(graph, progress, plan)
        steps.append(step)
    tensors = progress.tensors
    clocks = [found.clock for found in tensors.values() if found.clock is not None]
    ticks = max(map(last_tick, clocks)) + 1
    for clock in (*clocks, *(step.clock for step in steps)):
        check_counts(clock, ticks)
    return TunnelRows(
        steps=tuple(steps),
        ticks=ticks,
        tensors=tensors,
        slots={
            tensor: ring_rows(graph, tensor, tensors[tensor], tunnel.reverse, tensor in handed)
            for tensor in (*loaded, *made)
        },
        outer=outer,
        reverse=tunnel.reverse,
    )


def _step_clock(
    graph: Graph, before: Progress, plan: StepPlan, reads: Sequence[tuple[str, int]]
) -> RowClock:
    """Rows of the step's pieces, from the slowest operand that the tunnel makes or fetches. Maps
    made outside are there already: only where there is no other operand do they set the pace."""
    inner: dict[str, RowClock] = {}
    for position, name in enumerate(plan.nodes):
        node = graph.node(name)
        _check_broadcasts(graph, node, before.outer)
        here = [
            tensor
            for tensor, at in reads
            if at == position and not needs_whole(graph, node, tensor)
        ]
        operands = [inner[tensor] for tensor in node.inputs if tensor in inner]
        for tensor in here:
            found = before.tensors[tensor].clock if tensor in before.tensors else None
            if tensor not in before.outer and found is not None:
                operands.append(found)
        if not operands:
            operands = [_pace(graph, before, tensor) for tensor in here]
        height = graph.tensors[node.output].shape[0]
        clock = operands[0] if operands else paced(height, before.first)
        for other in operands[1:]:
            clock = earlier(clock, other)
        if operands and not isinstance(node.op, GlobalAveragePool):
            clock = advance(clock, down(graph, node, before.reverse), height)
        inner[node.output] = clock
    return every(clock, plan.rows)


def _check_broadcasts(graph: Graph, node: Node, outer: Collection[str]) -> None:
    """Raises GeometryError where every row needs the whole of a map that arrives with the rows."""
    for tensor in node.inputs:
        if tensor not in outer and needs_whole(graph, node, tensor):
            raise GeometryError(f"{node.name} needs {tensor} whole, before its first row")


def _pace(graph: Graph, before: Progress, tensor: str) -> RowClock:
    """The clock of a map made outside: the tunnel's own pace, or as fast for its height."""
    known = before.tensors.get(tensor)
    if known is not None and known.clock is not None:
        return known.clock
    return paced(graph.tensors[tensor].shape[0], before.first)


def _output_clock(graph: Graph, plan: StepPlan, clock: RowClock) -> RowClock:
    if not is_mean(graph, plan):
        return clock
    height = graph.tensors[piece_tensor(graph, plan)].shape[0]
    return advance(clock, AxisMap(last=height - 1), 1)


def down(graph: Graph, node: Node, reverse: bool) -> AxisMap:
    """What a node reads along the rows, counted from the end in reverse."""
    found, _ = axis_maps(node.op)
    if not reverse:
        return found
    height = graph.tensors[node.inputs[0]].shape[0]
    return found.from_the_end(height, graph.tensors[node.output].shape[0])


def first_rows(
    graph: Graph, tensor: str, readers: Sequence[Reader], ticks: int, reverse: bool
) -> np.ndarray:
    """The first row of `tensor` that ticks from t onwards still read: int64 (ticks,).

    The height of the tensor where nothing does.
    """
    height = graph.tensors[tensor].shape[0]
    first = np.full(ticks, height, dtype=np.int64)
    for reader in readers:
        done = at_ticks(reader.clock, ticks)[:-1]
        if needs_whole(graph, graph.node(reader.plan.nodes[reader.position]), tensor):
            need = np.zeros(ticks, dtype=np.int64)
        else:
            need = np.maximum(_first_row(graph, reader, reverse, done), 0)
        need[done >= reader.clock.limit] = height
        first = np.minimum(first, need)
    # A row that a later tick reads must still be there now.
    return np.minimum.accumulate(first[::-1])[::-1]


def _first_row(graph: Graph, reader: Reader, reverse: bool, rows: np.ndarray) -> np.ndarray:
    """The first row that pieces from `rows` on read of an operand of the node that reads it."""
    plan = reader.plan
    first = {piece_tensor(graph, plan): rows}
    for name in reversed(plan.nodes[reader.position :]):
        node = graph.node(name)
        if isinstance(node.op, GlobalAveragePool):
            need = rows
        else:
            across = down(graph, node, reverse)
            need = (first[node.output] * across.stride + across.first) // across.up
            first.update(dict.fromkeys(node.inputs, need))
    return need


def ring_rows(graph: Graph, tensor: str, rows: TensorRows, reverse: bool, handed: bool) -> int:
    """Rows alive at once: made by the end of a tick, and still read in it or later. A call writes
    all rows of its piece, whether anything reads them or not; `handed`: all rows of the tick are
    read in it. A ring that moves every n rows only has n - 1 more."""
    assert rows.clock is not None
    ticks = max(map(last_tick, (rows.clock, *(reader.clock for reader in rows.readers)))) + 1
    made = at_ticks(rows.clock, ticks)
    first = first_rows(graph, tensor, rows.readers, ticks, reverse)
    if handed:
        first = np.minimum(first, made[:-1])
    alive = int((made[1:] - np.minimum(first, made[1:])).max(initial=1))
    needed = max(1, alive, min(rows.piece, int(np.diff(made).max())))
    spare = max((reader.plan.slide - 1 for reader in rows.readers), default=0)
    height = graph.tensors[tensor].shape[0]
    return max(needed, min(needed + spare, height))


def moved_rows(clock: RowClock, slots: int, every: int) -> tuple[int, int]:
    """Of a ring of `slots` rows that slides, its tensor's `clock` given, once in `every` rows: how
    often its rows move while one stripe runs, and how many rows that is in all."""
    made = at_ticks(clock, last_tick(clock) + 1)
    origin = -(-np.maximum(made - slots, 0) // every) * every
    by = np.diff(origin)
    moves = np.where(by > 0, np.maximum(slots - by, 0), 0)
    return int((moves > 0).sum()), int(moves.sum())


def first_bytes(graph: Graph, source: str, readers: Sequence[Reader], reverse: bool) -> np.ndarray:
    """Where the bytes of an outer map `source` begin that a tunnel of one stripe still reads, from
    each tick on until all are read: int64 (ticks,), counted from the map's start."""
    _, width, channels = graph.tensors[source].shape
    ticks = max(last_tick(reader.clock) for reader in readers) + 1
    return first_rows(graph, source, readers, ticks, reverse) * (width * channels)


def overlap_distance(
    graph: Graph, source: str, first: np.ndarray, target: str, made: RowClock
) -> int:
    """How many bytes below an outer map `source` the map `target` must start, to be written over
    it while the tunnel (of one stripe) runs: o_target <= o_source - distance. May be negative.
    `first`: the source's `first_bytes`. `made`: the clock of `target`.

    By the end of each tick, what is written of `target` must lie below the first row of `source`
    that this tick or a later one reads. Run in reverse the same holds for their ends, above.
    """
    _, width, channels = graph.tensors[target].shape
    written = at_ticks(made, len(first))[1:] * (width * channels)
    behind = graph.tensors[target].bytes - graph.tensors[source].bytes  # when all is read
    return max(int((written - first).max()), behind)
