"""What a block of a program needs, by brute force over pixels.

Maps are masks, bool (height, width). A window is the list of its taps; nothing here knows about
spans, strides of clocks or hulls. Only the order of the program comes from the schedule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from patchc.ir import RESIZES, Enlargement, GlobalAveragePool, Graph, Op
from patchc.schedule.types import (
    Accumulate,
    Block,
    Compute,
    Move,
    Schedule,
    Step,
    Store,
)

Masks = dict[str, np.ndarray]


def needed(op: Op, out: np.ndarray, height: int, width: int) -> np.ndarray:
    """The pixels of a height x width operand that the pixels `out` of the result read."""
    if isinstance(op, GlobalAveragePool):
        return np.full((height, width), out.any())
    if isinstance(op, Enlargement):
        rows, cols = op.factor
        return out.reshape(height, rows, width, cols).any(axis=(1, 3))
    if isinstance(op, RESIZES):
        mask = np.zeros((height, width), dtype=bool)
        (rows, cols) = op.between
        for i, j in np.argwhere(out):
            for row in (rows.first[i], rows.second[i]):
                mask[row, [cols.first[j], cols.second[j]]] = True
        return mask
    window = getattr(op, "window", None)
    if window is None:
        same = out.shape == (height, width)
        return out if same else np.full((height, width), out.any())  # one pixel that meets all
    # Every tap of every pixel, marked on the map with all its padding and a margin around it.
    (kh, kw), (sh, sw), (dh, dw) = window.kernel, window.stride, window.dilation
    pads = window.pads
    if min(pads.top, pads.left) < 0:  # a crop: nothing is read before it
        inner = height + pads.top, width + pads.left
        window = replace(window, pads=replace(pads, top=0, left=0))
        cropped = needed(replace(op, window=window), out, *inner)
        return np.pad(cropped, ((-pads.top, 0), (-pads.left, 0)))
    top, left = pads.top, pads.left
    size = top + height + out.shape[0] * sh + kh * dh, left + width + out.shape[1] * sw + kw * dw
    canvas = np.zeros(size, dtype=bool)
    for y in range(kh):
        for x in range(kw):
            rows = slice(y * dh, y * dh + out.shape[0] * sh, sh)
            cols = slice(x * dw, x * dw + out.shape[1] * sw, sw)
            canvas[rows, cols] |= out
    return canvas[top : top + height, left : left + width]


def behind(graph: Graph, step: Step, piece: np.ndarray) -> Masks:
    """Per tensor: the pixels behind a piece of a step, those of its own results included."""
    masks: Masks = {step.piece: piece}
    for call in reversed(step.all_calls):
        if not isinstance(call, Compute | Accumulate):
            continue
        op = graph.node(call.node).op
        for name in call.reads:
            height, width, _ = graph.tensors[name].shape
            mask = piece
            if not (isinstance(call, Accumulate) and isinstance(op, GlobalAveragePool)):
                mask = needed(op, masks[call.tensor], height, width)
            masks[name] = masks[name] | mask if name in masks else mask
    return masks


@dataclass
class Found:
    """What the simulation of one block saw, per tensor that is made between its steps."""

    missing: set[str] = field(default_factory=set)  # read before they were made
    alive: dict[str, int] = field(default_factory=dict)  # rows from the oldest read to the newest
    piece: dict[str, int] = field(default_factory=dict)  # rows of the tallest piece
    read: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)  # per stripe
    made: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)
    behind: dict[str, list[Masks]] = field(default_factory=dict)  # per step: its pieces


def simulate(schedule: Schedule, block: Block) -> Found:
    """Run the block's program over masks."""
    graph, found = schedule.graph, Found()
    between = {s.piece for s in block.steps if _makes_piece(s)}
    for stripe in range(block.stripes):
        for name in between:
            shape = graph.tensors[name].shape[:2]
            found.made[name, stripe] = np.zeros(shape, dtype=bool)
            found.read[name, stripe] = np.zeros(shape, dtype=bool)
        for tick in range(block.ticks):
            for step in block.steps:
                for piece in _pieces(graph, block, step, tick, stripe):
                    masks = behind(graph, step, piece)
                    found.behind.setdefault(step.name, []).append(masks)
                    own = {step.piece} if _makes_piece(step) else set()
                    for name in masks.keys() & between - own:
                        _read(found, name, stripe, masks[name], block.reverse)
                    if own:
                        found.made[step.piece, stripe] |= piece
                        rows = int(piece.any(axis=1).sum())
                        found.piece[step.piece] = max(found.piece.get(step.piece, 0), rows)
    return found


def _makes_piece(step: Step) -> bool:
    """A mean does not: its pieces are those of its input. Nor does what hands an output over."""
    last = step.all_calls[-1]
    return not isinstance(last, Store | Move) and last.tensor == step.piece


def _pieces(graph: Graph, block: Block, step: Step, tick: int, stripe: int) -> Iterator[np.ndarray]:
    first, stop, cols = step.rows.at(tick - 1), step.rows.at(tick), step.cols[stripe]
    for row in range(first, stop, step.rows_per_call):
        piece = np.zeros(graph.tensors[step.piece].shape[:2], dtype=bool)
        piece[row : min(row + step.rows_per_call, stop), cols.start : cols.stop] = True
        if piece.any():
            yield np.flipud(piece) if block.reverse else piece


def _read(found: Found, name: str, stripe: int, mask: np.ndarray, reverse: bool) -> None:
    made = found.made[name, stripe]
    if (mask & ~made).any():
        found.missing.add(name)
    elif mask.any():
        found.read[name, stripe] |= mask
        if reverse:
            mask, made = np.flipud(mask), np.flipud(made)
        oldest, newest = np.argwhere(mask)[0][0], np.argwhere(made)[-1][0]
        found.alive[name] = max(found.alive.get(name, 0), int(newest - oldest) + 1)
