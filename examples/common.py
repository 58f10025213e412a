"""What the example scripts share: quantise, compile, run on photos, compare with onnxruntime."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import onnx
from rich.console import Console
from rich.table import Table

import patchc
from examples.zoo import NETWORKS, Network, build_float
from patchc.cli import OneMessage
from patchc.quantize.quantize import Activation, Format, QuantizeOptions
from patchc.report import Report, to_text
from patchc.report.text import plain
from patchc.verify.sessions import session
from patchc.verify.verify import Verification

OUTPUT = Path("build/examples")
Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Settings:
    """Which form of a network to make, and how small."""

    network: str  # in the zoo
    format: str = Format.QDQ.value
    activations: str = Activation.UINT8.value
    budget: str | None = None
    output: Path = OUTPUT

    @property
    def folder(self) -> Path:
        """For everything that is made of this form."""
        return self.output / self.network / f"{self.format}-{self.activations}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One network, compiled and compared over its check photos."""

    network: str
    format: str
    activations: str
    arena_bytes: int
    total_bytes: int  # arena, statics, stack
    input_bytes: int
    photos: int
    right: dict[str, int] | None  # top-1 of "C", "onnxruntime", "float"; None: photos unlabelled
    same_top1: int  # photos that the C and the float model put into the same class
    bytes_compared: int  # C against onnxruntime's integer kernels
    bytes_different: int
    file_compared: int  # values of the C against onnxruntime's defaults on the quantised file
    file_different: int
    file_is_integer: bool  # onnxruntime's defaults run all of that file in integers
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """An outcome, and the answers for each photo by who gave them."""

    outcome: Outcome
    report: Report
    classes: dict[str, list[int]]  # "C", "onnxruntime", "float" -> class per photo
    labels: tuple[int, ...] | None
    names: tuple[str, ...]


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def evaluate(settings: Settings, progress: Callable[[str], None] = say) -> Evaluation:
    """Quantise and compile a network and compare it on its check photos."""
    network = NETWORKS[settings.network]
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True)
    float_model = build_float(network.name)
    quantized, out = folder / f"{network.name}.onnx", folder / "out"

    progress(f"{network.name}: quantising ({settings.format}, {settings.activations})")
    options = QuantizeOptions(Format(settings.format), Activation(settings.activations))
    patchc.quantize(float_model, quantized, calibration=network.calibration(), options=options)
    progress(f"{network.name}: compiling")
    result = patchc.compile(quantized, out, budget=settings.budget)

    samples = network.check_inputs()
    cases = _split(samples)
    progress(f"{network.name}: building the C and running it on {len(cases)} photos")
    answers = {
        "C": patchc.run(out, cases),
        # On x86 onnxruntime leaves part of an int8 QDQ file in float unless it is told not to.
        "onnxruntime": _onnxruntime(quantized, cases, integers=True),
        "float": _onnxruntime(float_model, cases, integers=False),
    }
    progress(f"{network.name}: comparing")
    np.savez(folder / "photos.npz", **samples)  # type: ignore[arg-type]  # of numpy's stubs
    verification = patchc.verify(out, inputs=folder / "photos.npz")

    classes = {who: [_top(outputs) for outputs in found] for who, found in answers.items()}
    outcome = _outcome(settings, result.report, verification, classes, network)
    return Evaluation(
        outcome, result.report, classes, network.check_labels(), network.class_names()
    )


def _split(samples: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    count = len(next(iter(samples.values())))
    return [{name: values[i : i + 1] for name, values in samples.items()} for i in range(count)]


def _onnxruntime(
    model: Path, cases: Sequence[Mapping[str, np.ndarray]], *, integers: bool
) -> list[Outputs]:
    running = session(onnx.load(model), signed_integers=integers)
    names = [output.name for output in running.get_outputs()]
    return [dict(zip(names, running.run(names, dict(case)), strict=True)) for case in cases]


def _top(outputs: Outputs) -> int:
    (scores,) = outputs.values()
    return int(scores.argmax())


def _outcome(
    settings: Settings,
    report: Report,
    verification: Verification,
    classes: dict[str, list[int]],
    network: Network,
) -> Outcome:
    labels = network.check_labels()
    golden = verification.golden
    return Outcome(
        network=network.name,
        format=settings.format,
        activations=settings.activations,
        arena_bytes=report.ram.arena_bytes,
        total_bytes=report.ram.total_bytes,
        input_bytes=report.ram.input_bytes,
        photos=verification.cases,
        right=None
        if labels is None
        else {w: _equal(found, labels) for w, found in classes.items()},
        same_top1=_equal(classes["C"], classes["float"]),
        bytes_compared=sum(d.values for d in golden.integer),
        bytes_different=sum(d.differing for d in golden.integer),
        file_compared=sum(d.values for d in golden.file),
        file_different=sum(d.differing for d in golden.file),
        file_is_integer=golden.fully_fused,
        failures=verification.failures,
    )


def _equal(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))


