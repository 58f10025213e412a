"""SplitToSequence and SequenceAt, which PyTorch's exporters leave of `chunk`."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from tests.unit.frontend_models import Net, check, kinds, refusals

X, Y = (0.03, 7), (0.05, 3)


def chunked(net: Net, sizes: str, *places: int) -> list[str]:
    """Parts of a map of 8 channels, by their numbers."""
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(8, 3, 1, 1)), X, "a")
    net.nodes.append(helper.make_node("SplitToSequence", [a, sizes], ["parts"], "split", axis=1))
    return [net.op("SequenceAt", "parts", net.constant(at, np.int64)) for at in places]


@pytest.mark.parametrize(
    ("sizes", "places"), [(4, (0, 1)), (3, (2, 0, -1)), ([2, 6], (1,)), ([1, 3, 4], (0, 2, 2))]
)
def test_it_is_a_split(sizes, places):
    net = Net(np.uint8)
    parts = chunked(net, net.constant(sizes, np.int64), *places)
    outputs = [net.qdq(net.op("Relu", part), Y) for part in parts]
    imported = check(net.model(*outputs))
    assert "Rearrange" in kinds(imported)


def test_a_place_that_is_not_known_is_refused():
    net = Net(np.uint8)
    net.input("at", dtype=np.int64)
    chunked(net, net.constant(4, np.int64))
    y = net.op("SequenceAt", "parts", "at")
    found = refusals(net.model(net.qdq(y, X)))
    assert str(found[0]) == (
        "split (SplitToSequence): patchc has no integer kernel for this operator"
    )
