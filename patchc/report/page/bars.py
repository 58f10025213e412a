"""Bars that lie: RAM layer by layer, of this plan and at least; flash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patchc.report.data import Report
from patchc.report.page.picture import WIDTH, Column, Figure, Key, Line, Mark, Picture, Words, table
from patchc.report.words import count, size

_LEFT, _RIGHT = 190.0, 110.0  # for names and for numbers
_BAR, _STEP = 24.0, 34.0
_TOP = 20.0


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar."""

    kind: str
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Parts one behind the other."""

    name: str
    parts: tuple[Part, ...]
    meaning: str

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)


def bars(name: str, found: Sequence[Bar], limit: int | None = None) -> Picture:
    """One below the other, on one scale; a line at the limit."""
    longest = max([1, *(bar.bytes for bar in found), limit or 0])
    scale = (WIDTH - _LEFT - _RIGHT) / longest
    marks: list[Mark] = []
    words: list[Words] = []
    for row, bar in enumerate(found):
        x, y = _LEFT, _TOP + row * _STEP
        words.append(Words(_LEFT - 10, y + 16, bar.name, "name", "end"))
        for part in bar.parts:
            width = part.bytes * scale
            title = f"{bar.name}: {part.name} {size(part.bytes)}"
            marks.append(Mark(x, y, max(width, 1.0), _BAR, part.kind, title))
            x += width
        words.append(Words(max(x, _LEFT + 1) + 8, y + 16, size(bar.bytes), "strong"))
    bottom = _TOP + len(found) * _STEP
    lines = []
    if limit is not None:
        x = _LEFT + limit * scale
        lines.append(Line(((x, _TOP - 6), (x, bottom - 4)), "budget"))
        anchor = "end" if x > WIDTH / 2 else "start"
        words.append(Words(x, _TOP - 9, f"budget {size(limit)}", "budget", anchor))
    return Picture(name, WIDTH, bottom, marks=tuple(marks), over=tuple(lines), words=tuple(words))


def ram_figure(report: Report) -> Figure:
    """RAM: without tunnels, with them, and what these buffers need at least."""
    ram = report.ram
    source = "reserved" if ram.source == "reserve" else "measured"
    rows = [Bar("layer by layer", (Part("plain", "arena", ram.layerwise_bytes),), "arena")]
    plan = [Part("arena", "arena", ram.arena_bytes)]
    plan += [Part("static", "static", ram.static_bytes)] if ram.static_bytes else []
    plan.append(Part("stack", f"stack, {source}", ram.stack_bytes))
    rows += [
        Bar("this plan", tuple(plan), f"arena, static, stack ({source})"),
        Bar(
            "lower bound",
            (Part("bound", "arena", ram.lower_bound_bytes),),
            "no placement of this plan's buffers is smaller",
        ),
        Bar(
            "element peak",
            (Part("bound", "bytes", ram.element_peak_bytes),),
            "bytes that will still be read",
        ),
    ]
    keys = [
        Key("plain", "layer by layer: arena"),
        *(Key(part.kind, f"this plan: {part.name}") for part in plan),
        Key("bound", "what cannot be gone below"),
    ]
    columns = (Column("what"), Column("bytes", numeric=True), Column("meaning", letters=60))
    lines = [(bar.name, count(bar.bytes), bar.meaning) for bar in rows]
    lines += [
        (f"this plan: {part.name}", count(part.bytes), ram.placement * (part.kind == "arena"))
        for part in plan
    ]
    lines.append(("input", count(ram.input_bytes), f"--input {report.input_mode}"))
    lines.append(("total with input", count(ram.total_with_input_bytes), ""))
    times = ram.layerwise_bytes / max(ram.arena_bytes, 1)
    text = f"Layer by layer the arena is {size(ram.layerwise_bytes)}"
    text += f", {times:.1f} times as large as this plan's." if times >= 1.05 else "."
    name = "; ".join(f"{bar.name} {size(bar.bytes)}" for bar in rows)
    picture = bars(f"RAM: {name}", rows, report.budget_bytes)
    return Figure(
        "Layer by layer, in this plan, at least",
        text,
        (picture,),
        tuple(keys),
        table("RAM", columns, lines),
    )


def flash_figure(report: Report) -> Figure:
    """Constants, and code where it was measured."""
    flash = report.flash
    parts = [Part("constants", "constants", flash.weights_bytes)]
    if flash.code_bytes is not None:
        parts.append(Part("code", "code", flash.code_bytes))
    code = (
        "Code is not measured yet: patchc verify OUT --on qemu does that."
        if flash.code_bytes is None
        else f"Code is {size(flash.code_bytes)}."
    )
    text = f"{size(flash.weights_bytes)} of constants. {code}"
    keys = tuple(Key(part.kind, part.name) for part in parts)
    columns = (Column("what"), Column("bytes", numeric=True))
    rows = [(part.name, count(part.bytes)) for part in parts]
    picture = bars(f"flash: {text}", (Bar("flash", tuple(parts), ""),))
    return Figure("Flash", text, (picture,), keys, table("Flash", columns, rows))
