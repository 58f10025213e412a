"""The point of patchc in a minute: a network that needs 1.5 MB, in 63 kB, with the same answers.

    python -m examples.demo [--size 96|224] [--budget 63kB] [--photos N] [--no-qemu] [--output DIR]

MobileNetV2 1.0, trained on ImageNet, unmodified: quantised (once; kept in DIR), compiled for a
Cortex-M4, run on photos on this machine beside onnxruntime, then on a Cortex-M4 that QEMU plays,
with no more RAM than the budget. Ends with the path of report.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import onnx
from rich.console import Console

import patchc
from examples.common import OneMessage, say
from examples.zoo import Network, build_float, find
from patchc.choices import QEMU
from patchc.errors import PatchcError
from patchc.report import Report
from patchc.verify.sessions import session

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = Path("build/demo")
NETWORKS = {"224": "mobilenet_v2_224", "96": "mobilenet_v2_96"}
CORE = "cortex-m4"
_MADE_BY = ("patchc/quantize", "patchc/align", "patchc/numerics", "examples/zoo")


def quantized(network: Network, folder: Path, progress: Callable[[str], None]) -> Path:
    """The network's quantised file: made where there is none by the same model and sources."""
    model = build_float(network.name)
    digest = hashlib.sha256(model.read_bytes())
    for name in _MADE_BY:
        for source in sorted((ROOT / name).rglob("*.py")):
            digest.update(source.read_bytes())
    file = folder / f"{network.name}-{digest.hexdigest()[:12]}.onnx"
    if not file.exists():
        progress("quantising, which is done once")
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        patchc.quantize(model, partial, calibration=network.calibration())
        partial.replace(file)
    return file


def head_lines(report: Report) -> list[str]:
    """What compiling came to."""
    ram, cost = report.ram, report.cost
    assert cost.cycles_estimate is not None
    assert cost.layerwise_cycles_estimate is not None
    more = cost.cycles_estimate / cost.layerwise_cycles_estimate - 1
    return [
        f"layer by layer   {ram.layerwise_bytes:>9,} B of RAM",
        f"patchc           {ram.total_bytes:>9,} B, stack and statics included: "
        f"{ram.layerwise_bytes / ram.total_bytes:.0f} times less",
        f"time             {more:+.1%} estimated cycles, F = {cost.macs_overhead:.3f} "
        "of the multiply-accumulates",
        f"kernels          {_kernels(report)}",
    ]


def _kernels(report: Report) -> str:
    """Which came from where."""
    library = report.library
    if library is None:
        return "patchc's own; CMSIS-NN is not at hand"
    taken = len(library.layers)
    where = f"{taken} of {taken + len(library.elsewhere)} layers"
    return f"{library.name} {library.version} for {where}, else patchc's own"


def photo_lines(
    names: tuple[str, ...], labels: tuple[int, ...], ours: list[int], theirs: list[int]
) -> list[str]:
    """Photo by photo."""
    found = [f"{'photo':5} {'label':22} {'C':22} onnxruntime"]
    for index, (label, one, other) in enumerate(zip(labels, ours, theirs, strict=True)):
        words = [names[name][:21] for name in (label, one, other)]
        found.append(f"{index:>5} {words[0]:22} {words[1]:22} {words[2]}")
    return found


def show_photos(out: Path, model: Path, network: Network, count: int) -> dict[str, np.ndarray]:
    """Run them on this machine; all of their scores have to be equal. Raises PatchcError."""
    samples = {name: values[:count] for name, values in network.check_inputs().items()}
    cases = [
        {name: values[index : index + 1] for name, values in samples.items()}
        for index in range(count)
    ]
    running = session(onnx.load(model), signed_integers=True)
    ours = [next(iter(found.values())) for found in patchc.run(out, cases)]
    theirs = [running.run(None, dict(case))[0] for case in cases]
    labels = network.check_labels() or (0,) * count
    classes = [[int(scores.argmax()) for scores in one] for one in (ours, theirs)]
    for line in photo_lines(network.class_names(), labels[:count], *classes):
        click.echo(line)
    different = sum(int((a != b).sum()) for a, b in zip(ours, theirs, strict=True))
    total = sum(scores.size for scores in ours)
    click.echo(f"{different} of {total:,} scores differ from onnxruntime's")
    if different:
        raise PatchcError(f"{out}: {different} scores differ from onnxruntime's")
    return {name: values[:1] for name, values in samples.items()}


def show_core(out: Path, samples: dict[str, np.ndarray]) -> None:
    """The first photo on the core."""
    file = out.parent / "photo.npz"
    np.savez(file, **samples)  # type: ignore[arg-type]  # of numpy's stubs
    found = patchc.verify(out, on=QEMU, inputs=file)
    (core,) = found.firmware
    click.echo(
        f"the first photo on a {core.core} under QEMU, in {core.ram_bytes:,} B of guarded RAM:\n"
        f"{core.total_bytes:,} B used (arena {core.arena_bytes:,}, static {core.static_bytes:,}, "
        f"stack {core.stack_bytes:,}), code {core.code_bytes:,} B"
    )
    if not found.passed:
        raise PatchcError(f"{out}: {found.failures[0]}")
    click.echo("all bytes are onnxruntime's")


@click.command(cls=OneMessage)
@click.option("--size", type=click.Choice(list(NETWORKS)), default="224", show_default=True)
@click.option("--budget", default="63kB", show_default=True, help="RAM in total.")
@click.option("--photos", default=4, show_default=True, help="How many are run.")
@click.option("--qemu/--no-qemu", default=True, help="Run one on a core, too.")
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(size: str, budget: str, photos: int, qemu: bool, output: Path) -> None:
    """MobileNetV2 in 63 kB of RAM, in a minute."""
    network = find(NETWORKS[size])
    out = output / network.name
    with Console(stderr=True).status("") as status:

        def progress(text: str) -> None:
            status.update(f"{text} ...")

        progress("fetching the model")
        model = quantized(network, output, progress)
        progress(f"compiling for a {CORE}, --budget {budget}")
        report = patchc.compile(model, out, budget=budget, target=CORE).report
        click.echo(f"{network.description}, unmodified, --budget {budget}\n")
        click.echo("\n".join(head_lines(report)) + "\n")
        progress(f"building the C and running it on {photos} photos")
        first = show_photos(out, model, network, photos)
        if qemu:
            progress(f"running the first photo on a {CORE} under QEMU")
            click.echo()
            try:
                show_core(out, first)
            except PatchcError as error:
                if "apt-get" not in str(error):  # a tool that is not installed
                    raise
                say(f"not run on a core: {error}")
    page = patchc.report(out)
    click.echo(f"\nlook at {page}")


if __name__ == "__main__":
    main()
