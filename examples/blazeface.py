"""BlazeFace finds faces: network and decoding in C, boxes drawn on photos.

python -m examples.blazeface --help
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.table import Table

import patchc
from examples.common import OUTPUT, say
from examples.faces import detector, photos
from examples.faces.decode import Face, least_score
from examples.zoo import build_float, find
from patchc.cli import OneMessage
from patchc.report.text import plain

NETWORK = "blazeface_128"


@click.command(cls=OneMessage)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--budget", default="41k", show_default=True, help="RAM limit of the network.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.75,
    show_default=True,
    help="Least probability of a face.",
)
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(files: tuple[Path, ...], budget: str, threshold: float, output: Path) -> None:
    """Find faces in FILES, or in photos that are fetched, and draw them into OUTPUT.

    Each photo goes through the emitted C with its decoding in C, and through onnxruntime on the
    same quantised file with the decoding in Python; exit code 1 when a face differs.
    """
    named = {file.stem: photos.square(photos.load(file)) for file in files} or photos.examples()
    folder = output / NETWORK
    folder.mkdir(parents=True, exist_ok=True)
    quantized, out = folder / f"{NETWORK}.onnx", folder / "out"
    say("quantising and compiling")
    patchc.quantize(build_float(NETWORK), quantized, calibration=find(NETWORK).calibration())
    result = patchc.compile(quantized, out, budget=budget, name=detector.NAME)
    say("building the C and running it")
    pixels = [photos.pixels(photo) for photo in named.values()]
    least = least_score(threshold)
    in_c = detector.in_c(detector.build(out, folder / "detector"), pixels, least)
    in_python = detector.in_python(quantized, result.stages, pixels, least)

    for (name, photo), faces in zip(named.items(), in_c, strict=True):
        photos.draw(photo, faces).save(folder / f"{name}.png")
    images = np.stack(pixels).transpose(0, 3, 1, 2).astype(np.float32)
    np.savez(folder / "photos.npz", image=images)
    click.echo(f"arena {result.report.ram.arena_bytes} B, F {result.report.cost.macs_overhead:.3f}")
    click.echo(face_table(tuple(named), in_c, in_python), nl=False)
    click.echo(f"boxes drawn in {folder}/*.png, the network's inputs in {folder}/photos.npz")
    different = sum(c != python for c, python in zip(in_c, in_python, strict=True))
    click.echo(f"photos on which C and onnxruntime differ: {different} of {len(named)}")
    sys.exit(int(different > 0))


def face_table(
    names: Sequence[str], in_c: Sequence[Sequence[Face]], in_python: Sequence[Sequence[Face]]
) -> str:
    """A line per face, in pixels of the 128 x 128 image."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("photo", "by", "score"):
        table.add_column(heading, no_wrap=True)
    for heading in ("left", "top", "right", "bottom", "same"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, c, python in zip(names, in_c, in_python, strict=True):
        same = "yes" if list(c) == list(python) else "NO"
        for by, faces in (("C", c), ("onnxruntime", python)):
            for face in faces:
                box = (f"{value:.2f}" for value in face.box)
                table.add_row(name, by, f"{face.probability:.4f}", *box, same)
            if not faces:
                table.add_row(name, by, "no face", "", "", "", "", same)
    return plain(table)


if __name__ == "__main__":
    main()
