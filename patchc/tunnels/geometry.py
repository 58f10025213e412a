"""The geometry of a tunnel: when its rows are made, which columns, and how tall its rings are.

Time is counted in ticks. A tick brings one more row of the tunnel's first operand, its pace; every
tensor's finished rows are a clamped affine function of the tick (RowClock), because the rows that a
window yields are an affine function of the rows it has, and floors of floors compose:

    rows(out) = (rows(in) * up - last - 1) // stride + 1          (regions.AxisMap)

A tunnel may also run from the last row to the first. Rows are then counted from the bottom, and
everything here holds with the padding that the windows use there.

Past the last row the pace runs on virtually, which is what brings the rows that look into the
padding at the bottom. Columns go the other way: a stripe of the outputs demands a hull of columns
of each operand, halo included (regions.demand).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from patchc.ir import Conv, GlobalAveragePool, Graph, Node, broadcasts
from patchc.tunnels.plan import StepPlan, TunnelPlan
from patchc.tunnels.regions import AxisMap, axis_maps, demand
from patchc.tunnels.schedule import RowClock, Span


class GeometryError(Exception):
    """The steps cannot run as a tunnel. `str(error)` says why."""


@dataclass(frozen=True, slots=True)
class StepRows:
    """One step of a tunnel along the rows."""

    plan: StepPlan
    clock: RowClock  # rows of its pieces finished: of its output, or of a mean's input
    reads: tuple[tuple[str, int], ...]  # (tensor, node position in the step) from outside the step


Reader = tuple[StepRows, int]  # a step, and the position of its node that reads


@dataclass(frozen=True, slots=True)
class TunnelRows:
    """Everything about a tunnel that does not depend on its stripes."""

    steps: tuple[StepRows, ...]
    ticks: int
    clocks: Mapping[str, RowClock]  # tensors that exist between steps, the pace and loads included
    slots: Mapping[str, int]  # ring rows of those that are made or loaded here
    outer: tuple[str, ...]  # tensors read here and made outside
    reverse: bool

    @property
    def readers(self) -> Mapping[str, Sequence[Reader]]:
        """Who reads each tensor from outside its step."""
        found: dict[str, list[Reader]] = {}
        for step in self.steps:
            for tensor, position in step.reads:
                found.setdefault(tensor, []).append((step, position))
        return found


def last_tensor(graph: Graph, step: StepPlan) -> str:
    """The tensor that a step writes."""
    return graph.node(step.nodes[-1]).output


def is_mean(graph: Graph, step: StepPlan) -> bool:
    """Does the step add its input up while rows arrive, to finish it at the end?"""
    return isinstance(graph.node(step.nodes[-1]).op, GlobalAveragePool)


def piece_tensor(graph: Graph, step: StepPlan) -> str:
    """The tensor whose rows and columns a step's pieces are: its output, or a mean's input."""
    node = graph.node(step.nodes[-1])
    return node.inputs[0] if is_mean(graph, step) else node.output


def outside_reads(graph: Graph, step: StepPlan) -> tuple[tuple[str, int], ...]:
    """(tensor, position of the node that reads it), for tensors made outside the step."""
    inner = {graph.node(name).output for name in step.nodes}
    return tuple(
        (tensor, position)
        for position, name in enumerate(step.nodes)
        for tensor in dict.fromkeys(graph.node(name).inputs)
        if tensor not in inner
    )


def reach(graph: Graph, step: StepPlan, rows: Span, cols: Span) -> list[tuple[Span, Span]]:
    """Per node of a step: the rows and columns of its output behind a piece of the last one.

    A mean's own entry is the piece itself (of its input).
    """
    spans = {piece_tensor(graph, step): (rows, cols)}
    found: list[tuple[Span, Span]] = []
    for name in reversed(step.nodes):
        node = graph.node(name)
        mean = isinstance(node.op, GlobalAveragePool)
        own = (rows, cols) if mean else spans[node.output]
        found.insert(0, own)
        if not mean:
            for tensor in node.inputs:
                height, width, _ = graph.tensors[tensor].shape
                spans[tensor] = demand(node.op, *own, height, width)
    return found


def operand_span(
    graph: Graph, node: Node, tensor: str, rows: Span, cols: Span
) -> tuple[Span, Span]:
    """Rows and columns of `tensor` behind a piece of `node` (of a mean: the piece itself)."""
    if isinstance(node.op, GlobalAveragePool):
        return rows, cols
    height, width, _ = graph.tensors[tensor].shape
    return demand(node.op, rows, cols, height, width)


def broadcast_input(graph: Graph, tensor: str) -> bool:
    """Is it a map of one pixel that some node needs for all of its rows?"""
    return any(broadcasts(graph, node, tensor) for node in graph.consumers[tensor])


def _advance(clock: RowClock, down: AxisMap, limit: int) -> RowClock:
    """The clock of an operator's output from that of its input. Exact: see the module's text."""
    shift = down.stride - down.last - 1
    if clock.mul * down.up == 1:
        offset = clock.offset + clock.den * (clock.add + shift)
        return RowClock(clock.num, clock.den * down.stride, offset, limit)
    mul, add = clock.mul * down.up, clock.add * down.up + shift
    if down.stride > 1 and down.up > 1:
        # A Resize by no whole factor. A floor of a floor loses at most one unit less one step of
        # the denominator; with that taken off, this clock is never ahead of the rows there are.
        offset = mul * (clock.offset - clock.den + 1) + clock.den * add
        return RowClock(clock.num * mul, clock.den * down.stride, offset, limit)
    if mul % down.stride:
        raise GeometryError(f"{mul} rows at a time do not divide by the stride {down.stride}")
    return replace(clock, mul=mul // down.stride, add=add // down.stride, limit=limit)


def _every(clock: RowClock, rows: int) -> RowClock:
    """The same clock, in steps of `rows` rows."""
    if rows == 1:
        return clock
    if clock.mul != 1:
        raise GeometryError("two steps of several rows follow each other")
    offset = clock.offset + clock.den * clock.add
    return RowClock(clock.num, clock.den * rows, offset, clock.limit, mul=rows)


def _through(graph: Graph, node: Node, clock: RowClock, reverse: bool) -> RowClock:
    return _advance(clock, _down(graph, node, reverse), graph.tensors[node.output].shape[0])


def _down(graph: Graph, node: Node, reverse: bool) -> AxisMap:
    """What a node reads along the rows, counted from the end in reverse."""
    down, _ = axis_maps(node.op)
    if not reverse:
        return down
    height = graph.tensors[node.inputs[0]].shape[0]
    return down.from_the_end(height, graph.tensors[node.output].shape[0])


def _earlier(a: RowClock, b: RowClock) -> RowClock:
    """A clock that is never ahead of either: the slower one, held back where that is ahead."""
    if (a.num, a.den, a.mul) == (b.num, b.den, b.mul):
        return a if a.mul * a.offset + a.add * a.den <= b.mul * b.offset + b.add * b.den else b
    slow, fast = sorted((a, b), key=lambda c: (Fraction(c.mul * c.num, c.den), c.mul))
    ticks = _last_tick(fast) + 1
    ahead = int((_unlimited(slow, ticks) - at_ticks(fast, ticks)[1:]).max())
    return replace(slow, add=slow.add - max(ahead, 0))


def tunnel_rows(
    graph: Graph, tunnel: TunnelPlan, loaded: Sequence[str], pace: int = 1
) -> TunnelRows:
    """Clocks, ticks and ring heights.

    `loaded`: tensors that exist as rings although no step makes them: the graph inputs that the
    tunnel fetches itself. `pace`: rows of the first operand per tick.

    Raises GeometryError when the steps cannot stream together.
    """
    made = dict.fromkeys(last_tensor(graph, step) for step in tunnel.steps)
    _check_broadcasts(graph, tunnel, loaded)
    reads = [outside_reads(graph, step) for step in tunnel.steps]
    outer = tuple(
        dict.fromkeys(
            tensor
            for read in reads
            for tensor, _ in read
            if tensor not in made and tensor not in loaded
        )
    )
    clocks: dict[str, RowClock] = {}
    steps: list[StepRows] = []
    for plan, read in zip(tunnel.steps, reads, strict=True):
        if not steps:
            for tensor, position in read:
                if position == 0:
                    height = graph.tensors[tensor].shape[0]
                    clocks[tensor] = RowClock(1, 1, 1, height, mul=pace)
        clock = _step_clock(graph, plan, read, clocks, outer, tunnel.reverse)
        steps.append(StepRows(plan, clock, read))
        clocks[last_tensor(graph, plan)] = _output_clock(graph, plan, clock)
    for tensor, _ in (pair for read in reads for pair in read):
        if tensor in loaded and tensor not in clocks:
            raise GeometryError(f"{tensor} is fetched, but not for the first step")
    ticks = max(_last_tick(clock) for clock in clocks.values()) + 1
    rows = TunnelRows(tuple(steps), ticks, clocks, {}, outer, tunnel.reverse)
    readers = rows.readers
    slots = {
        tensor: _ring(graph, tensor, rows, readers.get(tensor, ()))
        for tensor in (*loaded, *made)
        if tensor in clocks
    }
    return replace(rows, slots=slots)


def _check_broadcasts(graph: Graph, tunnel: TunnelPlan, loaded: Sequence[str]) -> None:
    """Raises GeometryError where every row needs the whole of a map that arrives with the rows."""
    nodes = [graph.node(name) for name in tunnel.nodes]
    inside = {*loaded, *(node.output for node in nodes)}
    for node in nodes:
        for tensor in node.inputs:
            if tensor in inside and broadcasts(graph, node, tensor):
                raise GeometryError(f"{node.name} needs {tensor} whole, before its first row")


def _step_clock(
    graph: Graph,
    plan: StepPlan,
    reads: Sequence[tuple[str, int]],
    clocks: dict[str, RowClock],
    outer: Sequence[str],
    reverse: bool,
) -> RowClock:
    """Rows of the step's pieces, from the slowest operand that the tunnel makes or fetches. Maps
    made outside are there already: only where there is no other operand do they set the pace."""
    inner: dict[str, RowClock] = {}
    for position, name in enumerate(plan.nodes):
        node = graph.node(name)
        here = [
            tensor for tensor, at in reads if at == position and not broadcasts(graph, node, tensor)
        ]
        operands = [inner[tensor] for tensor in node.inputs if tensor in inner]
        operands += [clocks[tensor] for tensor in here if tensor not in outer and tensor in clocks]
        if not operands:
            operands = [_pace(graph, tensor, clocks) for tensor in here if tensor in outer]
        if not operands:
            raise GeometryError(f"{name} reads nothing that the tunnel makes")
        found = operands[0]
        for other in operands[1:]:
            found = _earlier(found, other)
        if not isinstance(node.op, GlobalAveragePool):
            found = _through(graph, node, found, reverse)
        inner[node.output] = found
    return _every(found, plan.rows)


def _pace(graph: Graph, tensor: str, clocks: dict[str, RowClock]) -> RowClock:
    """The clock of a map made outside: as fast, for its height, as the tunnel's first operand."""
    if tensor not in clocks:
        height, first = graph.tensors[tensor].shape[0], next(iter(clocks.values()))
        rate = Fraction(first.mul * height, first.limit)
        clocks[tensor] = RowClock(rate.numerator, rate.denominator, rate.numerator, height)
    return clocks[tensor]


