"""Random chains with skips: the networks that tunnels are made for. Structure shrinks; weights come
from a seed."""

from __future__ import annotations

from hypothesis import strategies as st

from patchc.ir import Graph
from tests.graphs import NetworkBuilder


@st.composite
def chains(draw: st.DrawFn, max_blocks: int = 5) -> Graph:
    """stem, bottlenecks / residual convolutions / depthwise pairs / pools, perhaps a head."""
    net = NetworkBuilder(draw(st.integers(0, 2**16)))
    height, width = draw(st.integers(9, 30)), draw(st.integers(9, 30))
    x = net.input(height, width, draw(st.integers(1, 4)))
    x = net.conv(
        x, draw(st.integers(2, 8)), draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 2))
    )
    for _ in range(draw(st.integers(1, max_blocks))):
        x = _block(draw, net, x)
    head = draw(st.sampled_from(["none", "mean", "mean + dense", "wide mean + dense"]))
    if head.startswith("wide"):
        x = net.conv(x, draw(st.integers(9, 40)))
    if "mean" in head:
        x = net.mean(x)
    if "dense" in head:
        x = net.dense(x, draw(st.integers(2, 12)))
    return net.build(x)


def _block(draw: st.DrawFn, net: NetworkBuilder, x: str) -> str:
    h, w, channels = net.tensors[x].shape
    kinds = ["bottleneck"] * 4 + ["residual", "pair", "conv", "relu", "gate", "concat"]
    kind = draw(st.sampled_from(kinds + (["pool"] if min(h, w) >= 4 else [])))
    kernel = draw(st.sampled_from([3, 3, 5, 7]))
    stride = draw(st.sampled_from([1, 1, 2])) if min(h, w) >= 3 else 1
    more = draw(st.sampled_from([channels, channels, draw(st.integers(2, 12))]))
    if kind == "bottleneck":
        return net.bottleneck(x, more, draw(st.sampled_from([1, 2, 4, 6])), kernel, stride)
    if kind == "residual":
        return net.add(x, net.conv(net.conv(x, channels, 3), channels, 3))
    if kind == "gate":
        return net.gate(x, draw(st.integers(1, channels)))
    if kind == "concat":
        branch = net.depthwise(x, kernel)
        return net.concat(*draw(st.permutations([x, branch, draw(st.integers(1, 4))])))
    if kind == "pair":
        return net.conv(net.depthwise(x, kernel, stride), more)
    if kind == "pool":
        return net.max_pool(x)
    if kind == "relu":
        return net.relu(x)
    return net.conv(x, more, kernel, stride)
