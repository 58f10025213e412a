"""Single nodes with random constants: hypothesis chooses the geometry, a seed the values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from patchc.ir import (
    RESIZES,
    SUMS,
    Add,
    AveragePool,
    Binary,
    ChannelConstant,
    Clamp,
    Concat,
    Conv,
    ConvSums,
    DepthToSpace,
    Extremum,
    GlobalAveragePool,
    Graph,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    MatMul,
    Max,
    MaxPool,
    Min,
    Mul,
    Node,
    Op,
    Padding,
    Permute,
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
from patchc.ir.resize import COORDINATES
from patchc.kernels.kernel import site_of
from patchc.kernels.registry import KERNELS
from tests.c.kernel_host import Call, Layout
from tests.plans import chosen, kernel_params

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """A graph of one node, and inputs for it."""

    graph: Graph
    inputs: tuple[np.ndarray, ...]

    @property
    def node(self) -> Node:
        return self.graph.nodes[0]

    @property
    def kernels(self) -> list[str]:
        """The kernel chosen, and those that take the same constants."""
        first, site = KERNELS[chosen(self.graph, self.node)], site_of(self.graph, self.node)
        same = (k for k in KERNELS.values() if k.pack is first.pack and k.role is first.role)
        return [kernel.name for kernel in same if kernel.refusal(site) is None]

    def call(self, kernel: str | None = None) -> Call:
        """The whole map in one call, by the kernel chosen or by the one given."""
        kernel = kernel or chosen(self.graph, self.node)
        return Call(
            kernel,
            kernel_params(self.graph, self.node, kernel),
            self._views,
            self.graph.tensors[self.node.output].shape,
            window_of(self).pads,
        )

    @property
    def _views(self) -> tuple[np.ndarray, ...]:
        """The inputs, of a Resize from the first position to the last that it reads."""
        op = self.node.op
        if not isinstance(op, RESIZES):
            return self.inputs
        rows, cols = (slice(at.first[0], at.second[-1] + 1) for at in op.between)
        return (self.inputs[0][rows, cols],)


def resized_part(case: Case, row: int, row_end: int, col: int, col_end: int) -> Call:
    """Rows row .. row_end - 1 and columns col .. col_end - 1 of a Resize, from what they read."""
    op, call = case.node.op, case.call()
    assert isinstance(op, RESIZES)
    own = (slice(row, row_end), slice(col, col_end))
    rows, cols = (
        slice(at.first[out][0], at.second[out][-1] + 1)
        for at, out in zip(op.between, own, strict=True)
    )
    height, width, channels = call.out_shape
    return Call(
        call.kernel,
        call.params,
        (case.inputs[0][rows, cols],),
        (row_end - row, col_end - col, channels),
        Padding(-row, -col, row_end - height, col_end - width),
    )


def window_of(case: Case) -> Window:
    return getattr(case.node.op, "window", Window((1, 1)))


def quantization(random: np.random.Generator, scale: float | None = None) -> Quantization:
    if scale is None:
        scale = np.exp(random.uniform(-8, 1))
    edge = random.random() < 0.2
    zero_point = random.choice([-128, 0, 127]) if edge else random.integers(-128, 128)
    return Quantization(float(np.float32(scale)), int(zero_point))


def make(op: Op, shapes: list[Shape], quants: list[Quantization], seed: int) -> Case:
    """`quants`: of the inputs, then of the output."""
    random = np.random.default_rng(seed)
    tensors = [Tensor(f"x{i}", shape, quants[i]) for i, shape in enumerate(shapes)]
    tensors.append(Tensor("y", output_shape(op, *shapes), quants[-1]))
    names = tuple(tensor.name for tensor in tensors[:-1])
    graph = Graph("case", names, ("y",), {t.name: t for t in tensors}, (Node("n", op, names, "y"),))
    # Mostly any byte; now and then extremes only, for the largest sums.
    values = [-128, 127] if random.random() < 0.2 else np.arange(-128, 128)
    inputs = tuple(random.choice(values, shape).astype(np.int8) for shape in shapes)
    return Case(verify(graph), inputs)


def conv_case(
    window: Window, groups: int, depth: int, per_group: int, size: tuple[int, int], seed: int
) -> Case:
    """A convolution whose outputs fill int8 and go somewhat beyond. One in five has biases near
    the ends of int32, where the sum wraps, or sums beyond 2^24."""
    random = np.random.default_rng(seed)
    c_out = groups * per_group
    weights = random.integers(-128, 128, (c_out, *window.kernel, depth))
    x = quantization(random)
    spread = 128 * 74 * np.sqrt(weights[0].size)
    bias = random.integers(-int(spread), int(spread) + 1, c_out)
    if random.random() < 0.2:
        spread = 2.0 ** random.uniform(24, 31)
        bias = random.choice([-1, 1], c_out) * random.integers(spread / 2, spread, c_out)
        bias[random.random(c_out) < 0.3] = random.choice([-(2**31), 2**31 - 1])
    weight_scales = np.exp(random.uniform(-1, 1, c_out)) * 0.01
    out_scale = x.scale * 0.01 * spread / 128 * np.exp(random.uniform(-1, 1))
    op = Conv(window, groups, weights, weight_scales, bias, clamp(random))
    shape = (*size, groups * depth)
    return make(op, [shape], [x, quantization(random, out_scale)], seed)


def sums_case(
    window: Window, groups: int, depth: int, per_group: int, size: tuple[int, int], seed: int
) -> Case:
    """The sums of such a convolution. Some wrap."""
    random = np.random.default_rng(seed)
    c_out = groups * per_group
    weights = random.integers(-128, 128, (c_out, *window.kernel, depth))
    bias = random.integers(-(2**31), 2**31, c_out)
    op = ConvSums(window, groups, weights, np.full(c_out, 0.01), bias)
    return make(op, [(*size, groups * depth)], [quantization(random), SUMS], seed)


def clamp(random: np.random.Generator) -> Clamp:
    lo, hi = np.sort(random.integers(-128, 128, 2))
    return Clamp(int(lo), int(hi)) if random.random() < 0.3 else Clamp()


SECONDS = ("map", "channels", "scalar", "constants", "constant")


def binary_case(kind: type[Binary], second: str, shape: Shape, seed: int) -> Case:
    """Add, Mul, Sub, Max or Min of a map and `second`: a map of its shape, of one pixel with as
    many channels or one, or a constant per channel or for all."""
    random = np.random.default_rng(seed)
    a, b = quantization(random), quantization(random)
    spread = a.scale * b.scale * 100 if kind is Mul else a.scale + b.scale
    out = quantization(random, spread * np.exp(random.uniform(-1, 1)))
    if issubclass(kind, Extremum):  # some or all alike: tables that are shared, or none
        b, out = a if random.random() < 0.5 else b, a if random.random() < 0.3 else out
    count = 1 if second in ("scalar", "constant") else shape[2]
    small = (1, 1, count)
    reverse = bool(random.integers(2)) and (kind is Sub or (kind is Add and small == shape))
    constant = None
    if second.startswith("constant"):
        constant = ChannelConstant(random.integers(-128, 128, count), b)
    op = kind(clamp(random), bool(random.integers(2)), constant, reverse)
    if constant is not None:
        return make(op, [shape], [a, out], seed)
    return make(op, [shape, shape if second == "map" else small], [a, b, out], seed)


def concat_case(
    widths: list[int], gaps: list[int], size: tuple[int, int], seed: int, *, alike: bool
) -> Case:
    """Maps of `widths` channels, `gaps` constant ones before each and behind the last. `alike`: all
    have the output's quantisation."""
    random = np.random.default_rng(seed)
    out = quantization(random)
    quants = [out if alike else quantization(random) for _ in widths]
    spaces = [gaps[i % len(gaps)] for i in range(len(widths) + 1)]
    starts = [sum(spaces[: i + 1]) + sum(widths[:i]) for i in range(len(widths))]
    background = random.normal(0, 100 * out.scale, sum(spaces) + sum(widths))
    op = Concat(tuple(starts), background, clamp(random))
    return make(op, [(*size, width) for width in widths], [*quants, out], seed)


