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
from patchc.kernels.kernel import Kernel, Site
from patchc.plan.types import StepPlan
from patchc.schedule.sites import Placed, projection
from patchc.schedule.types import Scratch, Storage, Sums

SUM_BYTES = 4  # of one int32
SCRATCH_ALIGN = 4  # bytes: of sums, and of what kernels work in


@dataclass(frozen=True, slots=True)
class Inner:
    """A tensor inside a step: what is there of it for the time of a piece."""

    tensor: str
    slots: int  # rows
    depth: int  # channels


@dataclass(frozen=True, slots=True)
class Working:
    """A kernel that works in scratch memory."""

    kernel: Kernel
    site: Site  # but for its columns
    tensor: str  # whose columns it computes


@dataclass(frozen=True, slots=True)
class Contents:
    """What a step has in its scratch memory, whatever its columns: sums first, then inner tensors,
    then what kernels work in."""

    tile: int  # columns of a piece; 0: all of the stripe's
    summed: str  # the tensor that there are sums of; empty: there are none
    sums_bytes: int  # of a column
    inner: tuple[Inner, ...]
    working: tuple[Working, ...]

    @property
    def tensors(self) -> frozenset[str]:
        """Those whose columns the layout depends on."""
        summed = (self.summed,) if self.summed else ()
        inner, working = (item.tensor for item in self.inner), (one.tensor for one in self.working)
        return frozenset((*summed, *inner, *working))


@dataclass(frozen=True, slots=True)
class Layout:
    """The contents for given columns."""

    offsets: tuple[Count, ...]  # bytes to each inner tensor
    tiles: tuple[Count, ...]  # columns of each
    working_at: Count  # bytes to what kernels work in, one kernel after the other
    bytes: Count


def scratch_contents(
    graph: Graph, plan: StepPlan, chosen: Sequence[Placed], aliased: Collection[str]
) -> Contents:
    """`chosen`: the kernel of each node. `aliased`: inner tensors that lie in the memory of the
    step's output instead."""
    at = projection(graph, plan) if plan.group else -1
    rows = [placed.site.rows for placed in chosen]
    summed, sums_bytes = "", 0
    if 0 <= at < len(plan.nodes):
        summed = graph.node(plan.nodes[at]).output
        sums_bytes = plan.rows * graph.tensors[summed].shape[2] * SUM_BYTES
    inner = []
    for position, name in enumerate(plan.nodes[:-1]):
        tensor = graph.node(name).output
        if tensor not in aliased:
            channels = graph.tensors[tensor].shape[2]
            depth = min(plan.group, channels) if position < at else channels
            inner.append(Inner(tensor, rows[position], depth))
    working = tuple(
        Working(
            kernel,
            placed.site,
            piece_tensor(graph, plan) if placed is chosen[-1] else placed.site.output.name,
        )
        for placed in chosen
        for kernel in placed.kernels
        if kernel.takes_scratch
    )
    return Contents(plan.tile, summed, sums_bytes, tuple(inner), working)


def scratch_layout(contents: Contents, widest: Callable[[str], Count]) -> Layout:
    """`widest`: columns of a tensor in the widest stripe."""

    def columns(tensor: str) -> Count:
        width = widest(tensor)
        return np.minimum(width, contents.tile) if contents.tile else width

    offset: Count = contents.sums_bytes * widest(contents.summed) if contents.summed else 0
    offsets, tiles = [], []
    for item in contents.inner:
        tile = columns(item.tensor)
        offsets.append(offset)
        tiles.append(tile)
        offset = offset + item.slots * item.depth * tile
    if not contents.working:
        return Layout(tuple(offsets), tuple(tiles), offset, offset)
    working: Count = 0
    for one in contents.working:
        site = replace(one.site, cols=columns(one.tensor))
        working = np.maximum(working, one.kernel.scratch(site))
    start = -(-offset // SCRATCH_ALIGN) * SCRATCH_ALIGN
    return Layout(tuple(offsets), tuple(tiles), start, start + working)


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
    contents = scratch_contents(graph, plan, chosen, aliased)
    layout = scratch_layout(contents, widest.__getitem__)
    sums: tuple[Sums, ...] = ()
    if contents.summed:
        channels = graph.tensors[contents.summed].shape[2]
        width = widest[contents.summed]
        sums = (Sums(contents.summed, "", 0, plan.rows, width, channels, per_piece=True),)
    storages = tuple(
        Storage(
            tensor=item.tensor,
            buffer="",
            offset=int(offset),
            slots=item.slots,
            pitch=int(tile) * item.depth,
            cols=reached[item.tensor],
            tile=int(tile),
            depth=item.depth,
        )
        for item, offset, tile in zip(contents.inner, layout.offsets, layout.tiles, strict=True)
    )
    size, start = int(layout.bytes), int(layout.working_at)
    working = {one.kernel: Scratch("", start, size - start) for one in contents.working}
    return StepScratch(storages, sums, working, size)
