"""Add, Mul, Sub, Max and Min in every form, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import import_model
from patchc.ir import Add, Binary, Clamp
from patchc.passes import run_passes
from tests.unit.frontend_models import MICROSOFT, Net, check, kinds, refusals

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
KINDS = pytest.mark.parametrize("kind", ["Add", "Mul", "Sub", "Max", "Min"])
X, Y, Z = (0.03, 7), (0.05, 3), (0.04, 120)
OUT = {"Add": (0.07, 11), "Mul": (0.02, 5), "Sub": (0.06, 99), "Max": (0.04, 21), "Min": (0.03, 90)}


def maps(net: Net, channels: int = 6) -> tuple[str, str, str]:
    """A map at Y, its mean per channel at Z, and one value for the whole map at X."""
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(channels, 3, 1, 1)), Y, "a")
    mean = net.qdq(net.op("GlobalAveragePool", a), Z, "mean")
    scalar = net.qdq(net.op("Conv", mean, net.weights(1, channels, 1, 1, scale=0.3)), X, "scalar")
    return a, mean, scalar


def binary_of(model) -> Binary:
    (op,) = (n.op for n in import_model(model).graph.nodes if isinstance(n.op, Binary))
    return op


def constant(net: Net, values: np.ndarray, quant=(0.04, 9)) -> str:
    stored = np.asarray(values) + (128 if net.type_ is np.uint8 else 0)
    return net.dequantize(net.constant(stored, net.type_), quant)


VALUES = np.random.default_rng(3).integers(-128, 128, 6)


@BOTH_TYPES
@KINDS
@pytest.mark.parametrize("second", ["map", "channels", "scalar"])
@pytest.mark.parametrize("swapped", [False, True])
def test_two_maps(type_, kind, second, swapped):
    net = Net(type_)
    a, mean, scalar = maps(net)
    other = {"map": net.qdq(net.op("Relu", a), (0.03, net.lowest)), "channels": mean}
    operands = [a, other.get(second, scalar)]
    y = net.op(kind, *(operands[::-1] if swapped else operands))
    imported = check(net.model(net.qdq(y, OUT[kind], "y")))
    assert kinds(imported)[-1] == kind


@BOTH_TYPES
@KINDS
def test_the_same_map_twice(type_, kind):
    net = Net(type_)
    a, _, _ = maps(net)
    check(net.model(net.qdq(net.op(kind, a, a), OUT[kind], "y")))


@BOTH_TYPES
@KINDS
@pytest.mark.parametrize("shape", [(1, 6, 1, 1), (6, 1, 1)])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_constant_per_channel(type_, kind, shape, swapped):
    net = Net(type_)
    a, _, _ = maps(net)
    operands = [a, constant(net, VALUES.reshape(shape))]
    y = net.op(kind, *(operands[::-1] if swapped else operands))
    model = net.model(net.qdq(y, OUT[kind], "y"))
    check(model)
    op = binary_of(model)
    assert op.constant is not None
    assert op.constant.values.tolist() == VALUES.tolist()
    assert op.reverse == (swapped and kind == "Sub")


@BOTH_TYPES
@KINDS
@pytest.mark.parametrize("swapped", [False, True])
def test_a_constant_beside_a_vector(type_, kind, swapped):
    """Both have the output's shape: nothing is broadcast, and a sum keeps the file's order."""
    net = Net(type_)
    _, mean, _ = maps(net)
    operands = [mean, constant(net, VALUES.reshape(1, 6, 1, 1))]
    y = net.op(kind, *(operands[::-1] if swapped else operands))
    model = net.model(net.qdq(y, OUT[kind], "y"))
    check(model)
    assert binary_of(model).reverse == (swapped and kind in ("Add", "Sub"))


@BOTH_TYPES
@KINDS
@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1)])
@pytest.mark.parametrize("swapped", [False, True])
def test_one_quantised_number_is_a_table(type_, kind, shape, swapped):
    net = Net(type_)
    a, _, _ = maps(net)
    operands = [a, constant(net, np.full(shape, 77))]
    y = net.op(kind, *(operands[::-1] if swapped else operands))
    imported = check(net.model(net.qdq(y, OUT[kind], "y")))
    assert run_passes(imported.graph).nodes[-1].op.kind == "Lut"


@BOTH_TYPES
@KINDS
@pytest.mark.parametrize("swapped", [False, True])
def test_one_float_number_is_a_table(type_, kind, swapped):
    net = Net(type_)
    a, _, _ = maps(net)
    operands = [a, net.constant(0.7)]
    y = net.op(kind, *(operands[::-1] if swapped else operands))
    imported = check(net.model(net.qdq(y, OUT[kind], "y")))
    assert kinds(imported)[-1] == "Lut"


@BOTH_TYPES
@KINDS
def test_a_relu_behind_it_is_its_clamp(type_, kind):
    net = Net(type_)
    a, mean, _ = maps(net)
    y = net.op("Relu", net.op(kind, a, mean))
    model = net.model(net.qdq(y, (0.05, net.lowest), "y"))
    check(model)
    assert binary_of(model).clamp == Clamp()


@BOTH_TYPES
@pytest.mark.parametrize("kind", ["Add", "Mul"])
@pytest.mark.parametrize("swapped", [False, True])
def test_integer_operator(type_, kind, swapped):
    net = Net(type_)
    x = net.input("x", 1, 6, 4, 5, dtype=type_)
    values = net.constant(VALUES.reshape(6, 1, 1) + (128 if type_ is np.uint8 else 0), type_)
    operands = [[x, *net.parameters(X)], [values, *net.parameters(Y)]]
    first, second = operands[::-1] if swapped and kind == "Mul" else operands
    inputs = (*first, *second, *net.parameters(OUT[kind]))
    y = net.op(f"QLinear{kind}", *inputs, domain=MICROSOFT, name="y")
    check(net.model(y, kinds={y: 2 if type_ is np.uint8 else 3}))


@BOTH_TYPES
def test_channels_last(type_):
    """A constant along the last dimension shows that the input is NHWC."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 5, 4, 6), X, "x")
    y = net.op("Mul", x, constant(net, VALUES))
    imported = check(net.model(net.qdq(y, OUT["Mul"], "y")))
    assert imported.graph.tensors["y_out"].shape == (5, 4, 6)


