"""Aligned networks: onnxruntime, the emitted C, and CMSIS-NN called from it give the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx

import patchc
from patchc.kernel_options import KernelOptions
from patchc.planner.kernel_choice import Kernels
from patchc.quantize.quantize import QuantizeOptions, quantize
from patchc.verify.sessions import session
from tests.cmsis_nn import library
from tests.onnx_float import samples, tiny_cnn

LAYERS = ("stem", "depthwise", "project", "classifier")


def quantized(path: Path, align: bool) -> Path:
    quantize(tiny_cnn(), path, samples(), QuantizeOptions(align=align))
    return path


def report_of(model: Path, out: Path) -> dict:
    """By the library's kernels, compiled and verified."""
    options = KernelOptions(Kernels.CMSIS_NN.value, cmsis_nn_dir=library().root)
    patchc.compile(model, out, kernels=options, target="cortex-m4")
    verification = patchc.verify(out, cases=3)
    assert verification.passed, verification.failures
    return json.loads((out / "report.json").read_text())["library"]


def test_all_layers_of_an_aligned_file_go_to_the_library(tmp_path):
    """And onnxruntime's answers, on the file as it is, are the C's."""
    model = quantized(tmp_path / "a.onnx", align=True)
    found = report_of(model, tmp_path / "out")
    assert set(LAYERS) <= set(found["layers"])
    case = {"image": samples(1)["image"]}
    answers = patchc.run(tmp_path / "out", case)
    running = session(onnx.load(model))
    (expected,) = running.run(None, case)
    assert np.array_equal(answers[running.get_outputs()[0].name], expected)
