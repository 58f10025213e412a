"""Concat and Pad along the channels, in every form, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import import_model
from patchc.ir import Clamp, Concat
from tests.unit.frontend_models import MICROSOFT, Net, check, kinds, refusals

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
X, Y, Z = (0.03, 7), (0.05, 3), (0.04, 120)


def two_maps(net: Net, height=4, width=5) -> tuple[str, str]:
    """A convolution's result, 6 channels at Y, and another of 3 at Z."""
    x = net.qdq(net.input("x", 1, 3, height, width), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(6, 3, 1, 1)), Y, "a")
    return a, net.qdq(net.op("Conv", x, net.weights(3, 3, 1, 1, seed=2)), Z, "b")


def concat_of(model) -> Concat:
    (op,) = (n.op for n in import_model(model).graph.nodes if isinstance(n.op, Concat))
    return op


@BOTH_TYPES
@pytest.mark.parametrize("out", [X, Y, Z])
def test_two_maps(type_, out):
    net = Net(type_)
    a, b = two_maps(net)
    y = net.qdq(net.op("Concat", a, b, axis=1), out, "y")
    imported = check(net.model(y))
    assert kinds(imported)[-1] == "Concat"
    assert imported.graph.nodes[-1].op.starts == (0, 6)


@BOTH_TYPES
def test_any_number_and_the_same_map_twice(type_):
    net = Net(type_)
    a, b = two_maps(net)
    y = net.qdq(net.op("Concat", a, b, a, a, b, axis=1), Y, "y")
    imported = check(net.model(y))
    assert imported.graph.nodes[-1].op.starts == (0, 6, 9, 15, 21)


@BOTH_TYPES
def test_nested(type_):
    net = Net(type_)
    a, b = two_maps(net)
    inner = net.qdq(net.op("Concat", a, b, axis=1), Z, "inner")
    y = net.qdq(net.op("Concat", b, inner, axis=-3), Y, "y")
    check(net.model(y))


@BOTH_TYPES
def test_a_relu_behind_it_is_its_clamp(type_):
    net = Net(type_)
    a, b = two_maps(net)
    lowest = net.lowest
    y = net.qdq(net.op("Relu", net.op("Concat", a, b, axis=1)), (0.05, lowest + 20), "y")
    imported = check(net.model(y), exact=False)
    assert imported.graph.nodes[-1].op.clamp == Clamp(-108, 127)


@BOTH_TYPES
def test_float_zeros_as_blaze_face_has_them(type_):
    """Concat with a ConstantOfShape, whose shape is known."""
    net = Net(type_)
    a, _ = two_maps(net)
    shape = net.constant([1, 4, 4, 5], np.int64)
    zeros = net.qdq(net.op("ConstantOfShape", shape), Y, "zeros")
    model = net.model(net.qdq(net.op("Concat", a, zeros, axis=1), Y, "y"))
    check(model)
    assert concat_of(model).background.tolist() == [0] * 10


@BOTH_TYPES
def test_constants_before_between_and_behind(type_):
    net = Net(type_)
    a, b = two_maps(net)
    parts = []
    for seed in range(3):
        values = np.random.default_rng(seed).integers(net.lowest, net.lowest + 256, (1, 2, 1, 1))
        stored = net.constant(np.broadcast_to(values, (1, 2, 4, 5)), type_)
        parts.append(net.dequantize(stored, (0.1 * (seed + 1), 5)))
    y = net.op("Concat", parts[0], a, parts[1], b, parts[2], axis=1)
    model = net.model(net.qdq(y, Y, "y"))
    check(model)
    op = concat_of(model)
    assert op.starts == (2, 10)
    assert op.background.any()


