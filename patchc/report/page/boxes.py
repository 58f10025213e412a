"""A layer as a box: its map seen from the front, and of it what there is at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from patchc.report.data import Layer, Report
from patchc.report.page.picture import Line, Mark, Words, fitted
from patchc.report.runs import Place, held_words, operator_word, places
from patchc.report.words import count, shape, size

CELL, ROW = 98.0, 124.0  # pixels that a layer takes, words below it included
FACE = 46.0  # pixels of the network's largest map
_LEAST_FACE = 5.0
_DEEPEST = 18.0
_FLOOR = 62.0  # where maps stand, below the upper edge of a cell
_LINE = 13.0  # of words


@dataclass(frozen=True, slots=True)
class Network:
    """What drawing a layer takes, beyond the layer."""

    places: Mapping[str, Place]  # tensor -> where it is
    modes: Mapping[str, str]  # node -> how it is run
    largest: int  # side of a map, in pixels of the map

    @staticmethod
    def of(report: Report) -> Network:
        """Of all the layers."""
        modes = {node: mode for tunnel in report.tunnels for node, mode in tunnel.modes.items()}
        sides = (max(layer.shape[:2]) for layer in report.layers)
        return Network(places(report), modes, max(sides, default=1))

    def place(self, layer: Layer) -> Place | None:
        return self.places.get(layer.tensor)


def _face(layer: Layer, network: Network) -> tuple[float, float, float]:
    """Height, width and depth of a box. Sides go by the square root, so that small maps are seen,
    depth by the logarithm of the channels."""
    height, width, channels = layer.shape
    tall, wide = (
        _LEAST_FACE + (FACE - _LEAST_FACE) * math.sqrt(side / network.largest)
        for side in (height, width)
    )
    return tall, wide, min(2 + 1.6 * math.log2(max(channels, 1)), _DEEPEST)


def _corner(layer: Layer, network: Network, x: float, y: float) -> tuple[float, float]:
    """The upper left corner of the front."""
    tall, wide, deep = _face(layer, network)
    return x + (CELL - wide - deep) / 2, y + _FLOOR - tall


def box(layer: Layer, network: Network, x: float, y: float) -> Iterator[Line]:
    """The front, the lid and a side of the whole map."""
    if layer.op == "Store":
        return
    tall, wide, deep = _face(layer, network)
    left, top = _corner(layer, network, x, y)
    right, bottom, up = left + wide, top + tall, deep * 0.6
    near, far = (right, top), (right + deep, top - up)
    yield Line(((left, top), (left + deep, top - up), far, near), "lid")
    yield Line((near, far, (right + deep, bottom - up), (right, bottom)), "side")
    yield Line(((left, top), near, (right, bottom), (left, bottom), (left, top)), "front")


def band(layer: Layer, network: Network, x: float, y: float) -> Iterator[Mark]:
    """The part of the front that is held, in its middle."""
    place = network.place(layer)
    if place is None or layer.op == "Store":
        return
    tall, wide, _ = _face(layer, network)
    left, top = _corner(layer, network, x, y)
    height, width, _ = layer.shape
    high = max(tall * min(place.held.rows / height, 1), 2.5)
    broad = max(wide * min(place.held.columns / width, 1), 2.5)
    yield Mark(left + (wide - broad) / 2, top + (tall - high) / 2, broad, high, place.buffer.kind)


def caption(layer: Layer, network: Network, x: float, y: float) -> Iterator[Words]:
    """Name, operator, shape, and how much of it is held."""
    middle = x + CELL / 2
    lines = (
        (layer.node, "name"),
        (operator_word(layer), "note"),
        (shape(layer.shape), "note"),
        (held_words(layer, network.place(layer)), "held"),
    )
    for number, (text, kind) in enumerate(lines):
        short = fitted(text, CELL) if kind == "name" else text  # numbers are never cut
        yield Words(middle, y + _FLOOR + 15 + _LINE * number, short, kind, "middle")


def layer_title(layer: Layer, network: Network) -> str:
    """All that there is to say of a layer."""
    words = [f"{layer.node}: {operator_word(layer)} -> {shape(layer.shape)}"]
    if layer.macs:
        words.append(f"{count(layer.macs)} MACs")
    words.append(f"kernel {layer.kernel}")
    if layer.constant_bytes:
        words.append(f"{size(layer.constant_bytes)} of constants")
    place = network.place(layer)
    if place is not None:
        words.append(f"{held_words(layer, place)}, in {place.buffer.kind} {place.buffer.name}")
    if layer.in_place:
        words.append("written over its operand")
    if layer.node in network.modes:
        words.append(network.modes[layer.node])
    words.append(f"block {layer.tunnel}, in which {size(layer.bytes)} are alive")
    return ", ".join(words)
