"""What cutting buys beside exact tunnels: the least RAM of a network that is cut, and its cycles.

    python -m benchmarks.cut_costs [--network NAME] [--page docs/tunnels.md]

Plans for a Cortex-M4, the image through the callback; RAM with the reserve for stack and statics,
cycles as estimated. Beside each cut: what the network as it was, in exact tunnels, costs at that
RAM, or the least that it takes. benchmarks.agreement prints what is left of the answers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

import patchc
from benchmarks.agreement import CHOICES, END, Cut, depths
from examples.pages import placed
from examples.zoo import NETWORKS, build_float
from patchc.quantize.options import QuantizeOptions
from patchc.report.exploration import Exploration, FrontierPoint

CUTS = (
    *((Cut("2x2"), END), (Cut("2x2", center=True), END), (Cut("2x2", 64), END), (Cut("4x4"), END)),
    *((Cut("2x2"), "14x14"), (Cut("2x2", 64), "28x28")),
)
SAMPLES = 4  # for calibration: scales do not matter here
HEADS = ("patches, overlap", "cut down to", "least RAM B", "M cycles", "exact tunnels in that RAM")


def explored(model: Path, network: str, folder: Path) -> Exploration:
    """Of a float file."""
    samples = {name: values[:SAMPLES] for name, values in NETWORKS[network].calibration().items()}
    quantized = folder / "quantized.onnx"
    options = QuantizeOptions(align=False)
    patchc.quantize(model, quantized, calibration=samples, options=options)
    return patchc.explore(quantized)


def lines(network: str, folder: Path) -> Iterator[str]:
    """Of the table, a network as it is first."""
    model, file = build_float(network), folder / "cut.onnx"
    whole = explored(model, network, folder)
    least = min(whole.points, key=lambda point: point.total_bytes)
    fastest = min(whole.points, key=lambda point: point.cost)
    yield _line("not cut", "the fastest plan", fastest, "")
    yield _line("not cut", "the plan of least RAM", least, "")
    for cut, depth in CUTS:
        cut.write(model, depths(model)[depth], file)
        found = min(explored(file, network, folder).points, key=lambda point: point.total_bytes)
        fitting = [p for p in whole.points if p.total_bytes <= found.total_bytes]
        beside = f"not reached: {least.total_bytes:,} B at least"
        if fitting:
            beside = f"{min(p.cost for p in fitting) / 1e6:.1f} M cycles"
        yield _line(str(cut), depth, found, beside)


def _line(cut: str, depth: str, point: FrontierPoint, beside: str) -> str:
    cells = (cut, depth, f"{point.total_bytes:,}", f"{point.cost / 1e6:.1f}", beside)
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
