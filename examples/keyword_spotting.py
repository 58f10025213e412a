"""Keyword spotting: a WAV file in, a word out.

python -m examples.keyword_spotting --help
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import click
import numpy as np
import onnx
from rich.table import Table

import patchc
from examples.common import OUTPUT, say
from examples.zoo import KEYWORDS, build_float, speech
from examples.zoo.mlperf_tiny import SPECTROGRAM
from examples.zoo.spectrogram import SAMPLE_RATE
from patchc.cli import OneMessage
from patchc.errors import PatchcError
from patchc.report.text import plain
from patchc.verify.sessions import session

FRONTENDS = {
    "keywords_ds_cnn": speech.DS_CNN,
    "keywords_mobilenet_v2": speech.MOBILENET_V2,
}


@click.command(cls=OneMessage)
@click.option(
    "--wav",
    type=click.Path(path_type=Path),
    multiple=True,
    help=f"Mono, 16 bits, {SAMPLE_RATE} Hz; without: two recordings, fetched.",
)
@click.option("--budget", help="RAM limit, e.g. 10k.")
@click.option("--only", type=click.Choice(list(KEYWORDS)), multiple=True, help="One network.")
@click.option("--output", type=click.Path(path_type=Path), default=OUTPUT, show_default=True)
def main(wav: tuple[Path, ...], budget: str | None, only: tuple[str, ...], output: Path) -> None:
    """Say which keyword is in a second of sound, by the emitted C and by onnxruntime.

    Exit code 1 when a byte of the C's answers differs from onnxruntime's integer kernels.
    """
    sounds = {path.stem: read_wav(path) for path in wav} or fetched(output)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("network", "arena", "sound", "C", "onnxruntime", "float", "differ"):
        table.add_column(heading, no_wrap=True)
    failures: tuple[str, ...] = ()
    for name in only or KEYWORDS:
        say(f"{name}: quantising, compiling, running")
        failures += _spot(name, sounds, budget, output / name, table)
    click.echo(plain(table), nl=False)
    for failure in failures:
        click.echo(f"MISMATCH {failure}")
    sys.exit(int(bool(failures)))


def _spot(
    name: str, sounds: dict[str, np.ndarray], budget: str | None, folder: Path, table: Table
) -> tuple[str, ...]:
    """Adds a row per sound; what failed."""
    network, words = KEYWORDS[name], KEYWORDS[name].class_names()
    folder.mkdir(parents=True, exist_ok=True)
    quantized, out, float_model = folder / f"{name}.onnx", folder / "out", build_float(name)
    patchc.quantize(float_model, quantized, calibration=network.calibration())
    result = patchc.compile(quantized, out, budget=budget)
    maps = [FRONTENDS[name].spectrogram(sound)[None] for sound in sounds.values()]
    samples = folder / "sounds.npz"
    np.savez(samples, **{SPECTROGRAM: np.stack(maps)})  # type: ignore[arg-type]  # of numpy's stubs
    verification = patchc.verify(out, inputs=samples)
    cases = [{SPECTROGRAM: sound[None]} for sound in maps]
    integer = session(onnx.load(quantized), signed_integers=True)
    real = session(onnx.load(float_model), signed_integers=False)
    different = sum(d.differing for d in verification.golden.integer)
    for sound, case, answer in zip(sounds, cases, patchc.run(out, cases), strict=True):
        (probabilities,) = answer.values()
        by_others = (running.run(None, case)[0] for running in (integer, real))
        table.add_row(
            name,
            f"{result.report.ram.arena_bytes}",
            sound,
            *(_said(values, words) for values in (probabilities, *by_others)),
            f"{different}",
        )
    return verification.failures


def _said(probabilities: np.ndarray, words: tuple[str, ...]) -> str:
    best = int(probabilities.argmax())
    return f"{words[best]} {probabilities.flat[best]:.2f}"


def read_wav(path: Path) -> np.ndarray:
    """int16 samples. Raises PatchcError unless it is mono, 16 bits, SAMPLE_RATE."""
    try:
        with wave.open(str(path)) as file:
            found = (file.getnchannels(), 8 * file.getsampwidth(), file.getframerate())
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise PatchcError(f"{path}: not a WAV file that can be read ({error})") from error
    if found != (1, 16, SAMPLE_RATE):
        raise PatchcError(
            f"{path}: 1 channel, 16 bits, {SAMPLE_RATE} Hz expected, not {found[0]}, {found[1]} "
            f"bits, {found[2]} Hz: convert it, e.g. sox IN -c 1 -b 16 -r {SAMPLE_RATE} OUT"
        )
    return np.frombuffer(data, "<i2")


def write_wav(path: Path, sound: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.astype("<i2").tobytes())


def fetched(output: Path) -> dict[str, np.ndarray]:
    """The recordings, by way of WAV files in `output`."""
    output.mkdir(parents=True, exist_ok=True)
    found = {}
    for word in speech.WORDS:
        path = output / f"{word}.wav"
        write_wav(path, speech.recording(word))
        found[word] = read_wav(path)
    return found


if __name__ == "__main__":
    main()
