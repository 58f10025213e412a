"""Many models against one budget (`patchc explore` of several): data, JSON, CSV and a table."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.report.words import CLOCK_NOTE, WIDTH, count, ms_words, shorten

_NAME, _NAME_CLOCKED, _REASON = 26, 20, 150  # letters


@dataclass(frozen=True, slots=True)
class Fit:
    """What a network needs on a core."""

    model: str  # file name
    refused: str | None  # why there is no plan; all that follows is 0 then
    macs: int
    weights: int  # parameters of convolutions and dense layers, biases excepted
    layerwise_bytes: int  # arena and reserve, layer by layer
    total_bytes: int  # arena and reserve of the plan
    cost: int  # of the plan: cycles, or multiply-accumulates where the core has no cost table
    more: float  # than layer by layer: 0.1 is a tenth more
    milliseconds: float | None  # None: no clock was given
    fits: bool | None  # None: there was no budget, or it was refused
    seconds: float  # that it took to find out

    @staticmethod
    def of_refused(model: str, reason: str, seconds: float) -> Fit:
        return Fit(model, reason, 0, 0, 0, 0, 0, 0.0, None, None, seconds)

    @property
    def verdict(self) -> str:
        """A word or two."""
        if self.refused is not None:
            return "refused"
        return {None: "", True: "fits", False: "too large"}[self.fits]

    @property
    def reason(self) -> str:
        """Why it was refused: what matters, on one line."""
        text = " ".join((self.refused or "").split())
        _, file, rest = text.partition(f"{self.model}: ")  # the path need not be repeated
        return rest if file else text


def to_json(found: Sequence[Fit]) -> str:
    """A list of objects."""
    return json.dumps([asdict(fit) for fit in found], indent=1) + "\n"


def to_csv(found: Sequence[Fit]) -> str:
    """A line per model."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([field.name for field in fields(Fit)])
    lines.writerows([astuple(fit) for fit in found])
    return text.getvalue()


def fit_line(fit: Fit) -> str:
    """For progress, within a terminal's width."""
    name = shorten(fit.model, _NAME)
    if fit.refused is not None:
        reason = textwrap.shorten(fit.reason, WIDTH - len(name) - 22)
        return f"{name}: refused: {reason}"
    verdict = f", {fit.verdict}" if fit.verdict else ""
    return f"{name}: {fit.total_bytes:,} B{verdict}, {fit.seconds:.0f} s"


def render_fits(found: Sequence[Fit], target: str, budget: int | None) -> RenderableType:
    """A table of 80 columns; below it, why models were refused."""
    limit = "at their least RAM" if budget is None else f"within {budget:,} B"
    table = Table(
        title=f"{len(found)} models on a {target}, {limit}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("model", no_wrap=True)
    clocked = any(fit.milliseconds is not None for fit in found)
    width = _NAME_CLOCKED if clocked else _NAME
    for heading in ("M MACs", "by layer B", "total B", "more", *(["ms"] if clocked else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for fit in found:
        if fit.refused is not None:
            cells = [""] * (4 + clocked)
        else:
            time = [] if fit.milliseconds is None else [ms_words(fit.milliseconds)]
            cells = [f"{fit.macs / 1e6:,.1f}", count(fit.layerwise_bytes), count(fit.total_bytes)]
            cells += [f"{fit.more:+.1%}", *time]
        table.add_row(shorten(fit.model, width), *cells, fit.verdict)
    parts: list[RenderableType] = [table, Text()]
    parts += [
        Text(line)
        for fit in found
        if fit.refused is not None
        for line in textwrap.wrap(
            f"{shorten(fit.model, _NAME)}: {textwrap.shorten(fit.reason, _REASON)}",
            WIDTH,
            subsequent_indent="  ",
        )
    ]
    parts.append(Text(_summary(found)))
    if clocked:
        parts.append(Text(f"ms: {CLOCK_NOTE}"))
    return Group(*parts)


def _summary(found: Sequence[Fit]) -> str:
    counted = [
        f"{sum(fit.verdict == word for fit in found)} {words}"
        for word, words in (("fits", "fit"), ("too large", "do not"), ("refused", "refused"))
        if any(fit.verdict == word for fit in found)
    ]
    notes = "by layer: layer by layer; total: arena + reserve; more: time above layer by layer's"
    return f"{', '.join(counted)}\n{notes}" if counted else notes