def max_pool_case(window: Window, shape: Shape, seed: int) -> Case:
    random = np.random.default_rng(seed)
    x = quantization(random)
    return make(MaxPool(window, clamp(random)), [shape], [x, x], seed)


def average_pool_case(window: Window, shape: Shape, seed: int) -> Case:
    """Every window meets the map: pads are smaller than the window."""
    random = np.random.default_rng(seed)
    x = quantization(random)
    y = quantization(random, x.scale * np.exp(random.uniform(-1.5, 0.5)))
    include_pad, unsigned = (bool(random.integers(2)) for _ in range(2))
    op = AveragePool(window, include_pad, clamp(random), unsigned)
    return make(op, [shape], [x, y], seed)


def global_pool_case(shape: Shape, seed: int) -> Case:
    random = np.random.default_rng(seed)
    x = quantization(random)
    y = quantization(random, x.scale * np.exp(random.uniform(-3, 0.5)))
    return make(GlobalAveragePool(clamp(random)), [shape], [x, y], seed)


def upsample_case(factor: tuple[int, int], shape: Shape, seed: int) -> Case:
    x = quantization(np.random.default_rng(seed))
    return make(Upsample(factor), [shape], [x, x], seed)


def _scalings(
    size: tuple[int, int], target: tuple[int, int], coordinates: str
) -> tuple[Scaling, Scaling]:
    rows, cols = (
        Scaling(n, m, float(np.float32(m) / np.float32(n)), coordinates)
        for n, m in zip(size, target, strict=True)
    )
    return rows, cols


