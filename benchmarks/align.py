"""The example networks, aligned: python -m benchmarks.align [--only NETWORK]

Per network: output channels of convolutions and dense layers; those whose weight scale was nudged,
and the largest change; biases that changed, and by how many steps that moves a result; channels
that are proved for CMSIS-NN (single rounding), and that have a line in patchc's kernels, before and
after; values of the outputs that differ from the unaligned file's on the check images; top-1 on
those with labels, before and after. Outputs are those of onnxruntime's integer kernels. Exit code 1
where a channel is left unproved, a nudge is above 1e-4 or top-1 changes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import numpy as np

import patchc
from examples.common import say
from examples.zoo import DETECTORS, KEYWORDS, NETWORKS, RANDOM_NETWORKS, build_float, find
from patchc.align.align import align_model
from patchc.align.nudge import MOST
from patchc.align.result import Aligned
from patchc.quantize.quantize import QuantizeOptions
from patchc.verify.change import Change, changed

ALL = tuple(NETWORKS | RANDOM_NETWORKS | DETECTORS | KEYWORDS)
HEAD = (
    f"{'network':23} {'channels':>8} {'nudged':>6} {'largest':>7} {'biases':>6} {'steps':>5} "
    f"{'proved':>13} {'lines':>13} {'differ':>7} {'top-1':>5}"
)


def row(network: str, found: Aligned, change: Change) -> str:
    """One line of the table."""
    proved = [
        sum(one.channels - len(one.unproved) for one in layers)
        for layers in (found.were, found.layers)
    ]
    lines = sum(one.lines for one in found.were)
    top = "-" if change.right is None else " ".join(map(str, change.right))
    return (
        f"{network:23} {found.channels:8} {found.moved:6} {found.largest:7.1e} {found.biased:6} "
        f"{found.bias_steps:5.2f} {proved[0]:6} {proved[1]:6} {lines:6} {found.lines:6} "
        f"{change.differing / change.values:7.2%} {top:>5}"
    )


def aligned(network: str, folder: Path) -> tuple[Aligned, Change]:
    """Quantised, aligned, compared on the check images."""
    chosen, model = find(network), folder / "q.onnx"
    say(f"{network}: quantising")
    options = QuantizeOptions(align=False)
    patchc.quantize(build_float(network), model, calibration=chosen.calibration(), options=options)
    say(f"{network}: aligning")
    found = align_model(model)
    say(f"{network}: comparing")
    np.savez(folder / "images.npz", **chosen.check_inputs())  # type: ignore[arg-type]  # stubs
    return found, changed(found, folder / "images.npz", chosen.check_labels())


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--only", multiple=True, type=click.Choice(ALL), help="Some networks.")
def main(only: tuple[str, ...]) -> None:
    """Rows are printed as they come."""
    failed = False
    click.echo(HEAD)
    for network in only or ALL:
        with tempfile.TemporaryDirectory() as folder:
            found, change = aligned(network, Path(folder))
        failed |= bool(found.unproved) or found.largest > MOST
        failed |= change.right is not None and change.right[0] != change.right[1]
        click.echo(row(network, found, change))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
