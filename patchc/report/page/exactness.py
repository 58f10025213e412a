"""How the C is shown to be equal: forms of requantisation, comparisons, histograms."""

from __future__ import annotations

import math
from collections.abc import Iterator

from patchc.report.data import Report
from patchc.report.page.picture import (
    WIDTH,
    Column,
    Figure,
    Key,
    Line,
    Mark,
    Picture,
    Words,
    table,
)
from patchc.report.verification import comparison_rows
from patchc.report.words import count
from patchc.verify.difference import Difference
from patchc.verify.verify import Verification

FORMS = {
    "lines": "a product, an offset and a shift",
    "guarded": "the product's high word, but next to ties",
    "emulated": "the float32 product in integers",
}
_FURTHEST = 12  # steps; those beyond it are counted together
_BAR, _HIGH, _TOP = 40.0, 120.0, 24.0
_LEFT, _ROOM, _RIGHT = 10.0, 60.0, 10.0


def forms_figure(report: Report) -> Figure:
    """Requantised channels by their integer form."""
    exact = report.exact
    counts = {"lines": exact.lines, "guarded": exact.guarded, "emulated": exact.emulated}
    total = max(exact.channels, 1)
    marks, x = [], 0.0
    for form, number in counts.items():
        width = WIDTH * number / total
        title = f"{form}: {count(number)} of {count(exact.channels)} channels, {FORMS[form]}"
        if number:
            marks.append(Mark(x, 4, max(width, 2.0), 28, form, title))
        x += width
    columns = (Column("form"), Column("channels", numeric=True), Column("what it is", letters=60))
    rows = [(form, count(number), FORMS[form]) for form, number in counts.items()]
    rows.append(("all", count(exact.channels), ""))
    text = (
        f"{count(exact.channels)} channels are requantised as onnxruntime's float32 arithmetic "
        f"does, {count(exact.proved)} of them proved for every sum that can come up."
    )
    return Figure(
        "Requantisation",
        text,
        (Picture(f"channels by form: {text}", WIDTH, 36, marks=tuple(marks)),),
        tuple(Key(form, f"{form}: {FORMS[form]}") for form in counts if counts[form]),
        table("Channels by form", columns, rows),
    )


def verdict(found: Verification) -> str:
    """What `patchc verify` says at the end."""
    if found.failures:
        return f"MISMATCH: {'; '.join(found.failures)}"
    return "all comparisons hold"


def comparisons_figure(found: Verification) -> Figure:
    """What was compared with what, and how far outputs are from the file as it is."""
    columns = (
        Column("comparison", letters=72),
        Column("cases", numeric=True),
        Column("compared", numeric=True),
        Column("different", numeric=True),
    )
    versions = ", ".join(f"{name} {text}" for name, text in found.versions.items())
    text = f"{found.cases} cases ({found.inputs}) on {found.on}, {versions}: {verdict(found)}."
    text += "".join(f" Warning: {one}." for one in found.golden.warnings)
    differences = found.golden.file
    return Figure(
        "What was compared",
        text,
        tuple(_histogram(one) for one in differences),
        (Key("equal", "equal"), Key("unequal", "so many steps off, on a logarithmic scale")),
        table("Comparisons of patchc verify", columns, comparison_rows(found)),
    )


def _histogram(difference: Difference) -> Picture:
    """Values by their distance, in steps, from the file as onnxruntime runs it."""
    bins: dict[int, int] = {}
    for steps, number in difference.histogram:
        clipped = max(-_FURTHEST, min(steps, _FURTHEST))
        bins[clipped] = bins.get(clipped, 0) + number
    least, most = min(bins, default=0), max(bins, default=0)
    top = math.log10(1 + max(bins.values(), default=1))
    marks: list[Mark] = []
    words: list[Words] = []
    for position, steps in enumerate(range(least, most + 1)):
        number = bins.get(steps, 0)
        high = _HIGH * math.log10(1 + number) / top if number else 0.0
        x = _LEFT + position * _ROOM
        kind = "equal" if steps == 0 else "unequal"
        title = f"{count(number)} of {count(difference.values)} values {_steps(steps)}"
        marks.append(Mark(x + (_ROOM - _BAR) / 2, _TOP + _HIGH - high, _BAR, high, kind, title))
        y = _TOP + _HIGH
        if number:
            words.append(Words(x + _ROOM / 2, y - high - 5, count(number), "strong", "middle"))
        words.append(Words(x + _ROOM / 2, y + 16, _signed(steps), "note", "middle"))
    width = max(_LEFT + (most - least + 1) * _ROOM + _RIGHT, 300.0)
    line = Line(((_LEFT, _TOP + _HIGH), (width - _RIGHT, _TOP + _HIGH)), "edge")
    heading = " ".join(_distance(difference))
    return Picture(
        f"histogram of differences, {heading}",
        width,
        _TOP + _HIGH + 24,
        marks=tuple(marks),
        over=(line,),
        words=tuple(words),
        heading=heading,
    )


def _distance(difference: Difference) -> Iterator[str]:
    yield f"{difference.name}: {count(difference.differing)} of {count(difference.values)} values"
    yield "differ from the file in onnxruntime"
    if difference.sqnr_db is not None:
        yield f"({difference.sqnr_db:.1f} dB, at most {difference.largest} steps off)"


def _signed(steps: int) -> str:
    if abs(steps) < _FURTHEST:
        return f"{steps:+d}" if steps else "0"
    return f"{steps:+d} .."


def _steps(steps: int) -> str:
    if steps == 0:
        return "equal"
    more = " or more" if abs(steps) == _FURTHEST else ""
    return f"{_signed(steps).removesuffix(' ..')}{more} steps off"
