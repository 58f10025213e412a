"""What a step costs, however wide its stripes are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from patchc.geometry.axis import axis_maps
from patchc.geometry.columns import Columns, behind
from patchc.geometry.span import Span
from patchc.geometry.step import is_mean, piece_tensor, reach
from patchc.ir import GlobalAveragePool, Graph
from patchc.kernels.features import Count, Extent
from patchc.kernels.kernel import Kernel, Site
from patchc.plan.types import StepPlan
from patchc.planner.machine import Machine
from patchc.schedule.extents import finish_site, rounds, tile_count
from patchc.schedule.scratch import Contents, scratch_contents
from patchc.schedule.sites import placed_kernels

ONE = Span(0, 1)


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
    """The kernels of a step, and what it has in scratch memory."""

    contents: Contents
    parts: tuple[Part, ...]
    piece: str  # the tensor whose columns its pieces are
    tile: int  # of so many columns; 0: all of a stripe


def computed_rows(graph: Graph, plan: StepPlan) -> list[int]:
    """Per node of a step: rows computed over all its pieces, recomputed ones included."""
    piece = piece_tensor(graph, plan)
    height = graph.tensors[piece].shape[0]
    if not plan.group:  # nodes that read inner tensors are 1x1: no row is computed twice
        return [rows.stop - rows.start for rows, _ in reach(graph, plan, Span(0, height), ONE)]
    first = np.arange(0, height, plan.rows, dtype=np.int64)
    pieces = Columns(first, np.minimum(first + plan.rows, height))
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


def step_parts(
    graph: Graph, plan: StepPlan, machine: Machine, aliased: Collection[str] = ()
) -> StepParts:
    """A step of a tunnel. `aliased`: inner tensors that lie in the memory of its output instead."""
    piece, mean = piece_tensor(graph, plan), is_mean(graph, plan)
    row_pieces = -(-graph.tensors[piece].shape[0] // plan.rows)
    chosen = placed_kernels(graph, plan, machine.registry)
    parts: list[Part] = []
    for placed, rows in zip(chosen, computed_rows(graph, plan), strict=True):
        adds = mean and placed is chosen[-1]
        tensor, site = piece if adds else placed.site.output.name, placed.site
        parts.append(Part(placed.kernel, site, row_pieces, rows, tensor, rounds(site)))
        if placed.finish is not None:
            where = finish_site(site)
            if adds:
                parts.append(Part(placed.finish, where, 1, 1, None, rounds=1))
            else:
                parts.append(Part(placed.finish, where, row_pieces, rows, tensor, rounds=1))
    contents = scratch_contents(graph, plan, chosen, aliased)
    return StepParts(contents, tuple(parts), piece, plan.tile)


def whole_step(graph: Graph, plan: StepPlan, machine: Machine) -> tuple[int, int]:
    """Bytes of scratch and cost of a node that is computed whole, in one call."""
    (placed,) = placed_kernels(graph, plan, machine.registry, whole=True)
    kernel, site = placed.kernel, placed.site
    height, width, _ = site.output.shape
    size = Extent(1, height, tile_count(width, 0), width)
    scratch = kernel.scratch(replace(site, cols=width)) if kernel.takes_scratch else 0
    return int(scratch), int(machine.cost(kernel, kernel.work(site, size)))


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
        tile = 0 if part.tensor is None else step.tile
        size = Extent(part.row_pieces, part.rows, across, wide, part.rounds, tile)
        total = total + machine.cost(part.kernel, part.kernel.work(part.site, size))
    return total
