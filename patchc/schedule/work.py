"""What a schedule executes: multiply-accumulates and kernel calls per node, bytes of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchc.geometry.span import Span
from patchc.geometry.step import macs_per_pixel, operand_span, reach
from patchc.plan.types import InputMode, StepPlan
from patchc.schedule.types import Block, Finish, Load, Move, Schedule, Step, Store


@dataclass(frozen=True, slots=True)
class Work:
    """What is executed of one node."""

    macs: int  # recomputed ones included
    calls: int  # of its kernel, each of which reads all of its constants


def executed_work(schedule: Schedule) -> dict[str, Work]:
    """Node -> work, over all stripes, ticks and pieces."""
    graph = schedule.graph
    found: dict[str, Work] = {}
    for block in schedule.blocks:
        for step in block.steps:
            nodes = step.nodes
            if not nodes or isinstance(step.calls[0], Finish):
                continue
            rows, cols = [0] * len(nodes), [0] * len(nodes)
            plan = StepPlan(nodes)
            pieces = list(row_pieces(schedule, block, step))
            for piece in pieces:
                for at, (span, _) in enumerate(reach(graph, plan, piece, Span(0, 1))):
                    rows[at] += span.stop - span.start
            tiles = 0
            for columns in step.cols:
                width = columns.stop - columns.start
                tiles += -(-width // step.tile) if step.tile else 1
                for at, (_, span) in enumerate(reach(graph, plan, Span(0, 1), columns)):
                    cols[at] += span.stop - span.start
            for name, height, width in zip(nodes, rows, cols, strict=True):
                work = macs_per_pixel(graph, graph.node(name)) * height * width
                found[name] = Work(work, len(pieces) * tiles)
    return found


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