def _output_clock(graph: Graph, plan: StepPlan, clock: RowClock) -> RowClock:
    if not is_mean(graph, plan):
        return clock
    height = graph.tensors[piece_tensor(graph, plan)].shape[0]
    return _advance(clock, AxisMap(last=height - 1), 1)


def _last_tick(clock: RowClock) -> int:
    """The first tick after which every row is finished."""
    chunks = -(-(clock.limit - clock.add) // clock.mul)
    return max(0, -(-(chunks * clock.den - clock.offset) // clock.num))


@lru_cache(maxsize=4096)
def at_ticks(clock: RowClock, ticks: int) -> np.ndarray:
    """Rows finished before tick 0, 1, ... and after the last: int64 (ticks + 1,), read-only."""
    rows = np.zeros(ticks + 1, dtype=np.int64)
    rows[1:] = np.minimum(np.maximum(_unlimited(clock, ticks), 0), clock.limit)
    rows.setflags(write=False)
    return rows


def _unlimited(clock: RowClock, ticks: int) -> np.ndarray:
    """The same after each tick, borders of the map aside: int64 (ticks,)."""
    t = np.arange(ticks, dtype=np.int64)
    return clock.mul * ((clock.num * t + clock.offset) // clock.den) + clock.add


def first_rows(
    graph: Graph, tensor: str, rows: TunnelRows, readers: Sequence[Reader]
) -> np.ndarray:
    """The first row of `tensor` that ticks from t onwards still read: int64 (ticks,).

    The height of the tensor where nothing does. `readers`: its own, in `rows`.
    """
    height = graph.tensors[tensor].shape[0]
    first = np.full(rows.ticks, height, dtype=np.int64)
    for step, position in readers:
        done = at_ticks(step.clock, rows.ticks)[:-1]
        if broadcasts(graph, graph.node(step.plan.nodes[position]), tensor):
            need = np.zeros(rows.ticks, dtype=np.int64)
        else:
            need = np.maximum(_first_row(graph, step.plan, position, rows.reverse, done), 0)
        need[done >= step.clock.limit] = height
        first = np.minimum(first, need)
    # A row that a later tick reads must still be there now.
    return np.minimum.accumulate(first[::-1])[::-1]


def _first_row(
    graph: Graph, plan: StepPlan, position: int, reverse: bool, rows: np.ndarray
) -> np.ndarray:
    """The first row that pieces from `rows` on read of their operand at node `position`."""
    first = {piece_tensor(graph, plan): rows}
    for name in reversed(plan.nodes[position:]):
        node = graph.node(name)
        if isinstance(node.op, GlobalAveragePool):
            need = rows
        else:
            down = _down(graph, node, reverse)
            need = (first[node.output] * down.stride + down.first) // down.up
            first.update(dict.fromkeys(node.inputs, need))
    return need


def _ring(graph: Graph, tensor: str, rows: TunnelRows, readers: Sequence[Reader]) -> int:
    """Rows alive at once: made by the end of a tick, and still read in it or later. A call writes
    all rows of its piece, whether anything reads them or not."""
    made = at_ticks(rows.clocks[tensor], rows.ticks)
    first = first_rows(graph, tensor, rows, readers)
    alive = int((made[1:] - np.minimum(first, made[1:])).max(initial=1))
    piece = next((s.plan.rows for s in rows.steps if last_tensor(graph, s.plan) == tensor), 1)
    return max(1, alive, min(piece, int(np.diff(made).max())))


def tunnel_cols(
    graph: Graph, tunnel: TunnelPlan, rows: TunnelRows, outputs: Sequence[str]
) -> dict[str, tuple[Span, ...]]:
    """Per tensor and stripe: the columns computed (or loaded, or read of outer tensors).

    `outputs`: tensors that leave the tunnel; stripe q owns columns q*w//n .. (q+1)*w//n of each.
    A mean's entry is under its input.
    """
    count = tunnel.stripes
    spans: dict[str, list[Span | None]] = {}
    for name in outputs:
        width = graph.tensors[name].shape[1]
        spans[name] = [Span(q * width // count, (q + 1) * width // count) for q in range(count)]
    for step in reversed(rows.steps):
        piece = piece_tensor(graph, step.plan)
        if is_mean(graph, step.plan):
            width = graph.tensors[piece].shape[1]
            spans[piece] = [
                Span(q * width // count, (q + 1) * width // count) for q in range(count)
            ]
        own = spans.get(piece)
        if own is None or any(span is None for span in own):
            raise GeometryError(f"nothing reads {piece}")
        height = graph.tensors[piece].shape[0]
        for q, span in enumerate(own):
            assert span is not None
            inner = reach(graph, step.plan, Span(0, height), span)
            for tensor, position in step.reads:
                node = graph.node(step.plan.nodes[position])
                _, cols = operand_span(graph, node, tensor, *inner[position])
                spans.setdefault(tensor, [None] * count)[q] = _hull(
                    spans[tensor][q] if tensor in spans else None, cols
                )
    return {
        name: tuple(span if span is not None else Span(0, 0) for span in found)
        for name, found in spans.items()
    }


def _hull(a: Span | None, b: Span) -> Span:
    if a is None or a.start >= a.stop:
        return b
    if b.start >= b.stop:
        return a
    return Span(min(a.start, b.start), max(a.stop, b.stop))


def overlap_distance(graph: Graph, rows: TunnelRows, source: str, target: str) -> int:
    """How many bytes below an outer map `source` the map `target` must start, to be written over
    it while the tunnel (of one stripe) runs: o_target <= o_source - distance. May be negative.

    By the end of each tick, what is written of `target` must lie below the first row of `source`
    that this tick or a later one reads. Run in reverse the same holds for their ends, above.
    """
    _, width_s, channels_s = graph.tensors[source].shape
    _, width_t, channels_t = graph.tensors[target].shape
    written = at_ticks(rows.clocks[target], rows.ticks)[1:] * (width_t * channels_t)
    first = first_rows(graph, source, rows, rows.readers.get(source, ()))
    return int((written - first * (width_s * channels_s)).max())


def macs_per_pixel(graph: Graph, node: Node) -> int:
    """Multiply-accumulates behind one output pixel of a node."""
    if not isinstance(node.op, Conv):
        return 0
    return int(node.op.weights.size)
