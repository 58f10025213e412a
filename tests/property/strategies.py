"""Random windows, quantisations, operators and small networks, for every property test.

Big arrays come from a drawn seed, so that examples stay small and shrink by shape and structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from patchc.ir import (
    FULL_RANGE,
    Add,
    AveragePool,
    Binary,
    ChannelConstant,
    Clamp,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Graph,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    Max,
    MaxPool,
    Min,
    Mul,
    Node,
    Op,
    Padding,
    Quantization,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Scaling,
    Softmax,
    Sub,
    Tensor,
    Upsample,
    Window,
    output_shape,
    verify,
)
from patchc.ir.graph import Shape
from patchc.ir.resize import COORDINATES, ROUNDINGS

MAX_SIDE = 9  # rows and columns of an input: some windows fit, some need padding
MAX_CHANNELS = 6

SEEDS = st.integers(0, 2**16)


def generator(draw: st.DrawFn) -> np.random.Generator:
    """Random numbers from a drawn seed."""
    return np.random.default_rng(draw(SEEDS))


@st.composite
def quantizations(draw: st.DrawFn) -> Quantization:
    """Scales 2^-6 .. 1, many of them in simple ratios; any zero point."""
    sixteenths = st.integers(1, 16).map(lambda k: k / 16)
    anything = st.floats(2**-6, 1, width=32)
    scale = draw(st.one_of(sixteenths, anything))
    return Quantization(float(np.float32(scale)), draw(st.integers(-128, 127)))


@st.composite
def clamps(draw: st.DrawFn) -> Clamp:
    """Mostly the whole range."""
    if draw(st.integers(0, 3)):
        return FULL_RANGE
    lo = draw(st.integers(-128, 100))
    return Clamp(lo, draw(st.integers(lo, 127)))


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    side = st.integers(1, MAX_SIDE)
    return draw(side), draw(side), draw(st.integers(1, MAX_CHANNELS))


@st.composite
def windows(draw: st.DrawFn, height: int, width: int, *, pooling: bool = False) -> Window:
    """A window that yields at least one row and column over a height x width map.

    onnxruntime's pools take pads smaller than the kernel, and its average pool no dilation.
    """
    per_axis = [draw(_axes(size, pooling)) for size in (height, width)]
    (kh, sh, dh, top, bottom), (kw, sw, dw, left, right) = per_axis
    return Window((kh, kw), (sh, sw), (dh, dw), Padding(top, left, bottom, right))


@st.composite
def _axes(draw: st.DrawFn, size: int, pooling: bool) -> tuple[int, int, int, int, int]:
    """Kernel, stride, dilation, pads before and after, along one axis of `size`."""
    kernel = draw(st.integers(1, 4 if pooling else 5))
    dilation = 1 if pooling else draw(st.sampled_from([1, 1, 1, 2, 3]))
    extent = (kernel - 1) * dilation + 1
    before = draw(st.integers(0, kernel - 1 if pooling else extent))
    lacking = max(0, extent - size - before)
    limit = kernel - 1 if pooling else extent
    if lacking > limit:  # too large for the map even with padding
        kernel, dilation, before, lacking, limit = 1, 1, 0, 0, 0
    after = draw(st.integers(lacking, limit))
    return kernel, draw(st.integers(1, 3)), dilation, before, after


@st.composite
def one_sided(draw: st.DrawFn) -> Padding:
    """Pixels on some sides only: at the right and at the bottom, as a Pad in front of a strided
    convolution puts them, or anywhere."""
    side, any_side = st.integers(0, 2), draw(st.integers(0, 2)) == 2
    top, left = (draw(side), draw(side)) if any_side else (0, 0)
    return Padding(top, left, draw(side), draw(side))


@st.composite
def convolutions(draw: st.DrawFn, shape: Shape) -> Conv:
    """Regular, grouped, depthwise with any multiplier, pointwise with and without pads, or dense
    over the whole map."""
    height, width, c_in = shape
    form = draw(
        st.sampled_from(["pointwise", "padded", "regular", "depthwise", "grouped", "dense"])
    )
    divisors = [g for g in range(1, c_in + 1) if c_in % g == 0]
    groups = {"depthwise": c_in, "grouped": draw(st.sampled_from(divisors))}.get(form, 1)
    c_out = groups * draw(st.integers(1, max(1, MAX_CHANNELS // groups)))
    if form == "pointwise":
        window = Window((1, 1))
    elif form == "padded":
        window = Window((1, 1), pads=draw(one_sided()))
    elif form == "dense":
        window = Window((height, width))
    else:
        window = draw(windows(height, width))
    return draw(_weighted(window, groups, c_in, c_out))


@st.composite
def _weighted(draw: st.DrawFn, window: Window, groups: int, c_in: int, c_out: int) -> Conv:
    """A convolution of this form with random weights, scales and bias."""
    random = generator(draw)
    weights = random.integers(-128, 128, (c_out, *window.kernel, c_in // groups))
    # Sums spread by about 74 * 74 * sqrt(taps): a factor near 1 / 128 of that uses the range.
    spread = 40 * np.sqrt(weights[0].size)
    scales = random.uniform(0.5, 2, c_out) / spread * draw(st.sampled_from([1.0, 0.01, 30.0]))
    bias = random.integers(-(2**31), 2**31, c_out) >> draw(st.sampled_from([20, 31, 0]))
    return Conv(window, groups, weights, scales, bias, draw(clamps()))


@st.composite
def average_pools(draw: st.DrawFn, shape: Shape) -> AveragePool:
    """Any but one unpadded window over the whole map: onnxruntime runs that as a global pool."""
    window = draw(windows(*shape[:2], pooling=True))
    if window.pads == Padding() and window.kernel == shape[:2]:
        window = Window((1, 1)) if shape[:2] != (1, 1) else Window((2, 2), pads=Padding(1, 1, 1, 1))
    return AveragePool(window, draw(st.booleans()), draw(clamps()), draw(st.booleans()))


@st.composite
def rearrangements(draw: st.DrawFn, shape: Shape) -> Rearrange:
    """Crops, steps, space to depth, and any choice of channels."""
    sides = []
    for size in shape[:2]:
        before = draw(st.integers(0, size - 1))
        after = draw(st.integers(0, size - 1 - before))
        kernel = draw(st.integers(1, min(2, size - before - after)))
        sides.append((kernel, draw(st.integers(1, 2)), -before, -after))
    (kh, sh, top, bottom), (kw, sw, left, right) = sides
    window = Window((kh, kw), (sh, sw), pads=Padding(top, left, bottom, right))
    count = draw(st.integers(1, MAX_CHANNELS))
    source = generator(draw).integers(0, kh * kw * shape[2], count)
    return Rearrange(window, np.sort(source) if draw(st.booleans()) else source)


@st.composite
def tables(draw: st.DrawFn, channels: int) -> Lut:
    """A table of any bytes, or one for each channel."""
    shape = draw(st.sampled_from([(256,), (channels, 256)]))
    return Lut(generator(draw).integers(-128, 128, shape), "Anything")


@dataclass
class _Network:
    """A Graph under construction."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def add_input(self, shape: Shape, quant: Quantization) -> str:
        name = f"input{len(self.tensors)}"
        self.tensors[name] = Tensor(name, shape, quant)
        return name

    def add(self, op: Op, inputs: tuple[str, ...], quant: Quantization) -> str:
        name = f"t{len(self.nodes)}"
        shape = output_shape(op, *(self.tensors[x].shape for x in inputs))
        self.tensors[name] = Tensor(name, shape, quant)
        self.nodes.append(Node(f"node{len(self.nodes)}", op, inputs, name))
        return name

    def shape(self, name: str) -> Shape:
        return self.tensors[name].shape


