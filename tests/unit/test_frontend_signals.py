"""1-D networks: every operator with a window or a place in the map, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.frontend_models import Net, check, kinds

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8])

X, Y = (0.03, 7), (0.05, 3)

WINDOWS = {
    "stride": {"strides": [2], "pads": [1, 1]},
    "uneven": {"strides": [3], "pads": [0, 2]},
    "dilation": {"dilations": [3], "pads": [3, 2]},
    "upper": {"auto_pad": "SAME_UPPER", "strides": [2]},
    "lower": {"auto_pad": "SAME_LOWER"},
}


def signal(type_, make, shape=(1, 6, 20), quant=Y):
    """A model of one operator."""
    net = Net(type_)
    x = net.qdq(net.input("x", *shape), X, "x")
    return net.model(net.qdq(make(net, x), quant, "y"))


@BOTH_TYPES
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("case", WINDOWS)
def test_convolutions(type_, case, groups):
    def make(net, x):
        weights = net.weights(12, 6 // groups, 3)
        return net.op("Conv", x, weights, group=groups, **WINDOWS[case])

    assert kinds(check(signal(type_, make))) == ["Conv"]


@BOTH_TYPES
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("case", ["stride", "uneven", "upper"])
def test_pools(type_, kind, ceil, include, case):
    attributes = WINDOWS[case] | {"kernel_shape": [3], "ceil_mode": ceil}
    if kind == "AveragePool":
        attributes["count_include_pad"] = include

    def make(net, x):
        return net.op(kind, x, **attributes)

    assert kinds(check(signal(type_, make)))[0] == kind


@BOTH_TYPES
def test_a_mean_over_time(type_):
    def make(net, x):
        return net.op("GlobalAveragePool", x)

    assert kinds(check(signal(type_, make))) == ["GlobalAveragePool"]


@BOTH_TYPES
def test_copies_and_softmax(type_):
    def make(net, x):
        def numbers(*values):
            return net.constant(values, np.int64)

        y = net.qdq(net.op("Slice", x, numbers(1, 3), numbers(5, 17), numbers(1, 2)), X, "part")
        return net.op("Softmax", y, axis=1)

    found = kinds(check(signal(type_, make, quant=(1 / 256, Net(type_).lowest))))
    assert found == ["Rearrange", "Softmax"]
