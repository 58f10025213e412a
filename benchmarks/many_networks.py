"""Networks of torchvision and timm in float, and which of them fit: docs/many-networks.md.

    python -m benchmarks.many_networks export FOLDER     # needs tests/zoo/requirements.txt
    time patchc explore FOLDER/*.onnx --budget 64k --clock 120 -o fits.json
    python -m benchmarks.many_networks table fits.json   # prints the table

The networks are those of the wall (tests/zoo/rows.txt), each once, with random weights, at 128 x
128, or at 224 x 224 where they take nothing else, through torch's older exporter or, where that
refuses them, the newer one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tests.zoo.rows import Row, read_rows

SIDE, FIXED = 128, 224  # pixels
SOURCES = ("torchvision", "timm")
FORMS = ("script", "dynamo")  # of torch's exporters, the first that takes the network


def networks() -> tuple[Row, ...]:
    """Each network of the sources once."""
    found: dict[tuple[str, str], Row] = {}
    for row in read_rows():
        if row.source in SOURCES:
            side = FIXED if row.shape[-1] == FIXED else SIDE
            one = replace(row, form=FORMS[0], shape=(1, 3, side, side))
            found.setdefault((row.source, row.network), one)
    return tuple(found.values())


@click.group()
def main() -> None:
    """Networks in float, and which of them fit."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def export(folder: Path) -> None:
    """Write an ONNX file for each network; those that are there stay."""
    from tests.zoo.torch_networks import make

    folder.mkdir(parents=True, exist_ok=True)
    for row in networks():
        file = folder / f"{row.network}.onnx"
        if file.exists():
            continue
        begun = time.monotonic()
        reasons = []
        for form in FORMS:
            try:
                content = make(replace(row, form=form)).SerializeToString()
            except Exception as error:  # of other people's exporters: whatever they raise
                reasons.append(f"{type(error).__name__}: {' '.join(str(error).split())[:120]}")
                continue
            scratch = file.with_suffix(".tmp")
            scratch.write_bytes(content)
            scratch.rename(file)
            size = f"{len(content) / 1e6:.1f} MB"
            click.echo(f"{row.network} ({form}): {time.monotonic() - begun:.1f} s, {size}")
            break
        else:
            click.echo(f"{row.network}: not exported: {'; '.join(reasons)}")


@main.command()
@click.argument("found", type=click.Path(path_type=Path))
def table(found: Path) -> None:
    """Print what `patchc explore -o` wrote, as Markdown: what fits, by RAM; and the others."""
    for line in lines(json.loads(found.read_text(encoding="utf-8"))):
        click.echo(line)


def lines(fits: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Of the table, and the names of what is not in it."""
    fitting = [fit for fit in fits if fit["fits"]]
    yield "| network | M MACs | layer by layer, B | total, B | more time | ms |"
    yield "|---|---:|---:|---:|---:|---:|"
    for fit in sorted(fitting, key=lambda fit: fit["total_bytes"]):
        ms = "" if fit["milliseconds"] is None else f"{fit['milliseconds']:,.0f}"
        yield (
            f"| {Path(fit['model']).stem} | {fit['macs'] / 1e6:,.1f} | {fit['layerwise_bytes']:,} "
            f"| {fit['total_bytes']:,} | {fit['more']:+.1%} | {ms} |"
        )
    refused = [fit for fit in fits if fit["refused"] is not None]
    large = [fit for fit in fits if fit["fits"] is False]
    for words, found in (("Too large", large), ("Refused", refused)):
        names = ", ".join(Path(fit["model"]).stem for fit in found)
        yield f"\n{words} ({len(found)}): {names}."


if __name__ == "__main__":
    main()
