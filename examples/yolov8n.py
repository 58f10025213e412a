"""A public YOLOv8n file, from image to boxes in C: the faces in photos, which a camera would blank.

python -m examples.yolov8n --help
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

import patchc
from examples.boxes.detector import DETECTOR, by_file, in_python
from examples.boxes.network import INPUT, LABELS, file
from examples.common import say
from examples.detectors import photos
from examples.detectors.found import Found, least_score, shared
from examples.detectors.script import find, named_photos, options, show
from examples.zoo import images
from patchc.cli import OneMessage
from patchc.quantize.options import ImagePreparation, QuantizeOptions
from patchc.report import Report

NETWORK = "yolov8n"
STRIDE = 32  # pixels of the coarsest cell
SAME_BOX = 0.9  # the least part of the union that two boxes share which are one
SAME_FACE = 0.5  # and that two share which are around one face


@click.command(cls=OneMessage)
@options(budget="72k", threshold=0.25)
@click.option("--size", default=160, show_default=True, help="Of the image, pixels.")
def main(
    files: tuple[Path, ...], budget: str, threshold: float, on: str, output: Path, size: int
) -> None:
    """Find faces in FILES, or in photos that are fetched, and draw them into OUTPUT.

    Each photo goes through the emitted C with its decoding in C, and through onnxruntime on the
    same quantised file with the decoding in Python; exit code 1 when a box is not the same, or not
    where the file's own decoding, in floats, has it.
    """
    if size < STRIDE or size % STRIDE:
        raise click.BadParameter(f"{size} is not a multiple of {STRIDE}", param_hint="--size")
    named = named_photos(files)
    folder = output / f"{NETWORK}_{size}"
    folder.mkdir(parents=True, exist_ok=True)
    quantized, out = folder / f"{NETWORK}.onnx", folder / "out"
    say("quantising and compiling")
    calibration = {INPUT: images.face_calibration(size) / 255}
    patchc.quantize(
        file(),
        quantized,
        calibration=calibration,
        options=QuantizeOptions(image=ImagePreparation(std=(255.0,))),
        input_shapes={INPUT: (1, 3, size, size)},
    )
    result = patchc.compile(quantized, out, budget=budget, name=DETECTOR.name)
    pixels = [photos.pixels(photo, size) for photo in named.values()]
    found = find(DETECTOR, in_python, quantized, result, pixels, least_score(threshold), on)

    click.echo("\n".join(_ram_lines(result.report)))
    different = show(named, found, size, folder, lambda box: LABELS[box.label])
    boxes, floats = found["C"], by_file(file(), pixels, threshold)
    elsewhere = unlike(boxes, by_file(quantized, pixels, threshold))
    click.echo(
        f"boxes that C and the file's own decoding do not share by {SAME_BOX}: {elsewhere} of "
        f"{sum(map(len, boxes))}"
    )
    click.echo(
        f"boxes of the float network that C lacks: {lacking(floats, boxes, SAME_FACE)} of "
        f"{sum(map(len, floats))}"
    )
    sys.exit(int(different + elsewhere > 0))


Boxes = Sequence[Sequence[Found]]  # per photo


def unlike(ours: Boxes, theirs: Boxes) -> int:
    """Boxes of one side that the other does not have."""
    return lacking(ours, theirs, SAME_BOX) + lacking(theirs, ours, SAME_BOX)


def lacking(boxes: Boxes, others: Boxes, least: float) -> int:
    """How many of `boxes` share less than that part of the union with all `others` of the same
    photo and class."""
    return sum(
        not any(box.label == other.label and shared(box, other) >= least for other in beside)
        for here, beside in zip(boxes, others, strict=True)
        for box in here
    )


def _ram_lines(report: Report) -> list[str]:
    """Arenas, and what is made twice."""
    ram = report.ram
    lines = [
        f"arena {ram.arena_bytes} B, layer by layer {ram.layerwise_bytes} B, "
        f"F {report.cost.macs_overhead:.3f}"
    ]
    return lines + [
        f"made twice: {again.tensor}, {again.bytes} B, {again.macs} MACs more"
        for again in report.again
    ]


if __name__ == "__main__":
    main()
