"""The program as people read it: tunnels, runs of layers between them, and how much of each layer's
output is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from patchc.report.data import ArenaBuffer, Block, Held, Layer, Report
from patchc.report.words import several, size


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer's output is, and how much of it."""

    buffer: ArenaBuffer
    held: Held


def places(report: Report) -> Mapping[str, Place]:
    """Tensor -> where its values are."""
    return {
        held.tensor: Place(buffer, held)
        for buffer in report.arena
        for held in buffer.holds
        if not held.sums
    }


def operator_word(layer: Layer) -> str:
    """Its operator, short, and = where it writes over an operand."""
    word = "DepthwiseConv" if layer.depthwise else layer.op
    short = {"GlobalAveragePool": "GlobalAvgPool", "DepthwiseConv": "Depthwise"}.get(word, word)
    return f"{short} =" if layer.in_place else short


def held_words(layer: Layer, place: Place | None) -> str:
    """How much of a layer's output there is, in a word or two."""
    if layer.op == "Store":
        return "handed over"
    if place is None:
        return "not in RAM"
    held = place.held
    height, _, channels = layer.shape
    if (held.rows, held.columns, held.channels) == layer.shape:
        return "in full"
    if held.channels == channels and place.buffer.kind == "ring":
        return f"{held.rows} of {height} rows"
    return f"{held.rows}x{held.columns}x{held.channels} of it"


def streams(block: Block) -> bool:
    """Is it a tunnel?"""
    return block.ticks > 1 or block.stripes > 1


def runs_of(blocks: Sequence[Block]) -> list[range]:
    """Each tunnel by itself, and what runs layer by layer between two of them, by their numbers."""
    found: list[range] = []
    for index, block in enumerate(blocks):
        alone = streams(block) or not found or streams(blocks[index - 1])
        start = index if alone else found.pop().start
        found.append(range(start, index + 1))
    return found


def heading(report: Report, run: range, layers: int) -> str:
    """ "Tunnel 0: 13 layers, 4 stripes x 230 ticks, 56,683 B alive"."""
    block = report.blocks[run.start]
    most = max(report.blocks[index].bytes for index in run)
    if not streams(block):
        where = f"Block {run.start}" if len(run) == 1 else f"Blocks {run.start} to {run.stop - 1}"
        return f"{where}, layer by layer: {'up to ' * (len(run) > 1)}{size(most)} alive"
    words = [several(layers, "layer")]
    words.append(f"{several(block.stripes, 'stripe')} x {several(block.ticks, 'tick')}")
    if block.reverse:
        words.append("from the last row to the first")
    return f"Tunnel {run.start}: {', '.join([*words, f'{size(most)} alive'])}"
