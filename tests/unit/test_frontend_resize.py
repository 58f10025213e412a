"""Resize, nearest and linear, in QDQ form and on integers, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import find_unsupported
from patchc.ir import Clamp, ResizeLinear, ResizeNearest
from patchc.ir.resize import COORDINATES, ROUNDINGS
from tests.unit.frontend_models import Net, check, kinds

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
X, Y = (0.03, 7), (0.05, 3)

# Four ways in which factor 2 or 3 repeats every pixel as often.
REPEATS = {
    "twice": {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    "half_pixel": {"coordinate_transformation_mode": "half_pixel"},
    "ceil": {
        "coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil",
    },
    "torch": {"coordinate_transformation_mode": "pytorch_half_pixel"},
}  # fmt: skip


def resize_net(
    type_=np.int8, scales=None, *, to=None, shape=(1, 3, 5, 4), out=X, after=None, **attributes
):
    """By scales, or to sizes."""
    net = Net(type_)
    x = net.qdq(net.input("x", *shape), X, "x")
    if to is None:
        given = ["", net.constant(scales, np.float32)]
    else:
        given = ["", "", net.constant(to, np.int64)]
    y = net.op("Resize", x, *given, name="op", **attributes)
    if after:
        y = net.op(after, y)
    return net.model(net.qdq(y, out, "y"))


# --- nearest ---------------------------------------------------------------------------------


@BOTH_TYPES
@pytest.mark.parametrize("by_size", [False, True])
@pytest.mark.parametrize("out", [X, Y])
@pytest.mark.parametrize("case", REPEATS)
def test_whole_factors(type_, case, out, by_size):
    how = {"to": [1, 3, 10, 12]} if by_size else {"scales": [1, 1, 2, 3]}
    imported = check(resize_net(type_, out=out, **how, **REPEATS[case]))
    assert kinds(imported) == ["Upsample"] + ["Lut"] * (out != X)


@BOTH_TYPES
def test_a_signal_and_integers(type_):
    check(resize_net(type_, [1, 1, 4], shape=(1, 3, 7)))
    net = Net(type_)
    x = net.quantize(net.input("x", 1, 3, 5, 4), X, "x")
    for scales, kind in (([1, 1, 3, 2], "Upsample"), ([1, 1, 1.5, 0.6], "ResizeNearest")):
        y = net.op("Resize", x, "", net.constant(scales, np.float32), mode="nearest")
        assert kinds(check(net.model(net.dequantize(y, X)))) == [kind]


@BOTH_TYPES
def test_to_the_same_size_is_nothing(type_):
    assert kinds(check(resize_net(type_, [1, 1, 1, 1], out=X, after="Relu"))) == ["Lut"]


@BOTH_TYPES
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_nearest_to_any_size(type_, coordinates, rounding):
    """Larger and smaller, by sizes and by scales that these do not follow from; of a signal."""
    attributes = {"coordinate_transformation_mode": coordinates, "nearest_mode": rounding}
    for how in ({"to": [1, 3, 7, 9]}, {"to": [1, 3, 3, 13]}, {"scales": [1, 1, 1.5, 2.6]}):
        (node, *_) = check(resize_net(type_, **how, **attributes)).graph.nodes
        assert isinstance(node.op, ResizeNearest)
    check(resize_net(type_, shape=(1, 3, 7), to=[1, 3, 11], out=Y, **attributes))


# --- linear ----------------------------------------------------------------------------------


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize(("type_", "out"), [(np.int8, X), (np.uint8, Y)], ids=["int8", "uint8"])
@pytest.mark.parametrize(
    "how",
    [
        {"scales": [1, 1, 2, 2]},
        {"scales": [1, 1, 4, 3]},
        {"scales": [1, 1, 1, 2]},
        {"scales": [1, 1, 1.7, 2.3]},
        {"to": [1, 3, 8, 7]},
        {"to": [1, 3, 3, 2]},
        {"to": [1, 3, 1, 1]},
    ],
    ids=["2x2", "4x3", "1x2", "scales", "sizes", "smaller", "one"],
)
def test_linear(type_, coordinates, out, how):
    model = resize_net(
        type_, out=out, mode="linear", coordinate_transformation_mode=coordinates, **how
    )
    imported = check(model, cases=3)
    assert kinds(imported) == ["ResizeLinear"]


@BOTH_TYPES
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_linear_of_a_signal(type_, coordinates, channels):
    """Whose last channel onnxruntime adds up otherwise."""
    for how in ({"scales": [1, 1, 3]}, {"to": [1, channels, 8]}):
        model = resize_net(
            type_, shape=(1, channels, 7), out=Y, mode="linear",
            coordinate_transformation_mode=coordinates, **how,
        )  # fmt: skip
        (node,) = check(model, cases=3).graph.nodes
        assert isinstance(node.op, ResizeLinear)
        assert node.op.signal


@BOTH_TYPES
def test_a_relu_behind_it_narrows_the_output(type_):
    (node,) = check(resize_net(type_, [1, 1, 2, 2], mode="linear", after="Relu")).graph.nodes
    assert isinstance(node.op, ResizeLinear)
    assert node.op.clamp == Clamp(X[1] - (128 if type_ is np.uint8 else 0), 127)


@BOTH_TYPES
def test_linear_to_the_same_size_is_nothing(type_):
    assert kinds(check(resize_net(type_, [1, 1, 1, 1], mode="linear", after="Relu"))) == ["Lut"]


@BOTH_TYPES
def test_between_convolutions(type_):
    """Where onnxruntime may lay out the map otherwise."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 6, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 3, 3, 3)), Y, "a")
    x = net.op("Resize", x, "", net.constant([1, 1, 2, 2], np.float32), mode="linear")
    x = net.op("Conv", net.qdq(x, Y, "b"), net.weights(5, 4, 1, 1))
    imported = check(net.model(net.qdq(x, Y, "y")), exact=type_ is np.uint8)
    assert kinds(imported) == ["Conv", "ResizeLinear", "Conv"]


