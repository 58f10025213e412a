"""OUT is written in one go, and the same in every process."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data

import patchc
from patchc.errors import PatchcError
from patchc.outdir import (
    SOURCE,
    KeptModel,
    Source,
    held_signals,
    read_kept_model,
    read_source,
    replacing,
    write_files,
)
from tests.onnx_float import quantized_cnn, samples


def test_what_compile_notes_about_the_model_survives_json():
    source = Source("net", {"image": (1, 3, 96, 96)})
    assert Source.from_json(source.to_json()) == source


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "n"}'])
def test_a_damaged_note_is_a_clear_error(text: str, tmp_path: Path):
    (tmp_path / "test").mkdir()
    (tmp_path / SOURCE).write_text(text)
    with pytest.raises(PatchcError, match="is not a folder that patchc compile wrote"):
        read_source(tmp_path)


def test_a_file_in_the_way_is_refused(tmp_path: Path):
    (tmp_path / "out").write_text("")
    with (
        pytest.raises(PatchcError, match="is a file: give -o a folder"),
        replacing(tmp_path / "out"),
    ):
        pass


def test_an_empty_folder_is_taken_and_parents_are_made(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "empty", tmp_path / "a/b"):
        with replacing(out) as folder:
            (folder / "file").write_text("new")
        assert (out / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "empty"]


def write_half(out: Path) -> None:
    with replacing(out) as folder:
        (folder / "half").write_text("")
        raise KeyboardInterrupt


def test_an_error_while_writing_leaves_what_was_there(tmp_path: Path):
    out = tmp_path / "out"
    (out / "test").mkdir(parents=True)
    (out / SOURCE).write_text("{}")
    with pytest.raises(KeyboardInterrupt):
        write_half(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / SOURCE).read_text() == "{}"


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with replacing(tmp_path / "link") as folder:
        (folder / "file").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/file").read_text() == "new"


@pytest.mark.slow
def test_a_model_whose_weights_lie_in_another_file_is_kept_whole(tmp_path: Path):
    quantized_cnn(tmp_path / "one.onnx")
    model = onnx.load(tmp_path / "one.onnx")
    convert_model_to_external_data(model, location="weights.bin", size_threshold=64)
    (tmp_path / "apart").mkdir()
    onnx.save_model(model, tmp_path / "apart/tiny.onnx")
    _, files = read_kept_model(tmp_path / "apart/tiny.onnx").beside([])
    assert set(files) == {"test/model.onnx", "test/weights.bin"}
    patchc.compile(tmp_path / "apart/tiny.onnx", tmp_path / "out")
    assert patchc.verify(tmp_path / "out", cases=1).passed


@pytest.mark.parametrize(
    "name", ["source.json", "Network.JSON", "host_main.c", "firmware/a", "build"]
)
def test_weights_called_like_our_files_go_into_a_folder_of_their_own(name: str):
    ours = ["net.c", "test/source.json", "test/network.json", "test/host_main.c", "test/firmware/a"]
    where, files = KeptModel(b"model", {name: b"weights"}).beside(ours)
    assert (where, files) == (
        "test/model/model.onnx",
        {"test/model/model.onnx": b"model", f"test/model/{name}": b"weights"},
    )


def test_weights_called_like_the_model_itself_leave_it_another_name():
    where, files = KeptModel(b"model", {"model.onnx": b"weights"}).beside([])
    assert files == {where: b"model", "test/model/model.onnx": b"weights"}
    assert where == "test/model/_model.onnx"


@pytest.mark.slow
def test_a_model_with_weights_called_source_json_compiles_and_verifies(tmp_path: Path):
    quantized_cnn(tmp_path / "one.onnx")
    model = onnx.load(tmp_path / "one.onnx")
    convert_model_to_external_data(model, location="source.json", size_threshold=64)
    (tmp_path / "apart").mkdir()
    onnx.save_model(model, tmp_path / "apart/tiny.onnx")
    patchc.compile(tmp_path / "apart/tiny.onnx", tmp_path / "out")
    assert patchc.verify(tmp_path / "out", cases=1).passed


def test_the_current_folder_stays_the_same_folder(tmp_path: Path, monkeypatch):
    out = tmp_path / "out"
    for content in ("first", "second"):
        out.mkdir(exist_ok=True)
        monkeypatch.chdir(out)
        number = out.stat().st_ino
        with replacing(Path(".")) as folder:
            write_files(folder, {SOURCE: "{}", content: content})
        assert out.stat().st_ino == number
        assert sorted(path.name for path in out.iterdir()) == [content, "test"]


def test_an_error_leaves_the_current_folder_as_it_was(tmp_path: Path, monkeypatch):
    write_files(tmp_path, {SOURCE: "{}"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        write_half(Path("."))
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch):
    out = tmp_path / "out"
    write_files(out, {SOURCE: "{}", "net.c": "old"})

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write() -> None:
        with replacing(out) as folder:
            monkeypatch.setattr(Path, "write_bytes", full)
            write_files(folder, {"net.c": "new"})

    with pytest.raises(OSError, match="No space left"):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "net.c").read_text() == "old"


def test_of_two_that_write_at_once_the_last_one_stays(tmp_path: Path):
    out = tmp_path / "out"
    with replacing(out) as late:
        write_files(late, {SOURCE: "{}", "net.c": "late"})
        with replacing(out) as early:
            write_files(early, {SOURCE: "{}", "net.c": "early", "more.c": ""})
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(path.name for path in out.iterdir()) == ["net.c", "test"]
    assert (out / "net.c").read_text() == "late"


def test_files_that_came_while_we_worked_are_not_replaced(tmp_path: Path):
    out = tmp_path / "out"

    def write() -> None:
        with replacing(out) as folder:
            write_files(folder, {SOURCE: "{}"})
            write_files(out, {"thesis.tex": "years"})

    with pytest.raises(PatchcError, match="patchc did not write"):
        write()
    assert (out / "thesis.tex").read_text() == "years"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_wait_for_moves_that_belong_together(number: signal.Signals):
    done = []
    before = signal.signal(number, lambda got, _: done.append(got))
    try:
        with held_signals():
            signal.raise_signal(number)
            assert not done
        assert done == [number]
    finally:
        signal.signal(number, before)


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path: Path):
    """Whatever the seed of Python's hashes: quantisation, names, C, plan and report."""
    np.savez(tmp_path / "samples.npz", **samples())
    quantized_cnn(tmp_path / "tiny.onnx")
    digests = []
    for seed in ("1", "2"):
        out = tmp_path / f"out{seed}"
        words = ["compile", "tiny.float.onnx", "-o", out, "--calibration", "samples.npz"]
        words += ["--budget", "64k", "--name", "net"]
        paths = os.pathsep.join(path for path in sys.path if path)
        subprocess.run(
            [sys.executable, "-m", "patchc.cli", *map(str, words)],
            check=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL,
        )
        files = sorted(path for path in out.rglob("*") if path.is_file())
        digests.append(
            {path.relative_to(out): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        )
    assert digests[0] == digests[1]
    assert Path("src/net.c") in digests[0]
