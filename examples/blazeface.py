"""BlazeFace finds faces: network and decoding in C, boxes drawn on photos.

python -m examples.blazeface --help
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np

import patchc
from examples.common import say
from examples.detectors import photos
from examples.detectors.found import least_score
from examples.detectors.script import find, named_photos, options, show
from examples.faces.decode import SIZE
from examples.faces.detector import DETECTOR, in_python
from examples.zoo import build_float
from examples.zoo import find as find_network
from patchc.cli import OneMessage

NETWORK = "blazeface_128"


@click.command(cls=OneMessage)
@options(budget="41k", threshold=0.75)
def main(files: tuple[Path, ...], budget: str, threshold: float, on: str, output: Path) -> None:
    """Find faces in FILES, or in photos that are fetched, and draw them into OUTPUT.

    Each photo goes through the emitted C with its decoding in C, and through onnxruntime on the
    same quantised file with the decoding in Python; exit code 1 when a face is not the same.
    """
    named = named_photos(files)
    folder = output / NETWORK
    folder.mkdir(parents=True, exist_ok=True)
    quantized, out = folder / f"{NETWORK}.onnx", folder / "out"
    say("quantising and compiling")
    calibration = find_network(NETWORK).calibration()
    patchc.quantize(build_float(NETWORK), quantized, calibration=calibration)
    result = patchc.compile(quantized, out, budget=budget, name=DETECTOR.name)
    pixels = [photos.pixels(photo, SIZE) for photo in named.values()]
    found = find(DETECTOR, in_python, quantized, result, pixels, least_score(threshold), on)

    images = np.stack(pixels).transpose(0, 3, 1, 2).astype(np.float32)
    np.savez(folder / "photos.npz", image=images)
    click.echo(f"arena {result.report.ram.arena_bytes} B, F {result.report.cost.macs_overhead:.3f}")
    different = show(named, found, SIZE, folder)
    click.echo(f"the network's inputs are in {folder}/photos.npz")
    sys.exit(int(different > 0))


if __name__ == "__main__":
    main()
