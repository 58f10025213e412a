"""Random networks like those people deploy: chains with skips, and graphs that branch. Structure
shrinks; weights come from a seed."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from patchc.ir import Graph, Padding, Window
from patchc.ir.resize import COORDINATES
from tests.graphs import NetworkBuilder
from tests.property.strategies import one_sided


@st.composite
def chains(draw: st.DrawFn, max_blocks: int = 5, *, padded: bool = False) -> Graph:
    """stem, bottlenecks / residual convolutions / depthwise pairs / pools, perhaps a head.
    `padded`: behind the stem a 1x1 convolution with pads behind the last column, none before."""
    net = NetworkBuilder(draw(st.integers(0, 2**16)))
    height, width = draw(st.integers(9, 30)), draw(st.integers(9, 30))
    x = net.input(height, width, draw(st.integers(1, 4)))
    x = net.conv(
        x, draw(st.integers(2, 8)), draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 2))
    )
    if padded:
        pads = Padding(0, 0, draw(st.integers(0, 2)), draw(st.integers(1, 2)))
        x = net.conv(x, draw(st.integers(2, 8)), pad=pads)
    for _ in range(draw(st.integers(1, max_blocks))):
        x = _block(draw, net, x)
    head = draw(
        st.sampled_from(["none", "mean", "mean + dense", "wide mean + dense", "max + dense"])
    )
    if head.startswith("wide"):
        x = net.conv(x, draw(st.integers(9, 40)))
    if "mean" in head:
        x = net.mean(x)
    if "max" in head:
        x = net.global_max(x)
    if "dense" in head:
        x = net.dense(x, draw(st.integers(2, 12)))
    return net.build(x)


def _block(draw: st.DrawFn, net: NetworkBuilder, x: str) -> str:
    h, w, channels = net.tensors[x].shape
    kinds = ["bottleneck"] * 4 + ["residual", "pair", "conv", "relu", "gate", "concat", "maxout"]
    kinds += ["shuffle", "spread", "padded", "padded", "normalize", "attention"] + (
        ["crop", "focus"] if min(h, w) >= 4 else []
    )
    kind = draw(st.sampled_from(kinds + (["pool"] if min(h, w) >= 4 else [])))
    kernel = draw(st.sampled_from([3, 3, 5, 7]))
    stride = draw(st.sampled_from([1, 1, 2])) if min(h, w) >= 3 else 1
    more = draw(st.sampled_from([channels, channels, draw(st.integers(2, 12))]))
    if kind == "bottleneck":
        return net.bottleneck(x, more, draw(st.sampled_from([1, 2, 4, 6])), kernel, stride)
    if kind == "residual":
        return net.add(x, net.conv(net.conv(x, channels, 3), channels, 3))
    if kind == "padded":
        return net.conv(x, more, pad=draw(one_sided()))
    if kind == "gate":
        return net.gate(x, draw(st.integers(1, channels)))
    if kind == "maxout":
        return net.maxout(x, more, kernel)
    if kind == "concat":
        branch = net.depthwise(x, kernel)
        return net.concat(*draw(st.permutations([x, branch, draw(st.integers(1, 4))])))
    if kind == "pair":
        return net.conv(net.depthwise(x, kernel, stride), more)
    if kind == "pool":
        return net.max_pool(x)
    if kind == "shuffle":
        return net.rearrange(x, Window((1, 1)), draw(st.permutations(range(channels))))
    if kind == "crop":
        sides = [-draw(st.integers(0, 1)) for _ in range(4)]
        return net.rearrange(x, Window((1, 1), pads=Padding(*sides)), range(channels))
    if kind == "focus":
        return net.conv(net.space_to_depth(x), more)
    if kind == "spread":
        return net.conv(net.depth_to_space(net.conv(x, 8)), more, kernel, 2)
    if kind == "relu":
        return net.relu(x)
    if kind == "attention":
        return net.attention(x, draw(st.integers(1, 3)), draw(st.integers(1, 4)))
    if kind == "normalize":
        x = net.conv(x, more, kernel, stride)
        return net.normalize(x) if draw(st.booleans()) else net.respond(x)
    return net.conv(x, more, kernel, stride)


@st.composite
def dags(
    draw: st.DrawFn,
    max_blocks: int = 4,
    sides: Sequence[int] = (8, 12, 16, 20, 24),
    decoder: bool | None = None,
    least_blocks: int = 1,
) -> Graph:
    """An encoder of blocks that branch, and a decoder that meets it again at each resolution, with
    outputs at several of them: Inception, U-Net and SSD in small.

    `sides`: what the image's rows and columns may be. `decoder`: is there one? None: perhaps.
    """
    net = NetworkBuilder(draw(st.integers(0, 2**16)))
    side = st.sampled_from(sides)
    height, width = draw(side), draw(side)
    x = net.conv(net.input(height, width, draw(st.integers(1, 4))), 4, 3)
    if draw(st.integers(0, 3)) == 3:
        x = _second_image(draw, net, x)
    levels = [x]
    for _ in range(draw(st.integers(least_blocks, max_blocks))):
        x = _branching_block(draw, net, x)
        height, width, _ = net.tensors[x].shape
        if height % 2 == width % 2 == 0 and min(height, width) >= 8 and draw(st.booleans()):
            levels.append(x)
            x = net.max_pool(x) if draw(st.booleans()) else net.conv(x, draw(CHANNELS), 3, 2)
    outputs = []
    decodes = draw(st.booleans()) if decoder is None else decoder
    for skip in reversed(levels if decodes else []):
        x = _decode(draw, net, x, skip)
        if draw(st.booleans()):
            outputs.append(net.conv(x, draw(st.integers(1, 6))))
    if draw(st.integers(0, 3)) == 3:
        outputs.append(levels[-1])  # read inside as well
    x = net.dense(net.mean(x), 5) if draw(st.booleans()) else net.conv(x, draw(CHANNELS), 3)
    return net.build(*dict.fromkeys((*outputs, x)))


CHANNELS = st.integers(2, 10)


@st.composite
def waiting(draw: st.DrawFn, max_blocks: int = 4) -> Graph:
    """Maps that are read long after they were made: expansions that wait for their gate, and skips
    over several levels. What pays to be made twice is in most of them."""
    net = NetworkBuilder(draw(st.integers(0, 2**16)))
    side = st.sampled_from((12, 16, 20, 24))
    x = net.conv(net.input(draw(side), draw(side), draw(st.integers(1, 3))), draw(CHANNELS), 3)
    levels: list[str] = []
    for _ in range(draw(st.integers(2, max_blocks))):
        kind = draw(st.sampled_from(["gate", "gate", "level", "level", "branches"]))
        height, width, channels = net.tensors[x].shape
        if kind == "gate":
            x = net.conv(x, channels * draw(st.integers(4, 8)))
            x = net.depthwise(x) if draw(st.booleans()) else x
            x = net.conv(net.gate(x, draw(st.integers(1, 4))), draw(CHANNELS))
        elif kind == "level" and height % 2 == width % 2 == 0 and min(height, width) >= 8:
            levels.append(net.conv(x, draw(st.integers(6, 16)), 3))
            x = net.max_pool(levels[-1])
        else:
            x = _branching_block(draw, net, x)
    for skip in reversed(levels):
        x = _decode(draw, net, x, skip)
    return net.build(net.conv(x, draw(CHANNELS)))


def _second_image(draw: st.DrawFn, net: NetworkBuilder, x: str) -> str:
    """Another image, of the same size or twice as large, through convolutions of its own."""
    height, width, channels = net.tensors[x].shape
    factor = draw(st.sampled_from([1, 1, 2]))
    y = net.input(height * factor, width * factor, draw(st.integers(1, 4)), "second")
    if factor == 2 or draw(st.booleans()):
        y = net.conv(y, channels, 3, factor)
    if net.tensors[y].shape != net.tensors[x].shape or draw(st.booleans()):
        return net.concat(*draw(st.permutations([x, y])))
    return net.add(x, y)


def _branching_block(draw: st.DrawFn, net: NetworkBuilder, x: str) -> str:
    kind = draw(st.sampled_from(["inception", "inception", "shared", "block", "nested"]))
    if kind == "block":
        return _block(draw, net, x)
    if kind == "shared":  # one tensor, read three times
        y = net.conv(x, net.tensors[x].shape[2])
        return net.add(net.add(x, y), net.conv(y, net.tensors[x].shape[2], 3))
    branches = [_branch(draw, net, x) for _ in range(draw(st.integers(2, 3)))]
    if kind == "nested":
        branches = [net.concat(*branches), net.conv(branches[0], 3)]
    y = net.concat(*branches)
    return net.conv(y, draw(CHANNELS)) if draw(st.booleans()) else y


def _branch(draw: st.DrawFn, net: NetworkBuilder, x: str) -> str:
    kind = draw(st.sampled_from(["1x1", "3x3", "5x5", "pool", "identity"]))
    if kind == "identity":
        return x
    if kind == "pool":
        return net.conv(net.max_pool(x, 3, 1, pad=1), draw(CHANNELS))
    y = net.conv(x, draw(CHANNELS))
    if kind == "1x1":
        return y
    kernel = int(kind[0])
    return net.conv(net.depthwise(y, kernel), draw(CHANNELS)) if kernel == 5 else net.conv(y, 4, 3)


def _enlarged(draw: st.DrawFn, net: NetworkBuilder, x: str, height: int, width: int) -> str:
    """To height x width pixels; by whole factors perhaps to fewer."""
    kind = draw(st.sampled_from(["upsample", "upsample", "nearest", "linear", "linear"]))
    coordinates = draw(st.sampled_from(COORDINATES))
    if kind == "linear":
        return net.resize_linear(x, height, width, coordinates)
    if kind == "nearest":
        return net.resize_nearest(x, height, width, coordinates)
    rows, cols = height // net.tensors[x].shape[0], width // net.tensors[x].shape[1]
    if min(rows, cols) == 0:  # pads have made it larger than the map that it is to meet
        return net.resize_nearest(x, height, width, coordinates)
    return net.upsample(x, rows, cols)


def _decode(draw: st.DrawFn, net: NetworkBuilder, x: str, skip: str) -> str:
    """Back to the resolution of an earlier tensor, and together with it."""
    height, width, channels = net.tensors[skip].shape
    if net.tensors[x].shape[:2] != (height, width):
        x = _enlarged(draw, net, x, height, width)
        if net.tensors[x].shape[:2] != (height, width):
            return x
    if draw(st.booleans()):
        return net.conv(net.concat(x, skip), draw(CHANNELS), 3)
    return net.conv(net.add(net.conv(x, channels), skip), channels, 3)
