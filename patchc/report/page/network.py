"""The network as tunnels: each layer's map as a box, and of it what there is at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from patchc.report.data import ArenaBuffer, Block, Held, Layer, Report
from patchc.report.numbers import count, several, shape, size
from patchc.report.page.picture import (
    Column,
    Figure,
    Key,
    Line,
    Mark,
    Picture,
    Table,
    Words,
    fitted,
    table,
)
from patchc.report.text import operator_word

_CELL, _ROW = 98.0, 142.0  # a layer
_MOST = 11  # layers in a row
_FACE = 46.0  # pixels of the network's largest map
_LEAST_FACE = 5.0
_DEEPEST = 18.0
_FLOOR = 80.0  # where maps stand, below the upper edge of a cell
_MODE = 16.0  # the line of a mode, above the cells


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a layer's output is, and how much of it."""

    buffer: ArenaBuffer
    held: Held


def network_figure(report: Report) -> Figure:
    """A picture per block."""
    places: dict[str, _Place] = {}
    for buffer in report.arena:
        for held in buffer.holds:
            if not held.sums:
                places[held.tensor] = _Place(buffer, held)
    largest = max((max(layer.shape[:2]) for layer in report.layers), default=1)
    modes = {node: mode for tunnel in report.tunnels for node, mode in tunnel.modes.items()}
    pictures = []
    for index, block in enumerate(report.blocks):
        layers = [layer for layer in report.layers if layer.tunnel == index]
        pictures.append(_block(index, block, layers, places, modes, largest))
    kinds = {place.buffer.kind for place in places.values()}
    keys = {
        "map": "held in full",
        "ring": "only the last rows are held",
        "scratch": "only a piece, while a step works",
        "input": "an input in full",
        "output": "an output in full",
    }
    return Figure(
        "The network as tunnels",
        "Each box is what a layer makes: height, width, channels. Coloured is as much of it as "
        "there is in memory at once. Layers in one frame run together, piece by piece.",
        tuple(pictures),
        tuple(Key(kind, text) for kind, text in keys.items() if kind in kinds),
        _layers(report, places, modes),
    )


def block_heading(index: int, block: Block, layers: int) -> str:
    """ "Tunnel 0: 13 layers, 4 stripes x 230 ticks, 56,683 B alive"."""
    words = [several(layers, "layer")]
    if block.ticks > 1 or block.stripes > 1:
        words.append(f"{several(block.stripes, 'stripe')} x {several(block.ticks, 'tick')}")
    if block.reverse:
        words.append("from the last row to the first")
    kind = "Tunnel" if block.ticks > 1 else "Layer" if block.nodes else "Rows"
    return f"{kind} {index}: {', '.join([*words, f'{size(block.bytes)} alive'])}"


def _block(
    index: int,
    block: Block,
    layers: Sequence[Layer],
    places: Mapping[str, _Place],
    modes: Mapping[str, str],
    largest: int,
) -> Picture:
    frames: list[Mark] = []
    marks: list[Mark] = []
    lines: list[Line] = []
    words: list[Words] = []
    for start in range(0, len(layers), _MOST):
        row = layers[start : start + _MOST]
        y = start // _MOST * (_ROW + _MODE)
        column = 0
        for _, run in groupby(row, key=lambda layer: layer.step):
            together = list(run)
            if len(together) > 1:
                frames.append(
                    Mark(column * _CELL + 2, y + 2, len(together) * _CELL - 4, _ROW + 10, "step")
                )
                mode = modes.get(together[-1].node, "together")
                text = fitted(mode, len(together) * _CELL - 16)
                words.append(Words(column * _CELL + 10, y + 16, text, "mode"))
            column += len(together)
        for column, layer in enumerate(row):
            place = places.get(layer.tensor)
            x = column * _CELL
            title = layer_title(layer, place, modes)
            marks += _band(layer, place, x, y + _MODE, largest)
            lines += _box(layer, x, y + _MODE, largest)
            words += _caption(layer, place, x, y + _MODE)
            marks.append(Mark(x + 4, y + _MODE + 2, _CELL - 8, _ROW - 10, "cell", title))
    heading = block_heading(index, block, len(layers))
    rows = math.ceil(len(layers) / _MOST)
    width = min(max(len(layers), 1), _MOST) * _CELL
    height = rows * (_ROW + _MODE)
    name = f"{heading}; {block.name}"
    return Picture(
        name,
        width,
        height,
        tuple(frames),
        tuple(marks),
        tuple(lines),
        words=tuple(words),
        heading=heading,
    )