def resize_nearest_case(
    target: tuple[int, int], shape: Shape, seed: int, coordinates: str = "half_pixel"
) -> Case:
    x = quantization(np.random.default_rng(seed))
    return make(ResizeNearest(*_scalings(shape[:2], target, coordinates)), [shape], [x, x], seed)


def resize_linear_case(
    target: tuple[int, int], shape: Shape, seed: int, coordinates: str = "half_pixel"
) -> Case:
    """To another size. Half of them leave scale and zero point as they are, which makes ties; of
    one row, half are signals."""
    random = np.random.default_rng(seed)
    if target == shape[:2]:
        target = target[0], target[1] + 1
    x = quantization(random)
    y = x if random.random() < 0.5 else quantization(random, x.scale * np.exp(random.normal()))
    signal = shape[0] == target[0] == 1 and random.random() < 0.5
    scalings = _scalings(shape[:2], target, coordinates)
    return make(ResizeLinear(*scalings, signal, clamp(random)), [shape], [x, y], seed)


def depth_to_space_case(
    factor: tuple[int, int], shape: Shape, seed: int, *, interleaved: bool
) -> Case:
    """`shape`: channels as they will be."""
    x = quantization(np.random.default_rng(seed))
    shape = (*shape[:2], shape[2] * factor[0] * factor[1])
    return make(DepthToSpace(factor, interleaved), [shape], [x, x], seed)


def rearrange_case(window: Window, shape: Shape, count: int, seed: int) -> Case:
    """`count` channels from anywhere in the window, in runs of about three."""
    random = np.random.default_rng(seed)
    x = quantization(random)
    values = window.kernel[0] * window.kernel[1] * shape[2]
    runs = [np.arange(first, first + 3) for first in random.integers(0, values, count)]
    source = np.concatenate(runs)[:count] % values
    return make(Rearrange(window, source), [shape], [x, x], seed)


def softmax_case(shape: Shape, seed: int) -> Case:
    """Mostly with the output that every quantiser gives it: 0 to 255/256."""
    random = np.random.default_rng(seed)
    x = quantization(random, 2 ** random.uniform(-8, 4))
    steps = 100 if shape[2] == 1 else 256
    y = Quantization(1 / 256, -128) if steps == 256 else quantization(random, 1 / steps)
    if random.random() < 0.3:
        y = quantization(random, 2 ** random.uniform(-6, 1))
    return make(Softmax(clamp(random)), [shape], [x, y], seed)


