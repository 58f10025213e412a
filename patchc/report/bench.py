"""Bench -> tables for a terminal, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.measure.bench import Bench, BlockCount, StepCount
from patchc.report.words import WIDTH, shorten

_NAME_WIDTH = 24  # what the other columns leave


def render_bench(found: Bench) -> RenderableType:
    """Blocks with their steps, kernels, the total, and how it was counted."""
    title = f"{found.name} on {found.target}: {found.instructions:,} instructions"
    if found.cycles is not None:
        title += f", about {found.cycles:,} cycles"
    blocks = _table(title, "tunnel or layer")
    for block in found.blocks:
        for row in _rows(block):
            _add(blocks, found, *row)
    kernels = _table("", "file of kernels")
    for kernel in found.kernels:
        _add(kernels, found, kernel.kernel, kernel.instructions, kernel.cycles, 0)
    total = (found.instructions, found.cycles, found.macs)
    _add(kernels, found, "total", *total, style="bold")
    return Group(blocks, kernels, Text(), Text("\n".join(_facts(found))))


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in ("instructions", "cycles", "%", "MACs", "per MAC"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _add(
    table: Table,
    found: Bench,
    name: str,
    instructions: int,
    cycles: int | None,
    macs: int,
    style: str | None = None,
) -> None:
    table.add_row(
        shorten(name, _NAME_WIDTH),
        f"{instructions:,}",
        "" if cycles is None else f"{cycles:,}",
        f"{100 * instructions / found.instructions:.1f}",
        f"{macs:,}" if macs else "",
        f"{instructions / macs:.2f}" if macs else "",
        style=style,
    )


def _rows(block: BlockCount) -> list[tuple[str, int, int | None, int]]:
    """A block, and what is in it where that is more than one thing."""
    if len(block.steps) == 1:
        return [(_step_name(block.steps[0]), block.instructions, block.cycles, block.macs)]
    name = f"{len(block.steps)} steps: {_ends(block.steps)}"
    steps = [(f"  {_step_name(s)}", s.instructions, s.cycles, s.macs) for s in block.steps]
    whole = (name, block.instructions, block.cycles, block.macs)
    return [whole, *steps, ("  its loops", block.loop_instructions, block.loop_cycles, 0)]


def _stand_in(found: Bench) -> str:
    """The core that the code ran on, where the board has not the one that it is for."""
    return "" if found.board_core == found.target else f", on its {found.board_core}"


def _ends(steps: Sequence[StepCount]) -> str:
    nodes = [name for step in steps for name in step.nodes]
    return f"{nodes[0]} .. {nodes[-1]}" if nodes else steps[0].step


def _step_name(step: StepCount) -> str:
    return " + ".join(step.nodes) or step.step


def _cycles(found: Bench) -> list[str]:
    """What the estimate rests on, and what it comes to."""
    if found.timing is None:
        return [f"cycles   not estimated: nothing is known of the timing of {found.target}"]
    waits = f"; {found.part.wait_states} wait states" if found.part.wait_states else ""
    lines = textwrap.wrap(f"estimated: {found.timing}{waits}", WIDTH - 9)
    if found.milliseconds is not None:
        lines.append(f"{found.milliseconds:.1f} ms at {found.part.clock_mhz:g} MHz")
    return [f"{'cycles' if line is lines[0] else '':9}{line}" for line in lines]


def _facts(found: Bench) -> list[str]:
    return [
        f"counted  one inference ({found.inputs}), from {found.name}_run's entry to its return,",
        "         callbacks left out; % and per MAC are of instructions",
        *_cycles(found),
        f"flags    {found.opt} {' '.join(found.flags)}, as in test/firmware/Makefile otherwise",
        f"board    {found.board}{_stand_in(found)}",
        *(f"tool     {shorten(text, WIDTH - 9)}" for text in found.versions.values()),
        f"stack    {found.stack_high_water_bytes} B used; code {found.code_bytes:,} B",
        f"outputs  {found.bytes_different} bytes differ from the network in numpy",
    ]
