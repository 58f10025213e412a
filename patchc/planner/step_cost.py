"""What a step costs, however wide its stripes are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patchc.geometry.span import Span
from patchc.geometry.step import is_mean, piece_tensor, reach
from patchc.ir import Graph
from patchc.kernels.features import Count
from patchc.kernels.kernel import Kernel, Role, Site
from patchc.plan.types import StepPlan
from patchc.planner.machine import Machine
from patchc.schedule.extents import extent, finish_site, tile_count
from patchc.schedule.sites import step_sites


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one kernel of a step computes in one stripe, columns aside."""

    kernel: Kernel
    site: Site
    row_pieces: int
    rows: int  # over all of its pieces
    tensor: str | None  # whose columns it computes; None: one pixel, behind the last piece


@dataclass(frozen=True, slots=True, eq=False)
class StepParts:
    """The kernels of a step."""

    parts: tuple[Part, ...]
    piece: str  # the tensor whose columns its pieces are
    tile: int  # of so many columns; 0: all of a stripe


def computed_rows(graph: Graph, plan: StepPlan) -> list[int]:
    """Per node of a step: rows computed over all its pieces, recomputed ones included."""
    height = graph.tensors[piece_tensor(graph, plan)].shape[0]
    chunk = plan.rows if plan.group else height
    totals = [0] * len(plan.nodes)
    for start in range(0, height, chunk):
        spans = reach(graph, plan, Span(start, min(start + chunk, height)), Span(0, 1))
        for position, (rows, _) in enumerate(spans):
            totals[position] += rows.stop - rows.start
    return totals


def step_parts(graph: Graph, plan: StepPlan, machine: Machine) -> StepParts:
    """The kernels of a step of a tunnel."""
    piece, mean = piece_tensor(graph, plan), is_mean(graph, plan)
    row_pieces = -(-graph.tensors[piece].shape[0] // plan.rows)
    parts: list[Part] = []
    last = len(plan.nodes) - 1
    for position, (name, kernel_name, site, rows) in enumerate(
        zip(
            plan.nodes,
            plan.kernels,
            step_sites(graph, plan),
            computed_rows(graph, plan),
            strict=True,
        )
    ):
        kernel = machine.registry[kernel_name]
        adds = mean and position == last
        tensor = piece if adds else graph.node(name).output
        parts.append(Part(kernel, site, row_pieces, rows, tensor))
        if kernel.role is Role.ACCUMULATE:
            assert kernel.finish is not None
            finisher = machine.registry[kernel.finish]
            end = (1, 1, None) if adds else (row_pieces, rows, tensor)
            parts.append(Part(finisher, finish_site(site), *end))
    return StepParts(tuple(parts), piece, plan.tile)


def whole_cost(graph: Graph, plan: StepPlan, machine: Machine) -> int:
    """What a node costs that is computed whole, in one call."""
    ((kernel_name, site),) = zip(plan.kernels, step_sites(graph, plan, whole=True), strict=True)
    kernel, (height, width, _) = machine.registry[kernel_name], site.output.shape
    size = extent(site, 1, height, tile_count(width, 0), width)
    return int(machine.cost(kernel, kernel.work(site, size)))


def step_cost(
    step: StepParts,
    machine: Machine,
    columns: Callable[[str], Count],
    tiles: Callable[[str, int], Count],
) -> Count:
    """`columns`: of a tensor, over all stripes. `tiles`: of a tensor, in tiles of so many columns."""
    total = 0
    along = tiles(step.piece, step.tile)
    for part in step.parts:
        if part.tensor is None:
            size = extent(part.site, part.row_pieces, part.rows, 1, 1)
        else:
            size = extent(part.site, part.row_pieces, part.rows, along, columns(part.tensor))
        total = total + machine.cost(part.kernel, part.kernel.work(part.site, size))
    return total