NODE_KINDS = (
    *("conv", "skip", "add", "mul", "sub", "max", "min", "gate", "concat"),
    *("max_pool", "average_pool", "global", "table", "bottleneck", "upsample"),
    *("depth_to_space", "rearrange", "softmax", "norm", "resize_nearest", "resize_linear"),
)


@st.composite
def graphs(draw: st.DrawFn, *, max_nodes: int = 6, kinds: tuple[str, ...] = NODE_KINDS) -> Graph:
    """A small network: a chain with branches and skips, one or two inputs, one or more outputs.

    Every tensor that nothing reads is an output, and sometimes one that is read too.
    """
    network = _Network()
    inputs = [network.add_input(draw(shapes()), draw(quantizations()))]
    if draw(st.integers(0, 7)) == 7:
        inputs.append(network.add_input(network.shape(inputs[0]), draw(quantizations())))
    last = inputs[-1]
    for _ in range(draw(st.integers(1, max_nodes))):
        # Mostly a chain; now and then a branch from an earlier tensor.
        branch = draw(st.integers(0, 5)) == 5
        source = draw(st.sampled_from(list(network.tensors))) if branch else last
        last = _extend(draw, network, source, draw(st.sampled_from(kinds)))
    read = {name for node in network.nodes for name in node.inputs}
    outputs = [node.output for node in network.nodes if node.output not in read]
    inner = [node.output for node in network.nodes if node.output in read]
    if inner and draw(st.integers(0, 4)) == 4:
        outputs.append(draw(st.sampled_from(inner)))
    return verify(
        Graph("random", tuple(inputs), tuple(outputs), network.tensors, tuple(network.nodes))
    )


