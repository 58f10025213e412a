"""What a schedule executes: features of kernels; multiply-accumulates and calls per node; bytes of
the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from patchc.choices import InputMode
from patchc.geometry.rows import moved_rows
from patchc.geometry.span import Span
from patchc.geometry.step import operand_span, reach
from patchc.ir import Graph
from patchc.kernels.features import Extent, Features
from patchc.kernels.kernel import Kernel, Role, Site, Slicing, site_of
from patchc.kernels.slide import SLIDE, slide_work
from patchc.plan.types import StepPlan
from patchc.schedule.extents import finish_site, rounds, tile_count
from patchc.schedule.types import (
    Accumulate,
    Block,
    Compute,
    Finish,
    KernelCall,
    Load,
    Move,
    Schedule,
    Step,
    Store,
)


@dataclass(frozen=True, slots=True)
class Executed:
    """What one kernel executes of one node, or what moving the rows of a ring does."""

    node: str  # of a ring: the one that makes its rows; empty: they are a graph input's
    kernel: Kernel
    extent: Extent | None  # None: rows are moved
    features: Features


@dataclass(frozen=True, slots=True)
class Work:
    """What is executed of one node."""

    macs: int  # recomputed ones included
    calls: int  # of its kernel, each of which reads all of its constants


def executed_work(schedule: Schedule) -> dict[str, Work]:
    """Node -> work, over all stripes, ticks and pieces. What finishes sums is left out: it
    multiplies nothing by weights."""
    return {
        one.node: Work(one.features.macs, one.extent.pieces)
        for one in executed(schedule)
        if one.extent is not None and one.kernel.role is not Role.FINISH
    }


def executed(schedule: Schedule) -> Iterator[Executed]:
    """What each kernel call of the program executes, over all stripes, ticks and pieces."""
    for block in schedule.blocks:
        for step in block.steps:
            yield from executed_by(schedule, block, step)


def executed_by(schedule: Schedule, block: Block, step: Step) -> Iterator[Executed]:
    """What each kernel call of a step executes, over all stripes, ticks and pieces."""
    if isinstance(step.calls[0], Move):
        yield _moved(schedule, step)
    tiles = sum(tile_count(span.stop - span.start, step.tile) for span in step.cols)
    pieces = list(row_pieces(schedule, block, step))
    yield from _of_pieces(schedule, step, pieces, step.cols, tiles)


def executed_by_piece(schedule: Schedule, block: Block, step: Step) -> Iterator[Executed]:
    """What each kernel call of a step executes for one piece, of the most rows and columns that any
    piece demands."""
    if isinstance(step.calls[0], Move):
        times, rows, pitch = _moves(schedule, step)
        work = slide_work(min(times, 1), -(-rows // max(times, 1)), pitch)
        yield Executed("", SLIDE, None, work)
    if not step.nodes:
        return
    graph, plan = schedule.graph, StepPlan(step.nodes)

    def rows_of(piece: Span) -> int:
        return sum(rows.stop - rows.start for rows, _ in reach(graph, plan, piece, Span(0, 1)))

    def columns_of(piece: Span) -> int:
        return sum(cols.stop - cols.start for _, cols in reach(graph, plan, Span(0, 1), piece))

    tallest = max(row_pieces(schedule, block, step), key=rows_of, default=None)
    wide = step.tile or max(span.stop for span in step.cols)
    across = (
        Span(start, min(start + wide, span.stop))
        for span in step.cols
        for start in range(span.start, span.stop, wide or 1)
    )
    widest = max(across, key=columns_of, default=None)
    if tallest is not None and widest is not None:
        yield from _of_pieces(schedule, step, [tallest], (widest,), 1)


def _of_pieces(
    schedule: Schedule, step: Step, pieces: Sequence[Span], stripes: Sequence[Span], tiles: int
) -> Iterator[Executed]:
    """What the kernel calls of a step execute for some of its pieces: rows `pieces` of the columns
    `stripes`, which are `tiles` pieces wide together."""
    graph, nodes = schedule.graph, step.nodes
    if not nodes:
        return
    plan = StepPlan(nodes)
    rows, cols = dict.fromkeys(nodes, 0), dict.fromkeys(nodes, 0)
    for piece in pieces:
        for name, (span, _) in zip(nodes, reach(graph, plan, piece, Span(0, 1)), strict=True):
            rows[name] += span.stop - span.start
    for columns in stripes:
        for name, (_, span) in zip(nodes, reach(graph, plan, Span(0, 1), columns), strict=True):
            cols[name] += span.stop - span.start
    for call in step.all_calls:
        if isinstance(call, KernelCall):
            site = _site(graph, step, call)
            size = Extent(
                len(pieces), rows[call.node], tiles, cols[call.node], rounds(site), step.tile
            )
            yield Executed(call.node, call.kernel, size, call.kernel.work(site, size))


def _moves(schedule: Schedule, step: Step) -> tuple[int, int, int]:
    """How often the rows of a ring move in one stripe, how many in all, and bytes of each."""
    held = schedule.storages[step.piece]
    assert held.slide is not None
    times, rows = moved_rows(held.slide.clock, held.slots, held.slide.every)
    return times, rows, held.pitch


def _moved(schedule: Schedule, step: Step) -> Executed:
    """What moving the rows of a ring executes."""
    stripes = sum(span.start < span.stop for span in step.cols)
    times, rows, pitch = _moves(schedule, step)
    producer = schedule.graph.producer.get(step.piece)
    name = producer.name if producer is not None else ""
    return Executed(name, SLIDE, None, slide_work(times * stripes, rows * stripes, pitch))


def _site(graph: Graph, step: Step, call: Compute | Accumulate | Finish) -> Site:
    """Where a call runs, as far as its work depends on it."""
    found = site_of(graph, graph.node(call.node), role=call.kernel.role)
    if isinstance(call, Finish):
        return finish_site(found)
    group = 0 if call.slicing is Slicing.ALL else step.group
    return replace(found, slicing=call.slicing, group=group)


def row_pieces(schedule: Schedule, block: Block, step: Step) -> Iterator[Span]:
    """Rows of the piece tensor, piece by piece, for one stripe."""
    height = schedule.graph.tensors[step.piece].shape[0]
    for tick in range(block.ticks):
        start, stop = step.rows.at(tick - 1), step.rows.at(tick)
        for row in range(start, stop, step.rows_per_call):
            end = min(row + step.rows_per_call, stop)
            yield Span(height - end, height - row) if block.reverse else Span(row, end)


def input_reads(schedule: Schedule) -> tuple[int, int]:
    """Bytes of the inputs that one inference fetches, and how often it starts at their top.

    With a callback: what the callback delivers. Else what the stripes of the tunnels that read an
    input need of it, each row once per stripe.
    """
    graph = schedule.graph
    callback = schedule.input_mode in (InputMode.TILES, InputMode.STREAM)
    total, passes = 0, 0
    for block in schedule.blocks:
        for step in block.steps:
            if isinstance(step.calls[0], Load):
                height, _, channels = graph.tensors[step.piece].shape
                total += sum(span.stop - span.start for span in step.cols) * height * channels
                passes = max(passes, block.stripes)
            elif not callback and not isinstance(step.calls[0], Store | Move):
                read = _input_columns(schedule, step)
                total += read
                passes += block.stripes if read else 0
    return total, passes


def _input_columns(schedule: Schedule, step: Step) -> int:
    """Bytes of inputs in the columns that a step's stripes demand, all rows of each."""
    graph = schedule.graph
    nodes = step.nodes
    total = 0
    for columns in step.cols:
        reached = reach(graph, StepPlan(nodes), Span(0, 1), columns)
        for name, (rows, cols) in zip(nodes, reached, strict=True):
            node = graph.node(name)
            for tensor in dict.fromkeys(node.inputs):
                if tensor in graph.inputs:
                    _, span = operand_span(graph, node, tensor, rows, cols)
                    height, _, channels = graph.tensors[tensor].shape
                    total += (span.stop - span.start) * height * channels
    return total
