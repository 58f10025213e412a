"""Products of two activations, and what attention has around them: heads cut out of channels, a
token in front, a constant for every position."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.ir import MatMul
from tests.unit.frontend_models import Net, check, kinds, refusals

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
X, Y, Z, S = (0.03, 7), (0.05, 3), (0.02, 9), (0.1, 5)


def tokens(net: Net, count: int, channels: int, name: str = "x") -> str:
    """(1, count, channels), of a dense layer."""
    x = net.qdq(net.input(name, 1, count, channels), X, name)
    matrix = net.weights(channels, channels, axis=1, seed=len(name))
    return net.qdq(net.op("MatMul", x, matrix), Y, f"{name}_dense")


def shaped(net: Net, x: str, *shape: int) -> str:
    return net.op("Reshape", x, net.constant(shape, np.int64))


def heads_of(net: Net, x: str, count: int, heads: int, depth: int) -> str:
    """(1, heads, count, depth)"""
    return net.op("Transpose", shaped(net, x, 1, count, heads, depth), perm=[0, 2, 1, 3])


def weights_of(net: Net, scores: str) -> str:
    """A softmax over the last dimension, quantised."""
    lowest = net.lowest
    return net.qdq(net.op("Softmax", net.qdq(scores, S), axis=-1), (1 / 256, lowest))


@BOTH_TYPES
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("scaled", [False, True])
def test_self_attention(type_, heads, scaled):
    """q, k and v are parts of one dense layer's channels."""
    net, count, depth = Net(type_), 7, 4
    x = net.qdq(net.input("x", 1, count, 8), X, "x")
    wide = net.qdq(net.op("MatMul", x, net.weights(8, 3 * heads * depth, axis=1)), Y, "qkv")
    cut = shaped(net, wide, 1, count, 3, heads, depth)
    parts = net.qdq(net.op("Transpose", cut, perm=[2, 0, 3, 1, 4]), Y)
    q, k, v = (
        net.qdq(net.op("Gather", parts, net.constant(i, np.int64), axis=0), Y) for i in range(3)
    )
    if scaled:
        q = net.qdq(net.op("Mul", q, net.constant(depth**-0.5)), (0.025, 3))
    turned = net.op("Transpose", k, perm=[0, 1, 3, 2])
    mixed = net.qdq(net.op("MatMul", weights_of(net, net.op("MatMul", q, turned)), v), Z)
    back = shaped(net, net.op("Transpose", mixed, perm=[0, 2, 1, 3]), 1, count, heads * depth)
    y = net.qdq(net.op("MatMul", back, net.weights(heads * depth, 8, axis=1)), Z)
    imported = check(net.model(net.qdq(net.op("Add", x, y), S)))
    assert kinds(imported).count("MatMul") == 2


@BOTH_TYPES
@pytest.mark.parametrize("turned", [False, True])
def test_a_product_over_the_pixels_of_a_map(type_, turned):
    """Attention between channels, as EdgeNeXt has it, or between pixels."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 6, 4, 5), X, "x")
    a, b = (
        shaped(net, net.qdq(net.op("Conv", x, net.weights(6, 6, 1, 1, seed=i)), Y), 1, 2, 3, 20)
        for i in (1, 2)
    )
    if turned:
        a, b = b, net.op("Transpose", a, perm=[0, 1, 3, 2])
    else:
        a = net.op("Transpose", a, perm=[0, 1, 3, 2])
    y = net.qdq(net.op("MatMul", a, b, name="product"), S)
    check(net.model(y))


@BOTH_TYPES
def test_one_matrix_for_all_pixels(type_):
    """A map weighted by a softmax over its pixels, as a global context has it."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 6, 4, 5), X, "x")
    c = net.qdq(net.op("Conv", x, net.weights(6, 6, 1, 1)), Y, "c")
    mask = net.qdq(net.op("Conv", c, net.weights(1, 6, 1, 1)), S, "mask")
    soft = net.op("Softmax", shaped(net, mask, 1, 1, 20), axis=-1)
    weights = shaped(net, net.qdq(soft, (1 / 256, net.lowest)), 1, 20, 1)
    y = net.qdq(net.op("MatMul", shaped(net, c, 1, 6, 20), weights), Y)
    check(net.model(net.qdq(net.op("Mul", c, shaped(net, y, 1, 6, 1, 1)), Z)))