@st.composite
def mobile_networks(draw: st.DrawFn, *, least: int = 1) -> Graph:
    """A network like those people deploy, only small: a strided convolution, bottlenecks of all
    sorts with pools, tables and skips between them, often a mean and a dense layer at the end.
    `least`: rows and columns of the image, at least."""
    network = _Network()
    side = st.integers(least, 2 * MAX_SIDE)
    last = network.add_input(
        (draw(side), draw(side), draw(st.integers(1, 3))), draw(quantizations())
    )
    if draw(st.booleans()):
        last = _depthwise_or_full(draw, network, last, depthwise=False)
    for _ in range(draw(st.integers(1, 3))):
        last = _bottleneck(draw, network, last)
        if draw(st.integers(0, 3)) == 3:
            kind = draw(st.sampled_from(["max_pool", "table", "skip", "average_pool"]))
            last = _extend(draw, network, last, kind)
    outputs = []
    if draw(st.integers(0, 7)) == 7:
        outputs.append(last)
    if draw(st.booleans()):
        if draw(st.booleans()):
            last = _pointwise(draw, network, last)
        last = _extend(draw, network, last, "global")
        if draw(st.booleans()):
            last = _pointwise(draw, network, last)
    if last not in outputs:
        outputs.append(last)
    tensors, nodes = network.tensors, tuple(network.nodes)
    return verify(Graph("mobile", (next(iter(tensors)),), tuple(outputs), tensors, nodes))


def _bottleneck(draw: st.DrawFn, network: _Network, x: str) -> str:
    """Expand (or not), depthwise, project; add to `x` where shapes allow it and chance has it."""
    y = _pointwise(draw, network, x, 3 * MAX_CHANNELS) if draw(st.integers(0, 3)) else x
    y = _depthwise_or_full(draw, network, y, depthwise=True)
    same = network.shape(y)[:2] == network.shape(x)[:2] and draw(st.booleans())
    if not same:
        return _pointwise(draw, network, y)
    channels = network.shape(x)[2]
    y = _pointwise(draw, network, y, channels, channels)
    operands = (x, y) if draw(st.booleans()) else (y, x)
    return network.add(Add(draw(clamps()), draw(st.booleans())), operands, draw(quantizations()))


def _pointwise(
    draw: st.DrawFn, network: _Network, x: str, most: int = MAX_CHANNELS, least: int = 1
) -> str:
    """A 1x1 convolution to `least` .. `most` channels."""
    op = _weighted(Window((1, 1)), 1, network.shape(x)[2], draw(st.integers(least, most)))
    return network.add(draw(op), (x,), draw(quantizations()))


def _depthwise_or_full(draw: st.DrawFn, network: _Network, x: str, *, depthwise: bool) -> str:
    """A convolution of kernel 3, 5 or 7, stride 1 or 2, as deployed networks have: padded alike on
    all sides, as TensorFlow's SAME does (less before than after), or in any way that fits."""
    height, width, channels = network.shape(x)
    kernel, stride = draw(st.sampled_from([3, 3, 5, 7])), draw(st.integers(1, 2))
    sides = []
    padding = draw(st.sampled_from(["alike", "same", "any"]))
    for size in (height, width):
        before = after = kernel // 2
        if padding == "same":
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            before, after = total // 2, total - total // 2
        elif padding == "any":
            before = draw(st.integers(0, kernel - 1))
            after = draw(st.integers(max(0, kernel - size - before), kernel - 1 + kernel - before))
        sides.append((before, after))
    (top, bottom), (left, right) = sides
    window = Window((kernel, kernel), (stride, stride), (1, 1), Padding(top, left, bottom, right))
    groups, c_out = (channels, channels) if depthwise else (1, draw(st.integers(1, MAX_CHANNELS)))
    return network.add(
        draw(_weighted(window, groups, channels, c_out)), (x,), draw(quantizations())
    )


