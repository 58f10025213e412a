"""A network in the paper's style, of one to five patches: what a patch more costs in RAM and flash.

    python -m benchmarks.tunnelnet [--patches N]... [--ram BYTES]

MobileNetV2 0.35 over patches of 112 x 112 pixels, 384 features, 1000 classes, random weights, cut
by patchc tunnel: shared weights, merged by their mean. Linked for a Cortex-M4 and run under QEMU in
guarded RAM twice: the image through the callback, patch by patch, and with the current patch in
that RAM. `examples.tunnelnet.imagenet` does the same with the network in PyTorch.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import onnx

import patchc
from examples.tunnelnet.resident import HEADING, Linked, line, linked
from patchc.independent.patches import Patch
from tests.float_builder import FloatBuilder

TARGET = "cortex-m4"
PATCH = 112  # rows and columns
# By number of patches: rows and columns of the grid, and whether there is a central one.
GRIDS = {1: (1, 1, False), 2: (1, 2, False), 3: (1, 3, False), 4: (2, 2, False), 5: (2, 2, True)}
# Expansion, channels, bottlenecks, stride of the first: MobileNetV2 (table 2) at width 0.35.
BOTTLENECKS = (
    *((1, 8, 1, 1), (6, 8, 2, 2), (6, 16, 3, 2), (6, 24, 4, 2)),
    *((6, 32, 3, 1), (6, 56, 3, 2), (6, 112, 1, 1)),
)
STEM, FEATURES, CLASSES = 16, 384, 1000
SAMPLES = 2  # for calibration: weights are random


def network(rows: int, cols: int) -> onnx.ModelProto:
    """Over rows x cols patches, not cut yet."""
    net = FloatBuilder("tunnelnet")
    x = net.conv_relu(net.input(3, rows * PATCH, cols * PATCH), STEM, 3, 2)
    for expansion, channels, count, stride in BOTTLENECKS:
        for index in range(count):
            x = _bottleneck(net, x, expansion, channels, stride if index == 0 else 1)
    return net.build(net.dense(net.mean(net.conv_relu(x, FEATURES)), CLASSES))


def _bottleneck(net: FloatBuilder, x: str, expansion: int, channels: int, stride: int) -> str:
    inside = net.shapes[x][0]
    y = net.conv_relu(x, expansion * inside) if expansion > 1 else x
    y = net.conv(net.unary("Relu", net.depthwise(y, 3, stride)), channels)
    return net.binary("Add", y, x) if stride == 1 and channels == inside else y


def quantized(patches: int, folder: Path) -> Path:
    """As a file in `folder`."""
    rows, cols, center = GRIDS[patches]
    source, cut = folder / "float.onnx", folder / "cut.onnx"
    onnx.save_model(network(rows, cols), source)
    if patches > 1:
        patchc.tunnel(source, cut, grid=f"{rows}x{cols}", center=center)
    shape = (SAMPLES, 1, 3, rows * PATCH, cols * PATCH)
    images = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    model = folder / "quantized.onnx"
    return patchc.quantize(cut if patches > 1 else source, model, calibration={"image": images})


def measure(patches: int, ram_bytes: int, folder: Path) -> Linked:
    """Compile, link, run, compare. Raises PatchcError."""
    patch = Patch(0, 0, PATCH, PATCH)
    return linked(quantized(patches, folder), folder, TARGET, patch, ram_bytes)


@click.command()
@click.option("--patches", type=click.IntRange(1, 5), multiple=True, default=tuple(GRIDS))
@click.option("--ram", default=63000, show_default=True, help="With a patch's pixels, in bytes.")
def main(patches: tuple[int, ...], ram: int) -> None:
    """Print a line per number of patches."""
    click.echo(HEADING)
    for count in patches:
        with tempfile.TemporaryDirectory() as folder:
            click.echo(line(count, measure(count, ram, Path(folder))))


if __name__ == "__main__":
    main()
