"""What attention blocks are made of: maxima and means over channels, Expand, maps of one channel,
rows and columns that meet a map, convolutions across channels."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from patchc.frontend import import_model
from patchc.ir import Mul
from patchc.passes import run_passes
from patchc.quantize.quantize import Activation, Format, QuantizeOptions, quantize
from tests.unit.frontend_models import Net, check, kinds, random_feeds, refusals

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
FORMS = pytest.mark.parametrize("form", [(f, a) for f in Format for a in Activation])
X, Y, Z = (0.03, 7), (0.05, 3), (0.02, 9)


def small(net: Net, *shape: int) -> str:
    return net.qdq(net.input("s", *shape), Y, "s")


def convolved(net: Net, *shape: int) -> str:
    x = net.qdq(net.input("x", 1, 3, *shape[2:]), X, "x")
    return net.qdq(net.op("Conv", x, net.weights(shape[1], 3, 1, 1)), X, "map")


@BOTH_TYPES
@pytest.mark.parametrize("kind", ["Mul", "Add", "Sub", "Max"])
@pytest.mark.parametrize(
    "shape", [(1, 1, 4, 5), (1, 6, 1, 5), (1, 6, 4, 1), (1, 1, 4, 1), (1, 4, 1)]
)
def test_what_meets_a_map(type_, kind, shape):
    """Also with fewer dimensions than the map. The second operand is repeated."""
    net = Net(type_)
    y = net.op(kind, convolved(net, 1, 6, 4, 5), small(net, *shape), name="op")
    imported = check(net.model(net.qdq(y, Z)))
    assert kinds(imported)[-1] == kind


@BOTH_TYPES
def test_rows_meet_columns(type_):
    """Coordinate attention: neither operand has the size of the product."""
    net = Net(type_)
    x = convolved(net, 1, 6, 4, 5)
    row = net.qdq(net.op("MaxPool", x, kernel_shape=[4, 1]), X, "row")
    column = net.qdq(net.op("MaxPool", x, kernel_shape=[1, 5]), X, "column")
    imported = check(net.model(net.qdq(net.op("Mul", row, column), Z)))
    assert kinds(imported)[-3:] == ["Upsample", "Upsample", "Mul"]


@BOTH_TYPES
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("shape", [(1, 6, 1, 1), (1, 1, 4, 5), (1, 1, 1, 1)])
def test_expand_in_front_of_a_product(type_, first, shape):
    """One pixel: the passes take it out again."""
    net = Net(type_)
    operands = [
        convolved(net, 1, 6, 4, 5),
        net.qdq(net.op("Expand", small(net, *shape), net.constant([1, 6, 4, 5], np.int64)), Y),
    ]
    y = net.op("Mul", *(reversed(operands) if first else operands))
    graph = run_passes(check(net.model(net.qdq(y, Z))).graph)
    left = [node.op.kind for node in graph.nodes if node.op.kind not in ("Conv", "Mul")]
    assert left == (["Rearrange"] if shape != (1, 6, 1, 1) else [])
    assert any(isinstance(node.op, Mul) for node in graph.nodes)


@BOTH_TYPES
@pytest.mark.parametrize("out", [X, Z])
@pytest.mark.parametrize("target", [[6, 4, 5], [1, 6, 4, 5], [1, 1, 1, 5]])
def test_expand_to_an_output(type_, out, target):
    net = Net(type_)
    x = net.qdq(net.op("GlobalAveragePool", convolved(net, 1, 6, 3, 3)), X, "mean")
    imported = check(net.model(net.qdq(net.op("Expand", x, net.constant(target, np.int64)), out)))
    assert "Upsample" in kinds(imported)


def test_expand_of_integers():
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 1, 4, 5), X, "x")
    y = net.op("Expand", x, net.constant([1, 3, 4, 5], np.int64))
    assert kinds(check(net.model(net.dequantize(y, X)))) == ["Rearrange"]


def test_expand_to_a_batch_is_refused():
    net = Net()
    x = convolved(net, 1, 6, 4, 5)
    y = net.op("Expand", x, net.constant([2, 6, 4, 5], np.int64), name="op")
    assert str(refusals(net.model(net.qdq(y, X)))[0]) == (
        "op (Expand): it expands [n, c, h, w] to [2, 6, 4, 5]: only a map can grow"
    )


@BOTH_TYPES
@pytest.mark.parametrize("out", [X, Z])
@pytest.mark.parametrize("axes", [[1], [1, 3], [1, 2], [1, 2, 3]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_the_maximum_over_channels(type_, out, axes, keepdims):
    net = Net(type_)
    y = net.op("ReduceMax", convolved(net, 1, 6, 4, 5), axes=axes, keepdims=keepdims)
    imported = check(net.model(net.qdq(y, out)))
    assert kinds(imported)[:3] == ["Conv", "DepthToSpace", "MaxPool"]


@BOTH_TYPES
def test_the_mean_over_channels_of_a_quantised_file(type_):
    """An integer mean, and a note."""
    net = Net(type_)
    y = net.op("ReduceMean", convolved(net, 1, 6, 4, 5), axes=[1], name="mean")
    imported = check(net.model(net.qdq(y, Z)), exact=False)
    assert kinds(imported) == ["Conv", "DepthToSpace", "AveragePool"]
    assert imported.notes[0].startswith("mean (ReduceMean) is an integer mean")


@BOTH_TYPES
@pytest.mark.parametrize("rank", [3, 4])
def test_a_convolution_across_channels(type_, rank):
    """Efficient channel attention: the mean's channels are a signal; the gate meets the map."""
    net = Net(type_)
    x = convolved(net, 1, 8, 4, 5)
    y = net.qdq(net.op("GlobalAveragePool", x), X)
    if rank == 3:
        y = net.qdq(net.op("Squeeze", y, net.constant([3], np.int64)), X)
        y = net.qdq(net.op("Transpose", y, perm=[0, 2, 1]), X)
        y = net.qdq(net.op("Conv", y, net.weights(1, 1, 3), pads=[1, 1]), X, "across")
        y = net.qdq(net.op("Transpose", y, perm=[0, 2, 1]), X)
        y = net.qdq(net.op("Unsqueeze", y, net.constant([3], np.int64)), X)
    else:
        y = net.qdq(net.op("Transpose", y, perm=[0, 2, 1, 3]), X)
        y = net.qdq(net.op("Conv", y, net.weights(1, 1, 3, 1), pads=[1, 0, 1, 0]), X, "across")
        y = net.qdq(net.op("Transpose", y, perm=[0, 2, 1, 3]), X)
    y = net.op("Mul", x, net.qdq(net.op("Sigmoid", y), (1 / 256, net.lowest)))
    imported = check(net.model(net.qdq(y, Z)))
    assert [k for k in kinds(imported) if k != "Lut"] == [
        *["Conv", "GlobalAveragePool", "DepthToSpace", "Conv", "Rearrange", "Mul"]
    ]


