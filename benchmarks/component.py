"""Every network of the zoo as a component of somebody's project: compilers, and its example.

    python -m benchmarks.component [--only NETWORK]...

Each is quantised and compiled for a Cortex-M4 by its default plan. Its src/ as a whole goes through
every compiler of tests/c/component.py, as C99 and C++17, with warnings as errors; then
example/main.c gets a photo, on this machine and on a Cortex-M4 under QEMU, and has to print what
`patchc run` prints: the best classes and their values, of a map its range. A Softmax or Sigmoid at
the end is in the C (`--tail c`). Networks that take no photo are compiled only. Exit code 1:
something differs or does not compile.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import numpy as np
import onnx
from PIL import Image

import patchc
from examples.common import OneMessage, say
from examples.zoo import DETECTORS, KEYWORDS, NETWORKS, RANDOM_NETWORKS, build_float, find
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.endings import endings
from patchc.quantize.images import picture_pixels
from tests.c.component import (
    COMPILERS,
    WARNINGS,
    example_on_a_core,
    printed_by_run,
    run,
    same,
    sources,
)

ZOO = (*NETWORKS, *RANDOM_NETWORKS, *DETECTORS, *KEYWORDS)
PIXELS = (240, 320, 3)  # of the photo: random ones


def check_compilers(out: Path) -> None:
    """Raises AssertionError for one that does not take src/, or warns."""
    for compiler in COMPILERS:
        for source in sources(out):
            command = [*compiler, *WARNINGS, "-O2", "-c", f"-I{out / 'include'}", source]
            run(*command, "-o", "/dev/null")


def takes_a_photo(name: str) -> bool:
    return name not in KEYWORDS  # sounds


def examples(model: Path, out: Path) -> str:
    """What example/main.c prints on both machines, beside what `patchc run` prints. Raises
    AssertionError where that differs."""
    picture = out / "photo.png"
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, PIXELS, np.uint8)).save(picture)
    photo = out / "photo.raw"
    photo.write_bytes(picture_pixels(picture, onnx.load(model)).tobytes())
    wanted = [same(line) for line in printed_by_run(out, picture)]
    run("make", "-C", out, "example")
    here = run(out / "build" / "example", photo).splitlines()
    assert here == example_on_a_core(out, photo), "prints something else on a core"
    assert [same(line) for line in here] == wanted, f"prints {here}, patchc run {wanted}"
    return "prints what patchc run prints"


def tail(model: Path) -> str:
    """`--tail`: in the C where the network ends in something of the kind."""
    try:
        endings(import_model(model))
    except PatchcError:
        return "host"
    return "c"


def row(name: str, folder: Path) -> tuple[str, bool]:
    """A line of the table, and whether all is as it should be."""
    model, out = folder / f"{name}.onnx", folder / "out"
    patchc.quantize(build_float(name), model, calibration=find(name).calibration())
    where = tail(model)
    patchc.compile(model, out, target="cortex-m4", name="net", tail=where)
    try:
        check_compilers(out)
        found = examples(model, out) if takes_a_photo(name) else "takes no photo"
    except AssertionError as error:
        return f"{name:24} {str(error).splitlines()[-1]}", False
    return f"{name:24} --tail {where:4} {len(COMPILERS)} compilers; example: {found}", True


@click.command(cls=OneMessage, help=(__doc__ or "").splitlines()[0])
@click.option("--only", multiple=True, type=click.Choice(ZOO), help="Some networks.")
def main(only: tuple[str, ...]) -> None:
    """A line per network."""
    right = True
    for name in only or ZOO:
        say(name)
        with tempfile.TemporaryDirectory() as folder:
            text, is_right = row(name, Path(folder))
        click.echo(text)
        right &= is_right
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
