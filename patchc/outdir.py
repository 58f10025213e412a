"""OUT: where its files are, and how it is written in one go."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from patchc.errors import PatchcError

PLAN = "plan.json"
REPORT = "report.json"
VERIFY = "verify.json"
BENCH = "bench.json"
MODEL = "test/model.onnx"  # the quantised file that the C computes, byte for byte
SOURCE = "test/source.json"

EXACT = "exact"
EXCHANGES = 20  # how often a folder is tried to be replaced that others replace as well


@dataclass(frozen=True, slots=True)
class Source:
    """How to read OUT/test/model.onnx again: what `run` and `verify` import it with."""

    name: str  # of the emitted C
    input_shapes: Mapping[str, tuple[int, ...]]  # ONNX input -> dimensions, as given
    numerics: str = EXACT  # what layers that CMSIS-NN computes mean: `--numerics`
    cut: tuple[str, ...] = ()  # nodes left to the host, as given

    def to_json(self) -> str:
        """The text of test/source.json."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @staticmethod
    def from_json(text: str) -> Source:
        """The inverse of `to_json`. Raises ValueError, KeyError or TypeError on other text."""
        data = json.loads(text)
        shapes = {name: tuple(dims) for name, dims in data["input_shapes"].items()}
        numerics, cut = data.get("numerics", EXACT), tuple(data.get("cut", ()))
        return Source(data["name"], shapes, numerics, cut)


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
    here, target = Path.cwd(), out.resolve()
    if target == here or target in here.parents:
        raise PatchcError(
            f"{out} is the current folder, or holds it, and would be replaced as a whole: give -o "
            "another folder"
        )


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place when the block ends without an error.

    An earlier output is replaced as a whole. After an error `out` is as it was. Raises PatchcError
    when `out` may not be written (see `check_writable`).
    """
    check_writable(out)
    out = out.resolve()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise PatchcError(f"cannot write {out}: {error.strerror}") from error
    try:
        fresh = scratch / "new"
        fresh.mkdir()
        yield fresh
        _exchange(fresh, out, scratch)
    finally:
        old = scratch / "old"
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(scratch)


def _exchange(fresh: Path, out: Path, scratch: Path) -> None:
    """Put `fresh` in the place of `out`. The last of several compilations into one folder stays."""
    for attempt in range(EXCHANGES):
        with suppress(FileNotFoundError):  # another compilation is just replacing it, too
            out.rename(scratch / "old" if attempt == 0 else scratch / f"old{attempt}")
        try:
            fresh.rename(out)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    raise PatchcError(f"cannot write {out}: other compilations write there without end")


def model_files(model: Path) -> dict[str, bytes]:
    """The ONNX file for OUT/test, byte for byte, and the files that hold its weights, if any.

    Raises PatchcError when those lie outside the model's own folder.
    """
    content = model.read_bytes()
    files = {MODEL: content}
    graph = onnx.load_model_from_string(content).graph
    for tensor in graph.initializer:
        if not uses_external_data(tensor):
            continue
        location = Path(ExternalDataInfo(tensor).location)
        if location.is_absolute() or ".." in location.parts:
            raise PatchcError(f"{model}: weights outside its folder ({location}) are not supported")
        name = (Path(MODEL).parent / location).as_posix()
        if name.lower() == MODEL:
            return embedded(model)
        if name not in files:
            files[name] = (model.parent / location).read_bytes()
    return files


def embedded(model: Path) -> dict[str, bytes]:
    """The ONNX file for OUT/test with its weights in it: where those, as files of their own, would
    have the name of one of OUT's."""
    return {MODEL: onnx.load(str(model)).SerializeToString(deterministic=True)}


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write `files` (relative path -> content) below `folder`; text as UTF-8, lines ended by LF."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
