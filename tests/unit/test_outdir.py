"""OUT is written in one go, and the same in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data

import patchc
from patchc.errors import PatchcError
from patchc.outdir import SOURCE, Source, model_files, read_source, replacing
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
    assert set(model_files(tmp_path / "apart/tiny.onnx")) == {"test/model.onnx", "test/weights.bin"}
    patchc.compile(tmp_path / "apart/tiny.onnx", tmp_path / "out")
    assert patchc.verify(tmp_path / "out", cases=1).passed


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
    assert Path("net.c") in digests[0]
