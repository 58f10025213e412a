"""patchc align: one file that means the same bytes to several engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import patchc

if TYPE_CHECKING:
    from patchc.align.result import Aligned
    from patchc.verify.change import Change

_PATH = click.Path(path_type=Path)


@click.command("align")
@click.argument("model", type=_PATH)
@click.option("-o", "--output", "out", type=_PATH, required=True, help="ONNX file to write.")
@click.option(
    "--inputs",
    type=_PATH,
    metavar="NPZ",
    help="Cases to compare the outputs on: first axis = cases. [default: random ones]",
)
@click.option("--labels", type=_PATH, help="The class of each case, a number a line: top-1.")
def align_command(
    model: Path, out: Path, inputs: Path | None, labels: Path | None, **options: Any
) -> None:
    """Nudge the weight scales of MODEL, a quantised file, until CMSIS-NN computes onnxruntime's
    bytes, too.

    Each channel's scale changes by the least amount, in most channels by nothing, with which
    every sum that can come up is requantised alike by onnxruntime, by CMSIS-NN compiled with
    CMSIS_NN_USE_SINGLE_ROUNDING, and by the cheapest form of patchc's own kernels. All of it is
    proved. A file that is aligned stays as it is. `patchc quantize` aligns what it writes.

    \b
    Examples:
      patchc align int8.onnx -o aligned.onnx
      patchc align int8.onnx -o a.onnx --inputs photos.npz --labels classes.txt
    """
    from patchc.classes import read_labels

    classes = None if labels is None else read_labels(labels)
    if classes is not None and inputs is None:
        raise click.UsageError("--labels: only with --inputs")
    shapes = dict(options.pop("shapes")) or None
    found, change = patchc.align(model, out, input_shapes=shapes, inputs=inputs, labels=classes)
    for line in lines(found, change):
        click.echo(line)
    click.echo(f"wrote {out}")


def lines(found: Aligned, change: Change) -> list[str]:
    """What was done, in a few lines."""
    told = [
        f"layers   {len(found.layers)}, with {found.channels:,} output channels, all proved",
        f"nudged   {found.moved:,} weight scales, by {found.largest:.1e} at most",
    ]
    if found.biased:
        told.append(
            f"biases   {found.biased:,} that sums made leave int32, which moves a result by "
            f"{found.bias_steps:.2g} steps at most"
        )
    told.append(f"lines    {found.lines:,} channels have the cheapest form of patchc's kernels")
    where = f"{change.cases} {'random ' * change.random}cases"
    told.append(
        f"outputs  {change.differing:,} of {change.values:,} values differ from the file's before, "
        f"by {change.steps} steps at most, on {where}"
    )
    if change.right is not None:
        before, after = change.right
        told.append(f"top-1    {before} of {change.cases} before, {after} after")
    if found.others:
        told.append(f"kept     {', '.join(found.others)}: by patchc's own kernels, as before")
    return told
