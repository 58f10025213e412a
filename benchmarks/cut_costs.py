"""What cutting buys beside exact tunnels: the least RAM of a network that is cut, and its cycles.

    python -m benchmarks.cut_costs [--network NAME] [--page docs/tunnels.md]

Plans for a Cortex-M4, the image through the callback; RAM with the reserve for stack and statics,
cycles as estimated. The fastest plan is the one of least RAM within 1 % of the fastest. Beside each
cut: what the network as it was, in exact tunnels, costs at that RAM, or the least that it takes.
benchmarks.agreement prints what is left of the answers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

import patchc
from benchmarks.agreement import CHOICES, END, Cut, depths
from examples.pages import placed
from examples.zoo import build_float
from patchc.report.fit import Fit

CUTS = (
    *((Cut("2x2"), END), (Cut("2x2", center=True), END), (Cut("2x2", 64), END), (Cut("4x4"), END)),
    *((Cut("2x2"), "14x14"), (Cut("2x2", 64), "28x28")),
)
ENOUGH = "16M"  # of RAM, for any plan
HEADS = ("patches, overlap", "cut down to", "least RAM B", "M cycles", "exact tunnels in that RAM")


def lines(network: str, folder: Path) -> Iterator[str]:
    """Of the table, a network as it is first."""
    model, file = build_float(network), folder / "cut.onnx"
    yield _line("not cut", "the fastest plan", patchc.fits(model, budget=ENOUGH), "")
    least = patchc.fits(model)
    yield _line("not cut", "the plan of least RAM", least, "")
    for cut, depth in CUTS:
        cut.write(model, depths(model)[depth], file)
        found = patchc.fits(file)
        beside = f"not reached: {least.total_bytes:,} B at least"
        if found.total_bytes >= least.total_bytes:
            exact = patchc.fits(model, budget=found.total_bytes)
            beside = f"{exact.cost / 1e6:.1f} M cycles"
        yield _line(str(cut), depth, found, beside)


def _line(cut: str, depth: str, plan: Fit, beside: str) -> str:
    cells = (cut, depth, f"{plan.total_bytes:,}", f"{plan.cost / 1e6:.1f}", beside)
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--network", type=click.Choice(CHOICES), default=CHOICES[0], show_default=True)
@click.option("--page", type=click.Path(path_type=Path), help="Markdown to write the table into.")
def main(network: str, page: Path | None) -> None:
    """Print a line per cut."""
    made = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    click.echo("\n".join(made))
    with tempfile.TemporaryDirectory() as folder:
        for line in lines(network, Path(folder)):
            click.echo(line)
            made.append(line)
    if page is not None:
        text = "\n".join(made) + "\n"
        page.write_text(placed(page.read_text("utf-8"), "cut costs", text), "utf-8")


if __name__ == "__main__":
    main()
