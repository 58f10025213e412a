"""Inputs without an operator that names their dimensions: what reads them says which the channels
are, at any rank."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.frontend_models import Net, check, kinds

X, Y = (0.03, 7), (0.05, 3)
SHAPES = [(7,), (4, 7), (1, 7), (3, 4, 5), (1, 4, 5)]
EVERY_AXIS = [(shape, axis) for shape in SHAPES for axis in range(len(shape)) if shape[axis] > 1]


@pytest.mark.parametrize(("shape", "axis"), EVERY_AXIS)
def test_concat_along_any_axis(shape, axis):
    net = Net()
    a, b = (net.qdq(net.input(name, *shape), X, name + "q") for name in "ab")
    imported = check(net.model(net.qdq(net.op("Concat", a, b, axis=axis), Y, "y")))
    assert kinds(imported) == ["Concat"]
    assert imported.inputs[0].shape[2] == shape[axis]


@pytest.mark.parametrize(("shape", "axis"), EVERY_AXIS)
def test_softmax_along_any_axis(shape, axis):
    net = Net()
    x = net.qdq(net.input("x", *shape), (0.07, 7), "xq")
    y = net.qdq(net.op("Softmax", x, axis=axis), (1 / 256, -128), "y")
    imported = check(net.model(y))
    assert kinds(imported) == ["Softmax"]
    assert imported.inputs[0].shape[2] == shape[axis]


@pytest.mark.parametrize("shape", [(4, 7), (3, 4, 7), (1, 4, 7), (1, 3, 4, 7)])
@pytest.mark.parametrize("kind", ["Add", "Mul", "Sub"])
def test_a_constant_along_the_last_axis(kind, shape):
    net = Net()
    x = net.qdq(net.input("x", *shape), X, "xq")
    values = net.constant(np.arange(-3, 4), np.int8)
    y = net.op(kind, x, net.dequantize(values, (0.1, 0)), name="op")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.inputs[0].shape[2] == 7


@pytest.mark.parametrize("shape", [(4, 7), (3, 4, 7), (1, 3, 4, 7)])
def test_slopes_along_the_last_axis(shape):
    net = Net()
    x = net.qdq(net.input("x", *shape), X, "xq")
    y = net.op("PRelu", x, net.constant(np.linspace(0, 1, 7)), name="op")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.inputs[0].shape[2] == 7


@pytest.mark.parametrize("rows", [1, 5])
def test_a_dense_layer_over_every_row(rows):
    """Two dimensions, the first of which is no batch: each row is a pixel."""
    net = Net()
    x = net.qdq(net.input("x", rows, 6), X, "xq")
    y = net.op("Gemm", x, net.weights(6, 4, axis=1), name="op")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert kinds(imported) == ["Conv"]
    assert imported.inputs[0].shape == (1, rows, 6)
