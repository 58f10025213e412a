"""Small networks by hand, with seeded random weights: what unit tests build their Graphs with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from math import prod

import numpy as np

from patchc.ir import (
    SUMS,
    Add,
    AveragePool,
    Concat,
    Conv,
    ConvSums,
    DepthToSpace,
    GlobalAveragePool,
    Graph,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    MatMul,
    Max,
    MaxPool,
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
from patchc.ir.graph import Shape


def small_sums() -> ConvSums:
    """Of three channels, by a window of 2 x 2."""
    return ConvSums(Window((2, 2)), 1, np.ones((4, 2, 2, 3)), np.ones(4), np.ones(4))


class NetworkBuilder:
    """Adds one node per call; every call returns the name of the tensor it made."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []

    def input(self, height: int, width: int, channels: int, name: str = "image") -> str:
        self.inputs.append(name)
        return self._tensor(name, (height, width, channels), 0.02)

    def conv(
        self,
        x: str,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        pad: int | Padding | None = None,
        depthwise: bool = False,
        name: str | None = None,
    ) -> str:
        """`pad` on every side, kernel // 2 unless given; depthwise keeps multiplier channels/c."""
        c_in = self.tensors[x].shape[2]
        pad = kernel // 2 if pad is None else pad
        pads = pad if isinstance(pad, Padding) else Padding(pad, pad, pad, pad)
        groups = c_in if depthwise else 1
        fan_in = kernel * kernel * c_in // groups
        op = Conv(
            window=Window((kernel, kernel), (stride, stride), (1, 1), pads),
            groups=groups,
            weights=self.random.integers(-127, 128, (channels, kernel, kernel, c_in // groups)),
            weight_scales=self.random.uniform(0.5, 1.5, channels) / (64 * fan_in**0.5),
            bias=self.random.integers(-500, 500, channels),
        )
        return self._node(op, (x,), name, float(self.random.uniform(0.01, 0.03)))

    def sums(self, x: str, channels: int, kernel: int = 1, name: str | None = None) -> str:
        """The int32 sums of a convolution, as bytes."""
        c_in, pad = self.tensors[x].shape[2], kernel // 2
        op = ConvSums(
            window=Window((kernel, kernel), pads=Padding(pad, pad, pad, pad)),
            groups=1,
            weights=self.random.integers(-127, 128, (channels, kernel, kernel, c_in)),
            weight_scales=self.random.uniform(0.005, 0.015, channels),
            bias=self.random.integers(-500, 500, channels),
        )
        return self._node(op, (x,), name, SUMS.scale, SUMS.zero_point)

    def depthwise(self, x: str, kernel: int = 3, stride: int = 1, name: str | None = None) -> str:
        return self.conv(x, self.tensors[x].shape[2], kernel, stride, depthwise=True, name=name)

    def dense(self, x: str, channels: int, name: str | None = None) -> str:
        """A dense layer over the whole map (square maps only)."""
        return self.conv(x, channels, self.tensors[x].shape[0], pad=0, name=name)

    def add(self, a: str, b: str, name: str | None = None) -> str:
        return self._node(Add(), (a, b), name, 0.03)

    def sub(self, a: str, b: str, name: str | None = None) -> str:
        return self._node(Sub(), (a, b), name, 0.03)

    def mul(self, a: str, b: str, name: str | None = None) -> str:
        return self._node(Mul(), (a, b), name, 0.03)

    def maximum(self, a: str, b: str, name: str | None = None) -> str:
        return self._node(Max(), (a, b), name, 0.03)

    def maxout(self, x: str, channels: int, kernel: int = 3, name: str | None = None) -> str:
        """The larger of the two halves of a convolution's channels, as in LightCNN."""
        x = self.conv(x, 2 * channels, kernel)
        halves = range(channels), range(channels, 2 * channels)
        first, second = (self.rearrange(x, Window((1, 1)), half) for half in halves)
        return self.maximum(first, second, name)

    def concat(self, *parts: str | int, name: str | None = None) -> str:
        """Maps, and numbers of constant channels between them."""
        starts, background = [], np.zeros(0)
        for part in parts:
            constant = isinstance(part, int)
            count = part if isinstance(part, int) else self.tensors[part].shape[2]
            starts += [] if constant else [len(background)]
            background = np.append(background, self.random.normal(0, 1, count))
        maps = tuple(part for part in parts if isinstance(part, str))
        return self._node(Concat(tuple(starts), background), maps, name, 0.03)

    def gate(self, x: str, reduced: int, name: str | None = None) -> str:
        """Squeeze and excite: every channel times a function of all channels' means."""
        channels = self.tensors[x].shape[2]
        y = self.conv(self.relu(self.conv(self.mean(x), reduced)), channels)
        table = np.clip(np.arange(-128, 128) // 2, -40, 50)
        y = self._node(Lut(table, "HardSigmoid"), (y,), None, 0.01)
        return self.mul(x, y, name)

    def max_pool(
        self, x: str, kernel: int = 2, stride: int = 2, name: str | None = None, pad: int = 0
    ) -> str:
        pads = Padding(pad, pad, pad, pad)
        op = MaxPool(Window((kernel, kernel), (stride, stride), (1, 1), pads))
        quant = self.tensors[x].quant
        return self._node(op, (x,), name, quant.scale, quant.zero_point)

    def global_max(self, x: str, name: str | None = None) -> str:
        """Along the columns, then along the rows, as the importer has it."""
        height, width, _ = self.tensors[x].shape
        quant = self.tensors[x].quant
        for kernel in ((1, width), (height, 1)):
            op = MaxPool(Window(kernel))
            x = self._node(op, (x,), name if kernel[1] == 1 else None, *astuple(quant))
        return x

    def average_pool(
        self, x: str, kernel: int = 3, stride: int = 1, pad: int = 0, name: str | None = None
    ) -> str:
        """With the quantisation of its input."""
        pads = Padding(pad, pad, pad, pad)
        op = AveragePool(Window((kernel, kernel), (stride, stride), (1, 1), pads))
        return self._node(op, (x,), name, *astuple(self.tensors[x].quant))

    def mean(self, x: str, name: str | None = None, rescaled: bool = True) -> str:
        """`rescaled`: not with the quantisation of its input."""
        quant = (0.02,) if rescaled else astuple(self.tensors[x].quant)
        return self._node(GlobalAveragePool(), (x,), name, *quant)

    def upsample(self, x: str, rows: int = 2, cols: int = 2, name: str | None = None) -> str:
        quant = self.tensors[x].quant
        return self._node(Upsample((rows, cols)), (x,), name, quant.scale, quant.zero_point)

    def resize_linear(
        self, x: str, rows: int, cols: int, coordinates: str = "half_pixel", name: str | None = None
    ) -> str:
        """To rows x cols pixels."""
        quant = self.tensors[x].quant
        op = ResizeLinear(*self._scalings(x, (rows, cols), coordinates))
        return self._node(op, (x,), name, quant.scale, quant.zero_point)

    def resize_nearest(
        self, x: str, rows: int, cols: int, coordinates: str = "half_pixel", name: str | None = None
    ) -> str:
        """To rows x cols pixels."""
        quant = self.tensors[x].quant
        op = ResizeNearest(*self._scalings(x, (rows, cols), coordinates))
        return self._node(op, (x,), name, quant.scale, quant.zero_point)

    def _scalings(
        self, x: str, targets: tuple[int, int], coordinates: str
    ) -> tuple[Scaling, Scaling]:
        rows, cols = (
            Scaling(size, target, float(np.float32(target) / np.float32(size)), coordinates)
            for size, target in zip(self.tensors[x].shape[:2], targets, strict=True)
        )
        return rows, cols

    def depth_to_space(self, x: str, block: int = 2, name: str | None = None) -> str:
        quant = self.tensors[x].quant
        op = DepthToSpace((block, block))
        return self._node(op, (x,), name, quant.scale, quant.zero_point)

    def space_to_depth(self, x: str, block: int = 2, name: str | None = None) -> str:
        window = Window((block, block), (block, block))
        return self.rearrange(x, window, range(block**2 * self.tensors[x].shape[2]), name)

    def rearrange(
        self, x: str, window: Window, source: Iterable[int], name: str | None = None
    ) -> str:
        """Channels from the taps of a window, whose pads are crops."""
        quant = self.tensors[x].quant
        op = Rearrange(window, np.array(list(source)))
        return self._node(op, (x,), name, quant.scale, quant.zero_point)

    def permute(
        self, x: str, parts: Sequence[int], axes: Sequence[Sequence[int]], name: str | None = None
    ) -> str:
        """The values of a map in NHWC order as an array of shape `parts`, of which rows, columns
        and channels of the result are some dimensions each."""
        steps = [prod(parts[i + 1 :]) for i in range(len(parts))]
        digits = [tuple((parts[i], steps[i]) for i in axis if parts[i] > 1) for axis in axes]
        quant = self.tensors[x].quant
        return self._node(Permute(*digits), (x,), name, quant.scale, quant.zero_point)

    def matmul(self, a: str, b: str, *, transposed: bool = False, name: str | None = None) -> str:
        """Each row of `a` times the matrix that the row of `b` is."""
        depth = self.tensors[a].shape[2]
        return self._node(MatMul(transposed), (a, b), name, 0.01 * depth**0.5)

    def softmax(self, x: str, name: str | None = None) -> str:
        """Over the channels."""
        return self._node(Softmax(), (x,), name, 1 / 256, -128)

    def attention(self, x: str, heads: int, depth: int) -> str:
        """Self-attention over all pixels of a map, with its skip."""
        height, width, channels = self.tensors[x].shape
        pixels = height * width
        q, k, v = (
            self.permute(self.conv(x, heads * depth), (pixels, heads, depth), ((1,), (0,), (2,)))
            for _ in range(3)
        )
        mixed = self.matmul(self.softmax(self.matmul(q, k, transposed=True)), v)
        joined = self.permute(mixed, (heads, height, width, depth), ((1,), (2,), (0, 3)))
        return self.add(x, self.conv(joined, channels))

    def relu(self, x: str, name: str | None = None) -> str:
        """A table that clips at the zero point."""
        quant = self.tensors[x].quant
        table = np.maximum(np.arange(-128, 128), quant.zero_point)
        return self._node(Lut(table, "Relu"), (x,), name, quant.scale, quant.zero_point)

    def normalize(self, x: str, name: str | None = None) -> str:
        """Over the channels, with random factors and biases."""
        channels = self.tensors[x].shape[2]
        factors = self.random.normal(1, 0.3, channels)
        op = LayerNormalization(factors, self.random.normal(0, 0.3, channels), 1e-5)
        return self._node(op, (x,), name, 0.03)

    def respond(self, x: str, size: int = 5, name: str | None = None) -> str:
        """Normalised over so many neighbouring channels."""
        quant = self.tensors[x].quant
        op = LocalResponseNormalization(size, 1.0, 0.75, 1.0)
        return self._node(op, (x,), name, quant.scale, quant.zero_point)

    def hard_swish(self, x: str, name: str | None = None) -> str:
        """A table of x * clip(x / 6 + 0.5, 0, 1), with its range as the output's."""
        quant = self.tensors[x].quant
        values = (np.arange(-128, 128) - quant.zero_point) * quant.scale
        values = values * np.clip(values / 6 + 0.5, 0, 1)
        scale = float(max(values.max() - values.min(), 0.1) / 255)
        zero_point = round(-128 - values.min() / scale)
        entries = np.clip(np.rint(values / scale) + zero_point, -128, 127)
        return self._node(Lut(entries, "HardSwish"), (x,), name, scale, zero_point)

    def prelu(self, x: str, name: str | None = None) -> str:
        """A table per channel, whose slopes run from 0 to 1."""
        quant, channels = self.tensors[x].quant, self.tensors[x].shape[2]
        values = np.arange(-128, 128) - quant.zero_point
        slopes = np.linspace(0, 1, channels)[:, None]
        tables = np.rint(np.where(values < 0, values * slopes, values)) + quant.zero_point
        return self._node(Lut(tables, "PRelu"), (x,), name, quant.scale, quant.zero_point)

    def bottleneck(self, x: str, channels: int, expansion: int, kernel: int, stride: int) -> str:
        """MobileNetV2's inverted residual, with its skip where shapes allow one."""
        c_in = self.tensors[x].shape[2]
        y = self.conv(x, c_in * expansion) if expansion > 1 else x
        y = self.conv(self.depthwise(y, kernel, stride), channels)
        return self.add(x, y) if stride == 1 and channels == c_in else y

    def build(self, *outputs: str, name: str = "net") -> Graph:
        tensors = dict(self.tensors)
        return verify(Graph(name, tuple(self.inputs), outputs, tensors, tuple(self.nodes)))

    def image(self, graph: Graph) -> dict[str, np.ndarray]:
        """Random values for every input."""
        return {
            name: self.random.integers(-128, 128, graph.tensors[name].shape).astype(np.int8)
            for name in graph.inputs
        }

    def _node(
        self,
        op: Op,
        inputs: tuple[str, ...],
        name: str | None,
        scale: float,
        zero_point: int | None = None,
    ) -> str:
        name = name or f"{op.kind.lower()}{len(self.nodes)}"
        shape = output_shape(op, *(self.tensors[x].shape for x in inputs))
        self._tensor(name, shape, scale, zero_point)
        self.nodes.append(Node(f"{name}.node", op, inputs, name))
        return name

    def _tensor(self, name: str, shape: Shape, scale: float, zero_point: int | None = None) -> str:
        if zero_point is None:
            zero_point = int(self.random.integers(-20, 20))
        quant = Quantization(float(np.float32(scale)), zero_point)
        self.tensors[name] = Tensor(name, shape, quant)
        return name
