"""BlazeFace finds faces: network and decoding in C, boxes drawn on photos.

python -m examples.blazeface --help
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
from rich.table import Table

import patchc
from examples.common import OUTPUT, say
from examples.faces import detector, firmware, photos
from examples.faces.decode import Face, least_score
from examples.zoo import build_float, find
from patchc.cli import OneMessage
from patchc.errors import PatchcError
from patchc.report.text import plain

NETWORK = "blazeface_128"
CORE = "cortex-m4"


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
@click.option(
    "--on",
    type=click.Choice(["host", "qemu"]),
    default="host",
    show_default=True,
    help=f"Where the C runs; qemu: here, and on a {CORE} in guarded RAM, too.",
)
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(files: tuple[Path, ...], budget: str, threshold: float, on: str, output: Path) -> None:
    """Find faces in FILES, or in photos that are fetched, and draw them into OUTPUT.

    Each photo goes through the emitted C with its decoding in C, and through onnxruntime on the
    same quantised file with the decoding in Python; exit code 1 when a face is not the same.
    """
    named = {file.stem: photos.square(photos.load(file)) for file in files} or photos.examples()
    if len(named) < len(files):
        raise PatchcError("two of the files have the same name, and so would what is drawn")
    folder = output / NETWORK
    folder.mkdir(parents=True, exist_ok=True)
    quantized, out = folder / f"{NETWORK}.onnx", folder / "out"
    say("quantising and compiling")
    patchc.quantize(build_float(NETWORK), quantized, calibration=find(NETWORK).calibration())
    result = patchc.compile(quantized, out, budget=budget, name=detector.NAME)
    say("building the C and running it")
    pixels = [photos.pixels(photo) for photo in named.values()]
    least = least_score(threshold)
    found = {
        "C": detector.in_c(detector.build(out, folder / "detector"), pixels, least),
        "onnxruntime": detector.in_python(quantized, result.stages, pixels, least),
    }
    if on == "qemu":
        image = firmware.build(out, folder / CORE, CORE, least, result.report.ram.total_bytes)
        detections = firmware.run(image, result.stages, pixels)
        found[CORE] = detections.faces
        click.echo(
            f"{CORE}: network, decoding and faces in {detections.ram_bytes} B of RAM, "
            f"{detections.stack_bytes} B of it used as stack"
        )
    by_photo = [dict(zip(found, faces, strict=True)) for faces in zip(*found.values(), strict=True)]

    for (name, photo), faces in zip(named.items(), found["C"], strict=True):
        photos.draw(photo, faces).save(folder / f"{name}.png")
    images = np.stack(pixels).transpose(0, 3, 1, 2).astype(np.float32)
    np.savez(folder / "photos.npz", image=images)
    click.echo(f"arena {result.report.ram.arena_bytes} B, F {result.report.cost.macs_overhead:.3f}")
    click.echo(face_table(tuple(named), by_photo), nl=False)
    click.echo(f"boxes drawn in {folder}/*.png, the network's inputs in {folder}/photos.npz")
    different = sum(not same(answers) for answers in by_photo)
    click.echo(f"photos on which {', '.join(found)} differ: {different} of {len(named)}")
    sys.exit(int(different > 0))


Answers = Mapping[str, Sequence[Face]]  # the faces in one photo by who found them


def same(answers: Answers) -> bool:
    """Whether all found the same faces, to the last bit."""
    first, *others = answers.values()
    return all(list(other) == list(first) for other in others)


def face_table(names: Sequence[str], by_photo: Sequence[Answers]) -> str:
    """A line per face, in pixels of the 128 x 128 image."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("photo", "by", "score"):
        table.add_column(heading, no_wrap=True)
    for heading in ("left", "top", "right", "bottom", "same"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, answers in zip(names, by_photo, strict=True):
        verdict = "yes" if same(answers) else "NO"
        for by, faces in answers.items():
            for face in faces:
                box = (f"{value:.2f}" for value in face.box)
                table.add_row(name, by, f"{face.probability:.4f}", *box, verdict)
            if not faces:
                table.add_row(name, by, "no face", "", "", "", "", verdict)
    return plain(table)


if __name__ == "__main__":
    main()
