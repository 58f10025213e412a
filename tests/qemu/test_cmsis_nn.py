"""CMSIS-NN beside patchc: its layers run, and what they execute is the same every time."""

from __future__ import annotations

import pytest

from benchmarks import cmsis_nn
from patchc.ir import macs
from patchc.ir.graph import Add
from patchc.targets.cores import core
from tests.graphs import NetworkBuilder
from tests.qemu.boards import require_arm
from tests.tools import require_tool

pytestmark = [pytest.mark.qemu, pytest.mark.slow]


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m55"])
def test_layers_of_the_package(tmp_path, name):
    require_arm()
    require_tool("gcc")
    net = NetworkBuilder(0)
    x = net.conv(net.input(16, 16, 3), 16, 3, 2)
    x = net.add(x, net.conv(net.depthwise(x, 3), 16))
    graph = net.build(net.dense(net.mean(x), 10))
    library = cmsis_nn.vendored("-Ofast")
    layers, left = cmsis_nn.layers(graph, library)
    assert [type(node.op) for node in left] == [Add]
    counts = []
    for time in "ab":
        (tmp_path / time).mkdir()
        counts.append(cmsis_nn.count(layers, library, core(name), tmp_path / time))
    assert counts[0] == counts[1]
    slower = cmsis_nn.count(layers, library, core(name), tmp_path / "a", wait_states=5)
    for layer, waiting in zip(counts[0], slower, strict=True):
        assert layer.instructions == waiting.instructions
        assert layer.cycles < waiting.cycles
    for layer in counts[0]:
        work = macs(graph, graph.node(layer.node))
        assert layer.instructions > work / 8
        assert layer.instructions < 100 * work + 50_000
        assert layer.cycles > 0
