"""The layers on a terminal: tunnel by tunnel, with how much of each output is held."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from patchc.report.data import Report
from patchc.report.runs import heading, held_words, operator_word, places, runs_of, streams
from patchc.report.words import WIDTH, count, shape, shorten

_WIDTHS = (22, 13, 12, 14, 13)  # of the columns; two blanks in front and one between make WIDTH
_ALIVE = "alive: bytes of the arena that are in use"
_TUNNELS = (
    "a tunnel computes its layers together, row by row; held: how much of a layer's",
    "output is in memory at once; ticks: rounds of rows; stripes: columns side by",
    "side, one after the other",
)
_IN_PLACE = "= : written over its operand"


def layer_lines(report: Report) -> Iterator[Text]:
    """A heading per tunnel and per run of layers between two, with the layers; the peak is bold."""
    where = places(report)
    peak = max((block.bytes for block in report.blocks), default=0)
    tunnels = False
    for run in runs_of(report.blocks):
        layers = [layer for layer in report.layers if layer.tunnel in run]
        block = report.blocks[run.start]
        tunnels = tunnels or streams(block)
        bold = "bold" if max(report.blocks[index].bytes for index in run) == peak else ""
        yield Text()
        yield Text(shorten(heading(report, run, len(layers)), WIDTH), style=bold)
        last = "held" if streams(block) else "bytes alive"
        yield Text(_row("node", "operator", "output", last, "MACs"), style="dim")
        for layer in layers:
            here = held_words(layer, where.get(layer.tensor))
            row = _row(
                layer.node,
                operator_word(layer),
                shape(layer.shape),
                here if streams(block) else count(layer.bytes),
                count(layer.macs) if layer.macs else "",
            )
            yield Text(row, style="bold" if layer.bytes == peak and not streams(block) else "")
    yield Text()
    yield Text(_ALIVE)
    if tunnels:
        yield from map(Text, _TUNNELS)
    if any(layer.in_place for layer in report.layers):
        yield Text(_IN_PLACE)


def _row(node: str, operator: str, output: str, held: str, macs: str) -> str:
    name, kind, made, kept, work = _WIDTHS
    return (
        f"  {shorten(node, name):{name}} {shorten(operator, kind):{kind}} {output:>{made}} "
        f"{held:>{kept}} {macs:>{work}}"
    )