def layer_norm_case(shape: Shape, seed: int) -> Case:
    """With and without the mean; one pixel in three holds nearly one value, whose variance is
    next to nothing."""
    random = np.random.default_rng(seed)
    x, y = quantization(random, 2 ** random.uniform(-10, 0)), quantization(random, 0.03)
    op = LayerNormalization(
        random.normal(1, 0.5, shape[2]),
        random.normal(0, 0.5, shape[2]),
        random.choice([0.0, 1e-6, 1e-5, 1e-3]),
        bool(random.integers(2)),
        clamp(random),
    )
    case = make(op, [shape], [x, y], seed)
    flat = random.integers(-128, 127, (*shape[:2], 1)) + (random.random(shape) < 0.1)
    kept = random.random((*shape[:2], 1)) < 2 / 3
    return replace(case, inputs=(np.where(kept, case.inputs[0], flat).astype(np.int8),))


def local_response_case(shape: Shape, seed: int) -> Case:
    """The parameters of the networks that have it, and stronger ones."""
    random = np.random.default_rng(seed)
    size, alpha = int(random.integers(1, 8)), 10.0 ** random.uniform(-4, 0)
    op = LocalResponseNormalization(
        size, alpha, random.choice([0.5, 0.75, 1.0]), random.uniform(1, 2), clamp(random)
    )
    x = quantization(random, 2 ** random.uniform(-8, 0))
    return make(op, [shape], [x, quantization(random, x.scale * random.uniform(0.2, 1))], seed)


