"""Which and where: tunnels beside the plain network, trained on digits at random places.

    python -m examples.tunnelnet.compare [--seed N]... [--output FOLDER] [--page docs/tunnels.md]

Trains every network of `forms` for every seed, quantises it, and prints accuracy on digits that
nothing was trained on, RAM, and instructions on a Cortex-M4, compared with onnxruntime's answers
byte for byte. What is done already in --output is not done again. --page writes the table into a
page, too. Needs 'patchc[train]', arm-none-eabi-gcc and QEMU.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx

import patchc
from examples.pages import placed
from examples.tunnelnet import digits
from examples.tunnelnet.forms import Form, forms
from examples.tunnelnet.needed import require
from examples.tunnelnet.table import Accuracy, Figures, Plan, furthest, table
from patchc.choices import Weights
from patchc.cli import OneMessage
from patchc.errors import PatchcError
from patchc.verify.sessions import session

OUTPUT = Path("build/tunnelnet")
SEEDS = (0, 1, 2)
BATCH = 50
EPOCHS, TUNED_EPOCHS = 120, 80
RATE, TUNED_RATE = 0.02, 0.01
CALIBRATED = 200  # frames
TARGET = "cortex-m4"
PACKAGES = ("torch", "scikit-learn", "onnxruntime", "numpy")  # whose versions are printed


def read_digits() -> tuple[digits.Digits, digits.Digits]:
    """For training and for tests."""
    require("sklearn")
    from sklearn.datasets import load_digits

    found = load_digits()
    return digits.split(digits.upscaled(found.images, found.target))


def recipe_of(form: Form, steps: int, seed: int) -> Any:
    from examples.tunnelnet.training import Recipe

    if form.tuned:
        return Recipe(TUNED_EPOCHS, steps, rate=TUNED_RATE, seed=seed)
    # A path with weights of its own meets the digit in its patch's share of the frames alone.
    paths = len(form.design.patches) if form.design.weights is Weights.SEPARATE else 1
    return Recipe(paths * EPOCHS, steps, rate=RATE, seed=seed)


def train_seed(seed: int, output: Path, say: Callable[[str], None]) -> dict[str, Accuracy]:
    """All forms, in `output`/seed-N."""
    from examples.tunnelnet import network, training

    folder = output / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    trained, tested = read_digits()
    frames, classes = digits.test_set(tested)
    calibration = digits.test_set(trained)[0][:CALIBRATED]
    plain: Any = None
    found = {}
    for form in forms():
        called = f"seed {seed}: {form.name}, {form.begun}"
        training.seed_all(seed)
        net = network.cut(plain, form.design) if form.tuned else network.TunnelNet(form.design)
        recipe = recipe_of(form, len(trained.digits) // BATCH, seed)
        training.train(
            net,
            partial(digits.batches, trained, BATCH, seed),
            recipe,
            folder / f"{form.file}.pt",
            lambda text, called=called: say(f"{called}: {text}"),
        )
        plain = plain or net
        kept = folder / f"{form.file}.json"
        identity = repr((form.design, recipe, digits.PLACES))
        known = json.loads(kept.read_text()) if kept.exists() else {}
        if known.get("of") != identity:
            right = float(np.mean(training.classify(net, frames) == classes))
            file = network.export(net, folder / f"{form.file}.onnx")
            model = _quantised(file, calibration)
            accuracy = Accuracy(100 * right, 100 * _right(model, frames, classes))
            known = {"of": identity, "accuracy": asdict(accuracy)}
            kept.write_text(json.dumps(known, indent=1) + "\n")
        found[form.file] = Accuracy(**known["accuracy"])
        say(f"{called}: {found[form.file]}")
    return found


def _quantised(file: Path, frames: np.ndarray) -> Path:
    """Calibrated on frames [n, 1, rows, columns]."""
    model = file.with_name(f"{file.stem}-int8.onnx")
    samples = {"image": frames[:, None].astype(np.float32)}
    return patchc.quantize(file, model, calibration=samples)


def _right(model: Path, frames: np.ndarray, classes: np.ndarray) -> float:
    """By onnxruntime's integer kernels, to which the C is equal byte for byte."""
    running = session(onnx.load(model), signed_integers=True)
    found = [
        int(np.argmax(running.run(None, {"image": frame[None].astype(np.float32)})[0]))
        for frame in frames
    ]
    return float(np.mean(np.array(found) == classes))


def measure(model: Path, parameters: int, folder: Path) -> Figures:
    """Compile, compare the C with onnxruntime, count instructions. Raises PatchcError."""
    plans = []
    for name, options in (
        ("layers", {"prefer": "layers"}),
        ("free", {}),
        ("least", {"budget": "least"}),
    ):
        out = folder / name
        patchc.compile(model, out, target=TARGET, **options)
        found = patchc.verify(out, on="qemu", cases=1)
        if not found.passed:
            raise PatchcError(f"{model}: {found.failures}")
        (figures,) = found.firmware
        plans.append(Plan(figures.total_bytes, patchc.bench(out).instructions))
    return Figures(parameters, *plans)


def figures_of(form: Form, seed: int, output: Path) -> Figures:
    from examples.tunnelnet.network import TunnelNet

    model, made = output / f"seed-{seed}" / f"{form.file}-int8.onnx", output / "c" / form.file
    made.mkdir(parents=True, exist_ok=True)
    parameters = sum(values.numel() for values in TunnelNet(form.design).parameters())
    return measure(model, parameters, made)


def description(seeds: tuple[int, ...], off: float) -> str:
    """What was measured, on what."""
    trained, tested = read_digits()
    frames = len(tested.digits) * digits.PLACES
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    spread = f"seed {seeds[0]} alone"
    if len(seeds) > 1:
        spread = (
            f"seeds {', '.join(map(str, seeds))}: their mean, and from the least to the most; no "
            f"seed is further than {off:.1f} points from the mean in integers"
        )
    return (
        f"`python -m examples.tunnelnet.compare`: {digits.CLASSES} classes, {len(trained.digits)} "
        f"digits for training, {frames} frames of {len(tested.digits)} others for tests; {spread}. "
        "RAM with stack and statics, and instructions of one inference, of a Cortex-M4 under "
        "QEMU, 0 differing bytes. Trained on a CPU "
        f"({platform.machine()}) with Python {platform.python_version()}, {versions}.\n"
    )


@click.command(cls=OneMessage)
@click.option("--seed", "seeds", type=int, multiple=True, default=SEEDS, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
@click.option("--firmware/--no-firmware", default=True, help="Count instructions under QEMU.")
@click.option("--threads", type=int, default=1, show_default=True, help="Of PyTorch.")
@click.option("--page", type=click.Path(path_type=Path), help="Markdown to write the table into.")
def main(
    seeds: tuple[int, ...], output: Path, firmware: bool, threads: int, page: Path | None
) -> None:
    """Train, quantise, compile and compare; the table goes to standard output."""
    require("torch", "sklearn")
    import torch

    torch.set_num_threads(threads)
    say = partial(click.echo, err=True)
    accuracies = [train_seed(seed, output, say) for seed in seeds]
    figures = {}
    for form in forms() if firmware else ():
        if not form.tuned:  # what was begun otherwise has the same plans
            say(f"{form.name}: compiling and counting")
            figures[form.name] = figures_of(form, seeds[0], output)
    text = f"{description(seeds, furthest(accuracies))}\n{table(accuracies, figures)}"
    click.echo(text, nl=False)
    if page is not None:
        page.write_text(placed(page.read_text("utf-8"), "compare", text), "utf-8")


if __name__ == "__main__":
    main()
