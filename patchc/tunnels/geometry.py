"""The geometry of a tunnel: when its rows are made, which columns, and how tall its rings are.

Time is counted in ticks. A tick brings one more row of the tunnel's first operand, its pace; every
tensor's finished rows are a clamped affine function of the tick (RowClock), because the rows that a
window yields are an affine function of the rows it has, and floors of floors compose:

    rows(out) = (rows(in) + pad_top - extent) // stride + 1

A tunnel may also run from the last row to the first. Rows are then counted from the bottom, and
everything here holds with the padding that the windows use there.

Past the last row the pace runs on virtually, which is what brings the rows that look into the
padding at the bottom. Columns go the other way: a stripe of the outputs demands a hull of columns
of each operand, halo included (regions.demand).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from patchc.ir import Conv, GlobalAveragePool, Graph, Node, Window, broadcasts
from patchc.tunnels.plan import StepPlan, TunnelPlan
from patchc.tunnels.regions import demand
from patchc.tunnels.schedule import RowClock, Span


class GeometryError(Exception):
    """The steps cannot run as a tunnel. `str(error)` says why."""


@dataclass(frozen=True, slots=True)
class StepRows:
    """One step of a tunnel along the rows."""

    plan: StepPlan
    clock: RowClock  # rows of its pieces finished: of its output, or of a mean's input
    reads: tuple[tuple[str, int], ...]  # (tensor, node position in the step) from outside the step


@dataclass(frozen=True, slots=True)
class TunnelRows:
    """Everything about a tunnel that does not depend on its stripes."""

    steps: tuple[StepRows, ...]
    ticks: int
    clocks: Mapping[str, RowClock]  # tensors that exist between steps, the pace and loads included
    slots: Mapping[str, int]  # ring rows of those that are made or loaded here
    outer: tuple[str, ...]  # tensors read here and made outside
    reverse: bool


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
    spans: list[tuple[Span, Span]] = [(rows, cols)]
    names = list(step.nodes)
    node = graph.node(names.pop())
    if isinstance(node.op, GlobalAveragePool) and names:
        spans.insert(0, (rows, cols))
        node = graph.node(names.pop())
    for name in reversed(names):
        height, width, _ = graph.tensors[graph.node(name).output].shape
        rows, cols = demand(node.op, rows, cols, height, width)
        spans.insert(0, (rows, cols))
        node = graph.node(name)
    return spans


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


def _advance(clock: RowClock, extent: int, stride: int, pad: int, limit: int) -> RowClock:
    """The clock of a window's output from that of its input. Exact: see the module's text."""
    shift = pad - extent + stride
    if clock.mul == 1:
        offset = clock.offset + clock.den * (clock.add + shift)
        return RowClock(clock.num, clock.den * stride, offset, limit)
    if clock.mul % stride:
        raise GeometryError(f"{clock.mul} rows at a time do not divide by the stride {stride}")
    return replace(clock, mul=clock.mul // stride, add=(clock.add + shift) // stride, limit=limit)


def _every(clock: RowClock, rows: int) -> RowClock:
    """The same clock, in steps of `rows` rows."""
    if rows == 1:
        return clock
    if clock.mul != 1:
        raise GeometryError("two steps of several rows follow each other")
    offset = clock.offset + clock.den * clock.add
    return RowClock(clock.num, clock.den * rows, offset, clock.limit, mul=rows)


def _through(graph: Graph, node: Node, clock: RowClock, reverse: bool) -> RowClock:
    height = graph.tensors[node.output].shape[0]
    window = getattr(node.op, "window", None)
    if window is None:
        return replace(clock, limit=height)
    pad = _leading_pad(graph, node, window, reverse)
    return _advance(clock, window.extent[0], window.stride[0], pad, height)


def _leading_pad(graph: Graph, node: Node, window: Window, reverse: bool) -> int:
    """Rows of padding before the first row, or as many after the last row as windows really use
    (fewer than none where the last rows are never read)."""
    if not reverse:
        return window.pads.top
    height = graph.tensors[node.inputs[0]].shape[0]
    last = (graph.tensors[node.output].shape[0] - 1) * window.stride[0] - window.pads.top
    return last + window.extent[0] - height


def _earlier(a: RowClock, b: RowClock) -> RowClock:
    """The slower of two clocks of one rate."""
    if (a.num, a.den, a.mul) != (b.num, b.den, b.mul):
        raise GeometryError("two operands advance at different rates")
    return a if a.mul * a.offset + a.add * a.den <= b.mul * b.offset + b.add * b.den else b


def tunnel_rows(
    graph: Graph, tunnel: TunnelPlan, loaded: Sequence[str], pace: int = 1
) -> TunnelRows:
    """Clocks, ticks and ring heights.

    `loaded`: tensors that exist as rings although no step makes them: the graph inputs that the
    tunnel fetches itself. `pace`: rows of the first operand per tick.

    Raises GeometryError when the steps cannot stream together.
    """
    made = {last_tensor(graph, step) for step in tunnel.steps}
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
        clock = _step_clock(graph, plan, read, clocks, tunnel.reverse, 0 if steps else pace)
        steps.append(StepRows(plan, clock, read))
        clocks[last_tensor(graph, plan)] = _output_clock(graph, plan, clock)
    for tensor, _ in (pair for read in reads for pair in read):
        if tensor in loaded and tensor not in clocks:
            raise GeometryError(f"{tensor} is fetched, but not for the first step")
    ticks = max(_last_tick(clock) for clock in clocks.values()) + 1
    steps_ = tuple(steps)
    slots = {
        tensor: _ring(graph, tensor, clocks[tensor], steps_, ticks, tunnel.reverse)
        for tensor in (*loaded, *made)
        if tensor in clocks
    }
    return TunnelRows(steps_, ticks, clocks, slots, outer, tunnel.reverse)


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
    reverse: bool,
    pace: int,
) -> RowClock:
    """Rows of the step's pieces, from the slowest operand that the tunnel makes or paces.

    `pace` > 0: this is the first step, whose operands come at that many rows per tick.
    """
    if pace:
        for tensor, position in reads:
            if position == 0 and not broadcasts(graph, graph.node(plan.nodes[0]), tensor):
                height = graph.tensors[tensor].shape[0]
                clocks.setdefault(tensor, RowClock(1, 1, 1, height, mul=pace))
    found: RowClock | None = None
    for position, name in enumerate(plan.nodes):
        node = graph.node(name)
        operands = [] if found is None else [found]
        operands += [
            clocks[t]
            for t, at in reads
            if at == position and t in clocks and not broadcasts(graph, node, t)
        ]
        if not operands:
            raise GeometryError(f"{name} reads nothing that the tunnel makes")
        found = operands[0]
        for other in operands[1:]:
            found = _earlier(found, other)
        if not isinstance(node.op, GlobalAveragePool):
            found = _through(graph, node, found, reverse)
    assert found is not None
    return _every(found, plan.rows)


def _output_clock(graph: Graph, plan: StepPlan, clock: RowClock) -> RowClock:
    if not is_mean(graph, plan):
        return clock
    height = graph.tensors[piece_tensor(graph, plan)].shape[0]
    return _advance(clock, height, 1, 0, 1)


def _last_tick(clock: RowClock) -> int:
    """The first tick after which every row is finished."""
    chunks = -(-(clock.limit - clock.add) // clock.mul)
    return max(0, -(-(chunks * clock.den - clock.offset) // clock.num))


@lru_cache(maxsize=4096)
def at_ticks(clock: RowClock, ticks: int) -> np.ndarray:
    """Rows finished before tick 0, 1, ... and after the last: int64 (ticks + 1,), read-only."""
    t = np.arange(-1, ticks, dtype=np.int64)
    rows = clock.mul * ((clock.num * t + clock.offset) // clock.den) + clock.add
    rows = np.minimum(np.maximum(rows, 0), clock.limit)
    rows[0] = 0
    rows.setflags(write=False)
    return rows


def first_rows(
    graph: Graph, tensor: str, steps: Sequence[StepRows], ticks: int, reverse: bool
) -> np.ndarray:
    """The first row of `tensor` that ticks from t onwards still read: int64 (ticks,).

    The height of the tensor where nothing does.
    """
    height = graph.tensors[tensor].shape[0]
    first = np.full(ticks, height, dtype=np.int64)
    for step in steps:
        for name, position in step.reads:
            if name != tensor:
                continue
            done = at_ticks(step.clock, ticks)[:-1]
            scale, shift = _first_row_map(graph, step.plan, position, reverse)
            if broadcasts(graph, graph.node(step.plan.nodes[position]), tensor):
                scale, shift = 0, 0
            need = np.maximum(done * scale + shift, 0)
            need[done >= step.clock.limit] = height
            first = np.minimum(first, need)
    # A row that a later tick reads must still be there now.
    return np.minimum.accumulate(first[::-1])[::-1]


def _first_row_map(graph: Graph, plan: StepPlan, position: int, reverse: bool) -> tuple[int, int]:
    """(scale, shift): a piece from row r reads its operand at node `position` from r * scale +
    shift on."""
    scale, shift = 1, 0
    for name in reversed(plan.nodes[position:]):
        node = graph.node(name)
        window = getattr(node.op, "window", None)
        if window is not None:
            pad = _leading_pad(graph, node, window, reverse)
            scale, shift = scale * window.stride[0], shift * window.stride[0] - pad
    return scale, shift


def _ring(
    graph: Graph,
    tensor: str,
    clock: RowClock,
    steps: Sequence[StepRows],
    ticks: int,
    reverse: bool,
) -> int:
    """Rows alive at once: made by the end of a tick, and still read in it or later. A call writes
    all rows of its piece, whether anything reads them or not."""
    made = at_ticks(clock, ticks)
    first = first_rows(graph, tensor, steps, ticks, reverse)
    alive = int((made[1:] - np.minimum(first, made[1:])).max(initial=1))
    piece = next((s.plan.rows for s in steps if last_tensor(graph, s.plan) == tensor), 1)
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
    first = first_rows(graph, source, rows.steps, rows.ticks, rows.reverse)
    return int((written - first * (width_s * channels_s)).max())


def macs_per_pixel(graph: Graph, node: Node) -> int:
    """Multiply-accumulates behind one output pixel of a node."""
    if not isinstance(node.op, Conv):
        return 0
    return int(np.prod(node.op.weights.shape))
