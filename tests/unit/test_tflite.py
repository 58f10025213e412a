"""TensorFlow Lite files: converted by tf2onnx where there is one, else refused with what to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import patchc
from patchc.frontend import tflite
from tests.onnx_float import quantized_cnn

HEAD = b"\x1c\x00\x00\x00TFL3" + bytes(24)

# In the place of tf2onnx, which is large: it copies the ONNX file that the test put beside.
CONVERTER = """
import pathlib, shutil, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
source = pathlib.Path(arguments["--tflite"])
if b"endless" in source.read_bytes():
    import time
    time.sleep(60)
if not source.with_suffix(".answer").is_file():
    sys.exit("ValueError: operator CUSTOM is not known")
shutil.copy(source.with_suffix(".answer"), arguments["--output"])
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "speech.tflite"
    path.write_bytes(HEAD)
    return path


@pytest.fixture
def _converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules/tf2onnx").mkdir(parents=True)
    (tmp_path / "modules/tf2onnx/__init__.py").touch()
    (tmp_path / "modules/tf2onnx/convert.py").write_text(CONVERTER, encoding="utf-8")
    paths = [str(tmp_path / "modules"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def test_without_tf2onnx_it_is_refused_with_what_to_do(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tflite, "CONVERTER", "a_module_that_nobody_has.convert")
    with pytest.raises(patchc.PatchcError, match=r"pip install 'patchc\[tflite\]'"):
        patchc.compile(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_commands_that_read_onnx_say_how_to_convert_it(model: Path) -> None:
    with pytest.raises(patchc.PatchcError, match=r"tf2onnx\.convert --tflite speech\.tflite"):
        patchc.inspect(model)


@pytest.mark.usefixtures("_converter")
def test_what_tf2onnx_refuses_is_one_error(model: Path, tmp_path: Path) -> None:
    with pytest.raises(patchc.PatchcError, match="cannot convert it: ValueError: operator CUSTOM"):
        patchc.compile(model, tmp_path / "out")


@pytest.mark.usefixtures("_converter")
def test_a_conversion_that_does_not_end_is_one_error(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tflite, "LIMIT", 0.2)
    model.write_bytes(HEAD + b"endless")
    with pytest.raises(patchc.PatchcError, match=r"not converted it in 0\.2 s: convert it once"):
        patchc.compile(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_converter")
def test_the_converted_file_is_compiled_and_kept(model: Path, tmp_path: Path) -> None:
    quantized_cnn(tmp_path / "cnn.onnx").rename(model.with_suffix(".answer"))
    found = patchc.compile(model, tmp_path / "out")
    assert any("converted by tf2onnx" in note for note in found.report.notes)
    assert (tmp_path / "out/include/speech.h").is_file()
    assert patchc.verify(tmp_path / "out", cases=1).passed
    assert sys.modules.get("tf2onnx") is None, "it runs in a process of its own"
