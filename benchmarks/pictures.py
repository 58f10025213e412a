"""The pictures of docs/pictures: pages of real networks, in Chromium without a window.

    python -m benchmarks.pictures [--only NAME]

Per network: quantise, compile under a budget, verify, and, where arm-none-eabi-gcc and QEMU are
there, bench; then parts of the page as PNG. Needs playwright and Chromium, which `make test`
installs.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from PIL import Image

import patchc
from examples.common import say
from examples.zoo import build_float, find
from patchc.errors import PatchcError
from patchc.targets.toolchain import ARM
from tests import branching
from tests.tools import BROWSERS

FOLDER = Path(__file__).parents[1] / "docs/pictures"
WIDTH, HEIGHT = 1200, 900
COLOURS = 256  # of a PNG, which keeps it small
CASES = 2


@dataclass(frozen=True, slots=True)
class Shot:
    """A part of a page, from the top of one element to the bottom of another."""

    file: str
    first: str
    last: str
    scheme: str = "light"


@dataclass(frozen=True, slots=True)
class Subject:
    """A network under a budget, and what to show of it."""

    name: str
    budget: str
    quantised: Callable[[str, Path], Path]
    shots: tuple[Shot, ...]
    explored: Shot | None = None
    network: str = ""  # where it is not the name
    input_mode: str = "tiles"


def from_zoo(name: str, folder: Path) -> Path:
    """A network of examples/zoo, quantised."""
    network = find(name)
    return patchc.quantize(
        build_float(name), folder / f"{name}.onnx", calibration=network.calibration()
    )


SUBJECTS = (
    Subject(
        "mobilenet_v2_224",
        "64k",
        from_zoo,
        (
            Shot("mobilenet_v2_224.png", "body", "#ram"),
            Shot("mobilenet_v2_224_arena.png", "#time", "#time"),
            Shot("mobilenet_v2_224_network.png", "#network", "#network"),
        ),
        Shot("mobilenet_v2_224_explore.png", "body", "#frontier"),
    ),
    Subject(
        "blazeface_128", "41k", from_zoo, (Shot("blazeface_128.png", "#time", "#time", "dark"),)
    ),
    Subject("unet", "300k", branching.quantized, (Shot("unet.png", "#time", "#network"),)),
    Subject(
        "unet_once",
        "300k",
        branching.quantized,
        (Shot("unet_once.png", "#time", "#time"),),
        network="unet",
        input_mode="resident",
    ),
    Subject(
        "unet_twice",
        "196000",
        branching.quantized,
        (Shot("unet_twice.png", "#time", "#time"),),
        network="unet",
        input_mode="resident",
    ),
)


def pages_of(subject: Subject, folder: Path) -> Iterator[tuple[Path, Shot]]:
    """What to show of report.html, with all that can be found here, and of the frontier."""
    out, network = folder / subject.name, subject.network or subject.name
    model = subject.quantised(network, folder)
    result = patchc.compile(model, out, budget=subject.budget, input_mode=subject.input_mode)
    say(f"{subject.name}: {result}, {len(result.report.again)} tensors made twice")
    patchc.verify(out, cases=CASES)
    if shutil.which(ARM.compiler) and shutil.which(ARM.qemu):
        patchc.bench(out)
    page = patchc.report(out)
    yield from ((page, shot) for shot in subject.shots)
    if subject.explored is not None:
        frontier = folder / f"{subject.name}.html"
        patchc.explore(model, html=frontier)
        yield frontier, subject.explored


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser. Raises PatchcError where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        raise PatchcError(f"playwright and one of {', '.join(BROWSERS)}: make test installs them")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


def photograph(browser: Any, page_file: Path, shot: Shot) -> bytes:
    """A PNG of few colours."""
    size = {"width": WIDTH, "height": HEIGHT}
    page = browser.new_page(viewport=size, color_scheme=shot.scheme)
    page.goto(page_file.as_uri())
    top = page.locator(shot.first).first.bounding_box()["y"]
    last = page.locator(shot.last).first.bounding_box()
    clip = {"x": 0, "y": top, "width": WIDTH, "height": last["y"] + last["height"] - top}
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))
    page.close()
    content = io.BytesIO()
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        content, "PNG", optimize=True
    )
    return content.getvalue()


@click.command()
@click.option("--only", type=click.Choice([subject.name for subject in SUBJECTS]))
def main(only: str | None) -> None:
    """Write docs/pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for subject in SUBJECTS:
            if only in (None, subject.name):
                for page_file, shot in pages_of(subject, Path(folder)):
                    content = photograph(browser, page_file, shot)
                    (FOLDER / shot.file).write_bytes(content)
                    say(f"{shot.file}: {len(content):,} B")


if __name__ == "__main__":
    main()