def permute_case(shape: Shape, seed: int) -> Case:
    """Any order of the axes, or of the halves of an even one, as rows, columns and channels."""
    random = np.random.default_rng(seed)
    parts = []
    for size in shape:
        parts += [2, size // 2] if size % 2 == 0 and random.random() < 0.5 else [size]
    steps = np.cumprod([1, *parts[::-1]])[-2::-1].tolist()
    order = random.permutation(len(parts))
    cuts = np.sort(random.integers(0, len(parts) + 1, 2))
    digits = (
        tuple((parts[i], steps[i]) for i in group if parts[i] > 1)
        for group in np.split(order, cuts)
    )
    return make(Permute(*digits), [shape], [quantization(random)] * 2, seed)


def matmul_case(shape: Shape, outputs: int, seed: int, *, transposed: bool, one: bool) -> Case:
    """`one`: matrix for all rows. Outputs fill int8 and go somewhat beyond."""
    random = np.random.default_rng(seed)
    rows, _, depth = shape
    matrix = (outputs, depth) if transposed else (depth, outputs)
    a, b = quantization(random), quantization(random)
    spread = a.scale * b.scale * 74 * 74 * depth**0.5
    y = quantization(random, spread / random.uniform(30, 100))
    op = MatMul(transposed, clamp(random))
    return make(op, [shape, (1 if one else rows, *matrix)], [a, b, y], seed)


def lut_case(shape: Shape, seed: int) -> Case:
    random = np.random.default_rng(seed)
    table = random.integers(-128, 128, 256)
    return make(Lut(table, "Random"), [shape], [quantization(random)] * 2, seed)


def lut_channels_case(shape: Shape, seed: int) -> Case:
    random = np.random.default_rng(seed)
    tables = random.integers(-128, 128, (shape[2], 256))
    return make(Lut(tables, "Random"), [shape], [quantization(random)] * 2, seed)


seeds = st.integers(0, 2**32 - 1)
channels = st.integers(1, 9)


def pairs(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def windows(draw: st.DrawFn, most_pad: int = 3, pads_below_kernel: bool = False) -> Window:
    kernel, dilation = draw(pairs(1, 4)), draw(pairs(1, 2))
    sides = []
    for axis in (0, 1, 0, 1):
        limit = min(most_pad, kernel[axis] - 1) if pads_below_kernel else most_pad
        sides.append(draw(st.integers(0, limit)))
    if pads_below_kernel:
        dilation = (1, 1)
    return Window(kernel, draw(pairs(1, 3)), dilation, Padding(*sides))


@st.composite
def sizes(draw: st.DrawFn, window: Window) -> tuple[int, int]:
    """Rows and columns of a map that the window fits, its pads included."""
    (eh, ew), pads = window.extent, window.pads
    rows = draw(st.integers(max(1, eh - pads.top - pads.bottom), eh + 5))
    cols = draw(st.integers(max(1, ew - pads.left - pads.right), ew + 5))
    return rows, cols


@st.composite
def sums(draw: st.DrawFn) -> Case:
    """Any geometry."""
    window, groups = draw(windows()), draw(st.integers(1, 3))
    counts = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    return sums_case(window, groups, *counts, draw(sizes(window)), draw(seeds))


@st.composite
def convolutions(draw: st.DrawFn) -> Case:
    """Any of the four kernels, as chosen takes them."""
    kind = draw(st.sampled_from(["any", "pointwise", "depthwise", "dense"]))
    window = Window((1, 1)) if kind == "pointwise" else draw(windows())
    if kind == "dense":
        window = Window(window.kernel)
    size = window.kernel if kind == "dense" else draw(sizes(window))
    groups = draw(st.integers(1, 3)) if kind == "any" else 1
    depth = draw(st.integers(1, 6))
    if kind == "depthwise":
        groups, depth = draw(st.integers(2, 11)), 1
    per_group = draw(st.integers(1, 3 if kind == "depthwise" else 9))
    return conv_case(window, groups, depth, per_group, size, draw(seeds))


@st.composite
def max_pools(draw: st.DrawFn) -> Case:
    window = draw(windows())
    return max_pool_case(window, (*draw(sizes(window)), draw(channels)), draw(seeds))


@st.composite
def average_pools(draw: st.DrawFn) -> Case:
    window = draw(windows(pads_below_kernel=True))
    rows, cols = draw(sizes(window))
    # Any window of these reaches the map.
    shape = (max(rows, window.kernel[0]), max(cols, window.kernel[1]), draw(channels))
    return average_pool_case(window, shape, draw(seeds))


@st.composite
def rearrangements(draw: st.DrawFn) -> Case:
    """Any window and crop."""
    window = draw(windows(most_pad=0))
    crops = [-draw(st.integers(0, 2)) for _ in range(4)]
    window = Window(window.kernel, window.stride, window.dilation, Padding(*crops))
    shape = (*draw(sizes(window)), draw(channels))
    return rearrange_case(window, shape, draw(st.integers(1, 12)), draw(seeds))


def element_shapes() -> st.SearchStrategy[Shape]:
    return st.tuples(st.integers(1, 5), st.integers(1, 5), channels)


binaries = st.builds(
    binary_case,
    st.sampled_from([Add, Mul, Sub, Max, Min]),
    st.sampled_from(SECONDS),
    element_shapes(),
    seeds,
)
concats = st.builds(
    concat_case,
    st.lists(channels, min_size=1, max_size=4),
    st.lists(st.integers(0, 2), min_size=1, max_size=3),
    pairs(1, 5),
    seeds,
    alike=st.booleans(),
)
luts = st.builds(lut_case, element_shapes(), seeds)
channel_luts = st.builds(lut_channels_case, element_shapes(), seeds)

factors = st.tuples(st.integers(1, 4), st.integers(1, 4))
upsamples = st.builds(upsample_case, factors, element_shapes(), seeds)
depths_to_space = st.builds(
    depth_to_space_case, factors, element_shapes(), seeds, interleaved=st.booleans()
)
global_pools = st.builds(global_pool_case, element_shapes(), seeds)
windowed = st.one_of(convolutions(), sums(), max_pools(), average_pools(), rearrangements())
coordinates = st.sampled_from(COORDINATES)
resizes_nearest = st.builds(resize_nearest_case, pairs(1, 12), element_shapes(), seeds, coordinates)
resizes_linear = st.builds(resize_linear_case, pairs(1, 12), element_shapes(), seeds, coordinates)
softmaxes = st.builds(softmax_case, element_shapes(), seeds)
normalizations = st.one_of(
    st.builds(case, element_shapes(), seeds) for case in (layer_norm_case, local_response_case)
)
permutations = st.builds(permute_case, element_shapes(), seeds)
matmuls = st.builds(
    matmul_case,
    element_shapes(),
    channels,
    seeds,
    transposed=st.booleans(),
    one=st.booleans(),
)
copies = st.one_of(upsamples, depths_to_space, rearrangements(), resizes_nearest, permutations)
resizes = st.one_of(resizes_nearest, resizes_linear)
cases = st.one_of(
    *(windowed, convolutions(), binaries, concats, luts, channel_luts, global_pools, copies),
    *(softmaxes, normalizations, resizes_linear, matmuls),
)

layouts = st.builds(Layout, st.integers(0, 3), st.integers(0, 7), st.integers(0, 5))
