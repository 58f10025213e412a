"""What a schedule executes: features of kernels; multiply-accumulates and calls per node; bytes of
the image."""

from __future__ import annotations

from collections.abc import Iterator
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
    graph = schedule.graph
    for block in schedule.blocks:
        for step in block.steps:
            nodes = step.nodes
            if isinstance(step.calls[0], Move):
                yield _moved(schedule, step)
            if not nodes:
                continue
            plan = StepPlan(nodes)
            rows, cols = dict.fromkeys(nodes, 0), dict.fromkeys(nodes, 0)
            pieces = list(row_pieces(schedule, block, step))
            for piece in pieces:
                for name, (span, _) in zip(
                    nodes, reach(graph, plan, piece, Span(0, 1)), strict=True
                ):
                    rows[name] += span.stop - span.start
            tiles = 0
            for columns in step.cols:
                tiles += tile_count(columns.stop - columns.start, step.tile)
                for name, (_, span) in zip(
                    nodes, reach(graph, plan, Span(0, 1), columns), strict=True
                ):
                    cols[name] += span.stop - span.start
            for call in step.all_calls:
                if isinstance(call, KernelCall):
                    site = _site(graph, step, call)
                    size = Extent(
                        len(pieces),
                        rows[call.node],
                        tiles,
                        cols[call.node],
                        rounds(site),
                        step.tile,
                    )
                    yield Executed(call.node, call.kernel, size, call.kernel.work(site, size))


def _moved(schedule: Schedule, step: Step) -> Executed:
    """What moving the rows of a ring executes."""
    held = schedule.storages[step.piece]
    assert held.slide is not None
    stripes = sum(span.start < span.stop for span in step.cols)
    times, rows = moved_rows(held.slide.clock, held.slots, held.slide.every)
    producer = schedule.graph.producer.get(step.piece)
    name = producer.name if producer is not None else ""
    return Executed(name, SLIDE, None, slide_work(times * stripes, rows * stripes, held.pitch))


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