@BOTH_TYPES
def test_channels_last(type_):
    """Axis 3 of an input that only the Concat shows to be NHWC."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 5, 4, 3), X, "x")
    y = net.qdq(net.op("Concat", x, x, axis=3), Y, "y")
    imported = check(net.model(y))
    assert imported.graph.tensors["y_out"].shape == (5, 4, 6)


@BOTH_TYPES
def test_vectors(type_):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 6), X, "x")
    a = net.qdq(net.op("MatMul", x, net.weights(6, 4, axis=1)), Y, "a")
    b = net.qdq(net.op("MatMul", x, net.weights(6, 1, axis=1)), Z, "b")
    imported = check(net.model(net.qdq(net.op("Concat", a, b, a, axis=1), Y, "y")))
    assert imported.graph.tensors["y_out"].shape == (1, 1, 9)


@BOTH_TYPES
@pytest.mark.parametrize("out", [Y, Z])
def test_integer_operator(type_, out):
    net = Net(type_)
    x = net.input("x", 1, 3, 4, 5, dtype=type_)
    z = net.input("z", 1, 2, 4, 5, dtype=type_)
    filler = net.constant(np.full((1, 2, 4, 5), 9), type_)
    operands = [*net.parameters(out), x, *net.parameters(Y), filler, *net.parameters(Z)]
    operands += [z, *net.parameters(X)]
    y = net.op("QLinearConcat", *operands, domain=MICROSOFT, axis=1, name="y")
    model = net.model(y, kinds={y: 2 if type_ is np.uint8 else 3})
    check(model)
    assert concat_of(model).starts == (0, 5)


@BOTH_TYPES
def test_on_integers_of_one_scale(type_):
    net = Net(type_)
    x = net.quantize(net.input("x", 1, 3, 4, 5), X, "x")
    filler = net.constant(np.full((1, 2, 4, 5), 9), type_)
    y = net.dequantize(net.op("Concat", x, filler, x, axis=1), X)
    imported = check(net.model(y))
    assert kinds(imported) == ["Concat"]


@BOTH_TYPES
@pytest.mark.parametrize("out", [Y, Z])
def test_a_pad_of_channels(type_, out):
    net = Net(type_)
    a, _ = two_maps(net)
    pads = net.constant([0, 1, 0, 0, 0, 3, 0, 0], np.int64)
    y = net.op("Pad", a, pads, net.constant(0.3), name="pad")
    model = net.model(net.qdq(y, out, "y"))
    check(model)
    assert concat_of(model).starts == (1,)


@BOTH_TYPES
def test_a_pad_of_stored_channels(type_):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    a = net.quantize(net.op("Conv", x, net.weights(6, 3, 1, 1)), Y, "a")
    pads = net.constant([0, 1, 0, 0, 0, 2, 0, 0], np.int64)
    y = net.op("Pad", a, pads, net.constant(net.lowest + 40, type_), name="pad")
    imported = check(net.model(net.dequantize(y, Y)))
    assert imported.graph.tensors["pad_out"].shape == (4, 5, 9)


@BOTH_TYPES
@pytest.mark.parametrize(
    ("real", "pads"), [(0.0, [0, 0, 1, 1, 0, 0, 1, 1]), (0.3, [0, 1] + [0] * 6)]
)
def test_a_pad_whose_value_is_quantised(type_, real, pads):
    """As onnxruntime's quantiser leaves it."""
    net = Net(type_)
    a, _ = two_maps(net)
    scale, zero = Y
    value = net.dequantize(net.constant(round(real / scale) + zero, type_), Y)
    y = net.op("Pad", a, net.constant(pads, np.int64), value, name="pad")
    if real:
        check(net.model(net.qdq(y, Y, "y")))
    else:
        check(net.model(net.qdq(net.op("Conv", y, net.weights(4, 6, 3, 3)), X, "y")))


