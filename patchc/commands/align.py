"""patchc align: one file that means the same bytes to several engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from patchc import api
from patchc.align.align import Aligned

_PATH = click.Path(path_type=Path)


@click.command("align")
@click.argument("model", type=_PATH)
@click.option("-o", "--output", "out", type=_PATH, required=True, help="ONNX file to write.")
def align_command(model: Path, out: Path, **options: Any) -> None:
    """Nudge the weight scales of MODEL, a quantised file, until CMSIS-NN computes onnxruntime's
    bytes, too.

    Each channel's scale changes by the least amount, in most channels by nothing, with which
    every sum that can come up is requantised alike by onnxruntime, by CMSIS-NN compiled with
    CMSIS_NN_USE_SINGLE_ROUNDING, and by the cheapest form of patchc's own kernels. All of it is
    proved. A file that is aligned stays as it is.

    \b
    Example:
      patchc align int8.onnx -o aligned.onnx
    """
    found = api.align(model, out, input_shapes=dict(options.pop("shapes")) or None)
    for line in lines(found):
        click.echo(line)
    click.echo(f"wrote {out}")


def lines(found: Aligned) -> list[str]:
    """What was done, in a few lines."""
    channels = sum(layer.channels for layer in found.layers)
    moved = sum(layer.moved for layer in found.layers)
    with_line = sum(layer.lines for layer in found.layers)
    told = [
        f"layers   {len(found.layers)}, with {channels:,} output channels, all proved",
        f"nudged   {moved:,} scales, by {found.largest:.2g} at most",
        f"lines    {with_line:,} channels have the cheapest form in patchc's kernels",
        f"outputs  {found.differing():.2%} of the bytes differ from the file's before, on 4 "
        "random inputs",
    ]
    if found.others:
        told.append(f"kept     {', '.join(found.others)}: by patchc's own kernels, as before")
    return told
