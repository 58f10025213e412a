"""The network as tunnels: a picture per tunnel, and one for the layers between two of them."""

from __future__ import annotations

import math
from itertools import groupby

from patchc.report.data import Report
from patchc.report.page.boxes import (
    CELL,
    ROW,
    Network,
    band,
    box,
    caption,
    layer_title,
)
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
from patchc.report.runs import heading, held_words, operator_word, runs_of
from patchc.report.words import count, shape

_MOST = 11  # layers in a row
_MODE = 16.0  # pixels of the line of a mode, above the cells


def network_figure(report: Report) -> Figure:
    """A picture per tunnel, and per run of layers."""
    network = Network.of(report)
    kinds = {place.buffer.kind for place in network.places.values()}
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
        tuple(_picture(report, run, network) for run in runs_of(report.blocks)),
        tuple(Key(kind, text) for kind, text in keys.items() if kind in kinds),
        _layers(report, network),
    )


def _picture(report: Report, run: range, network: Network) -> Picture:
    layers = [layer for layer in report.layers if layer.tunnel in run]
    steps = [layer.step for layer in layers]
    mode = _MODE if len(set(steps)) < len(steps) else 0.0
    frames: list[Mark] = []
    marks: list[Mark] = []
    lines: list[Line] = []
    words: list[Words] = []
    for start in range(0, len(layers), _MOST):
        row = layers[start : start + _MOST]
        y = start // _MOST * (ROW + mode)
        column = 0
        for _, together in groupby(row, key=lambda layer: layer.step):
            step = list(together)
            if len(step) > 1:
                left, width = column * CELL, len(step) * CELL
                frames.append(Mark(left + 2, y + 2, width - 4, ROW + mode - 6, "step"))
                text = fitted(network.modes.get(step[-1].node, "together"), width - 16)
                words.append(Words(left + 10, y + 16, text, "mode"))
            column += len(step)
        for column, layer in enumerate(row):
            x, top = column * CELL, y + mode
            marks += band(layer, network, x, top)
            lines += box(layer, network, x, top)
            words += caption(layer, network, x, top)
            title = layer_title(layer, network)
            marks.append(Mark(x + 4, top + 2, CELL - 8, ROW - 8, "cell", title))
    rows = math.ceil(len(layers) / _MOST)
    above = heading(report, run, len(layers))
    return Picture(
        f"{above}; {report.blocks[run.start].name}",
        min(max(len(layers), 1), _MOST) * CELL,
        rows * (ROW + mode),
        frames=tuple(frames),
        marks=tuple(marks),
        lines=tuple(lines),
        words=tuple(words),
        heading=above,
    )


def _layers(report: Report, network: Network) -> Table:
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
            held_words(layer, network.place(layer)),
            network.modes.get(layer.node, ""),
            layer.kernel,
            count(layer.macs) if layer.macs else "",
        )
        for layer in report.layers
    ]
    return table("Layers, in the order in which they run", columns, rows)
