"""MediaPipe's selfie segmentation finds the person in a photo; everything else is dimmed.

python -m examples.segmentation --help
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import onnx
from PIL import Image
from rich.table import Table

import patchc
from examples.common import OUTPUT, say
from examples.detectors import photos
from examples.zoo import build_float, fetch, find
from examples.zoo.images import SCIKIT_IMAGE, load
from examples.zoo.onnx_builder import IMAGE
from examples.zoo.selfie import PROBABILITY, SIZE
from patchc.cli import OneMessage
from patchc.errors import PatchcError
from patchc.report.text import plain
from patchc.verify.sessions import session

NETWORK = "selfie_segmentation_256"
CORE = "cortex-m4"
PERSON = 0.5  # the least probability
BACKGROUND = (20, 90, 60)  # what the rest fades into
FADED = 0.8  # how far

# Photos that are fetched: a person (see examples.detectors.photos), a cat, a cup and a rocket. The
# network was trained on people in front of cameras: in float, too, it takes the cup for one.
PERSONS = ("astronaut", "astronaut_half", "astronaut_low")
OTHERS = ("chelsea.png", "coffee.png", "rocket.jpg")

Masks = Sequence[np.ndarray]  # probabilities, (SIZE, SIZE), per photo


@click.command(cls=OneMessage)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--budget", default="345kB", show_default=True, help="RAM limit of the network.")
@click.option(
    "--on",
    type=click.Choice(["host", "qemu"]),
    default="host",
    show_default=True,
    help=f"Where the C runs; qemu: here, and on a {CORE} in guarded RAM, too.",
)
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(files: tuple[Path, ...], budget: str, on: str, output: Path) -> None:
    """Find the person in each of FILES, or in photos that are fetched, and draw into OUTPUT.

    Each photo goes through the emitted C, onnxruntime on the same quantised file, and
    the float network; exit code 1 when the first two differ in a byte.
    """
    named = {file.stem: load(file) for file in files} or _examples()
    if len(named) < len(files):
        raise PatchcError("two of the files have the same name, and so would what is drawn")
    folder = output / NETWORK
    folder.mkdir(parents=True, exist_ok=True)
    quantized, out = folder / f"{NETWORK}.onnx", folder / "out"
    say("quantising and compiling")
    float_model = build_float(NETWORK)
    patchc.quantize(float_model, quantized, calibration=find(NETWORK).calibration())
    report = patchc.compile(quantized, out, budget=budget).report
    ram = report.ram

    inputs = np.stack([_pixels(photo) for photo in named.values()])
    np.savez(folder / "photos.npz", **{IMAGE: inputs})
    say(f"building the C and running it on {len(named)} photos")
    found: dict[str, Masks] = {
        "C": [
            answer[PROBABILITY][0, 0] for answer in patchc.run(out, [{IMAGE: x} for x in inputs])
        ],
        "onnxruntime": _onnxruntime(quantized, inputs),
        "float": _onnxruntime(float_model, inputs),
    }
    say("comparing")
    cases = folder / "photos.npz"
    checks = [patchc.verify(out, inputs=cases)]
    if on == "qemu":
        checks.append(patchc.verify(out, on="qemu", target=CORE, inputs=cases))
        (image,) = checks[-1].firmware
        click.echo(f"{CORE}: {image.total_bytes} B of RAM, {image.stack_bytes} B of it stack")

    for (name, photo), mask in zip(named.items(), found["C"], strict=True):
        draw(photo, mask).save(folder / f"{name}.png")
    words = f"arena {ram.arena_bytes} B, layer by layer {ram.layerwise_bytes} B"
    click.echo(f"{words}, F {report.cost.macs_overhead:.2f}")
    click.echo(mask_table(tuple(named), found), nl=False)
    click.echo(f"drawn in {folder}/*.png, the network's inputs in {cases}")
    failures = [failure for check in checks for failure in check.failures]
    unequal = _differing(found["C"], found["onnxruntime"])
    click.echo(f"photos on which C and onnxruntime differ: {unequal} of {len(named)}")
    for failure in failures:
        click.echo(f"MISMATCH {failure}")
    sys.exit(int(bool(failures) or unequal > 0))


def draw(photo: Image.Image, mask: np.ndarray) -> Image.Image:
    """The photo, faded into one colour where there is no person."""
    alpha = Image.fromarray((255 * mask).astype(np.uint8)).resize(photo.size)
    faded = Image.blend(photo, Image.new("RGB", photo.size, BACKGROUND), FADED)
    return Image.composite(photo, faded, alpha)


def mask_table(names: Sequence[str], found: Mapping[str, Masks]) -> str:
    """A line per photo: how much of it is a person, by whom, and how far that is the same."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("photo", no_wrap=True)
    for heading in (*(f"{who} %" for who in found), "C = ort", "C ~ float %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for index, name in enumerate(names):
        masks = {who: all_masks[index] for who, all_masks in found.items()}
        persons = {who: mask >= PERSON for who, mask in masks.items()}
        table.add_row(
            name,
            *(f"{100 * person.mean():.1f}" for person in persons.values()),
            "yes" if np.array_equal(masks["C"], masks["onnxruntime"]) else "NO",
            f"{100 * (persons['C'] == persons['float']).mean():.1f}",
        )
    return plain(table)


def _examples() -> dict[str, Image.Image]:
    data = fetch.wheel(*SCIKIT_IMAGE) / "skimage" / "data"
    known = photos.examples()
    persons = {name: known[name] for name in PERSONS}
    return persons | {Path(name).stem: load(data / name) for name in OTHERS}


def _pixels(photo: Image.Image) -> np.ndarray:
    """What the network looks at, stretched to a square as MediaPipe does: [1, 3, SIZE, SIZE]."""
    square = np.asarray(photo.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.float32)
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None])


def _onnxruntime(model: Path, inputs: np.ndarray) -> Masks:
    running = session(onnx.load(model))
    return [running.run([PROBABILITY], {IMAGE: x})[0][0, 0] for x in inputs]


def _differing(one: Masks, other: Masks) -> int:
    return sum(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main()
