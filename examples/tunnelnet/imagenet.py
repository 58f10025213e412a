"""TunnelNet at ImageNet's geometry: four quadrants of 224 x 224 pixels and the central patch.

    python -m examples.tunnelnet.imagenet [--width W] [--features N]

1000 classes and random weights, as nobody here has ImageNet: what is measured is what the network
takes, not what it knows. In PyTorch, exported, quantised, compiled, linked for a Cortex-M4 and run
under QEMU, in guarded RAM. Needs 'patchc[train]', arm-none-eabi-gcc and QEMU.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

import patchc
from examples.tunnelnet.design import Design, mobilenet
from examples.tunnelnet.needed import require
from examples.tunnelnet.resident import HEADING, line, linked
from patchc.cli import OneMessage

SIZE, CLASSES = 224, 1000
TARGET = "cortex-m4"
SAMPLES = 8  # random images


def design(width: float, features: int) -> Design:
    found = mobilenet(SIZE, CLASSES, width, grid="2x2", center=True)
    return replace(found, features=features) if features else found


def quantized(chosen: Design, seed: int, folder: Path) -> Path:
    """Random weights; normalisations that have seen the images that calibrate, too."""
    import torch

    from examples.tunnelnet import network, training

    training.seed_all(seed)
    net = network.TunnelNet(chosen)
    pixels = np.random.default_rng(seed).integers(
        0, 256, (SAMPLES, chosen.channels, SIZE, SIZE), np.uint8
    )
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean of all that it sees
    with torch.no_grad():
        net.train()(torch.from_numpy(pixels) / network.SCALE)
    file = network.export(net, folder / "tunnelnet.onnx")
    samples = {"image": pixels[:, None].astype(np.float32)}
    return patchc.quantize(file, folder / "tunnelnet-int8.onnx", calibration=samples)


@click.command(cls=OneMessage)
@click.option("--width", default=0.35, show_default=True, help="Of MobileNetV2.")
@click.option("--features", default=0, help="Behind the path. [default: 1280 times the width]")
@click.option("--ram", default=63000, show_default=True, help="With a patch's pixels, in bytes.")
@click.option("--seed", default=0, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=Path("build/tunnelnet-imagenet"))
def main(width: float, features: int, ram: int, seed: int, output: Path) -> None:
    """Export, quantise, compile, link, run and compare."""
    require("torch")
    chosen = design(width, features)
    output.mkdir(parents=True, exist_ok=True)
    model = quantized(chosen, seed, output)
    found = linked(model, output, TARGET, chosen.patches[0], ram)
    click.echo(f"{HEADING}\n{line(len(chosen.patches), found)}")


if __name__ == "__main__":
    main()
