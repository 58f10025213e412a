"""An inference in slices: how long its pieces take, and layers cut into pieces of a few rows.

A piece is what NAME_step never interrupts: some rows of one stripe, of one step. In a tunnel they
are short by nature. A layer that is computed whole would be one piece; it is cut by rows, which
changes neither what is computed nor where it lies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from patchc.geometry.columns import MAX_COLUMN
from patchc.ir import Graph
from patchc.kernels.features import InPasses
from patchc.kernels.registry import Registry
from patchc.plan.types import Plan
from patchc.planner.cost import Cost
from patchc.schedule.extents import tile_count
from patchc.schedule.lower import lower
from patchc.schedule.types import Block, Compute, Schedule, Step
from patchc.schedule.work import Executed, executed_by, executed_by_piece, row_pieces

# Cycles that the pieces of layers should take at most: a quarter of a millisecond at 160 MHz.
PIECE_CYCLES = 40_000
# An inference may become slower by this share of its cycles, for pieces that are short: kernels
# that compute two or three pixels at once have some left over where a few rows end, and every call
# begins anew.
SLOWER = 0.015


@dataclass(frozen=True, slots=True)
class Prices:
    """What NAME_step counts, in estimated cycles (in multiply-accumulates for a core without a cost
    table); the caller's callbacks are not among them."""

    pieces: tuple[tuple[int, ...], ...]  # per block and step: of its longest piece; at least 1
    total: int  # of all pieces of an inference, each counted as its step's longest

    @property
    def longest(self) -> int:
        """Of any piece."""
        return max(price for block in self.pieces for price in block)


def piece_prices(schedule: Schedule, cost: Cost) -> Prices:
    """What the pieces of a schedule take."""
    found, total = [], 0
    for block in schedule.blocks:
        prices = []
        for step in block.steps:
            price = max(_sum(executed_by_piece(schedule, block, step), cost), 1)
            prices.append(price)
            tiles = sum(tile_count(span.stop - span.start, step.tile) for span in step.cols)
            total += price * tiles * sum(1 for _ in row_pieces(schedule, block, step))
        found.append(tuple(prices))
    return Prices(tuple(found), total)


def in_slices(graph: Graph, plan: Plan, cost: Cost, registry: Registry) -> Plan:
    """The plan with its long layers cut by rows. Memory stays as it is."""
    schedule = lower(graph, plan, registry)
    layers = [_layer(schedule, block, cost) for block in schedule.blocks if _is_layer(graph, block)]
    total = sum(
        _sum(executed_by(schedule, block, step), cost)
        for block in schedule.blocks
        for step in block.steps
    )
    rows = _shortest(layers, total * SLOWER)
    tunnels = tuple(
        replace(tunnel, rows=rows.get(tunnel.nodes[0], 0)) if tunnel.whole else tunnel
        for tunnel in plan.tunnels
    )
    return replace(plan, tunnels=tunnels)


def _is_layer(graph: Graph, block: Block) -> bool:
    """Is it a node on its own, whose rows the tables of the emitted C can name?"""
    calls = [call for step in block.steps for call in step.all_calls]
    if len(calls) != 1 or not isinstance(calls[0], Compute) or block.ticks != 1:
        return False
    height, width, _ = graph.tensors[calls[0].tensor].shape
    return block.steps[0].rows_per_call >= height > 1 and width <= MAX_COLUMN


@dataclass(frozen=True, slots=True)
class _Cut:
    """A layer so many rows at a time."""

    rows: int  # 0: all
    piece: int  # cycles of the longest piece
    slower: float  # by so many cycles, all pieces together


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer that may be cut, longest pieces first; with shorter ones it is slower as a whole."""

    node: str
    cuts: tuple[_Cut, ...]


def _layer(schedule: Schedule, block: Block, cost: Cost) -> _Layer:
    (step,) = block.steps
    height = step.rows_per_call
    whole = _sum(executed_by(schedule, block, step), cost)
    passes = _passes(schedule, block, step)
    found: list[_Cut] = [_Cut(0, whole, 0.0)]
    for rows in range(height - 1, max(0, height * PIECE_CYCLES // max(whole, 1) - 1), -1):
        cut = replace(step, rows_per_call=rows)
        slower = _sum(executed_by(schedule, block, cut), cost) - whole
        more = max(slower, whole * (_passes(schedule, block, cut) / passes - 1), 0)
        piece = _sum(executed_by_piece(schedule, block, cut), cost)
        while found[-1].slower >= more and len(found) > 1:
            found.pop()  # its pieces are longer, and it is no faster
        if piece < found[-1].piece:
            found.append(_Cut(rows, piece, more))
    return _Layer(step.name, tuple(found))


def _passes(schedule: Schedule, block: Block, step: Step) -> int:
    """Over its weights, of a kernel that computes several pixels in each."""
    (one,) = executed_by(schedule, block, step)
    features = one.features
    if not isinstance(features, InPasses) or features.within_rows:
        return 1
    width = step.cols[0].stop - step.cols[0].start
    pieces = row_pieces(schedule, block, step)
    return sum(-(-(rows.stop - rows.start) * width // features.at_once) for rows in pieces)


def _shortest(layers: Sequence[_Layer], budget: float) -> dict[str, int]:
    """Node -> rows at a time: always the longest piece is made shorter, as far as all of them
    together become slower by no more than `budget` cycles."""
    chosen = dict.fromkeys((layer.node for layer in layers), 0)  # index of the cut
    waiting = {layer.node: layer for layer in layers}
    while waiting:
        node = max(waiting, key=lambda name: waiting[name].cuts[chosen[name]].piece)
        cuts, now = waiting[node].cuts, chosen[node]
        if cuts[now].piece <= PIECE_CYCLES:
            break
        price = cuts[now + 1].slower - cuts[now].slower if now + 1 < len(cuts) else math.inf
        if price > budget:
            del waiting[node]
            continue
        budget -= price
        chosen[node] = now + 1
    return {layer.node: layer.cuts[chosen[layer.node]].rows for layer in layers}


def _sum(executed: Iterable[Executed], cost: Cost) -> int:
    return sum(int(cost(one.kernel, one.features)) for one in executed)
