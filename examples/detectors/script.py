"""What the scripts of detectors do alike: their options, all who find something, what they show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from PIL import Image
from rich.table import Table

from examples.common import OUTPUT, say
from examples.detectors import detector as detectors
from examples.detectors import firmware, photos
from examples.detectors.detector import Detector, Photos
from examples.detectors.found import Answers, Found, same
from examples.zoo.images import load
from patchc.api import CompileResult
from patchc.errors import PatchcError
from patchc.report.text import plain

CORE = "cortex-m4"
InPython = Callable[[Path, Any, Photos, int], list[list[Found]]]


def options(budget: str, threshold: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """FILES and the options of a script, with these defaults."""
    chosen = (
        click.argument("files", nargs=-1, type=click.Path(path_type=Path)),
        click.option("--budget", default=budget, show_default=True, help="RAM of the network."),
        click.option(
            "--threshold",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=threshold,
            show_default=True,
            help="Least probability of a face.",
        ),
        click.option(
            "--on",
            type=click.Choice(["host", "qemu"]),
            default="host",
            show_default=True,
            help=f"Where the C runs; qemu: here, and on a {CORE} in guarded RAM, too.",
        ),
        click.option(
            "--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True
        ),
    )

    def with_options(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(chosen):
            function = option(function)
        return function

    return with_options


def named_photos(files: Sequence[Path]) -> dict[str, Image.Image]:
    """Those in `files`, squares all, or else some that are fetched. Raises PatchcError."""
    named = {file.stem: photos.square(load(file)) for file in files} or photos.examples()
    if len(named) < len(files):
        raise PatchcError("two of the files have the same name, and so would what is drawn")
    return named


def find(
    detector: Detector,
    in_python: InPython,
    model: Path,
    result: CompileResult,
    pixels: Photos,
    least: int,
    on: str,
) -> dict[str, list[list[Found]]]:
    """What is in each photo by who found it: the C here, onnxruntime on the quantised `model`
    with the decoding in Python, and the C on a core where `on` is qemu."""
    say("building the C and running it")
    out, stages = result.output, result.stages
    folder = out.parent
    program = detectors.build(detector, out, folder / "detector")
    found = {
        "C": detectors.in_c(detector, program, pixels, least),
        "onnxruntime": in_python(model, stages, pixels, least),
    }
    if on == "qemu":
        say(f"running it on a {CORE} under QEMU")
        network_bytes = result.report.ram.total_bytes
        image = firmware.build(detector, out, folder / CORE, CORE, least, network_bytes)
        detections = firmware.run(detector, image, stages, pixels)
        found[CORE] = detections.found
        click.echo(
            f"{CORE}: network, decoding and faces in {detections.ram_bytes} B of RAM, "
            f"{detections.stack_bytes} B of it used as stack"
        )
    return found


def show(
    named: Mapping[str, Image.Image],
    found: Mapping[str, Sequence[Sequence[Found]]],
    size: int,
    folder: Path,
    label: Callable[[Found], str] = lambda _: "",
) -> int:
    """Draw what the C found in `size` x `size` pixels into `folder`, and print all answers with
    the class that `label` says. The number of photos on which not all are the same."""
    by_photo = [dict(zip(found, faces, strict=True)) for faces in zip(*found.values(), strict=True)]
    for (name, photo), faces in zip(named.items(), found["C"], strict=True):
        photos.draw(photo, size, faces).save(folder / f"{name}.png")
    click.echo(_table(tuple(named), by_photo, label), nl=False)
    different = sum(not same(answers) for answers in by_photo)
    click.echo(f"boxes drawn in {folder}/*.png")
    click.echo(f"photos on which {', '.join(found)} differ: {different} of {len(named)}")
    return different


def _table(names: Sequence[str], by_photo: Sequence[Answers], label: Callable[[Found], str]) -> str:
    """A line per face, in pixels of the network's image."""
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
                score = f"{face.probability:.4f} {label(face)}".rstrip()
                table.add_row(name, by, score, *box, verdict)
            if not faces:
                table.add_row(name, by, "no face", "", "", "", "", verdict)
    return plain(table)
