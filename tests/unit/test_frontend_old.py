"""Files of opset 7 to 10 and of IR version 3: they are converted, and mean what they meant."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from patchc import api
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.load import load
from patchc.quantize.quantize import quantize
from tests.unit.frontend_models import Net, check, random_feeds, run

MAP = (1, 3, 6, 6)
NOTE = "opset {} was converted to 13 by onnx's version_converter"


def old_file(opset, nodes, constants, *, ir=3, shape=MAP) -> onnx.ModelProto:
    """From x to y; before IR version 4 constants are listed as inputs."""
    tensors = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    if ir < 4:
        inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "old", inputs, [y], tensors)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir)
    model.metadata_props.add(key="made by", value="a test")
    return model


def node(kind, *inputs, to="y", **attributes) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, [to], f"{kind}_{to}", **attributes)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, shape).astype(np.float32)


WEIGHTS = random(4, 3, 3, 3)
SCALES = np.array([1, 1, 2, 2], np.float32)
FORMS = {
    "conv": (7, [node("Conv", "x", "w")], {"w": WEIGHTS}),
    "pads_as_attributes": (
        8, [node("Pad", "x", to="p", pads=[0, 0, 1, 1, 0, 0, 2, 1]), node("Conv", "p", "w")],
        {"w": WEIGHTS},
    ),
    "bounds_as_attributes": (
        9, [node("Conv", "x", "w", to="c"), node("Clip", "c", min=0.0, max=0.5)], {"w": WEIGHTS},
    ),
    "upsample_by_attributes": (7, [node("Upsample", "x", scales=SCALES.tolist())], {}),
    "upsample_linear": (7, [node("Upsample", "x", scales=SCALES.tolist(), mode="linear")], {}),
    "upsample_by_an_input": (9, [node("Upsample", "x", "s", mode="nearest")], {"s": SCALES}),
    "upsample_linear_by_an_input": (9, [node("Upsample", "x", "s", mode="linear")], {"s": SCALES}),
    "resize": (10, [node("Resize", "x", "s")], {"s": SCALES * np.float32(1.3)}),
    "resize_smaller": (10, [node("Resize", "x", "s")], {"s": np.float32([1, 1, 0.5, 0.7])}),
    "resize_linear": (
        10, [node("Resize", "x", "s", mode="linear")], {"s": np.float32([1, 1, 1.5, 2])},
    ),
    "slice_by_attributes": (9, [node("Slice", "x", axes=[2], starts=[1], ends=[4])], {}),
    "dropout_by_a_ratio": (7, [node("Dropout", "x", ratio=0.5)], {}),
    "normalisation": (
        8, [node("BatchNormalization", "x", "a", "b", "b", "a", momentum=0.9)],
        {"a": np.float32([0.5, 1, 2]), "b": random(3)},
    ),
    "softmax_over_all_behind_its_axis": (9, [node("Softmax", "x")], {}),
    "squeeze_by_attributes": (
        9, [node("Unsqueeze", "x", to="u", axes=[0]), node("Squeeze", "u", axes=[0])], {},
    ),
    "split_by_attributes": (
        9,
        [helper.make_node("Split", ["x"], ["a", "b"], axis=1, split=[1, 2]),
         node("Concat", "b", "a", axis=1)],
        {},
    ),
    "dense": (
        7,
        [node("GlobalAveragePool", "x", to="g"), node("Flatten", "g", to="f"),
         node("Gemm", "f", "w", "b", transB=1)],
        {"w": random(5, 3), "b": random(5)},
    ),
    "slopes": (7, [node("PRelu", "x", "s")], {"s": random(3, 1, 1)}),
    "shape_by_nodes": (
        8,
        [node("Shape", "x", to="s"), node("Gather", "s", "zero", to="n", axis=0),
         node("Unsqueeze", "n", to="n1", axes=[0]), node("Concat", "n1", "rest", to="t", axis=0),
         node("Reshape", "x", "t")],
        {"zero": np.array(0), "rest": np.array([-1])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("ir", [3, 6])
@pytest.mark.parametrize("form", FORMS)
def test_an_old_file_means_what_onnxruntime_makes_of_it(form, ir):
    opset, nodes, constants = FORMS[form]
    model = old_file(opset, nodes, constants, ir=ir)
    loaded = load(model)
    assert loaded.notes == (NOTE.format(opset),)
    assert [p.value for p in loaded.model.metadata_props] == ["a test"]
    assert [value.name for value in loaded.model.graph.input] == ["x"]
    feeds = random_feeds(loaded.model)
    # Constants that are inputs keep onnxruntime from folding, which adds floats in another order.
    np.testing.assert_allclose(run(loaded.model, feeds)["y"], run(model, feeds)["y"], atol=1e-5)


@pytest.mark.parametrize(("opset", "ir"), [(7, 3), (8, 3), (9, 4), (10, 5)])
def test_an_old_file_is_quantised_and_compiled(tmp_path, opset, ir):
    nodes = [
        node("Conv", "x", "w", to="c"),
        node("BatchNormalization", "c", "a", "b", "b", "a", to="n"),
        node("Relu", "n", to="r"),
        node("MaxPool", "r", to="p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Dropout", "p", to="d"),
        node("Flatten", "d", to="f"),
        node("Gemm", "f", "k", "j", transB=1),
    ]
    scale = np.full(4, 1.5, np.float32)
    constants = {
        "w": WEIGHTS, "a": scale, "b": random(4), "k": random(5, 16), "j": random(5),
    }  # fmt: skip
    model = old_file(opset, nodes, constants, ir=ir)
    samples = np.random.default_rng(0).normal(0, 1, (8, *MAP[1:])).astype(np.float32)
    assert quantize(model, tmp_path / "q.onnx", {"x": samples}) == (NOTE.format(opset),)
    check(onnx.load(tmp_path / "q.onnx"))


@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_a_quantised_file_of_opset_10(domain):
    net = Net(np.uint8, opset=10)
    x = net.quantize(net.input("x", *MAP), (0.03, 7), "x")
    parts = [*net.parameters((0.03, 7)), net.constant(np.int8(WEIGHTS * 99), np.int8)]
    parts += [*net.parameters((0.01, 0), np.int8), *net.parameters((0.02, 100))]
    y = net.op("QLinearConv", x, *parts)
    both = [y, *net.parameters((0.02, 100))] * 2
    y = net.op("QLinearAdd", *both, *net.parameters((0.04, 90)), domain="com.microsoft")
    model = net.model(net.dequantize(y, (0.04, 90)))
    model.opset_import[0].domain = domain
    imported = check(model)
    assert imported.notes == (NOTE.format(10),)
    feeds = random_feeds(imported.onnx_model)
    for name, values in run(model, feeds).items():
        np.testing.assert_array_equal(run(imported.onnx_model, feeds)[name], values)


def test_the_note_is_in_the_report_and_in_the_inspection(tmp_path):
    model = old_file(9, [node("Conv", "x", "w", to="c"), node("Relu", "c")], {"w": WEIGHTS})
    onnx.save(model, tmp_path / "old.onnx")
    samples = np.random.default_rng(0).normal(0, 1, (4, *MAP[1:])).astype(np.float32)
    found = api.compile(tmp_path / "old.onnx", tmp_path / "out", calibration={"x": samples})
    assert found.report.notes == (NOTE.format(9),)

    net = Net(np.uint8, opset=10)
    x = net.qdq(net.input("x", *MAP), (0.03, 7), "x")
    onnx.save(net.model(net.qdq(net.op("Relu", x), (0.02, 0), "y")), tmp_path / "relu.onnx")
    assert api.inspect(tmp_path / "relu.onnx").notes == (NOTE.format(10),)


def test_a_file_older_than_onnxruntime_runs():
    with pytest.raises(PatchcError, match="old: opset 6 is older than 7; export the model anew"):
        import_model(old_file(6, [node("Relu", "x")], {}))


def test_what_onnx_cannot_convert():
    model = old_file(9, [node("Nothing", "x")], {})
    with pytest.raises(PatchcError, match="opset 9 is older than 11, and onnx cannot convert it"):
        import_model(model)


def test_a_new_file_with_constants_among_its_inputs(tmp_path):
    """Quantising it takes them out of the inputs, which IR version 3 does not allow."""
    nodes = [node("Conv", "x", "w", to="c"), node("Relu", "c")]
    model = old_file(13, nodes, {"w": WEIGHTS}, ir=3)
    samples = np.random.default_rng(0).normal(0, 1, (4, *MAP[1:])).astype(np.float32)
    assert quantize(model, tmp_path / "q.onnx", {"x": samples}) == ()
    check(onnx.load(tmp_path / "q.onnx"))
