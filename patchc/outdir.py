"""OUT: where its files are, and how it is written in one go."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from patchc.choices import TailMode
from patchc.errors import PatchcError

PLAN = "plan.json"
REPORT = "report.json"
PAGE = "report.html"
CERTIFICATE = "certificate.json"
VERIFY = "verify.json"
BENCH = "bench.json"
MODEL = "test/model.onnx"  # the quantised file that the C computes, byte for byte
SOURCE = "test/source.json"
BUILD = "test/build"  # what `run` and `verify` build for this machine

EXACT = "exact"
MAX_ATTEMPTS = 100  # to put OUT in place while others do


@dataclass(frozen=True, slots=True)
class Source:
    """How to read the model in OUT again: what `run` and `verify` import it with."""

    name: str  # of the emitted C
    input_shapes: Mapping[str, tuple[int, ...]]  # ONNX input -> dimensions, as given
    numerics: str = EXACT  # what layers that CMSIS-NN computes mean: `--numerics`
    cut: tuple[str, ...] = ()  # nodes left to the host, as given
    model: str = MODEL  # elsewhere only where its weights are called like a file of ours
    tail: str = TailMode.HOST.value  # where a Softmax or Sigmoid at the end is computed

    def to_json(self) -> str:
        """The text of test/source.json."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Source:
        """The inverse of `to_json`. Raises ValueError, KeyError or TypeError on other text."""
        data = json.loads(text)
        shapes = {name: tuple(dims) for name, dims in data["input_shapes"].items()}
        numerics, cut = data.get("numerics", EXACT), tuple(data.get("cut", ()))
        model, tail = str(data.get("model", MODEL)), TailMode(data.get("tail", TailMode.HOST))
        return Source(data["name"], shapes, numerics, cut, model, tail.value)


def read_source(out: Path) -> Source:
    """What `patchc compile` noted in OUT. Raises PatchcError when `out` is not its output."""
    try:
        return Source.from_json((out / SOURCE).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PatchcError(
            f"{out} is not a folder that patchc compile wrote ({SOURCE}: {error})"
        ) from error


def check_writable(out: Path) -> None:
    """Raises PatchcError unless `out` is new, empty, or an earlier output of patchc."""
    if out.exists() and not out.is_dir():
        raise PatchcError(f"{out} is a file: give -o a folder that patchc may write")
    if out.is_dir() and any(out.iterdir()) and not (out / SOURCE).is_file():
        raise PatchcError(
            f"{out} holds files that patchc did not write: give -o a new or empty folder"
        )


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A new folder that takes the place of `out` when the block ends without an error.

    An earlier output is replaced as a whole, and the last of several that are written at once is
    what stays. After an error `out` is as it was. Ctrl-C and SIGTERM wait until the block is done:
    between two steps of ours they would leave the new folder behind. A folder that somebody stands
    in, or on which something is mounted, stays the same folder with new files. Raises PatchcError
    when `out` may not be written (see `check_writable`).
    """
    check_writable(out)
    out = out.resolve()
    inside = out.is_dir() and (out == Path.cwd() or os.path.ismount(out))
    with held_signals():
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            place = out if inside else out.parent
            scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=place))
        except OSError as error:
            raise PatchcError(f"cannot write {out}: {error.strerror}") from error
        try:
            fresh = scratch / "new"
            fresh.mkdir()
            yield fresh
            if inside:
                _replace_files(out, fresh, scratch)
            else:
                _replace_folder(out, fresh, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _replace_folder(out: Path, fresh: Path, scratch: Path) -> None:
    for attempt in range(MAX_ATTEMPTS):
        check_writable(out)  # somebody may have made it since
        old = scratch / f"old{attempt}"
        with suppress(FileNotFoundError):
            out.rename(old)
        try:
            fresh.rename(out)
            return
        except OSError:
            if not out.exists():
                if old.exists():
                    old.rename(out)
                raise
    raise PatchcError(f"cannot write {out}: others keep writing it, too")


def _replace_files(out: Path, fresh: Path, scratch: Path) -> None:
    moves = [(path, scratch / "old" / path.name) for path in out.iterdir() if path != scratch]
    moves += [(path, out / path.name) for path in fresh.iterdir()]
    (scratch / "old").mkdir()
    done = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            target.rename(source)
        raise


@contextmanager
def held_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is done: for steps that belong together."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs the handlers in the main thread only
        return
    held: list[int] = []
    before: dict[int, Any] = {}
    try:
        for number in map(int, (signal.SIGINT, signal.SIGTERM)):
            before[number] = signal.signal(number, lambda got, _: held.append(got))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for got in held[:1]:
            signal.raise_signal(got)


@dataclass(frozen=True, slots=True)
class KeptModel:
    """The ONNX file for OUT/test, byte for byte, and the files that hold its weights, if any."""

    content: bytes
    weights: Mapping[str, bytes]  # by their place in the model's folder

    def beside(self, ours: Iterable[str]) -> tuple[str, dict[str, bytes]]:
        """Where in OUT the model goes, and all its files, given the names of the other files there.

        Weights that are called like one of those go, with the model, into a folder of their own.
        """
        parts = [Path(name).parts for name in (*ours, MODEL, BUILD)]
        taken = {part[1].casefold() for part in parts if part[0] == Path(MODEL).parts[0]}
        roots = {Path(name).parts[0].casefold() for name in self.weights}
        model = Path(MODEL)
        if taken & roots:
            model = model.with_suffix("") / model.name
        while model.name in roots:
            model = model.with_name(f"_{model.name}")
        files = {(model.parent / name).as_posix(): data for name, data in self.weights.items()}
        return model.as_posix(), {model.as_posix(): self.content} | files


def read_kept_model(model: Path) -> KeptModel:
    """Raises PatchcError when weights lie outside the model's own folder."""
    content = model.read_bytes()
    weights: dict[str, bytes] = {}
    for tensor in tensors(onnx.load_model_from_string(content).graph):
        if not uses_external_data(tensor):
            continue
        location = Path(ExternalDataInfo(tensor).location)
        if location.is_absolute() or ".." in location.parts:
            raise PatchcError(f"{model}: weights outside its folder ({location}) are not supported")
        if location.as_posix() not in weights:
            weights[location.as_posix()] = (model.parent / location).read_bytes()
    return KeptModel(content, weights)


def tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """The constants of a graph, those in attributes and in its subgraphs among them."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from tensors(inner)


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write `files` (relative path -> content) below `folder`; text as UTF-8, lines ended by LF."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
