"""A TunnelNet for pictures of one's own: one folder per class, from training to C.

    python -m examples.tunnelnet.train PICTURES --grid 2x2 --center

Writes to --output: tunnelnet.pt (the checkpoint, from which an interrupted run goes on),
tunnelnet.onnx (float, on pixels 0..255), tunnelnet-int8.onnx, classes.txt, and out/ with the C.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import numpy as np

import patchc
from examples.tunnelnet import pictures
from examples.tunnelnet.design import MERGES, PLAIN, mobilenet
from examples.tunnelnet.needed import require
from patchc.choices import Merge, Weights
from patchc.cli import OneMessage
from patchc.errors import PatchcError

CALIBRATED = 64  # pictures


@click.command(cls=OneMessage)
@click.argument("folder", metavar="PICTURES", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), default=Path("build/tunnelnet-own"))
@click.option("--size", default=224, show_default=True, help="Rows and columns of the image.")
@click.option("--width", default=0.35, show_default=True, help="Of MobileNetV2.")
@click.option("--grid", default=PLAIN, show_default=True, help="Patches, e.g. 2x2.")
@click.option("--center", is_flag=True, help="One more patch, in the middle.")
@click.option("--weights", type=click.Choice([w.value for w in Weights]), default="shared")
@click.option("--merge", type=click.Choice([m.value for m in MERGES]), default="mean")
@click.option("--epochs", default=60, show_default=True)
@click.option("--batch", default=64, show_default=True)
@click.option("--rate", default=0.01, show_default=True, help="The highest learning rate.")
@click.option("--seed", default=0, show_default=True)
@click.option("--budget", help="RAM limit of the C, e.g. 64k.")
def main(
    folder: Path,
    output: Path,
    size: int,
    width: float,
    grid: str,
    center: bool,
    weights: str,
    merge: str,
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
    budget: str | None,
) -> None:
    """Train a network of independent tunnels on PICTURES, quantise and compile it."""
    require("torch")
    from examples.tunnelnet import network, training

    found = pictures.find(folder)
    trained, validated = pictures.split(found, seed)
    batch = min(batch, len(trained))
    if batch < 2 or epochs < 1:
        raise PatchcError(f"{folder}: too few pictures, or epochs, to train with")
    design = mobilenet(
        size,
        len(found.names),
        width,
        grid=grid,
        center=center,
        weights=Weights(weights),
        merge=Merge(merge),
    )
    training.seed_all(seed)
    net = network.TunnelNet(design)
    output.mkdir(parents=True, exist_ok=True)
    (output / "classes.txt").write_text("\n".join(found.names) + "\n")
    say = partial(click.echo, err=True)
    say(f"{len(trained)} pictures of {len(found.names)} classes, on {training.device()}")
    recipe = training.Recipe(epochs, len(trained) // batch, rate=rate, seed=seed)
    source = partial(pictures.batches, trained, batch, size, seed)
    training.train(net, source, recipe, output / "tunnelnet.pt", say)

    checked = np.stack([pictures.centred(file, size) for file in validated.files])
    right = training.classify(net, checked) == np.array(validated.classes)
    click.echo(f"{right.sum()} of {len(right)} validation pictures right ({right.mean():.1%})")
    file = network.export(net, output / "tunnelnet.onnx")
    step = max(1, len(trained) // CALIBRATED)
    samples = np.stack([pictures.centred(f, size) for f in trained.files[::step][:CALIBRATED]])
    model = patchc.quantize(
        file,
        output / "tunnelnet-int8.onnx",
        calibration={"image": samples[:, None].astype(np.float32)},
    )
    result = patchc.compile(model, output / "out", budget=budget)
    click.echo(f"{output / 'out'}: {result.report.ram.total_bytes} B of RAM")


if __name__ == "__main__":
    main()
