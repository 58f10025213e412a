"""The scratch memory of a step: inner tensors of one piece, int32 sums, what kernels work in.

One formula for the search, which asks for many numbers of stripes at once, and for lowering, which
asks for one: sizes are ints or int64 arrays with an entry per number of stripes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from patchc.geometry.span import Span
from patchc.geometry.step import piece_tensor, reach
from patchc.ir import Graph
from patchc.kernels.features import Count
from patchc.kernels.kernel import Kernel
from patchc.plan.types import StepPlan
from patchc.schedule.sites import Placed, projection
from patchc.schedule.types import Scratch, Storage, Sums

SUM_BYTES = 4  # of one int32
SCRATCH_ALIGN = 4  # bytes: of sums, and of what kernels work in


@dataclass(frozen=True, slots=True)
class Inner:
    """A tensor inside a step: what is there of it for the time of a piece."""

    tensor: str
    offset: Count  # bytes from the start of the scratch memory
    slots: int  # rows
    tile: Count  # columns
    depth: int  # channels


@dataclass(frozen=True, slots=True)
class Layout:
    """The scratch memory of a step: sums first, then inner tensors, then what kernels work in."""

    inner: tuple[Inner, ...]
    sums_cols: Count  # columns of the sums; 0: there are none
    kernels_at: Count  # offset of the bytes that kernels work in, one kernel after the other
    bytes: Count


def scratch_layout(
    graph: Graph,
    plan: StepPlan,
    chosen: Sequence[Placed],
    widest: Callable[[str], Count],
    aliased: Collection[str],
) -> Layout:
    """`chosen`: the kernel of each node. `widest`: columns of a tensor in the widest stripe.
    `aliased`: inner tensors that lie in the memory of the step's output instead."""
    at = projection(graph, plan) if plan.group else -1
    rows = [placed.site.rows for placed in chosen]
    sums_cols: Count = 0
    offset: Count = 0
    if plan.group:
        summed = graph.node(plan.nodes[at]).output
        sums_cols = widest(summed)
        offset = plan.rows * sums_cols * graph.tensors[summed].shape[2] * SUM_BYTES
    inner = []
    for position, name in enumerate(plan.nodes[:-1]):
        tensor = graph.node(name).output
        if tensor in aliased:
            continue
        channels = graph.tensors[tensor].shape[2]
        depth = min(plan.group, channels) if position < at else channels
        tile = tile_cols(plan, widest(tensor))
        inner.append(Inner(tensor, offset, rows[position], tile, depth))
        offset = offset + rows[position] * tile * depth
    working: Count = 0
    for placed in chosen:
        kernels = [kernel for kernel in placed.kernels if kernel.takes_scratch]
        if kernels:
            last = placed is chosen[-1]
            piece = piece_tensor(graph, plan) if last else placed.site.output.name
            site = replace(placed.site, cols=tile_cols(plan, widest(piece)))
            for kernel in kernels:
                working = np.maximum(working, kernel.scratch(site))
    start = -(-offset // SCRATCH_ALIGN) * SCRATCH_ALIGN
    total = np.where(np.equal(working, 0), offset, start + working)
    return Layout(tuple(inner), sums_cols, start, total)


def tile_cols(plan: StepPlan, width: Count) -> Count:
    """Columns of a piece, of a tensor that is `width` columns wide in its stripe."""
    return np.minimum(width, plan.tile) if plan.tile else width


@dataclass(frozen=True, slots=True)
class StepScratch:
    """What one step needs for the time of a call. Offsets count from the scratch buffer's start;
    the buffer's name is left empty."""

    storages: tuple[Storage, ...]
    sums: tuple[Sums, ...]
    working: Mapping[Kernel, Scratch]  # by kernel; those that need none are left out
    bytes: int


def step_scratch(
    graph: Graph,
    plan: StepPlan,
    chosen: Sequence[Placed],
    cols: Mapping[str, tuple[Span, ...]],
    aliased: Collection[str],
) -> StepScratch:
    """The layout for the stripes `cols` of a tunnel: columns of the piece tensor per stripe."""
    spans = cols[piece_tensor(graph, plan)]
    reached = {piece_tensor(graph, plan): spans}
    for position, name in enumerate(plan.nodes[:-1]):
        reached[graph.node(name).output] = tuple(
            reach(graph, plan, Span(0, 1), span)[position][1] for span in spans
        )
    widest = {
        name: max(span.stop - span.start for span in found) for name, found in reached.items()
    }
    layout = scratch_layout(graph, plan, chosen, widest.__getitem__, aliased)
    sums: tuple[Sums, ...] = ()
    if plan.group:
        summed = graph.node(plan.nodes[projection(graph, plan)]).output
        channels = graph.tensors[summed].shape[2]
        width = int(layout.sums_cols)
        sums = (Sums(summed, "", 0, plan.rows, width, channels, per_piece=True),)
    storages = tuple(
        Storage(
            tensor=item.tensor,
            buffer="",
            offset=int(item.offset),
            slots=item.slots,
            pitch=int(item.tile) * item.depth,
            cols=reached[item.tensor],
            tile=int(item.tile),
            depth=item.depth,
        )
        for item in layout.inner
    )
    size, start = int(layout.bytes), int(layout.kernels_at)
    working = {
        kernel: Scratch("", start, size - start)
        for placed in chosen
        for kernel in placed.kernels
        if kernel.takes_scratch
    }
    return StepScratch(storages, sums, working, size)