def _extend(draw: st.DrawFn, network: _Network, x: str, kind: str) -> str:
    """Put one more operator (a skip: two; a bottleneck: up to four) behind tensor `x`; the name of
    the new tensor."""
    shape, quant = network.shape(x), network.tensors[x].quant
    if kind == "bottleneck":
        return _bottleneck(draw, network, x)
    if kind == "skip":
        channels = shape[2]
        random = generator(draw)
        op = Conv(
            Window((3, 3), pads=Padding(1, 1, 1, 1)),
            channels,
            random.integers(-128, 128, (channels, 3, 3, 1)),
            random.uniform(0.005, 0.02, channels),
            random.integers(-3000, 3000, channels),
        )
        around = network.add(op, (x,), draw(quantizations()))
        operands = (x, around) if draw(st.booleans()) else (around, x)
        return network.add(
            Add(draw(clamps()), draw(st.booleans())), operands, draw(quantizations())
        )
    if kind in BINARIES:
        return _binary(draw, network, x, BINARIES[kind])
    if kind == "gate":
        return _gate(draw, network, x)
    if kind == "concat":
        return _concat(draw, network, x)
    if kind == "max_pool":
        op = MaxPool(draw(windows(*shape[:2], pooling=True)), draw(clamps()))
        return network.add(op, (x,), quant)
    if kind == "average_pool":
        return network.add(draw(average_pools(shape)), (x,), draw(quantizations()))
    if kind == "global":
        return network.add(GlobalAveragePool(draw(clamps())), (x,), draw(quantizations()))
    if kind == "upsample":
        factor = draw(st.sampled_from([(2, 2), (2, 2), (1, 3), (3, 1), (3, 2)]))
        small = shape[0] * factor[0] <= 2 * MAX_SIDE and shape[1] * factor[1] <= 2 * MAX_SIDE
        return network.add(Upsample(factor if small else (1, 1)), (x,), quant)
    if kind == "depth_to_space":
        return _depth_to_space(draw, network, x)
    if kind == "rearrange":
        return network.add(draw(rearrangements(shape)), (x,), quant)
    if kind.startswith("resize"):
        return _resize(draw, network, x, linear=kind == "resize_linear")
    if kind == "softmax":
        return _softmax(draw, network, x)
    if kind == "norm":
        return _norm(draw, network, x)
    if kind == "table":
        return network.add(draw(tables(shape[2])), (x,), draw(quantizations()))
    return network.add(draw(convolutions(shape)), (x,), draw(quantizations()))


