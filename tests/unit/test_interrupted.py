"""`patchc compile`, ended from outside at many moments: by Ctrl-C, SIGTERM, a disk that is full, a
second one that writes the same folder. OUT is the old one or the new one, whole, and alone."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.fuzz_files import load_everything
from benchmarks.fuzzing.limited import Limits, Tried, tried
from patchc import cli
from patchc.outdir import SOURCE, replacing, write_files
from tests.golden.qdq_models import residual_network

LIMITS = Limits(seconds=60, bytes=4 << 30)
OLD, NEW = ("--name", "first"), ("--name", "second")
MOMENTS = 10
WRITES = {"open", "os.mkdir", "os.rename"}  # audit events that a full disk may end


def compiled(out: Path, *words: str) -> Callable[[], object]:
    model = out.parent.parent / "net.onnx"
    return lambda: cli.main(["compile", str(model), "-o", str(out), *words])


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A model, and what `compile` makes of it under two names."""
    load_everything()
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "net.onnx").write_bytes(residual_network(unsigned=True).SerializeToString())
    for name, words in (("old", OLD), ("new", NEW)):
        (folder / name).mkdir()
        assert tried(compiled(folder / name / "out", *words), folder, LIMITS).status == 0
    return folder


@pytest.fixture(params=["new folder", "old output"])
def out(request, place: Path, tmp_path: Path) -> Path:
    """Where to write: nothing is there, or an earlier output."""
    (tmp_path / "net.onnx").write_bytes((place / "net.onnx").read_bytes())
    (tmp_path / "work").mkdir()
    folder = tmp_path / "work" / "out"
    if request.param == "old output":
        assert tried(compiled(folder, *OLD), tmp_path, LIMITS).status == 0
    return folder


def check(out: Path, end: Tried, status: int, before: dict[str, bytes], place: Path) -> None:
    """All or nothing, one line, the exit status."""
    assert end.status in (status, 0), end
    assert "Traceback" not in end.err
    if end.status:
        assert len(end.err.strip().splitlines()) == 1, end.err
    assert files(out) in (before, files(place / "new" / "out"))
    assert [path.name for path in out.parent.iterdir()] in ([], ["out"])
    if end.status == 0:
        assert files(out) != before


def at_call(moment: int, act: Callable[[], object]) -> Callable[[object, str, object], None]:
    """For sys.setprofile: acts at that call of a function, be it of Python or of C."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls == moment:
            calls += 1
            act()

    return count


def profiled(call: Callable[[], object], moment: int, act: Callable[[], object]) -> None:
    # Ctrl-C is ignored by what a shell started in the background; here it has to arrive.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setprofile(at_call(moment, act))
    try:
        call()
    finally:
        sys.setprofile(None)


@pytest.fixture(scope="module")
def calls(place: Path) -> int:
    """Calls of functions in a whole compile."""
    counted = place / "counted"
    counted.mkdir()

    def count() -> None:
        total = 0

        def one(_: object, event: str, __: object) -> None:
            nonlocal total
            total += event in ("call", "c_call")

        sys.setprofile(one)
        try:
            cli.main(["compile", str(place / "net.onnx"), "-o", str(counted / "out"), *NEW])
        except SystemExit:
            sys.setprofile(None)
            (counted / "calls.txt").write_text(str(total), encoding="utf-8")

    tried(count, place, LIMITS)
    return int((counted / "calls.txt").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_signals(number: signal.Signals, out: Path, calls: int, place: Path) -> None:
    """Moments all over the compile, and close together at its end, where OUT is put in place."""
    spread = [calls * part // MOMENTS for part in range(1, MOMENTS)]
    for moment in (*spread, *(calls - calls // (40 << part) for part in range(6))):
        before = files(out)
        run = compiled(out, *NEW)
        end = tried(
            lambda run=run, moment=moment: profiled(
                run, moment, lambda: os.kill(os.getpid(), number)
            ),
            out.parent.parent,
            LIMITS,
        )
        check(out, end, 128 + number, before, place)


# Of Ctrl-C where Python drops a generator it only says that it ignores it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_at_every_call_that_puts_out_in_place(tmp_path: Path):
    work = tmp_path / "work"
    out = work / "out"
    write_files(out, {SOURCE: "{}", "net.c": "0"})

    def write(name: str) -> None:
        with replacing(out) as folder:
            write_files(folder, {SOURCE: "{}", "net.c": name})

    for moment in range(1, 10_000):
        before, interrupts = files(out), 0

        def interrupt() -> None:
            nonlocal interrupts
            interrupts += 1
            os.kill(os.getpid(), signal.SIGINT)

        try:
            profiled(lambda name=str(moment): write(name), moment, interrupt)
        except KeyboardInterrupt:
            sys.setprofile(None)
        assert files(out) in (before, before | {"net.c": str(moment).encode()})
        assert [path.name for path in work.iterdir()] == ["out"]
        if not interrupts:
            break
    assert moment > 300


def full_at(moment: int) -> Callable[[str, tuple[object, ...]], None]:
    """An audit hook: the disk is full at that write to a file, or that new name, and only then."""
    seen = 0

    def hook(event: str, words: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in WRITES or (event == "open" and not writes(words)):
            return
        seen += 1
        if seen == moment:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return hook


def writes(words: tuple[object, ...]) -> bool:
    flags = words[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


@pytest.mark.slow
def test_a_full_disk(out: Path, place: Path) -> None:
    """At each file, folder and rename, until a compile comes through."""
    ended = 0
    for moment in range(1, 1000):
        before = files(out)

        def run(moment: int = moment) -> None:
            sys.addaudithook(full_at(moment))
            compiled(out, *NEW)()

        end = tried(run, out.parent.parent, LIMITS)
        check(out, end, cli.ERROR_STATUS, before, place)
        if end.status == 0:
            break
        assert "No space left" in end.err, end.err
        ended = moment
    assert ended > 15


def test_two_at_once(out: Path, place: Path) -> None:
    """Into one folder: both end well, and one of them stays, whole."""
    folders = [out.parent.parent / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        ends = list(
            pool.map(
                lambda folder, words: tried(compiled(out, *words), folder, LIMITS),
                folders,
                (OLD, NEW),
            )
        )
    assert [end.status for end in ends] == [0, 0], [end.err for end in ends]
    assert files(out) in [files(place / name / "out") for name in ("old", "new")]
    assert [path.name for path in out.parent.iterdir()] == ["out"]