def refusal(net: Net, y: str) -> str:
    (found,) = refusals(net.model(net.qdq(y, Y, "y")))
    return str(found)


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("same", [True, False])
def test_rows_and_columns_are_put_side_by_side(type_, axis, same):
    """Of three maps, one of which is narrower and, where scales differ, requantised first."""
    net = Net(type_)
    a, _ = two_maps(net)
    b = net.qdq(net.op("Conv", a, net.weights(6, 6, 1, 1)), Y if same else Z, "other")
    ends = net.constant([2], np.int64)
    part = net.op("Slice", a, net.constant([0], np.int64), ends, net.constant([axis], np.int64))
    y = net.op("Concat", a, net.qdq(part, Y, "part"), b, axis=axis, name="cat")
    imported = check(net.model(net.qdq(y, Y if same else X, "y")))
    assert kinds(imported).count("Add") == 2
    assert "Concat" not in kinds(imported)


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
def test_single_pixels_make_rows_and_columns(type_):
    net = Net(type_)
    a, _ = two_maps(net)
    pixel = net.qdq(net.op("Conv", a, net.weights(4, 6, 4, 5)), X, "pixel")
    row = net.qdq(net.op("Concat", pixel, pixel, axis=3), X, "row")
    y = net.op("Relu", net.op("Concat", row, row, row, axis=2, name="cat"))
    imported = check(net.model(net.qdq(y, X, "y")))
    assert imported.graph.tensors[imported.graph.outputs[0]].shape == (3, 2, 4)


@pytest.mark.parametrize("axis", [2, 3])
def test_a_constant_among_rows_or_columns(axis):
    """All from there on are laid out as channels."""
    net, random = Net(), np.random.default_rng(0)
    a, _ = two_maps(net)
    shape = [1, 6, 4, 5]
    values = random.normal(0, 1, shape[axis:])
    constant = net.constant(np.broadcast_to(values, shape))
    imported = check(net.model(net.qdq(net.op("Concat", a, constant, axis=axis), Z)))
    assert kinds(imported)[-2:] == ["Permute", "Concat"]


def test_a_constant_that_varies_before_the_axis_is_refused():
    net = Net()
    a, _ = two_maps(net)
    values = net.constant(np.arange(120).reshape(1, 6, 4, 5))
    assert refusal(net, net.op("Concat", a, values, axis=2, name="cat")) == (
        "cat (Concat): a constant that varies along dimensions before 2, along which it joins"
    )


def test_flattened_maps():
    net = Net()
    a, b = two_maps(net)
    flat = [net.op("Flatten", one) for one in (a, b)]
    joined = net.qdq(net.op("Concat", *flat, axis=1), Z)
    y = net.op("Gemm", joined, net.weights(3, 180), transB=1)
    imported = check(net.model(net.qdq(y, X)))
    assert kinds(imported)[-4:] == ["Permute", "Permute", "Concat", "Conv"]


def test_a_constant_that_varies_over_the_map():
    net = Net()
    a, _ = two_maps(net)
    values = net.constant(np.arange(20).reshape(1, 1, 4, 5) / 10)
    check(net.model(net.qdq(net.op("Concat", a, values, axis=1), Z)))


def test_a_constant_of_another_size_is_refused():
    net = Net()
    a, _ = two_maps(net)
    values = net.constant(np.zeros((1, 1, 4, 1)))
    assert refusal(net, net.op("Concat", a, values, axis=1, name="cat")) == (
        "cat (Concat): it joins [1, 4, 5] and [1, 4, 1] beside dimension 1"
    )


def test_maps_of_different_sizes_are_refused():
    net = Net()
    a, _ = two_maps(net)
    pooled = net.qdq(net.op("MaxPool", a, kernel_shape=[2, 2]), Y)
    assert refusal(net, net.op("Concat", a, pooled, axis=1, name="cat")) == (
        "cat (Concat): it joins [1, 4, 5] and [1, 3, 4] beside dimension 1"
    )


def test_a_pad_of_rows_and_channels_is_refused():
    net = Net()
    a, _ = two_maps(net)
    pads = net.constant([0, 1, 1, 0, 0, 0, 0, 0], np.int64)
    assert refusal(net, net.op("Pad", a, pads, name="pad")) == (
        "pad (Pad): it pads channels and rows or columns: use two Pads, channels first"
    )
