"""Equal branches in C: one copy of their constants and of what computes them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import patchc
from tests.independent import classifier, quantized, samples, saved


def least_of(model: Path, folder: Path):
    """Compiled for the least RAM."""
    with pytest.raises(patchc.BudgetError) as error:
        patchc.compile(model, folder / "least", budget=1, name="net")
    least = error.value.least_bytes
    out = folder / "out"
    return out, patchc.compile(model, out, budget=least, name="net")


def functions(out: Path) -> list[str]:
    text = (out / "src/net.c").read_text()
    return re.findall(r"^static (?:void|int) (\w+)\(", text, re.MULTILINE)


def calls(out: Path) -> list[str]:
    """What NAME_run calls, in order."""
    text = (out / "src/net.c").read_text()
    return re.findall(r"^    (?:tunnel|block)_(\w+)\(", text[text.index("int net_run(") :], re.M)


def test_four_and_five_patches_have_the_same_code_but_for_where_they_lie(tmp_path):
    found = {}
    for name in ("quadrants", "central"):
        model = quantized(name, tmp_path, before=False)
        (tmp_path / name).mkdir()
        found[name] = least_of(model, tmp_path / name)
    (four, small), (five, large) = found.values()
    assert small.report.ram.arena_bytes == large.report.ram.arena_bytes
    # The cut of the patch and its sum: the tables of a crop, and those of a sum with other scales.
    assert large.report.flash.weights_bytes - small.report.flash.weights_bytes <= 32
    assert len(functions(five)) - len(functions(four)) <= 3
    assert len(calls(five)) > len(set(calls(five)))
    assert patchc.verify(five, cases=2, sanitize=True).passed


@pytest.mark.parametrize("weights", ["inline", "extern"])
def test_equal_weights_are_emitted_once(weights, tmp_path):
    sizes = []
    for name in ("halves", "central"):
        out = tmp_path / name
        out.mkdir()
        model = quantized(name, out, before=False)
        patchc.compile(model, out / "out", weights=weights, name="net")
        assert patchc.verify(out / "out", cases=1).passed
        blob = out / "out" / "net_weights.bin"
        text = "".join(
            path.read_text() for path in sorted((out / "out").glob("src/net_weights_*.c"))
        )
        sizes.append((blob.stat().st_size if blob.exists() else 0, text.count("int8_t net_")))
    assert sizes[0] == sizes[1]


def test_trained_branches_keep_their_own(tmp_path):
    """Separate weights of which one patch's differ: they are emitted twice, and right."""
    source = saved(classifier(), tmp_path / "float.onnx")
    patchc.tunnel(source, tmp_path / "cut.onnx", grid="2x2", weights="separate")
    model = onnx.load(tmp_path / "cut.onnx")
    for tensor in model.graph.initializer:
        if tensor.name.endswith("_patch2") and len(tensor.dims) == 4:
            values = numpy_helper.to_array(tensor) * np.float32(-0.7)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save_model(model, tmp_path / "trained.onnx")
    patchc.quantize(tmp_path / "trained.onnx", tmp_path / "q.onnx", calibration=samples())
    out, _ = least_of(tmp_path / "q.onnx", tmp_path)
    assert patchc.verify(out, cases=2).passed