@BOTH_TYPES
def test_a_tensor_times_itself(type_):
    net = Net(type_)
    x = tokens(net, 5, 5)
    imported = check(net.model(net.qdq(net.op("MatMul", x, x), S)))
    (node,) = (node for node in imported.graph.nodes if isinstance(node.op, MatMul))
    assert len(set(node.inputs)) == 2


@pytest.mark.parametrize("types", [(np.uint8, np.uint8), (np.int8, np.int8)])
def test_integer_operators(types):
    net = Net(types[0])
    quants = X, Y, S
    a = net.quantize(net.input("a", 1, 2, 4, 6), X, "a")
    b = net.quantize(net.input("b", 1, 2, 6, 3), Y, "b")
    p = [net.parameters(quant) for quant in quants]
    y = net.op("QLinearMatMul", a, *p[0], b, *p[1], *p[2])
    check(net.model(net.dequantize(y, S)))


@BOTH_TYPES
def test_a_token_in_front_and_a_constant_at_every_position(type_):
    """What a vision transformer begins with."""
    net, random = Net(type_), np.random.default_rng(0)
    x = net.qdq(net.input("x", 1, 3, 8, 8), X, "x")
    patches = net.qdq(net.op("Conv", x, net.weights(6, 3, 4, 4), strides=[4, 4]), Y)
    flat = net.op("Transpose", shaped(net, patches, 1, 6, 4), perm=[0, 2, 1])
    token = net.constant(random.normal(0, 1, (1, 1, 6)))
    joined = net.qdq(net.op("Concat", token, flat, axis=1), Y)
    place = random.integers(0, 100, (1, 5, 6))
    constant = net.dequantize(net.constant(place, type_), Z)
    y = net.qdq(net.op("Add", joined, constant), S)
    first = net.qdq(net.op("Gather", y, net.constant(0, np.int64), axis=1), S)
    check(net.model(net.qdq(net.op("MatMul", first, net.weights(6, 4, axis=1)), S)))


@BOTH_TYPES
def test_maps_stacked_along_a_dimension_of_their_own(type_):
    """Selective kernels: two branches, weighted by a softmax between them, and added."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    branches = [
        net.qdq(net.op("Conv", x, net.weights(6, 3, 1, 1, seed=seed)), Y) for seed in (1, 2)
    ]
    axis = net.constant([1], np.int64)
    apart = [net.op("Unsqueeze", branch, axis) for branch in branches]
    both = net.qdq(net.op("Concat", *apart, axis=1), Y, "both")
    gate = net.qdq(net.op("ReduceMean", both, axes=[3, 4], keepdims=1), Y, "gate")
    soft = net.qdq(net.op("Softmax", gate, axis=1), (1 / 256, net.lowest), "soft")
    scaled = net.qdq(net.op("Mul", both, soft), Z, "scaled")
    total = net.op("ReduceSum", scaled, axis, keepdims=0)
    imported = check(net.model(net.qdq(total, Y)))
    assert "Concat" in kinds(imported)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (
            (1, 2, 4, 6),
            (1, 3, 6, 5),
            "as many matrices on both sides, or one on the right, are supported; repeat the "
            "others, e.g. with Expand",
        ),
        ((1, 1, 4, 6), (1, 3, 6, 5), "as many matrices on both sides"),
    ],
)
def test_matrices_that_are_repeated(a, b, reason):
    net = Net(np.uint8)
    x, y = net.qdq(net.input("a", *a), X), net.qdq(net.input("b", *b), Y)
    found = refusals(net.model(net.qdq(net.op("MatMul", x, y, name="op"), S)))
    assert reason in str(found[0])