# --- refusals --------------------------------------------------------------------------------


def of_integers():
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 3, 5, 4), X, "x")
    scales = net.constant([1, 1, 2, 2], np.float32)
    return net.model(net.dequantize(net.op("Resize", x, "", scales, name="op", mode="linear"), X))


TWICE = [1, 1, 2, 2]
REFUSALS = {
    "mode 'cubic': only nearest and linear are supported": lambda: resize_net(
        scales=TWICE, mode="cubic"
    ),
    "linear on integers, which onnxruntime rounds by its layout of the map: put it between "
    "DequantizeLinear and QuantizeLinear (patchc quantize does)": of_integers,
    "it resizes [1, 3, 5, 4] to [1, 6, 5, 4]: only rows and columns can be": lambda: resize_net(
        scales=[1, 2, 1, 1]
    ),
    "it resizes [1, 3, 5, 4] to [1, 3, 0, 8]: nothing is left of its input": lambda: resize_net(
        scales=[1, 1, 0.1, 2]
    ),
    "coordinate_transformation_mode 'half_pixel_symmetric' is not supported": lambda: resize_net(
        scales=TWICE, coordinate_transformation_mode="half_pixel_symmetric"
    ),
    "antialias is not supported": lambda: resize_net(scales=TWICE, mode="linear", antialias=1),
    "keep_aspect_ratio_policy: only stretch is supported": lambda: resize_net(
        to=[1, 3, 10, 8], keep_aspect_ratio_policy="not_larger"
    ),
    "the attribute axes is not supported": lambda: resize_net(scales=[2, 2], axes=[2, 3]),
}


@pytest.mark.parametrize("reason", REFUSALS, ids=lambda reason: reason[:40])
def test_refusals(reason):
    (found,) = find_unsupported(REFUSALS[reason]())
    assert str(found) == f"op (Resize): {reason}"
