"""Where detectors end, and what is no detector though it has lists, joins or positions."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import import_model
from tests.unit.frontend_models import Net, check, kinds

X = (0.03, 7)
PIXELS = {8: 64, 4: 16}


def layer(net: Net, x: str, c_out: int, c_in: int, k: int = 1, **attributes) -> str:
    weights = net.weights(c_out, c_in, k, k, seed=len(net.nodes))
    return net.qdq(net.op("Conv", x, weights, **attributes), X)


def body(net: Net) -> str:
    """A map of 8 channels, of 8 x 8 pixels; with most of the weights of all of them."""
    x = net.qdq(net.input("x", 1, 4, 16, 16), X, "x")
    x = layer(net, x, 32, 4, 3, strides=[2, 2], pads=[1, 1, 1, 1])
    return layer(net, x, 8, 32, 3, pads=[1, 1, 1, 1])


def maps(net: Net) -> tuple[str, str]:
    """Of 8 x 8 and 4 x 4 pixels."""
    x = body(net)
    return x, layer(net, x, 8, 8, 3, strides=[2, 2], pads=[1, 1, 1, 1])


def viewed(net: Net, op: str, x: str, *inputs: str, **attributes) -> str:
    return net.qdq(net.op(op, x, *inputs, **attributes), X)


def shaped(net: Net, x: str, *shape: int) -> str:
    return viewed(net, "Reshape", x, net.constant(shape, np.int64))


def constant(net: Net, values: np.ndarray) -> str:
    return net.dequantize(net.constant(values.astype(np.int8), np.int8), (0.1, 0), np.int8)


def lists_by_flatten(net: Net) -> str:
    """torchvision's SSD: rows, columns and channels in one dimension."""
    flat = [
        viewed(net, "Flatten", viewed(net, "Transpose", layer(net, x, 6, 8), perm=[0, 2, 3, 1]))
        for x in maps(net)
    ]
    return viewed(net, "Concat", *flat, axis=1, name="tail")


def lists_with_anchors(net: Net) -> str:
    """YOLOv5's: channels cut into anchors and sides, positions behind."""
    lists = []
    for x, side in zip(maps(net), PIXELS, strict=True):
        x = shaped(net, layer(net, x, 6, 8), 1, 3, 2, side, side)
        x = viewed(net, "Transpose", x, perm=[0, 1, 3, 4, 2])
        lists.append(shaped(net, x, 1, 3 * PIXELS[side], 2))
    return viewed(net, "Concat", *lists, axis=1, name="tail")


def offsets(net: Net) -> str:
    """One map, whose positions have offsets: decoding without a join."""
    x = shaped(net, layer(net, body(net), 2, 8), 1, 2, 64)
    return viewed(net, "Add", x, constant(net, np.arange(64).reshape(1, 1, 64)), name="tail")


def softmax_in_front_of_the_join(net: Net) -> str:
    lists = []
    for x, side in zip(maps(net), PIXELS, strict=True):
        x = shaped(net, layer(net, x, 8, 8), 1, 2, 4, PIXELS[side])
        x = net.op("Softmax", x, axis=2, name="tail" if side == 8 else "second")
        lists.append(net.qdq(x, (1 / 256, -128)))
    return net.qdq(net.op("Concat", *lists, axis=3), X)


@pytest.mark.parametrize(
    "make", [lists_by_flatten, lists_with_anchors, offsets, softmax_in_front_of_the_join]
)
def test_a_detector_ends_at_its_heads(make):
    net = Net()
    model = net.model(make(net))
    imported = check(model)
    assert set(kinds(imported)) == {"Conv"}
    assert imported.epilogue.nodes[0].split()[0] == "tail"
    assert imported.notes[-1].startswith("tail (")


def in_front_of_weights(net: Net) -> str:
    """Lists of two maps in front of a classifier."""
    flat = [viewed(net, "Flatten", layer(net, x, 6, 8)) for x in maps(net)]
    joined = viewed(net, "Concat", *flat, axis=1)
    return viewed(net, "Gemm", joined, net.weights(3, 480), transB=1)


def tokens(net: Net) -> str:
    """Positional embeddings in front of a dense layer for every position."""
    x = shaped(net, body(net), 1, 8, 64)
    x = viewed(net, "Add", x, constant(net, np.arange(64).reshape(1, 1, 64)))
    x = viewed(net, "Transpose", x, perm=[0, 2, 1])
    return viewed(net, "MatMul", x, net.weights(8, 16, axis=1))


def text(net: Net) -> str:
    """A score per class for every column, as recognisers of text end."""
    x = viewed(net, "Transpose", shaped(net, layer(net, body(net), 8, 8), 1, 8, 64), perm=[0, 2, 1])
    return net.qdq(net.op("Softmax", x, axis=2), (1 / 256, -128))


def channels(net: Net) -> str:
    """Two heads of one map, one behind the other's channels."""
    x = body(net)
    lists = [shaped(net, layer(net, x, count, 8), 1, count, 64) for count in (2, 3)]
    return viewed(net, "Concat", *lists, axis=1)


def scaled(net: Net) -> str:
    """A factor per channel of a list."""
    x = shaped(net, layer(net, body(net), 2, 8), 1, 2, 64)
    return viewed(net, "Mul", x, constant(net, np.arange(2).reshape(1, 2, 1)))


@pytest.mark.parametrize("make", [in_front_of_weights, tokens, text, channels, scaled])
def test_others_are_whole(make):
    net = Net()
    model = net.model(make(net))
    imported = check(model)
    assert imported.epilogue is None or not imported.epilogue.nodes
    assert not imported.notes


def test_what_a_file_without_weights_joins_is_in_the_c():
    net = Net()
    lists = [shaped(net, net.qdq(net.input(n, 1, 3, 4, 4), X, n), 1, 3, 16) for n in "ab"]
    imported = import_model(net.model(viewed(net, "Concat", *lists, axis=2)))
    assert not imported.notes
    assert imported.epilogue is None or not imported.epilogue.nodes


def test_its_views_are_the_hosts():
    """No copy of a head is made for the sake of its order."""
    net = Net()
    graph = import_model(net.model(lists_by_flatten(net))).graph
    assert {graph.tensors[name].shape for name in graph.outputs} == {(8, 8, 6), (4, 4, 6)}


def test_what_is_float_is_the_hosts_without_a_word():
    net = Net()
    lists = [net.op("Reshape", x, net.constant([1, 8, -1], np.int64)) for x in maps(net)]
    imported = check(net.model(net.op("Concat", *lists, axis=2, name="tail")))
    assert imported.epilogue.nodes == ("tail (Concat)",)
    assert not imported.notes
