"""Which positions of an operand are read for positions of the output, by hand."""

from __future__ import annotations

import gc
import weakref

from patchc.ir import Conv, ResizeNearest
from patchc.tunnels.choose import choose, layer_by_layer
from patchc.tunnels.plan import InputMode
from tests.graphs import NetworkBuilder


def weights_after_a_search() -> list[weakref.ref]:
    """References to the weights of a network that was planned and is not needed any more."""
    net = NetworkBuilder()
    x = net.conv(net.input(12, 12, 2), 4, 3, 2)
    x = net.resize_nearest(net.bottleneck(x, 4, 2, 3, 1), 9, 9)
    graph = net.build(net.conv(x, 3, 3))
    assert any(isinstance(node.op, ResizeNearest) for node in graph.nodes)
    choose(graph, InputMode.TILES, layer_by_layer(graph, InputMode.TILES).arena_bytes // 2)
    convolutions = [node.op for node in graph.nodes if isinstance(node.op, Conv)]
    assert len(convolutions) == 5
    return [weakref.ref(op.weights) for op in convolutions]


def test_no_cache_keeps_weights_alive():
    weights = weights_after_a_search()
    gc.collect()
    assert not any(reference() is not None for reference in weights)
