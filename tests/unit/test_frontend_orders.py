"""Which outputs of the Graph a file has as vectors."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import import_model
from patchc.frontend.orders import vectors
from tests.unit.frontend_models import Net

X = (0.05, 3)


@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize(
    ("shape", "expected"),
    [((1, 1, 4, 3), True), ((1, 6, 1, 1), True), ((1, 6, 4, 3), False), ((1, 1, 1, 1), False)],
    ids=["map_of_one_channel", "channels", "in_another_order", "one_value"],
)
def test_flattened(quantised: bool, shape: tuple[int, ...], expected: bool):
    net = Net()
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", *shape), X)), X)
    y = net.op("Flatten", x)
    y = net.quantize(y, X) if quantised else y
    kinds = {y: 3} if quantised else {}
    imported = import_model(net.model(y, kinds=kinds))
    assert list(vectors(imported).values()) == [expected]


@pytest.mark.parametrize("pairs", [False, True])
def test_a_list_of_positions(pairs: bool):
    """As detectors have them: pixels first, then what each has. A quantiser may leave each of the
    views between pairs."""
    net = Net()
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", 1, 2, 8, 4), X)), X)
    x = net.op("Transpose", x, perm=(0, 2, 3, 1))
    x = net.qdq(x, X) if pairs else x
    y = net.op("Reshape", x, net.constant([1, 64, 1], np.int64))
    y = net.qdq(y, X) if pairs else y
    assert list(vectors(import_model(net.model(y))).values()) == [True]


def test_what_only_the_host_has_is_left_out():
    net = Net()
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", 1, 6), X)), X)
    assert vectors(import_model(net.model(net.op("Softmax", x)))) == {}
