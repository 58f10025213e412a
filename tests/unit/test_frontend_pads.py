"""A Pad that no reader takes in, and one that its reader sees through views; channels in parts."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.frontend_models import Net, check, kinds, refusals

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
X, Y = (0.03, 7), (0.05, 3)


def numbers(net: Net, *values: int) -> str:
    return net.constant(values, np.int64)


@BOTH_TYPES
@pytest.mark.parametrize("reader", ["Concat", "GlobalMaxPool", "Softmax", "Transpose"])
def test_a_pad_of_its_own(type_, reader):
    """A depthwise convolution by one, where the reader takes in no pads."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 6, 4, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(6, 6, 1, 1)), X, "map")
    y = net.qdq(net.op("Pad", x, numbers(net, 0, 0, 2, 1, 0, 0, 1, 3)), X, "padded")
    if reader == "Concat":
        y = net.op("Concat", y, y, axis=1)
    elif reader == "Softmax":
        y = net.op("Softmax", y, axis=1)
    elif reader == "Transpose":
        y = net.qdq(net.op("Transpose", y, perm=[0, 2, 3, 1]), X)
        y = net.op("Reshape", y, numbers(net, 1, -1))
        y = net.op("Gemm", net.qdq(y, X), net.weights(7 * 9 * 6, 3, axis=1))
    else:
        y = net.op(reader, y)
    imported = check(net.model(net.qdq(y, (1 / 256, net.lowest) if reader == "Softmax" else Y)))
    assert kinds(imported)[:2] == ["Conv", "Conv"]
    assert imported.graph.nodes[1].op.is_depthwise


@BOTH_TYPES
@pytest.mark.parametrize("by", ["Unsqueeze", "Reshape"])
def test_a_causal_pad_through_views(type_, by):
    """A convolution takes it in, as Keras and tf2onnx write a signal's."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 4, 16), X, "x")
    x = net.qdq(net.op("Pad", x, numbers(net, 0, 0, 2, 0, 0, 0)), X)
    x = net.op(by, x, numbers(net, 2) if by == "Unsqueeze" else numbers(net, 1, 4, 1, 18))
    x = net.qdq(net.op("Conv", net.qdq(x, X), net.weights(6, 4, 1, 3)), X, "y")
    x = net.op("Squeeze", x, numbers(net, 2))
    assert kinds(check(net.model(net.qdq(x, X)))) == ["Conv"]


def shuffled(net: Net) -> str:
    """Halves of the channels in turn, in a dimension of their own."""
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(8, 3, 1, 1)), X, "map")
    x = net.op("Reshape", x, numbers(net, 4, 2, 20))
    x = net.op("Transpose", x, perm=[1, 0, 2])
    return net.op("Reshape", x, numbers(net, 2, 1, 4, 4, 5))


@BOTH_TYPES
@pytest.mark.parametrize("index", [0, 1, -1])
def test_a_half_of_the_channels_by_gather(type_, index):
    net = Net(type_)
    y = net.op("Gather", shuffled(net), net.constant(index, np.int64), axis=0)
    y = net.op("Conv", net.qdq(y, X), net.weights(3, 4, 3, 3))
    assert kinds(check(net.model(net.qdq(y, Y)))) == ["Conv", "Rearrange", "Conv"]


@BOTH_TYPES
def test_parts_of_the_channels_by_slice(type_):
    net = Net(type_)
    y = net.op("Slice", shuffled(net), *(numbers(net, n) for n in (1, 3, 2)))
    y = net.qdq(net.op("Transpose", net.qdq(y, X), perm=[1, 0, 2, 3, 4]), X)
    y = net.op("Reshape", y, numbers(net, 1, 4, 4, 5))
    y = net.op("Conv", net.qdq(y, X), net.weights(3, 4, 3, 3))
    assert kinds(check(net.model(net.qdq(y, Y)))) == ["Conv", "Rearrange", "Conv"]


def test_channels_beside_others_are_cut_in_a_copy():
    net = Net()
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(8, 3, 1, 1)), X, "map")
    x = net.op("Transpose", net.op("Reshape", x, numbers(net, 4, 2, 20)), perm=[0, 2, 1])
    y = net.op("Reshape", x, numbers(net, 80, 2))
    y = net.op("Slice", y, *(numbers(net, n) for n in (1, 3, 0)), name="op")
    assert kinds(check(net.model(net.qdq(y, X)))) == ["Conv", "Permute", "Rearrange"]


@BOTH_TYPES
@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize(
    "pads",
    [(0, 0, 2, 1, 0, 0, 1, 3), (0, 2, 0, 0, 0, 1, 0, 0), (0, 1, 1, 2, 0, 0, -1, -2)],
    ids=["rows-and-columns", "channels", "all-and-crops"],
)
def test_other_modes_are_copies(type_, mode, pads):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(3, 3, 1, 1)), X, "map")
    y = net.qdq(net.op("Pad", x, numbers(net, *pads), mode=mode), X, "padded")
    channels = 3 + pads[1] + pads[5]
    y = net.op("Conv", y, net.weights(4, channels, 3, 3))
    made = kinds(check(net.model(net.qdq(y, Y))))
    assert set(made[1:-1]) <= {"Rearrange", "DepthToSpace"}


@BOTH_TYPES
@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
def test_other_modes_of_a_signal(type_, mode):
    """Of three dimensions, of some axes, directly on integers, twice its length."""
    net = Net(type_, opset=19)
    x = net.quantize(net.input("x", 1, 4, 16), X, "x")
    x = net.op("Pad", x, numbers(net, 15, 9), "", numbers(net, -1), mode=mode)
    y = net.op("Conv", net.dequantize(x, X), net.weights(6, 4, 3))
    check(net.model(net.qdq(y, Y)))


def test_no_more_than_all_is_reflected():
    net = Net()
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    y = net.op("Pad", x, numbers(net, 0, 0, 4, 0, 0, 0, 0, 0), mode="reflect", name="op")
    assert str(refusals(net.model(net.qdq(y, X)))[0]) == (
        "op (Pad): pads 4 and 0 reflect more than the 4 positions of dimension 2"
    )