def _face(layer: Layer, largest: int) -> tuple[float, float, float]:
    """Height, width and depth of a box. Sides go by the square root, so that small maps are seen,
    depth by the logarithm of the channels."""
    height, width, channels = layer.shape
    tall, wide = (
        _LEAST_FACE + (_FACE - _LEAST_FACE) * math.sqrt(side / largest) for side in (height, width)
    )
    return tall, wide, min(2 + 1.6 * math.log2(max(channels, 1)), _DEEPEST)


def _corner(layer: Layer, x: float, y: float, largest: int) -> tuple[float, float]:
    """The upper left corner of the front."""
    tall, wide, deep = _face(layer, largest)
    return x + (_CELL - wide - deep) / 2, y + _FLOOR - tall


def _box(layer: Layer, x: float, y: float, largest: int) -> Iterator[Line]:
    if layer.op == "Store":
        return
    tall, wide, deep = _face(layer, largest)
    left, top = _corner(layer, x, y, largest)
    right, bottom, up = left + wide, top + tall, deep * 0.6
    near, far = (right, top), (right + deep, top - up)
    yield Line(((left, top), (left + deep, top - up), far, near), "lid")
    yield Line((near, far, (right + deep, bottom - up), (right, bottom)), "side")
    yield Line(((left, top), near, (right, bottom), (left, bottom), (left, top)), "front")


def _band(layer: Layer, place: _Place | None, x: float, y: float, largest: int) -> Iterator[Mark]:
    """The part of the front that is held, in its middle."""
    if place is None or layer.op == "Store":
        return
    tall, wide, _ = _face(layer, largest)
    left, top = _corner(layer, x, y, largest)
    height, width, _ = layer.shape
    high = max(tall * min(place.held.rows / height, 1), 2.5)
    broad = max(wide * min(place.held.columns / width, 1), 2.5)
    yield Mark(left + (wide - broad) / 2, top + (tall - high) / 2, broad, high, place.buffer.kind)


def _caption(layer: Layer, place: _Place | None, x: float, y: float) -> Iterator[Words]:
    middle = x + _CELL / 2
    lines = (
        (layer.node, "name"),
        (operator_word(layer), "note"),
        (shape(layer.shape), "note"),
        (_held(layer, place), "held"),
    )
    for number, (text, kind) in enumerate(lines):
        yield Words(middle, y + _FLOOR + 15 + 13 * number, fitted(text, _CELL), kind, "middle")


def _held(layer: Layer, place: _Place | None) -> str:
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


def layer_title(layer: Layer, place: _Place | None, modes: Mapping[str, str]) -> str:
    """All that there is to say of a layer."""
    words = [f"{layer.node}: {operator_word(layer)} -> {shape(layer.shape)}"]
    if layer.macs:
        words.append(f"{count(layer.macs)} MACs")
    words.append(f"kernel {layer.kernel}")
    if layer.constant_bytes:
        words.append(f"{size(layer.constant_bytes)} of constants")
    if place is not None:
        words.append(f"{_held(layer, place)}, in {place.buffer.kind} {place.buffer.name}")
    if layer.in_place:
        words.append("written over its operand")
    if layer.node in modes:
        words.append(modes[layer.node])
    return ", ".join(words)


def _layers(report: Report, places: Mapping[str, _Place], modes: Mapping[str, str]) -> Table:
    columns = (
        Column("block", numeric=True),
        Column("node"),
        Column("operator"),
        Column("output", numeric=True),
        Column("held"),
        Column("how", letters=34),
        Column("kernel"),
        Column("MACs", numeric=True),
    )
    rows = [
        (
            str(layer.tunnel),
            layer.node,
            operator_word(layer),
            shape(layer.shape),
            _held(layer, places.get(layer.tensor)),
            modes.get(layer.node, ""),
            layer.kernel,
            count(layer.macs) if layer.macs else "",
        )
        for layer in report.layers
    ]
    return table("Layers, in the order in which they run", columns, rows)