def refusal(net: Net, y: str) -> str:
    (found,) = refusals(net.model(net.qdq(y, Y, "y")))
    return str(found)


@pytest.mark.parametrize("shape", [(1, 6, 4, 5), (4, 1), (6, 1, 5), (1, 1, 4, 5)])
def test_a_constant_that_varies_over_the_map(shape):
    """The dimensions in which it does are laid out as channels."""
    net = Net()
    a, _, _ = maps(net)
    y = net.op("Add", a, constant(net, np.arange(np.prod(shape)).reshape(shape)), name="op")
    assert kinds(check(net.model(net.qdq(y, Y))))[-1] == "Add"


def test_a_constant_of_another_type_is_refused():
    net = Net(np.uint8)
    a, _, _ = maps(net)
    stored = net.constant(VALUES.reshape(6, 1, 1), np.int8)
    y = net.op("Mul", a, net.dequantize(stored, (0.1, 0), np.int8), name="op")
    assert refusal(net, y) == (
        "op (Mul): its constant is int8 beside uint8 activations, so that onnxruntime computes it "
        "in float; quantise both alike"
    )


def test_a_constant_with_a_scale_per_channel_is_refused():
    net = Net()
    a, _, _ = maps(net)
    y = net.op("Mul", a, net.weights(1, 6, 1, 1, axis=1), name="op")
    assert refusal(net, y) == (
        "op (Mul): its constant has a scale per channel: only one scale is supported"
    )


def sum_with_map_behind(type_, known: bool, scales: tuple[float, float, float]):
    """A constant per channel, or a mean, in front of the map. `scales`: of both and of the sum."""
    net = Net(type_)
    first, second, out = scales
    x = net.qdq(net.input("x", 1, 6, 4, 5), (second, 7), "a")
    mean = net.qdq(net.op("GlobalAveragePool", x), (first, 9), "m")
    channels = constant(net, VALUES.reshape(1, 6, 1, 1), (first, 9))
    y = net.op("Add", channels if known else mean, x, name="op")
    return net.model(net.qdq(y, (out, 11), "y"))


@BOTH_TYPES
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("scales", [(0.25, 0.5, 0.75), (0.125, 0.125, 0.25), (0.03, 0.04, 0.05)])
def test_a_sum_whose_first_operand_is_broadcast(type_, known, scales):
    """With these scales both orders give the same for every pair of bytes."""
    op = binary_of(model := sum_with_map_behind(type_, known, scales))
    assert isinstance(op, Add)
    assert op.either_order
    assert not op.reverse
    check(model, cases=4)


# Scales, of the broadcast operand, the map and the sum, with which the order matters.
MATTERS = {np.int8: (0.085, 0.075, 0.01), np.uint8: (0.034, 0.044, 0.012)}


@BOTH_TYPES
@pytest.mark.parametrize("known", [False, True])
def test_a_sum_whose_order_matters_is_refused(type_, known):
    """Between convolutions onnxruntime may lay the map out channels last, and then rounds as in the
    other order: so it did with 147 of 401 pairs of bytes on which the orders differ."""
    model = sum_with_map_behind(type_, known, MATTERS[type_])
    (line,) = map(str, refusals(model))
    assert line.endswith(
        "(QuantizeLinear): the first operand of a sum is broadcast, and with these scales "
        "onnxruntime rounds it in one way or another as it lays out the map: give the map first"
    )


def test_two_constants_are_refused():
    net = Net()
    a, _, _ = maps(net)
    both = net.op("Add", constant(net, VALUES), constant(net, VALUES), name="op")
    y = net.op("Add", a, net.qdq(both, Y))
    first, *_ = refusals(net.model(net.qdq(y, Y, "y")))
    assert str(first) == "op (Add): both of its operands are constants"
