"""GlobalMaxPool, ReduceMax and ReduceMin: pools along one axis after the other."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.ir import Clamp, MaxPool
from tests.unit.frontend_models import Net, check, kinds

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
X, Y = (0.03, 7), (0.05, 3)


def kernels(imported) -> list[tuple[int, int]]:
    return [n.op.window.kernel for n in imported.graph.nodes if isinstance(n.op, MaxPool)]


@BOTH_TYPES
@pytest.mark.parametrize("out", [X, Y], ids=["same", "requantised"])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 5, 4, 6), [(1, 6), (4, 1)]),
        ((1, 5, 1, 6), [(1, 6)]),
        ((1, 5, 4, 1), [(4, 1)]),
        ((1, 5, 6), [(1, 6)]),
    ],
)
def test_global_max_pool(type_, out, shape, expected):
    net = Net(type_)
    x = net.qdq(net.input("x", *shape), X, "x")
    imported = check(net.model(net.qdq(net.op("GlobalMaxPool", x), out, "y")))
    assert kernels(imported) == expected
    assert kinds(imported)[len(expected) :] == ([] if out == X else ["Lut"])


def test_a_relu_behind_it():
    net = Net()
    x = net.qdq(net.input("x", 1, 5, 4, 6), X, "x")
    y = net.op("Relu", net.op("GlobalMaxPool", x))
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert kinds(imported) == ["MaxPool", "MaxPool", "Lut"]
    assert imported.graph.nodes[1].op.clamp == Clamp()


def reduced(
    type_, axes, *, kind="ReduceMax", opset=18, integers=False, shape=(1, 5, 4, 6), **attributes
):
    """ReduceMax or another over `axes`, then something that shows the dimensions of the result."""
    net = Net(type_, opset)
    x = net.quantize(net.input("x", *shape), X, "x")
    x = x if integers else net.dequantize(x, X)
    if axes is None:
        y = net.op(kind, x, name="op", **attributes)
    elif opset < 18:
        y = net.op(kind, x, axes=axes, name="op", **attributes)
    else:
        y = net.op(kind, x, net.constant(axes, np.int64), name="op", **attributes)
    return net.model(net.dequantize(y, X) if integers else net.qdq(y, X, "y"))


@BOTH_TYPES
@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize(
    ("axes", "expected"),
    [([2, 3], [(1, 6), (4, 1)]), ([-1], [(1, 6)]), ([2], [(4, 1)]), ([0, 3], [(1, 6)])],
)
def test_reduce_max(type_, integers, opset, keepdims, axes, expected):
    model = reduced(type_, axes, opset=opset, integers=integers, keepdims=keepdims)
    assert kernels(check(model)) == expected


@BOTH_TYPES
@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [-1], [1], None])
def test_reduce_min(type_, integers, keepdims, axes):
    """A maximum between two tables that change the sign."""
    model = reduced(type_, axes, kind="ReduceMin", integers=integers, keepdims=keepdims)
    found = kinds(check(model))
    assert found[0] == found[-1] == "Lut"
    assert "MaxPool" in found


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1, 4, 6, 5), [1, 2]), ((4, 6, 5), [0, 1]), ((1, 6, 5), [1]), ((1, 5, 6), [2])],
)
def test_the_axes_show_where_the_channels_are(shape, axes):
    imported = check(reduced(np.int8, axes, shape=shape))
    assert imported.inputs[0].shape[2] == 5


def test_rows_and_columns_in_one_dimension():
    net = Net()
    x = net.qdq(net.input("x", 1, 3, 4, 6), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(5, 3, 1, 1)), Y, "c")
    flat = net.op("Reshape", x, net.constant([1, 5, 24], np.int64))
    y = net.op("ReduceMax", flat, axes=[2], keepdims=0)
    assert kernels(check(net.model(net.qdq(y, Y, "y")))) == [(1, 6), (4, 1)]


@BOTH_TYPES
@pytest.mark.parametrize(
    ("kind", "shape", "attributes"),
    [
        ("GlobalMaxPool", (1, 5, 1, 1), {}),
        ("ReduceMax", (1, 5, 1, 1), {"axes": [2, 3]}),
        ("ReduceMin", (1, 5, 1, 1), {"axes": [2, 3]}),
        ("ReduceSum", (1, 5, 4, 6), {"noop_with_empty_axes": 1}),
        ("ReduceMax", (1, 5, 4, 6), {"noop_with_empty_axes": 1}),
    ],
)
def test_over_one_pixel_or_nothing_it_is_nothing(type_, kind, shape, attributes):
    net = Net(type_, opset=18 if "noop_with_empty_axes" in attributes else 13)
    x = net.qdq(net.input("x", *shape), X, "x")
    y = net.qdq(net.op(kind, x, **attributes), Y, "y")
    assert kinds(check(net.model(y))) == ["Lut"]


@BOTH_TYPES
@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("axes", [None, [1], [1, 2, 3]])
def test_over_channels(type_, integers, axes):
    """Channels become columns first."""
    imported = check(reduced(type_, axes, integers=integers))
    assert kinds(imported)[:2] == ["DepthToSpace", "MaxPool"]


def test_a_pad_before_it_is_a_node_of_its_own():
    net = Net()
    x = net.qdq(net.input("x", 1, 5, 4, 6), X, "x")
    padded = net.op("Pad", x, net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), net.constant(0.0))
    y = net.op("GlobalMaxPool", net.qdq(padded, X), name="op")
    imported = check(net.model(net.qdq(y, X, "y")))
    assert kinds(imported) == ["Conv", "MaxPool", "MaxPool"]