def attention(*, expand: bool) -> onnx.ModelProto:
    """Both halves of CBAM, and a gate that goes through Expand or not."""
    random = np.random.default_rng(2)
    net = Net()

    def conv(x, c_out, c_in, kernel):
        weights = net.constant(random.normal(0, 0.4, (c_out, c_in, kernel, kernel)))
        return net.op("Conv", x, weights, pads=[kernel // 2] * 4)

    x = net.op("Relu", conv(net.input("x", 1, 3, 10, 10), 8, 3, 3))
    gate = net.op("Sigmoid", conv(net.op("GlobalMaxPool", x), 8, 8, 1))
    if expand:
        gate = net.op("Expand", gate, net.constant([1, 8, 10, 10], np.int64))
    x = net.op("Mul", gate, x)
    mean = net.op("ReduceMean", x, axes=[1])
    most = net.op("ReduceMax", x, axes=[1], keepdims=0)
    most = net.op("Unsqueeze", most, net.constant([1], np.int64))
    gate = net.op("Sigmoid", conv(net.op("Concat", most, mean, axis=1), 1, 2, 7))
    return net.model(conv(net.op("Mul", gate, x), 4, 8, 1))


@pytest.mark.slow
@FORMS
@pytest.mark.parametrize("expand", [False, True])
def test_attention_is_integers_throughout(tmp_path, form, expand):
    model = attention(expand=expand)
    samples = {name: np.repeat(x, 4, 0) for name, x in random_feeds(model).items()}
    quantize(model, tmp_path / "q.onnx", samples, QuantizeOptions(*form))
    imported = check(onnx.load(tmp_path / "q.onnx"))
    assert imported.epilogue is None or not imported.epilogue.nodes
    graph = run_passes(import_model(tmp_path / "q.onnx").graph)
    assert "Upsample" not in [node.op.kind for node in graph.nodes]


@BOTH_TYPES
def test_a_convolution_across_channels_expanded_to_the_map(type_):
    """ECA as timm and torch's older exporter write it: the gate is expanded before the product."""
    net = Net(type_)
    x = convolved(net, 1, 6, 4, 5)
    y = net.qdq(net.op("GlobalAveragePool", x), Y)
    y = net.op("Reshape", y, net.constant([1, 1, 6], np.int64))
    y = net.qdq(net.op("Conv", net.qdq(y, Y), net.weights(1, 1, 3), pads=[1, 1]), Y)
    y = net.op("Reshape", y, net.constant([1, 6, 1, 1], np.int64))
    y = net.qdq(net.op("Expand", y, net.constant([1, 6, 4, 5], np.int64)), Y)
    imported = check(net.model(net.qdq(net.op("Mul", x, y), Z)))
    assert kinds(imported)[-1] == "Mul"
