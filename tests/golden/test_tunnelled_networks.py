"""Networks cut into patches: the C equals onnxruntime on the rewritten file, byte for byte."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import patchc
from patchc.quantize.quantize import Format
from tests.independent import COMBINATIONS, detector, quantized, samples, saved


def check(model, out, **options):
    result = patchc.compile(model, out, **options)
    found = patchc.verify(out, cases=2)
    assert found.passed, found.failures
    return result


@pytest.mark.parametrize("before", [True, False], ids=["qdq", "float"])
@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_rewritten_file(name, before, tmp_path):
    """From a QDQ file, and from a float one that is quantised then."""
    model = quantized(name, tmp_path, before)
    result = check(model, tmp_path / "out")
    assert len(result.stages.graph.inputs) == 1


@pytest.mark.parametrize("name", ["central", "overlapping_concat", "later_tile"])
def test_integer_operators(name, tmp_path):
    check(quantized(name, tmp_path, False, format=Format.QOPERATOR), tmp_path / "out")


def test_a_detectors_maps_are_put_together_again(tmp_path):
    source, cut = saved(detector(), tmp_path / "float.onnx"), tmp_path / "cut.onnx"
    found = patchc.tunnel(source, cut, grid="2x2", overlap=8, merge="tile")
    assert len(found.until) == 4
    shapes = [
        [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in model.output]
        for model in (onnx.load(source).graph, onnx.load(cut).graph)
    ]
    assert shapes[0] == shapes[1]
    model = patchc.quantize(cut, tmp_path / "q.onnx", calibration=samples())
    check(model, tmp_path / "out")


@pytest.mark.parametrize("merge", ["mean", "concat"])
def test_patches_that_are_alike_make_what_one_of_them_makes(merge, tmp_path):
    """An image of four equal quadrants, in a QDQ file: mean and widened layer lose nothing."""
    name = {"mean": "quadrants", "concat": "central_concat"}[merge]
    if merge == "concat":
        image = np.full((1, 3, 24, 24), 0.7, np.float32)  # the central patch is alike, too
    else:
        image = np.tile(samples(1)["image"][0, :, :, :12, :12], (1, 1, 2, 2))
    patchc.compile(quantized(name, tmp_path, True), tmp_path / "out")
    cut = patchc.run(tmp_path / "out", {"image": image})
    patchc.tunnel(
        tmp_path / "quantized.onnx", tmp_path / "max.onnx", **COMBINATIONS[name] | {"merge": "max"}
    )
    patchc.compile(tmp_path / "max.onnx", tmp_path / "out")
    most = patchc.run(tmp_path / "out", {"image": image})
    for output, values in cut.items():
        np.testing.assert_array_equal(values, most[output])
