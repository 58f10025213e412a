"""Weights that several layers share, and pairs of another type than their neighbours, optimised by
onnxruntime and as patchc imports them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from onnx import helper

from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.verify.sessions import float_operators
from tests.golden.test_rewritings import BOTH_TYPES, FIRST, PIECES, SECOND, THIRD, Net, check, judge


def other_type(net: Net, x: str, numbers: tuple[float, int]) -> str:
    """A pair of int8 in a file of uint8, or the other way round."""
    net.qdq.unsigned = not net.qdq.unsigned
    try:
        return net.pair(x, numbers)
    finally:
        net.qdq.unsigned = not net.qdq.unsigned


@BOTH_TYPES
@pytest.mark.parametrize("duplicated", [False, True], ids=["one-pair", "two-pairs"])
@pytest.mark.parametrize("row", [False, True], ids=["side-by-side", "in-a-row"])
def test_weights_of_two_layers(row, duplicated, unsigned):
    """They read one DequantizeLinear, or one each of the same constants. Onnxruntime duplicates the
    former."""
    net = Net(unsigned)
    first = net.pair(net.qdq.conv(net.start, 4, 4, "shared"), SECOND)
    weights = "shared_weights"
    if duplicated:
        inputs = [f"shared_w{end}" for end in ("", "_scale", "_zero_point")]
        weights = net.qdq.add("DequantizeLinear", inputs, "again", axis=0)
    source = first if row else net.start
    node = helper.make_node("Conv", [source, weights], ["twin"], "twin", pads=[1] * 4)
    net.qdq.nodes.append(node)
    net.outputs = [first, net.pair("twin", THIRD)]
    model = net.model()
    judge(model)
    assert not float_operators(model, signed_integers=not unsigned)
    check(model, unsigned)


@BOTH_TYPES
@pytest.mark.parametrize("piece", [None, *PIECES])
def test_a_pair_of_another_type_behind_each_piece(piece, unsigned):
    """Refused with a message, or equal wherever onnxruntime computes in integers."""
    net = Net(unsigned)
    middle = other_type(net, net.piece(piece, net.start) if piece else net.start, SECOND)
    net.outputs = [net.pair(net.piece("conv", middle), THIRD)]
    model = net.model()
    try:
        import_model(model)
    except PatchcError:
        return
    judge(model)


@pytest.mark.parametrize("seed", range(40))
def test_random_rows_of_both_types(seed):
    chance = random.Random(seed)
    net = Net(chance.random() < 0.5, seed)
    x = net.start
    for _ in range(chance.randint(2, 5)):
        x = net.piece(chance.choice(PIECES), x) if chance.random() < 0.6 else x
        pair = other_type if chance.random() < 0.4 else Net.pair
        x = pair(net, x, chance.choice([FIRST, SECOND, (0.0235, -128)]))
    net.outputs = [x]
    model = net.model()
    try:
        import_model(model)
    except PatchcError:
        return
    judge(model)


def test_a_bias_that_two_layers_share():
    """As a constant of floats, which onnxruntime quantises for each."""
    net = Net(unsigned=True)
    first = net.pair(net.qdq.conv(net.start, 4, 4, "one"), SECOND)
    second = net.qdq.conv(first, 4, 4, "two")
    net.qdq.nodes[-1].input[2] = "one_bias"
    net.outputs = [net.pair(second, THIRD)]
    model = net.model()
    assert np.count_nonzero([node.op_type == "Conv" for node in model.graph.node]) == 3
    judge(model)
    check(model, unsigned=True)
