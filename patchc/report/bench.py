"""Bench -> tables for a terminal, 80 columns wide."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.measure.bench import Bench, BlockCount, StepCount
from patchc.report.text import WIDTH, shorten

_NAME_WIDTH = 32  # what the other columns leave


def render_bench(found: Bench) -> RenderableType:
    """Blocks with their steps, kernels, the total, and how it was counted."""
    blocks = _table(
        f"{found.name} on {found.target}: {found.instructions:,} instructions", "tunnel or layer"
    )
    for block in found.blocks:
        for name, instructions, macs in _rows(block):
            _add(blocks, found, name, instructions, macs)
    kernels = _table("", "file of kernels")
    for kernel in found.kernels:
        _add(kernels, found, kernel.kernel, kernel.instructions, 0)
    _add(kernels, found, "total", found.instructions, found.macs, style="bold")
    return Group(blocks, kernels, Text(), Text("\n".join(_facts(found))))


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in ("instructions", "%", "MACs", "per MAC"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _add(
    table: Table, found: Bench, name: str, instructions: int, macs: int, style: str | None = None
) -> None:
    table.add_row(
        shorten(name, _NAME_WIDTH),
        f"{instructions:,}",
        f"{100 * instructions / found.instructions:.1f}",
        f"{macs:,}" if macs else "",
        f"{instructions / macs:.2f}" if macs else "",
        style=style,
    )


def _rows(block: BlockCount) -> list[tuple[str, int, int]]:
    """A block, and what is in it where that is more than one thing."""
    if len(block.steps) == 1:
        return [(_step_name(block.steps[0]), block.instructions, block.macs)]
    name = f"{len(block.steps)} steps: {_ends(block.steps)}"
    steps = [(f"  {_step_name(step)}", step.instructions, step.macs) for step in block.steps]
    loops = block.instructions - sum(step.instructions for step in block.steps)
    return [(name, block.instructions, block.macs), *steps, ("  its loops", loops, 0)]


def _ends(steps: Sequence[StepCount]) -> str:
    nodes = [name for step in steps for name in step.nodes]
    return f"{nodes[0]} .. {nodes[-1]}" if nodes else steps[0].step


def _step_name(step: StepCount) -> str:
    return " + ".join(step.nodes) or step.step


def _facts(found: Bench) -> list[str]:
    return [
        f"counted  one inference ({found.inputs}), from {found.name}_run's entry to its return,",
        "         callbacks left out; instructions, not cycles",
        f"flags    {found.opt} {' '.join(found.flags)}, as in test/firmware/Makefile otherwise",
        f"board    {found.board}",
        *(f"tool     {shorten(text, WIDTH - 9)}" for text in found.versions.values()),
        f"stack    {found.stack_high_water_bytes} B used; code {found.code_bytes:,} B",
        f"outputs  {found.bytes_different} bytes differ from the network in numpy",
    ]
