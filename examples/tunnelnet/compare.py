"""Which and where: tunnels beside the plain network, trained on digits at random places.

    python -m examples.tunnelnet.compare [--seed N]... [--output FOLDER] [--no-firmware]

Trains every network of `forms` for every seed, quantises it, and prints accuracy on digits that
nothing was trained on, RAM, and instructions on a Cortex-M4. What is trained already in --output is
not trained again. Needs 'patchc[train]', and QEMU for the instructions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx

import patchc
from examples.tunnelnet import digits
from examples.tunnelnet.forms import Form, forms
from examples.tunnelnet.needed import require
from patchc.cli import OneMessage
from patchc.errors import PatchcError
from patchc.verify.sessions import session

OUTPUT = Path("build/tunnelnet")
SEEDS = (0, 1, 2)
BATCH = 100
EPOCHS, TUNED_EPOCHS = 24, 8
RATE, TUNED_RATE = 0.4, 0.1
CALIBRATED = 200  # frames
TARGET = "cortex-m4"


@dataclass(frozen=True)
class Accuracy:
    """Of one network and one seed, in percent of the frames for tests."""

    trained: float  # in float, in PyTorch
    quantised: float  # of the integer network, which the C equals


@dataclass(frozen=True)
class Figures:
    """Of the C: total RAM in bytes and instructions per inference, of the cheapest plan and of the
    one with the least RAM."""

    free_bytes: int
    free_instructions: int
    least_bytes: int
    least_instructions: int


def read_digits() -> tuple[digits.Digits, digits.Digits]:
    """For training and for tests."""
    require("sklearn")
    from sklearn.datasets import load_digits

    found = load_digits()
    return digits.split(digits.upscaled(found.images, found.target))


def train_seed(seed: int, output: Path, say: Callable[[str], None]) -> dict[str, Accuracy]:
    """All forms, in `output`/seed-N."""
    from examples.tunnelnet import network, training

    folder = output / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    trained, tested = read_digits()
    frames, classes = digits.test_set(tested)
    calibration = digits.test_set(trained)[0][:CALIBRATED]
    steps = len(trained.digits) // BATCH
    plain: Any = None
    found = {}
    for form in forms():
        training.seed_all(seed)
        net = network.cut(plain, form.design) if form.tuned else network.TunnelNet(form.design)
        recipe = training.Recipe(
            TUNED_EPOCHS if form.tuned else EPOCHS,
            steps,
            rate=TUNED_RATE if form.tuned else RATE,
            seed=seed,
        )
        training.train(
            net,
            partial(digits.batches, trained, BATCH, seed),
            recipe,
            folder / f"{form.file}.pt",
            lambda text, form=form: say(f"seed {seed}: {form.name}, {form.begun}: {text}"),
        )
        plain = plain or net
        right = float(np.mean(training.classify(net, frames) == classes))
        file = network.export(net, folder / f"{form.file}.onnx")
        model = quantised(file, calibration)
        found[form.file] = Accuracy(100 * right, 100 * _right(model, frames, classes))
        say(f"seed {seed}: {form.name}, {form.begun}: {found[form.file]}")
    return found


def quantised(file: Path, frames: np.ndarray) -> Path:
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


def measure(model: Path, folder: Path) -> Figures:
    """Compile twice, compare the C with onnxruntime, count instructions. Raises PatchcError."""
    try:
        patchc.compile(model, folder / "none", budget=1, target=TARGET)
        raise AssertionError("one byte is no budget")
    except PatchcError as error:
        least = re.search(r"least is (\d+) B", str(error))
        if least is None:
            raise
    made = []
    for name, budget in (("free", None), ("least", least[1])):
        out = folder / name
        result = patchc.compile(model, out, budget=budget, target=TARGET)
        found = patchc.verify(out, cases=1)
        if not found.passed:
            raise PatchcError(f"{model}: {found.failures}")
        made += [result.report.ram.total_bytes, patchc.bench(out).instructions]
    return Figures(*made)


def table(accuracies: Sequence[dict[str, Accuracy]], figures: dict[str, Figures]) -> list[str]:
    """A line per form, mean and range of the seeds."""
    lines = [
        "| network | trained | float % | int8 % | RAM B | instructions | least B | instructions |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for form in forms():
        cells = [form.name, form.begun]
        for kind in ("trained", "quantised"):
            cells.append(_spread([getattr(found[form.file], kind) for found in accuracies]))
        known = figures.get(form.name)
        cells += [f"{value:,}" for value in asdict(known).values()] if known else ["-"] * 4
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ({min(values):.1f} - {max(values):.1f})"


def figures_of(form: Form, seed: int, output: Path) -> Figures:
    folder, made = output / f"seed-{seed}", output / "c" / form.file
    made.mkdir(parents=True, exist_ok=True)
    return measure(folder / f"{form.file}-int8.onnx", made)


@click.command(cls=OneMessage)
@click.option("--seed", "seeds", type=int, multiple=True, default=SEEDS, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
@click.option("--firmware/--no-firmware", default=True, help="Count instructions under QEMU.")
@click.option("--threads", type=int, default=1, show_default=True, help="Of PyTorch, per process.")
def main(seeds: tuple[int, ...], output: Path, firmware: bool, threads: int) -> None:
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
    kept = {
        "accuracy": [{name: asdict(a) for name, a in found.items()} for found in accuracies],
        "figures": {name: asdict(f) for name, f in figures.items()},
    }
    (output / "table.json").write_text(json.dumps(kept, indent=1) + "\n")
    click.echo("\n".join(table(accuracies, figures)))


if __name__ == "__main__":
    main()
