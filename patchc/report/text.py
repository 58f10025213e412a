"""Report -> tables for a terminal, 80 columns wide."""

from __future__ import annotations

import textwrap

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.report.data import LibraryReport, Report
from patchc.report.layers import layer_lines
from patchc.report.words import CLOCK_NOTE, WIDTH, ms_words, overhead, several


def render(report: Report, layers: bool = True) -> RenderableType:
    """The tables, for `rich.console.Console.print`."""
    parts: list[RenderableType] = []
    if layers:
        parts += [Text(f"{report.model.name}: {len(report.layers)} steps, {how(report)}")]
        parts += [*layer_lines(report), Text()]
    parts += [_ram(report), Text()]
    parts += [Text(line) for fact in facts(report) for line in wrapped(fact)]
    return Group(*parts)


def to_text(report: Report, layers: bool = True) -> str:
    """The tables as plain text, no line longer than 80 columns."""
    return plain(render(report, layers))


def terminal() -> Console:
    """Standard output at 80 columns. Names from models are no markup."""
    return Console(width=WIDTH, markup=False, emoji=False, highlight=False)


def plain(renderable: RenderableType) -> str:
    """What `terminal` would print, without colours and trailing blanks."""
    console = Console(
        width=WIDTH, markup=False, emoji=False, highlight=False, color_system=None, no_color=True
    )
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def how(report: Report) -> str:
    """Layer by layer, or in how many tunnels."""
    tunnels = [tunnel for tunnel in report.tunnels if tunnel.segmentation.ticks > 1]
    if not tunnels:
        return "layer by layer"
    stripes = max(tunnel.segmentation.stripes for tunnel in tunnels)
    streamed = f"{len(tunnels)} tunnel{'s' if len(tunnels) > 1 else ''}"
    return f"{streamed}, up to {stripes} stripe{'s' if stripes > 1 else ''}"


def _ram(report: Report) -> Table:
    ram = report.ram
    table = Table(title="RAM", title_justify="left", box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("bytes", justify="right")
    table.add_column("")
    source = "reserve, until measured" if ram.source == "reserve" else ram.source
    rows = [
        ("arena", ram.arena_bytes, ram.placement),
        ("static (.data, .bss)", ram.static_bytes, ""),
        ("stack", ram.stack_bytes, source),
        ("total", ram.total_bytes, budget_words(report)),
        ("input", ram.input_bytes, f"--input {report.input_mode}"),
        ("total with input", ram.total_with_input_bytes, ""),
        ("liveness peak", ram.liveness_peak_bytes, "lower bound of this plan's buffers"),
        ("element peak", ram.element_peak_bytes, "bytes that will still be read"),
        ("layer by layer", ram.layerwise_bytes, "arena without tunnels"),
    ]
    for what, size, remark in rows:
        table.add_row(what, f"{size:,}", remark, style="bold" if what == "total" else None)
    return table


def budget_words(report: Report) -> str:
    if report.budget_bytes is None:
        return "no budget given"
    spare = report.budget_bytes - report.ram.total_bytes
    return f"budget {report.budget_bytes:,}, {spare:,} to spare"


def wrapped(fact: str) -> list[str]:
    """Lines of a fact that starts with a word of up to 8 letters, the others indented below it."""
    return textwrap.wrap(fact, WIDTH, subsequent_indent=" " * 9, drop_whitespace=True)


def _library(library: LibraryReport) -> str:
    computes = f"computes {len(library.layers)} of {len(library.layers) + len(library.elsewhere)}"
    return f"library  {library.name} {library.version}, {library.source}, {computes} layers"


def _choices(report: Report) -> list[str]:
    """What other kernels would cost, where there are any."""
    found = [(c, [o for o in c.others if o.cost is not None]) for c in report.choices]
    found = [(choice, others) for choice, others in found if others]
    if not found:
        return []
    unit = "MACs" if report.cost.cycles_estimate is None else "cycles"
    here = sum(choice.cost for choice, _ in found)
    scratch = max(choice.scratch_bytes for choice, _ in found)
    cheapest = [min(others, key=lambda o: o.cost or 0) for _, others in found]
    there, room = sum(o.cost or 0 for o in cheapest), max(o.scratch_bytes or 0 for o in cheapest)
    return [
        f"choices  {len(found)} nodes have other kernels, which would take {there:,} {unit} and up "
        f"to {room:,} B of scratch memory, not {here:,} and {scratch:,} (report.json: choices)"
    ]


def _again(report: Report) -> list[str]:
    return [
        f"twice    {item.tensor} ({item.bytes:,} B) is made again for {', '.join(item.readers)}, "
        f"by {several(len(item.nodes), 'node')}: {item.macs:,} MACs more"
        for item in report.again
    ]


def _time(report: Report) -> list[str]:
    """As the plan was priced."""
    cost = report.cost
    if cost.cycles_estimate is None:
        return []
    text = f"time     about {cost.cycles_estimate:,} cycles on a {report.target}"
    if cost.layerwise_cycles_estimate:
        more = cost.cycles_estimate / cost.layerwise_cycles_estimate - 1
        text += f" ({more:+.1%} of layer by layer's)"
    if cost.milliseconds_estimate is None:
        return [f"{text}; --clock MHZ says milliseconds"]
    time = ms_words(cost.milliseconds_estimate)
    return [f"{text}, {time} ms at {cost.clock_mhz:g} MHz: {CLOCK_NOTE}"]


def facts(report: Report) -> list[str]:
    code = report.flash.code_bytes
    lines = [
        f"flash    {report.flash.weights_bytes:,} B of constants, code "
        + (f"{code:,} B" if code is not None else "not measured"),
        f"work     {report.cost.macs_executed:,} MACs, F = {overhead(report.cost.macs_overhead)}",
        *_time(report),
        *_again(report),
        f"exact    {report.exact.channels:,} channels: {report.exact.lines:,} by a line, "
        f"{report.exact.guarded:,} guarded near ties, {report.exact.emulated:,} emulated; "
        f"{report.exact.proved:,} proved one by one",
        "kernels  " + ", ".join(f"{name} {count}" for name, count in report.kernels.items()),
        *_choices(report),
    ]
    if report.library is not None:
        lines.append(_library(report.library))
    lines += [
        f"outputs  {output.tensor}: {output.bytes:,} B handed over, "
        + ("in raster order" if output.order == "raster" else "stripe by stripe of columns")
        for output in report.outputs
        if output.handed_over
    ]
    for where, nodes in (
        ("leading", report.host.leading),
        ("trailing", report.host.trailing),
    ):
        if nodes:
            lines.append(f"{where:8} on the host, not in the C: {', '.join(nodes)}")
    lines += [
        f"tail     {tail.output}: {tail.node}, in the C, by {tail.function}"
        for tail in report.tails
    ]
    if report.quality is not None:
        lines += report.quality.lines()
    return lines + [f"note     {note}" for note in report.notes]