def _resize(draw: st.DrawFn, network: _Network, x: str, *, linear: bool) -> str:
    """By whole factors or to any size, larger or smaller; of signals too."""
    shape, quant = network.shape(x), network.tensors[x].quant
    coordinates, rounding = draw(st.sampled_from(COORDINATES)), ROUNDINGS[0]
    if not linear:
        rounding = draw(st.sampled_from(ROUNDINGS))
    whole = draw(st.booleans())
    axes = []
    for size in shape[:2]:
        most = max(2 * MAX_SIDE // size, 1)
        target = size * draw(st.integers(1, min(most, 4)))
        if not whole:
            target = draw(st.integers(1, 2 * MAX_SIDE))
        scale = float(np.float32(target) / np.float32(size))
        axes.append(Scaling(size, target, scale, coordinates, rounding))
    rows, cols = axes
    if not linear:
        return network.add(ResizeNearest(rows, cols), (x,), quant)
    if rows.scale == cols.scale == 1:  # onnxruntime copies then
        cols = Scaling(cols.size, 2 * cols.size, 2.0, coordinates)
    signal = shape[0] == rows.target == 1 and draw(st.booleans())
    out = quant if draw(st.booleans()) else draw(quantizations())
    return network.add(ResizeLinear(rows, cols, signal, draw(clamps())), (x,), out)


def _softmax(draw: st.DrawFn, network: _Network, x: str) -> str:
    """Of few different values or of many, which a table makes: equal ones make ties."""
    random = generator(draw)
    few = random.integers(-128, 128, draw(st.integers(1, 256)))
    table = Lut(random.choice(few, 256), "Anything")
    scale = draw(st.floats(2**-6, 2**3, width=32))
    x = network.add(table, (x,), Quantization(scale, draw(st.integers(-128, 127))))
    scale = draw(st.sampled_from([1 / 64, 1 / 128, 0.75, float(np.float32(1 / 75.5))]))
    quant = Quantization(scale, draw(st.integers(-128, 0)))
    return network.add(Softmax(draw(clamps())), (x,), quant)


def _norm(draw: st.DrawFn, network: _Network, x: str) -> str:
    random, channels = generator(draw), network.shape(x)[2]
    if draw(st.booleans()):
        size, alpha = draw(st.integers(1, 7)), draw(st.sampled_from([1e-4, 1e-2, 1.0]))
        near = LocalResponseNormalization(size, alpha, 0.75, 1.0, draw(clamps()))
        quant = network.tensors[x].quant
        return network.add(near, (x,), replace(quant, zero_point=draw(st.integers(-128, 127))))
    op = LayerNormalization(
        random.normal(1, 0.5, channels),
        random.normal(0, 0.5, channels),
        draw(st.sampled_from([0.0, 1e-6, 1e-5, 1e-3])),
        draw(st.booleans()),
        draw(clamps()),
    )
    scale = draw(st.floats(2**-7, 2**-3, width=32))
    return network.add(op, (x,), Quantization(scale, draw(st.integers(-128, 127))))


def _depth_to_space(draw: st.DrawFn, network: _Network, x: str) -> str:
    """Behind a convolution that makes the channels; blocks of one pixel where the map is large."""
    factor = draw(st.sampled_from([(2, 2), (2, 2), (1, 3), (3, 1)]))
    height, width, _ = network.shape(x)
    if height * factor[0] > 2 * MAX_SIDE or width * factor[1] > 2 * MAX_SIDE:
        factor = (1, 1)
    channels = factor[0] * factor[1] * draw(st.integers(1, MAX_CHANNELS // 2))
    x = _pointwise(draw, network, x, channels, channels)
    op = DepthToSpace(factor, draw(st.booleans()))
    return network.add(op, (x,), network.tensors[x].quant)


BINARIES: Mapping[str, type[Binary]] = {
    "add": Add,
    "mul": Mul,
    "sub": Sub,
    "max": Max,
    "min": Min,
}


def _binary(draw: st.DrawFn, network: _Network, x: str, kind: type[Binary]) -> str:
    """`x` with a map of its shape or of one pixel, or with a constant."""
    shape = network.shape(x)
    channels = draw(st.sampled_from([1, shape[2]]))
    quant = _quant_for(draw, network, x, kind)
    clamp, unsigned = draw(clamps()), draw(st.booleans())
    if draw(st.integers(0, 3)) == 3:
        values = generator(draw).integers(-128, 128, channels)
        constant = ChannelConstant(values, draw(quantizations()))
        reverse = draw(st.booleans()) and _may_reverse(kind, shape, (1, 1, channels))
        return network.add(kind(clamp, unsigned, constant, reverse), (x,), quant)
    takes = (shape, (1, 1, shape[2]), (1, 1, 1))
    partner = draw(st.sampled_from([n for n in network.tensors if network.shape(n) in takes]))
    reverse = draw(st.booleans()) and _may_reverse(kind, shape, network.shape(partner))
    return network.add(kind(clamp, unsigned, None, reverse), (x, partner), quant)


def _may_reverse(kind: type[Binary], shape: Shape, second: Shape) -> bool:
    return kind is Sub or (kind is Add and shape == second)


def _quant_for(draw: st.DrawFn, network: _Network, x: str, kind: type[Binary]) -> Quantization:
    """Products are large: a scale in proportion."""
    quant = draw(quantizations())
    if kind is not Mul:
        return quant
    scale = np.float32(quant.scale * network.tensors[x].quant.scale * 60)
    return Quantization(float(scale), quant.zero_point)


def _gate(draw: st.DrawFn, network: _Network, x: str) -> str:
    """Squeeze and excite: the mean, two dense layers, a table, and each pixel times that."""
    channels = network.shape(x)[2]
    y = network.add(GlobalAveragePool(), (x,), draw(quantizations()))
    y = _pointwise(draw, network, _pointwise(draw, network, y), channels, channels)
    y = network.add(draw(tables(channels)), (y,), draw(quantizations()))
    op = Mul(draw(clamps()), draw(st.booleans()))
    return network.add(op, (x, y), _quant_for(draw, network, x, Mul))


def _concat(draw: st.DrawFn, network: _Network, x: str) -> str:
    """`x` and up to two maps of its size, itself among them, with constant channels anywhere. Now
    and then all share their quantisation with the output, so that bytes are copied."""
    partners = [name for name in network.tensors if network.shape(name)[:2] == network.shape(x)[:2]]
    operands = (x, *draw(st.lists(st.sampled_from(partners), max_size=2)))
    starts, channels = [], 0
    for name in operands:
        channels += draw(st.sampled_from([0, 0, 0, 1, 2]))
        starts.append(channels)
        channels += network.shape(name)[2]
    channels += draw(st.sampled_from([0, 0, 0, 3]))
    background = generator(draw).normal(0, 20, channels)
    quant = network.tensors[x].quant if draw(st.booleans()) else draw(quantizations())
    return network.add(Concat(tuple(starts), background, draw(clamps())), operands, quant)


def images(graph: Graph, seed: int = 0) -> Mapping[str, np.ndarray]:
    """Random values for every input of a Graph, int8 (h, w, c)."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(-128, 128, graph.tensors[name].shape).astype(np.int8)
        for name in graph.inputs
    }
