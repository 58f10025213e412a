"""Max and Min of more than two operands, beside numbers, and directly on integers."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import import_model
from patchc.ir import Clamp
from patchc.passes import run_passes
from tests.unit.frontend_models import Net, check, kinds, refusals
from tests.unit.test_frontend_binary import BOTH_TYPES, VALUES, X, Y, constant, maps

KINDS = pytest.mark.parametrize("kind", ["Max", "Min"])
OUT = (0.045, 30)


@BOTH_TYPES
@KINDS
def test_of_many_operands_it_is_a_chain(type_, kind):
    """A map of the output's shape comes first, wherever the file has it."""
    net = Net(type_)
    a, mean, scalar = maps(net)
    b = net.qdq(net.op("Relu", a), (0.03, net.lowest))
    channels = constant(net, VALUES.reshape(6, 1, 1))
    y = net.op(kind, mean, a, channels, b, scalar)
    imported = check(net.model(net.qdq(y, OUT, "y")))
    chain = [node for node in imported.graph.nodes if node.op.kind == kind]
    assert len(chain) == 4
    assert chain[0].inputs[0] == "a_out"
    assert [node.op.constant is None for node in chain] == [True, False, True, True]


@KINDS
def test_a_chain_that_is_quantised_twice(kind):
    """Each time at a scale of its own, under names of its own."""
    net = Net()
    a, mean, scalar = maps(net)
    y = net.op(kind, a, mean, scalar)
    imported = check(net.model(net.qdq(y, OUT, "y"), net.qdq(y, (0.02, -100), "z")))
    assert kinds(imported).count(kind) == 4


@KINDS
@pytest.mark.parametrize("number", [-0.4, 0.7, 1e9])
def test_a_number_beside_maps_is_a_clip(kind, number):
    net = Net()
    a, mean, _ = maps(net)
    model = net.model(net.qdq(net.op(kind, a, net.constant([number]), mean), OUT, "y"))
    found = check(model).graph.nodes[-1].op
    assert found.kind == kind
    bound = int(np.clip(np.rint(number / OUT[0]) + OUT[1], -128, 127))
    assert found.clamp == (Clamp(lo=bound) if kind == "Max" else Clamp(hi=bound))


@BOTH_TYPES
@KINDS
def test_scales_that_are_equal_need_no_table(type_, kind):
    """The halves of a map: both tables are one, or none where the output has their scale."""
    net = Net(type_)
    a, _, _ = maps(net)
    net.op("Split", a, axis=1, name="halves")
    net.nodes[-1].output[:] = ["left", "right"]
    halves = [net.qdq(name, Y) for name in ("left", "right")]
    y, z = net.op(kind, *halves, name="y"), net.op(kind, *halves, name="z")
    imported = check(net.model(net.qdq(y, OUT), net.qdq(z, Y)))
    assert kinds(imported)[-2:] == [kind, kind]


@BOTH_TYPES
@KINDS
@pytest.mark.parametrize("second", ["map", "channels", "number", "three"])
def test_directly_on_integers(type_, kind, second):
    """All have one scale; a number is a table."""
    net = Net(type_)
    x = net.quantize(net.input("x", 1, 6, 4, 5), X, "x")
    other = net.op("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4, name="pool")
    shift = 128 if type_ is np.uint8 else 0
    stored = net.constant(VALUES.reshape(6, 1, 1) + shift, type_)
    operands = {
        "map": [other],
        "channels": [stored],
        "number": [net.constant([[[[40 + shift]]]], type_)],
        "three": [other, stored],
    }[second]
    y = net.op(kind, x, *operands, name="y")
    imported = check(net.model(net.dequantize(y, X)))
    last = run_passes(imported.graph).nodes[-1].op.kind
    assert last == ("Lut" if second == "number" else kind)


@KINDS
def test_of_one_tensor_of_integers_it_is_nothing(kind):
    net = Net()
    x = net.quantize(net.input("x", 1, 6, 4, 5), X, "x")
    pooled = net.op("MaxPool", net.op(kind, x), kernel_shape=[2, 2])
    assert kinds(check(net.model(net.dequantize(pooled, X)))) == ["MaxPool"]


def refusal(net: Net, y: str) -> str:
    (found,) = refusals(net.model(net.qdq(y, Y, "y")))
    return str(found)


def test_float_constants_are_refused():
    net = Net()
    a, mean, _ = maps(net)
    y = net.op("Max", a, mean, net.constant(np.ones((6, 1, 1))), name="op")
    assert refusal(net, y) == (
        "op (Max): a float constant of shape [6, 1, 1]: one element is supported, or a quantised "
        "constant (e.g. patchc quantize)"
    )


def test_a_function_of_an_operand_is_refused():
    """What is compared has to be quantised."""
    net = Net()
    a, mean, _ = maps(net)
    y = net.op("Min", net.op("Exp", a, name="exp"), mean, name="op")
    assert refusal(net, y) == (
        "op (Min): it reads the float result of exp: there is no QuantizeLinear between them. Put "
        "a pair there, or quantise the float model with patchc quantize"
    )


def test_integers_of_different_scales_are_refused():
    net = Net()
    x = net.input("x", 1, 6, 4, 5)
    y = net.op("Max", net.quantize(x, X, "one"), net.quantize(x, Y, "two"), name="op")
    (found,) = refusals(net.model(net.dequantize(y, X)))
    assert str(found) == (
        "op (Max): it reads 'two_out' with scale 0.0299999993, zero point 7 (as int8), but that "
        "was written with scale 0.0500000007, zero point 3 (as int8)"
    )


def test_constants_alone_are_refused():
    net = Net()
    a, _, _ = maps(net)
    both = net.op("Max", constant(net, VALUES), constant(net, VALUES), name="op")
    y = net.op("Add", a, net.qdq(both, Y))
    first, *_ = refusals(net.model(net.qdq(y, Y, "y")))
    assert str(first) == "op (Max): none of its operands is an activation"


def test_the_same_map_twice_is_a_function():
    net = Net()
    a, _, _ = maps(net)
    imported = import_model(net.model(net.qdq(net.op("Max", a, a), OUT, "y")))
    assert kinds(imported)[-1] == "Lut"