def outcome_table(outcomes: Sequence[Outcome]) -> str:
    """One line per outcome."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    table.add_column("quantised", no_wrap=True)
    for heading in ("RAM", "C", "ort", "float", "C=float", "bytes", "differ"):
        table.add_column(heading, justify="right", no_wrap=True)
    for o in outcomes:
        right = o.right or {}
        tops = [str(right.get(who, "-")) for who in ("C", "onnxruntime", "float")]
        table.add_row(
            o.network,
            f"{o.format.replace('qoperator', 'qop')} {o.activations}",
            str(o.total_bytes),
            *tops,
            str(o.same_top1),
            str(o.bytes_compared),
            str(o.bytes_different),
        )
    return plain(table)


LEGEND = """\
RAM: bytes of arena, statics and stack (the last two as reserved, not measured). C, ort, float: of
20 photos, those that the emitted C, onnxruntime on the quantised file and the float model get right
(-: no labels). C=float: photos that C and float put into one class. bytes, differ: output bytes of
the C compared with onnxruntime's integer kernels, and how many differ."""


def photo_table(evaluation: Evaluation) -> str:
    """Photo by photo: the label and the three answers."""
    table = Table(box=None, pad_edge=False)
    table.add_column("photo", justify="right", no_wrap=True)
    who = list(evaluation.classes)
    for heading in [*(["label"] if evaluation.labels else []), *who]:
        table.add_column(heading, no_wrap=True, max_width=17, overflow="ellipsis")
    for photo in range(evaluation.outcome.photos):
        answers = [evaluation.classes[one][photo] for one in who]
        label = [evaluation.labels[photo]] if evaluation.labels else []
        table.add_row(str(photo), *(evaluation.names[index] for index in [*label, *answers]))
    return plain(table)


def command(networks: Mapping[str, str]) -> click.Command:
    """The command line of an example script: `networks` are names in the zoo by --size, or by ""
    where there is one size only."""
    sizes = list(networks)

    def main(photos: bool, size: str, **options: Any) -> int:
        settings = Settings(networks[size], **options)
        with Console(stderr=True).status("") as status:
            evaluation = evaluate(settings, lambda text: status.update(f"{text} ..."))
        if photos:
            click.echo(to_text(evaluation.report, layers=False))
            click.echo(photo_table(evaluation))
        return print_outcomes([evaluation.outcome])

    options: list[click.Parameter] = [
        click.Option(["--format"], type=click.Choice([f.value for f in Format]), default="qdq"),
        click.Option(
            ["--activations"], type=click.Choice([a.value for a in Activation]), default="uint8"
        ),
        click.Option(["--budget"], help="RAM limit, e.g. 300k."),
        click.Option(["--output"], type=click.Path(path_type=Path), default=OUTPUT),
        click.Option(["--photos"], is_flag=True, help="Print the answers photo by photo."),
        click.Option(
            ["--size"], type=click.Choice(sizes), default=sizes[0], hidden=len(sizes) == 1
        ),
    ]
    for option in options:
        if isinstance(option, click.Option) and not option.is_flag:
            option.show_default = True
    return OneMessage(
        None, callback=main, params=options, help=NETWORKS[networks[sizes[0]]].description
    )


def print_outcomes(outcomes: Sequence[Outcome]) -> int:
    """The table, its legend, and whatever failed. 0, or 1 when something failed."""
    click.echo(outcome_table(outcomes))
    click.echo(LEGEND)
    for outcome in outcomes:
        for failure in outcome.failures:
            click.echo(f"MISMATCH {outcome.network} {outcome.format}: {failure}")
    return int(any(outcome.failures for outcome in outcomes))
