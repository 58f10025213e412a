"""patchc tunnel: cut the image into patches that ignore each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import patchc
from patchc.choices import Merge, Weights

_PATH = click.Path(path_type=Path)


@click.command("tunnel")
@click.argument("model", type=_PATH)
@click.option("-o", "--output", "out", type=_PATH, required=True, help="ONNX file to write.")
@click.option("--grid", required=True, metavar="RxC", help="Rows x columns of patches, e.g. 2x2.")
@click.option("--center", is_flag=True, help="One more patch, as large, in the middle.")
@click.option(
    "--overlap", type=int, default=0, show_default=True, help="Pixels that neighbours share."
)
@click.option(
    "--until",
    multiple=True,
    metavar="NODE",
    help="Last node of the patches' path (or its tensor); may be repeated. [default: what the last "
    "layer reads; with --merge tile the maps that the outputs are made of]",
)
@click.option(
    "--from",
    "start",
    metavar="NODE",
    help="Node (or tensor) whose result is cut. [default: the image]",
)
@click.option(
    "--merge",
    type=click.Choice([merge.value for merge in Merge]),
    default=Merge.MEAN.value,
    show_default=True,
    help="One result of those of the patches; tile: maps side by side again.",
)
@click.option(
    "--weights",
    type=click.Choice([weights.value for weights in Weights]),
    default=Weights.SHARED.value,
    show_default=True,
    help="One copy for all patches, or one for each, to be trained.",
)
def tunnel_command(model: Path, out: Path, **options: Any) -> None:
    """Rewrite MODEL, float or QDQ, so that patches of the image run independently of each other.

    The network becomes another one: its answers change, and it is meant to be trained or
    fine-tuned so. The file is ordinary ONNX, which patchc quantize and patchc compile take.

    \b
    Examples:
      patchc tunnel float.onnx -o tunnels.onnx --grid 2x2 --center
      patchc tunnel detector.onnx -o t.onnx --grid 2x2 --overlap 32 --merge tile
    """
    found = patchc.tunnel(model, out, input_shapes=dict(options.pop("shapes")) or None, **options)
    patch, count = found.patches[0], len(found.patches)
    click.echo(
        f"{found.cut}: {count} patches of {patch.rows}x{patch.cols}, each through "
        f"{found.nodes} nodes up to {', '.join(found.until)}"
    )
    for note in found.notes:
        click.echo(f"note: {note}")
    click.echo(f"wrote {out}")
