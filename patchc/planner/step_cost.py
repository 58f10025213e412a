"""What a step costs, however wide its stripes are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from patchc.geometry.axis import axis_maps
from patchc.geometry.columns import Columns, behind
from patchc.geometry.step import is_mean, piece_tensor
from patchc.ir import GlobalAveragePool, Graph
from patchc.kernels.features import Count, Extent
from patchc.kernels.kernel import Kernel, Role, Site
from patchc.plan.types import StepPlan
from patchc.planner.machine import Machine
from patchc.schedule.extents import finish_site, rounds, tile_count
from patchc.schedule.sites import step_sites


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one kernel of a step computes in one stripe, columns aside."""

    kernel: Kernel
    site: Site
    row_pieces: int
    rows: int  # over all of its pieces
    tensor: str | None  # whose columns it computes; None: one pixel, behind the last piece
    rounds: int


@dataclass(frozen=True, slots=True, eq=False)
class StepParts:
    """The kernels of a step."""

    parts: tuple[Part, ...]
    piece: str  # the tensor whose columns its pieces are
    tile: int  # of so many columns; 0: all of a stripe


def computed_rows(graph: Graph, plan: StepPlan) -> list[int]:
    """Per node of a step: rows computed over all its pieces, recomputed ones included."""
    piece = piece_tensor(graph, plan)
    height = graph.tensors[piece].shape[0]
    # Without groups nodes that read inner tensors are 1x1, so no row is computed twice.
    chunk = plan.rows if plan.group else height
    first = np.arange(0, height, chunk, dtype=np.int64)
    pieces = Columns(first, np.minimum(first + chunk, height))
    found: list[int] = []
    behind_piece = {piece: pieces}
    for name in reversed(plan.nodes):
        node = graph.node(name)
        mean = isinstance(node.op, GlobalAveragePool)
        rows = pieces if mean else behind_piece[node.output]
        found.insert(0, int((rows.stop - rows.start).sum()))
        if not mean:
            down, _ = axis_maps(node.op)
            for tensor in node.inputs:
                behind_piece[tensor] = behind(down, rows, graph.tensors[tensor].shape[0])
    return found


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
        parts.append(Part(kernel, site, row_pieces, rows, tensor, rounds(site)))
        if kernel.role is Role.ACCUMULATE:
            assert kernel.finish is not None
            finisher = machine.registry[kernel.finish]
            where = finish_site(site)
            if adds:
                parts.append(Part(finisher, where, 1, 1, None, rounds=1))
            else:
                parts.append(Part(finisher, where, row_pieces, rows, tensor, rounds=1))
    return StepParts(tuple(parts), piece, plan.tile)


def whole_cost(graph: Graph, plan: StepPlan, machine: Machine) -> int:
    """What a node costs that is computed whole, in one call."""
    ((kernel_name, site),) = zip(plan.kernels, step_sites(graph, plan, whole=True), strict=True)
    kernel, (height, width, _) = machine.registry[kernel_name], site.output.shape
    size = Extent(1, height, tile_count(width, 0), width)
    return int(machine.cost(kernel, kernel.work(site, size)))


def step_cost(
    step: StepParts,
    machine: Machine,
    columns: Callable[[str], Count],
    tiles: Callable[[str, int], Count],
) -> Count:
    """`columns`: of a tensor, over all stripes. `tiles`: of a tensor, over all stripes, in tiles of
    so many columns."""
    total, along = 0, tiles(step.piece, step.tile)
    for part in step.parts:
        across, wide = (1, 1) if part.tensor is None else (along, columns(part.tensor))
        size = Extent(part.row_pieces, part.rows, across, wide, part.rounds)
        total = total + machine.cost(part.kernel, part.kernel.work(part.site, size))
    return total
