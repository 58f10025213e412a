"""Time and flash per layer, one above the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from patchc.measure.bench import Bench
from patchc.report.data import Report
from patchc.report.page.axis import LEFT, RIGHT, ticks
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
from patchc.report.words import count, size

_UP, _DOWN = 170.0, 90.0  # pixels for time and for flash
_TOP, _GAP = 22.0, 6.0


@dataclass(frozen=True, slots=True)
class Share:
    """What a layer, or several that run together, take."""

    block: int
    name: str
    amount: int  # cycles, instructions or multiply-accumulates
    constants: int  # bytes


@dataclass(frozen=True, slots=True)
class Work:
    """How time is told: in what, by what, in which shares."""

    unit: str
    source: str
    total: int
    shares: tuple[Share, ...]


def work(report: Report, bench: Bench | None) -> Work:
    """Cycles as `patchc bench` counted them, or instructions of a core whose timing is not known;
    else cycles as the plan was priced, else multiply-accumulates."""
    if bench is not None:
        counted = tuple(_counted(report, bench))
        if bench.cycles is None:
            source = f"counted on {bench.target} by patchc bench"
            return Work("instructions", source, bench.instructions, counted)
        waits = bench.part.wait_states
        source = f"estimated from {count(bench.instructions)} instructions counted on "
        source += f"{bench.target} by patchc bench"
        source += f", {waits} wait states" if waits else ""
        return Work("cycles", source, bench.cycles, counted)
    total = report.cost.cycles_estimate
    if total is not None:
        source = f"as the plan was priced for {report.target}; patchc bench counts them"
        shares = [(layer, layer.cycles_estimate or 0) for layer in report.layers]
    else:
        source = f"{report.target} has no table of cycles; patchc bench counts them"
        shares = [(layer, layer.macs) for layer in report.layers]
    found = tuple(
        Share(layer.tunnel, layer.node, amount, layer.constant_bytes) for layer, amount in shares
    )
    if total is None:
        return Work("MACs", source, report.cost.macs_executed, found)
    return Work("cycles", source, total, found)


def _counted(report: Report, bench: Bench) -> Iterator[Share]:
    """Per step, and what the loops around them take."""
    constants = {layer.node: layer.constant_bytes for layer in report.layers}
    for index, block in enumerate(bench.blocks):
        for step in block.steps:
            read = sum(constants.get(node, 0) for node in step.nodes)
            amount = step.instructions if step.cycles is None else step.cycles
            yield Share(index, " + ".join(step.nodes) or step.step, amount, read)
        cycles = block.loop_cycles
        loops = block.loop_instructions if cycles is None else cycles
        if loops > 0:
            yield Share(index, f"loops of {block.function}", loops, 0)


def work_figure(report: Report, bench: Bench | None) -> Figure:
    """Bars upwards for time, downwards for constants."""
    found = work(report, bench)
    shares = found.shares
    most = max([1, *(share.amount for share in shares)])
    heavy = max([1, *(share.constants for share in shares)])
    column = (WIDTH - LEFT - RIGHT) / max(len(shares), 1)
    zero = _TOP + _UP
    low = zero + _GAP
    marks: list[Mark] = []
    lines: list[Line] = []
    words = [
        Words(LEFT, _TOP - 8, f"{found.unit} of each", "strong"),
        Words(LEFT, low + _DOWN + 16, "bytes of constants that it reads", "strong"),
    ]
    for value in ticks(most, 4):
        y = zero - _UP * value / most
        lines.append(Line(((LEFT, y), (WIDTH - RIGHT, y)), "grid"))
        words.append(Words(LEFT - 8, y + 4, count(value), "note", "end"))
    for value in ticks(heavy, 3)[1:]:
        y = low + _DOWN * value / heavy
        lines.append(Line(((LEFT, y), (WIDTH - RIGHT, y)), "grid"))
        words.append(Words(LEFT - 8, y + 4, count(value), "note", "end"))
    for index, share in enumerate(shares):
        x, width = LEFT + index * column, max(column - 1, 0.8)
        up, down = _UP * share.amount / most, _DOWN * share.constants / heavy
        odd = " odd" if share.block % 2 else ""
        title = share_title(found, share)
        marks.append(Mark(x, zero - up, width, up, f"time{odd}", title))
        marks.append(Mark(x, low, width, down, f"constants{odd}", title))
    edge = Line(((LEFT, zero), (WIDTH - RIGHT, zero)), "edge")
    total = f"{count(found.total)} {found.unit} in all, {found.source}."
    if bench is not None and bench.milliseconds is not None:
        total += f" {bench.milliseconds:.1f} ms at {bench.part.clock_mhz:g} MHz."
    columns = (
        Column("block", numeric=True),
        Column("layer", letters=60),
        Column(found.unit, numeric=True),
        Column("%", numeric=True),
        Column("constants B", numeric=True),
    )
    rows = [
        (
            str(share.block),
            share.name,
            count(share.amount),
            _percent(share.amount, found.total),
            count(share.constants) if share.constants else "",
        )
        for share in shares
    ]
    return Figure(
        "Time and flash per layer",
        f"{total} The shade changes from block to block.",
        (
            Picture(
                f"{found.unit} and bytes of constants of each of {len(shares)} layers; "
                f"{_largest(found, shares)}",
                WIDTH,
                low + _DOWN + 24,
                marks=tuple(marks),
                lines=tuple(lines),
                over=(edge,),
                words=tuple(words),
            ),
        ),
        (Key("time", found.unit), Key("constants", "bytes of constants")),
        table("Layers, or steps that run together", columns, rows),
    )


def _largest(found: Work, shares: Sequence[Share]) -> str:
    if not shares:
        return "there is none"
    most = max(shares, key=lambda share: share.amount)
    return f"the most are {count(most.amount)} {found.unit} of {most.name}"


def _percent(amount: int, total: int) -> str:
    return f"{100 * amount / total:.1f}" if total else ""


def share_title(found: Work, share: Share) -> str:
    """All that there is to say of a pair of bars."""
    part = _percent(share.amount, found.total)
    return (
        f"{share.name} (block {share.block}): {count(share.amount)} {found.unit}"
        f"{f', {part} %' if part else ''}; {size(share.constants)} of constants"
    )
