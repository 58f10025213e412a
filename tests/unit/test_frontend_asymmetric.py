"""Weights with a zero point: onnxruntime's default for uint8, and whatever else there is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

from patchc.frontend.asymmetric import widened
from tests.unit.frontend_models import Net, check, kinds

X, Y = (0.03, 7), (0.05, 100)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("low", "high"), [(-160, 95), (0, 255), (-255, 0), (-129, 126)])
def test_the_parts_of_a_weight_add_up(groups, low, high):
    random = np.random.default_rng(0)
    weights = random.integers(low, high + 1, (8, 3, 3, 4 // groups))
    weights[0, 0, 0, 0], weights[-1, -1, -1, -1] = low, high
    found = widened(weights, groups)
    assert found.weights.dtype == np.int8
    width = found.weights.shape[3]
    for channel in range(8):
        group = channel // (8 // groups)
        place = found.source[group * width : (group + 1) * width] - group * weights.shape[3]
        total = np.zeros_like(weights[channel])
        np.add.at(total, (slice(None), slice(None), place), found.weights[channel])
        np.testing.assert_array_equal(total, weights[channel])


def test_weights_that_fit_stay_as_they_are():
    assert widened(np.full((4, 1, 1, 4), -128), 1) is None
    assert widened(np.full((4, 1, 1, 4), 128), 1) is not None


def test_only_channels_that_need_it_are_repeated():
    weights = np.zeros((4, 1, 1, 6), np.int64)
    weights[2, 0, 0, 4] = 200
    found = widened(weights, 1)
    assert found.source.tolist() == [0, 1, 2, 3, 4, 5, 4]
    assert found.weights[2, 0, 0].tolist() == [0, 0, 0, 0, 127, 0, 73]


def weights(net: Net, shape, zero_point, type_=np.uint8, axis=0) -> str:
    info = np.iinfo(type_)
    random = np.random.default_rng(1)
    values = random.integers(info.min, info.max + 1, shape)
    return net.op(
        "DequantizeLinear",
        net.constant(values, type_),
        net.constant(np.float32(0.01)),
        net.constant(zero_point, type_),
        axis=axis,
    )


LAYERS = {
    "conv": ("Conv", (5, 4, 3, 3), {"pads": [1, 1, 1, 1]}),
    "strided": ("Conv", (5, 4, 3, 2), {"strides": [2, 1], "pads": [0, 1, 1, 0]}),
    "pointwise": ("Conv", (6, 4, 1, 1), {}),
    "depthwise": ("Conv", (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    "multiplied": ("Conv", (8, 1, 3, 3), {"group": 4}),
    "grouped": ("Conv", (6, 2, 3, 3), {"group": 2}),
}


@pytest.mark.parametrize("zero_point", [0, 97, 140, 255])
@pytest.mark.parametrize("layer", LAYERS)
def test_convolutions(layer, zero_point):
    kind, shape, attributes = LAYERS[layer]
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 7, 6), X, "x")
    y = net.op(kind, x, weights(net, shape, zero_point), net.constant(np.linspace(-1, 1, shape[0])),
               **attributes)  # fmt: skip
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert kinds(imported) == ["Rearrange", "Conv"]


@pytest.mark.parametrize("zero_point", [-40, 3, 127])
def test_int8_with_a_zero_point(zero_point):
    net = Net()
    x = net.qdq(net.input("x", 1, 4, 7, 6), X, "x")
    y = net.op("Conv", x, weights(net, (5, 4, 3, 3), zero_point, np.int8))
    check(net.model(net.qdq(y, (0.05, 3), "y")))


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("channels_last", [False, True])
def test_dense_over_a_map(transposed, channels_last):
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 3, 2), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 4, 1, 1)), X, "c")
    x = net.op("Transpose", x, perm=[0, 2, 3, 1]) if channels_last else x
    w = weights(net, (5, 24) if transposed else (24, 5), 140)
    y = net.op("Gemm", net.op("Flatten", x), w, transB=transposed)
    assert kinds(check(net.model(net.qdq(y, Y, "y")))) == ["Conv", "Rearrange", "Conv"]


@pytest.mark.parametrize("kind", ["QLinearConv", "QGemm", "QLinearMatMul"])
def test_integer_operators(kind):
    net = Net(np.uint8)
    shape = (1, 6) if kind != "QLinearConv" else (1, 6, 4, 4)
    x = net.quantize(net.input("x", *shape), X, "x")
    random = np.random.default_rng(2)
    values = random.integers(0, 256, (5, 6, 1, 1) if kind == "QLinearConv" else (6, 5))
    operands = [x, *net.parameters(X), net.constant(values, np.uint8), *net.parameters((0.01, 90))]
    bias = net.constant(random.integers(-500, 500, 5), np.int32)
    if kind == "QGemm":
        y = net.op(kind, *operands, bias, *net.parameters(Y), domain="com.microsoft")
    else:
        extra = [bias] if kind == "QLinearConv" else []
        y = net.op(kind, *operands, *net.parameters(Y), *extra)
    check(net.model(net.dequantize(y, Y)))


def test_two_layers_read_one_copy():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    a, b = (net.qdq(net.op("Conv", x, weights(net, (4, 4, 1, 1), 0)), Y, name) for name in "ab")
    y = net.op("Add", a, b)
    assert kinds(check(net.model(net.qdq(y, Y, "y")))).count("Rearrange") == 1


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_a_file_as_onnxruntime_quantises_by_default(tmp_path, form):
    """uint8 weights and activations, both with zero points."""
    random = np.random.default_rng(3)
    arrays = {
        "w": random.normal(0.02, 0.2, (6, 3, 3, 3)),
        "d": random.normal(-0.05, 0.3, (6, 1, 3, 3)),
        "p": random.normal(0, 0.3, (8, 6, 1, 1)),
        "g": random.normal(0.1, 0.2, (8, 5)),
        "b": random.normal(0, 0.2, 5),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c1"], "c1", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], "r1"),
        helper.make_node("Conv", ["r1", "d"], ["c2"], "c2", group=6, pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"], "r2"),
        helper.make_node("Conv", ["r2", "p"], ["c3"], "c3"),
        helper.make_node("GlobalAveragePool", ["c3"], ["m"], "m"),
        helper.make_node("Flatten", ["m"], ["f"], "f"),
        helper.make_node("Gemm", ["f", "g", "b"], ["y"], "y"),
    ]
    constants = [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 12])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])
    graph = helper.make_graph(nodes, "net", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "float.onnx")
    samples = iter([{"x": random.normal(0, 1, (1, 3, 12, 12)).astype(np.float32)}] * 2)

    class Reader:
        def get_next(self):
            return next(samples, None)

    quantize_static(
        tmp_path / "float.onnx",
        tmp_path / "q.onnx",
        Reader(),
        quant_format=form,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QUInt8,
    )
    check(onnx.load(tmp_path / "q.onnx"))
