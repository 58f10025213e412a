"""Layers whose QuantizeLinear stands behind operators that only choose among values."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import import_model
from patchc.reference import run_graph
from patchc.verify.golden import golden, graph_inputs
from tests.unit.frontend_models import Net, check, kinds, random_feeds, refusals

X, Y = (0.03, 7), (0.05, 3)
BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])


def layer(net: Net, name: str = "layer", relu: bool = True) -> str:
    x = net.qdq(net.input(f"x_{name}", 1, 3, 6, 6), X, f"q_{name}")
    y = net.op("Conv", x, net.weights(4, 3, 3, 3), name=name)
    return net.op("Relu", y) if relu else y


def compared(model):
    """With onnxruntime, as `patchc verify` does; its floats are near."""
    imported = check(model, exact=False)
    feeds = [random_feeds(imported.onnx_model, seed) for seed in range(2)]
    found = [run_graph(imported.graph, maps) for maps in graph_inputs(imported, feeds)]
    judged = golden(imported, feeds, found)
    assert judged.passed, judged.failures
    return imported


@BOTH_TYPES
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("kind", ["Resize", "MaxPool", "Slice", "DepthToSpace", "Pad", "Chain"])
def test_one_that_chooses(type_, relu, kind):
    net = Net(type_)
    y = layer(net, relu=relu)
    if kind == "Resize":
        y = net.op("Resize", y, "", net.constant([1, 1, 2, 2]), mode="nearest")
    elif kind == "MaxPool":
        y = net.op("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    elif kind == "Slice":
        y = net.op("Slice", y, *(net.constant([n], np.int64) for n in (1, 3, 1)))
    elif kind == "DepthToSpace":
        y = net.op("DepthToSpace", y, blocksize=2)
    elif kind == "Pad":
        y = net.op("Pad", y, net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64), mode="edge")
    else:
        y = net.op("Transpose", net.op("MaxPool", y, kernel_shape=[2, 2]), perm=[0, 1, 3, 2])
        y = net.op("Clip", y, net.constant(-0.77), net.constant(1.03))
    compared(net.model(net.qdq(y, Y)))


@BOTH_TYPES
def test_two_layers_joined(type_):
    net = Net(type_)
    y = net.op("Concat", layer(net, "a"), layer(net, "b", relu=False), axis=1)
    y = net.op("MaxPool", y, kernel_shape=[2, 2])
    imported = compared(net.model(net.qdq(y, Y)))
    assert kinds(imported) == ["Conv", "Conv", "Concat", "MaxPool"]


@BOTH_TYPES
@pytest.mark.parametrize("own", [X, Y], ids=["two-scales", "one-scale"])
def test_a_layer_that_another_reads_at_its_own_scale(type_, own):
    """A skip of a U-Net: rounded once for each scale, not twice for one of them."""
    net = Net(type_)
    y = layer(net)
    joined = net.op("Concat", y, layer(net, "other"), axis=1)
    below = net.op("Conv", net.qdq(y, own), net.weights(2, 4, 3, 3))
    imported = compared(net.model(net.qdq(joined, Y, "one"), net.qdq(below, Y, "two")))
    assert kinds(imported).count("Conv") == (4 if own == X else 3)


def test_what_is_read_at_two_scales_behind_the_choice_is_refused():
    net = Net()
    pooled = net.op("MaxPool", layer(net), kernel_shape=[2, 2], name="pool")
    model = net.model(net.qdq(pooled, Y, "one"), net.qdq(pooled, X, "two"))
    assert "pool (MaxPool): it reads the float result of" in str(refusals(model)[0])


def test_what_interpolates_does_not_choose():
    net = Net()
    y = net.op("Resize", layer(net), "", net.constant([1, 1, 2, 2]), mode="linear", name="op")
    assert "op (Resize): it reads the float result" in str(refusals(net.model(net.qdq(y, Y)))[0])


def test_a_graph_without_such_readers_is_as_it_was():
    net = Net()
    imported = import_model(net.model(net.qdq(layer(net), Y)))
    assert kinds(imported) == ["Conv"]
