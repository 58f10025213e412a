"""Slices of slices, as PyTorch writes patches of an image: one rectangle each when quantised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

import patchc
from patchc.frontend import import_model
from patchc.ir.branches import find_branches
from patchc.passes import run_passes
from patchc.quantize.slices import merge_slices
from tests.float_builder import FloatBuilder

SIZE = 16
ROWS, COLS = 2, 3  # axes


def sliced(net: FloatBuilder, x: str, axis: int, start: int, end: int, step: int | None = None):
    shape = list(net.shapes[x])
    shape[axis - 1] = -(-(end - start) // (step or 1))
    numbers = [net.constant(np.array([v], np.int64)) for v in (start, end, axis)]
    numbers += [net.constant(np.array([step], np.int64))] if step else []
    return net.add_node("Slice", [x, *numbers], tuple(shape))


def quadrants(net: FloatBuilder, x: str) -> list[str]:
    """Rows first: one node for two neighbours, as the exporter shares what is equal."""
    halves = [sliced(net, x, ROWS, start, start + SIZE // 2) for start in (0, SIZE // 2)]
    return [
        sliced(net, half, COLS, start, start + SIZE // 2)
        for half in halves
        for start in (0, SIZE // 2)
    ]


def conv_of(net: FloatBuilder, parts: list[str]) -> list[str]:
    """The same convolution of each, and its mean."""
    weights = net.weights(4, 3, 3, 3)
    return [net.mean(net.conv(part, 4, 3, weights=weights)) for part in parts]


def network(*inputs: str) -> onnx.ModelProto:
    net = FloatBuilder("sliced")
    images = [net.input(3, SIZE, SIZE, name=name) for name in inputs]
    means = [mean for image in images for mean in conv_of(net, quadrants(net, image))]
    x = net.add_node("Concat", means, (4 * len(means), 1, 1), axis=1)
    return net.build(net.dense(x, 5))


def samples(*inputs: str) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {i: random.normal(size=(4, 1, 3, SIZE, SIZE)).astype(np.float32) for i in inputs}


@pytest.mark.slow
@pytest.mark.parametrize("inputs", [("image",), ("before", "after")])
def test_patches_that_are_cut_twice_are_branches(inputs, tmp_path: Path):
    onnx.save_model(network(*inputs), tmp_path / "float.onnx")
    model = patchc.quantize(
        tmp_path / "float.onnx", tmp_path / "q.onnx", calibration=samples(*inputs)
    )
    found = find_branches(run_passes(import_model(model).graph))
    assert found is not None
    assert found.count == 4
    patchc.compile(model, tmp_path / "out")
    assert patchc.verify(tmp_path / "out", cases=1).passed


def kinds(model: onnx.ModelProto) -> list[str]:
    inferred = onnx.shape_inference.infer_shapes(model)
    image = samples("image")["image"][0]

    def run() -> list[np.ndarray]:
        made = onnxruntime.InferenceSession(inferred.SerializeToString())
        return made.run(None, {"image": image})

    before = run()
    merge_slices(inferred.graph)
    onnx.checker.check_model(inferred)
    for one, other in zip(before, run(), strict=True):
        np.testing.assert_array_equal(one, other)
    return [node.op_type for node in inferred.graph.node]


def test_what_others_read_stays():
    net = FloatBuilder("read")
    half = sliced(net, net.input(3, SIZE, SIZE, name="image"), ROWS, 0, 8)
    part = sliced(net, half, COLS, 4, 12)
    model = net.build(half, part)
    assert kinds(model) == ["Slice", "Slice"]


def test_negative_axes_and_ends_are_understood():
    net = FloatBuilder("negative")
    image = net.input(3, SIZE, SIZE, name="image")
    numbers = [net.constant(np.array([v], np.int64)) for v in (-8, 2**62, -2)]
    half = net.add_node("Slice", [image, *numbers], (3, 8, SIZE))
    assert kinds(net.build(sliced(net, half, COLS, 4, 12))) == ["Slice"]


@pytest.mark.parametrize("second", [(ROWS, 2, 6, None), (COLS, 0, 16, 2)])
def test_the_same_axis_again_and_steps_are_left(second):
    net = FloatBuilder("left")
    half = sliced(net, net.input(3, SIZE, SIZE, name="image"), ROWS, 0, 8)
    assert kinds(net.build(sliced(net, half, *second))) == ["Slice", "Slice"]


def test_numbers_that_are_computed_are_left():
    net = FloatBuilder("computed")
    image = net.input(3, SIZE, SIZE, name="image")
    model = net.build(sliced(net, sliced(net, image, ROWS, 0, 8), COLS, 0, 8))
    ends = model.graph.node[0].input[2]
    index = next(i for i, t in enumerate(model.graph.initializer) if t.name == ends)
    tensor = model.graph.initializer[index]
    del model.graph.initializer[index]
    model.graph.node.insert(0, helper.make_node("Constant", [], [ends], value=tensor))
    assert kinds(model) == ["Constant", "Slice", "Slice"]
