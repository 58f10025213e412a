"""The tables of benchmarks.comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.comparing.contenders import TFLM, Row

HEADS = (
    *("network", "tool", "RAM B", "with input", "flash B", "M instructions", "M cycles"),
    *("tool s", "differ"),
)
BESIDE = "from tflite-micro"  # a further column, of TensorFlow Lite files


@dataclass(frozen=True, slots=True)
class Result:
    """A network in one form, and its rows."""

    network: str
    expected: np.ndarray  # int8 (cases, values), onnxruntime's
    rows: Sequence[Row]


def table(results: Sequence[Result], beside: bool) -> list[str]:
    """In Markdown. beside: with what differs from tflite-micro."""
    heads = [*HEADS, *([BESIDE] if beside else [])]
    lines = [f"| {' | '.join(heads)} |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for result in results:
        theirs = next((r.found.outputs for r in result.rows if r.tool == TFLM), None)
        for row in result.rows:
            cells = [result.network, *cells_of(row, result.expected)]
            cells += [different(row.found.outputs, theirs)] if beside else []
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def cells_of(row: Row, expected: np.ndarray) -> list[str]:
    """Of a row, behind the network's name."""
    found, name = row.found, f"{row.tool}, {row.words}"
    if row.error:
        return [f"{name}: `{row.error}`", *["-"] * (len(HEADS) - 2)]
    total = None if found.ram_bytes is None else found.ram_bytes + row.input_bytes
    arena = " (arena)" if row.arena_only else ""
    return [
        name,
        whole(found.ram_bytes) + arena,
        whole(total) + arena,
        whole(found.flash_bytes),
        millions(found.instructions),
        millions(found.cycles),
        "-" if row.seconds is None else f"{row.seconds:.1f}",
        different(found.outputs, expected),
    ]


def whole(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def millions(value: int | None) -> str:
    return "-" if value is None else f"{value / 1e6:.1f}"


def different(found: np.ndarray | None, others: np.ndarray | None) -> str:
    """How many of all bytes."""
    if found is None or others is None:
        return "-"
    return f"{np.count_nonzero(found != others)} of {others.size}"


def by_figures(results: Sequence[Result]) -> list[str]:
    """Per network, who is first in what: sentences of a list."""
    lines = []
    for result in results:
        measured = [row for row in result.rows if row.found.flash_bytes is not None]
        if not measured:
            continue
        best = [
            f"{what} {row.tool}, {row.words} ({shown(figure(row))})"
            for what, figure, shown in (
                ("least RAM", lambda r: r.found.ram_bytes, whole),
                ("least flash", lambda r: r.found.flash_bytes, whole),
                ("fewest cycles", lambda r: r.found.cycles, lambda v: f"{millions(v)} M"),
            )
            for row in [min(measured, key=figure)]
        ]
        lines.append(f"* {result.network}: {'; '.join(best)}.")
    return lines
