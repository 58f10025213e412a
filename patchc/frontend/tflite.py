"""TensorFlow Lite files, by tf2onnx: what it writes of a quantised one is a QDQ file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from patchc.errors import PatchcError

OPSET = 17
CONVERTER = "tf2onnx.convert"
LIMIT = 600  # seconds for one file, TensorFlow's import included


def is_tflite(content: bytes) -> bool:
    """Whether these are the (first) bytes of one: a FlatBuffer says so behind its root offset."""
    return content[4:8] == b"TFL3"


def way_out(path: Path | str) -> str:
    """What to do with such a file."""
    return (
        f"{path}: a TensorFlow Lite file. patchc compile converts it where tf2onnx is installed "
        f"(pip install 'patchc[tflite]'); or, in any environment that has tf2onnx: python -m "
        f"{CONVERTER} --tflite {Path(path).name} --opset {OPSET} --output {Path(path).stem}.onnx"
    )


def converted(path: Path, output: Path) -> str:
    """Write the ONNX form of `path` to `output`; returns a note for the report. Raises
    PatchcError: tf2onnx is not installed, refuses the file, or does not end."""
    command = [sys.executable, "-m", CONVERTER, "--tflite", str(path.resolve())]
    command += ["--opset", str(OPSET), "--output", str(output)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    # In a process of its own: importing TensorFlow takes seconds, and it logs as it likes.
    try:
        found = subprocess.run(
            command, capture_output=True, text=True, check=False, env=quiet, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        output.unlink(missing_ok=True)
        raise PatchcError(
            f"{path}: tf2onnx has not converted it in {LIMIT} s: convert it once by hand, python "
            f"-m {CONVERTER} --tflite {path.name} --opset {OPSET} --output {path.stem}.onnx"
        ) from None
    if "No module named" in found.stderr:
        raise PatchcError(way_out(path))
    if found.returncode != 0 or not output.is_file():
        lines = [line for line in found.stderr.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit code {found.returncode}"
        raise PatchcError(f"{path}: tf2onnx cannot convert it: {reason}")
    return (
        f"{path.name} was converted by tf2onnx: the C computes what onnxruntime computes of the "
        "ONNX file in this folder, which may be a step away from TensorFlow Lite's kernels"
    )
