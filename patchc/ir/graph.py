"""Graph, Node, Tensor, Quantization: the network as the compiler sees it.

Everything here is frozen. Tensors are maps of shape (height, width, channels), batch 1, int8, in
NHWC order; a vector is a map of 1 x 1 pixels, a 1-D signal a map of height 1. Operators carry their
constants; an operator has any number of inputs and exactly one output, and the output tensor is
what a node is known by.

Adding an operator: one dataclass here, one shape rule (and a MAC rule) in `rules.py`, one check in
`verifier.py`; docs/add-an-operator.md lists the other places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from types import MappingProxyType

import numpy as np

from patchc.choices import Rounding
from patchc.ir.resize import Between, Scaling, between, nearest

Shape = tuple[int, int, int]  # height, width, channels

INT8_MIN, INT8_MAX = -128, 127


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = scale * (q - zero_point), with q an int8."""

    scale: float  # exactly representable as float32, > 0
    zero_point: int  # int8; a uint8 model's zero point minus 128


@dataclass(frozen=True, slots=True)
class Tensor:
    """A map of int8, known by its name."""

    name: str  # the name in the ONNX file where there is one
    shape: Shape
    quant: Quantization

    @property
    def bytes(self) -> int:
        h, w, c = self.shape
        return h * w * c


@dataclass(frozen=True, slots=True)
class Padding:
    """Rows and columns of padding on the four sides of a map."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """The geometry of a sliding window. Pairs are (rows, columns)."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Padding = Padding()

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns from the first tap to the last, both included."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1


ONE_BY_ONE = Window(kernel=(1, 1))


@dataclass(frozen=True, slots=True)
class Clamp:
    """The range of quantised values that an output may take, both ends included."""

    lo: int = INT8_MIN
    hi: int = INT8_MAX

    def intersect(self, other: Clamp) -> Clamp:
        return Clamp(max(self.lo, other.lo), min(self.hi, other.hi))


FULL_RANGE = Clamp()


def frozen_array(values: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    """A read-only, C-contiguous copy of `values` as `dtype`."""
    array = np.array(values, dtype=dtype, order="C", copy=True)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """Base of the operators. Those with arrays are equal to nothing but themselves."""

    @property
    def kind(self) -> str:
        """The operator's name, as printed in dumps and reports."""
        return type(self).__name__


@dataclass(frozen=True, slots=True, eq=False)
class Conv(Op):
    """Convolution, bias, requantisation. Regular, grouped, depthwise and dense are all this.

    A dense layer over an (h, w, c) map is a Conv whose kernel is the whole map: (h, w), no pads.
    """

    window: Window
    groups: int
    weights: np.ndarray  # int8 (c_out, kernel_h, kernel_w, c_in / groups), symmetric
    weight_scales: np.ndarray  # float32 (c_out,), one per output channel
    bias: np.ndarray  # int32 (c_out,), at scale input.scale * weight_scales[c]; the add wraps
    clamp: Clamp = FULL_RANGE
    # Requantised as CMSIS-NN does it, not as onnxruntime; so in all operators that have this.
    library: Rounding | None = None

    def __post_init__(self) -> None:
        _freeze_constants(self)

    @property
    def channels_out(self) -> int:
        return int(self.weights.shape[0])

    @property
    def channels_in(self) -> int:
        return int(self.weights.shape[3]) * self.groups

    @property
    def is_depthwise(self) -> bool:
        """One input channel per group (any multiplier)."""
        return self.groups > 1 and self.weights.shape[3] == 1

    @property
    def is_pointwise(self) -> bool:
        """1x1, stride 1, one group, no pads: a matrix product per pixel."""
        return self.groups == 1 and self.window == ONE_BY_ONE


def _freeze_constants(op: Conv | ConvSums) -> None:
    for name, dtype in (("weights", np.int8), ("weight_scales", np.float32), ("bias", np.int32)):
        object.__setattr__(op, name, frozen_array(getattr(op, name), dtype))


SUM_BYTES = 4  # of an int32


@dataclass(frozen=True, slots=True, eq=False)
class ConvSums(Op):
    """Convolution and bias without requantisation: the int32 sums themselves.

    Its output has SUM_BYTES channels for each one of the convolution, the bytes of a sum from the
    lowest on. So it is a map of int8 like any other; its scale is 1, its zero point 0.
    """

    window: Window
    groups: int
    weights: np.ndarray  # as of a Conv
    weight_scales: np.ndarray  # float32 (c_out,): a sum is worth input.scale * weight_scales[c]
    bias: np.ndarray  # int32 (c_out,); the add wraps

    def __post_init__(self) -> None:
        _freeze_constants(self)

    @property
    def channels_out(self) -> int:
        """Sums per pixel."""
        return int(self.weights.shape[0])

    def scales(self, source: Quantization) -> np.ndarray:
        """float32 (c_out,): what a step of each sum is worth."""
        found: np.ndarray = np.float32(source.scale) * self.weight_scales
        return found


SUMS = Quantization(1.0, 0)  # of what it writes


@dataclass(frozen=True, slots=True, eq=False)
class ChannelConstant:
    """A constant operand that is the same at every pixel."""

    values: np.ndarray  # int8 (channels,), or (1,) for all channels
    quant: Quantization

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen_array(self.values, np.int8))


@dataclass(frozen=True, slots=True)
class Binary(Op):
    """Element-wise operator of two operands.

    The first input has the output's shape. The second has it too, or is a map of one pixel that
    meets every pixel, with all channels or one that meets every channel; or there is none, and
    `constant` is in its place.
    """

    clamp: Clamp = FULL_RANGE
    # The file computes it on uint8. Zero points, then + 128, enter the rounding (not in Sub).
    unsigned: bool = False
    constant: ChannelConstant | None = None
    reverse: bool = False  # in the formula the second operand comes first
    library: Rounding | None = None


@dataclass(frozen=True, slots=True)
class Add(Binary):
    """Sum. The order of the operands matters to rounding: the importer gives that of onnxruntime's
    formula, which swaps them where the first has one element."""

    # The file broadcasts the first operand, and onnxruntime swaps them or not as it lays out the
    # map: the importer takes the sum only where both orders give the same for all values.
    either_order: bool = False


@dataclass(frozen=True, slots=True)
class Mul(Binary):
    """Product; the order of the operands does not matter."""


@dataclass(frozen=True, slots=True)
class Sub(Binary):
    """Difference."""


@dataclass(frozen=True, slots=True)
class Extremum(Binary):
    """One of the operands, each of which is requantised to the output before they are compared."""


@dataclass(frozen=True, slots=True)
class Max(Extremum):
    """The larger of two; the order of the operands does not matter."""


@dataclass(frozen=True, slots=True)
class Min(Extremum):
    """The smaller of two; the order of the operands does not matter."""


@dataclass(frozen=True, slots=True, eq=False)
class Concat(Op):
    """Maps of one height and width side by side along the channels, requantised to the output.

    Channels that no input covers have a constant value, the same at every pixel: what a constant
    operand, or a Pad of the channels, leaves there.
    """

    starts: tuple[int, ...]  # per input: the output channel that its first one becomes
    background: np.ndarray  # float32 (c_out,): real values, of the channels that no input covers
    clamp: Clamp = FULL_RANGE

    def __post_init__(self) -> None:
        object.__setattr__(self, "background", frozen_array(self.background, np.float32))

    @property
    def channels_out(self) -> int:
        return len(self.background)


@dataclass(frozen=True, slots=True)
class MaxPool(Op):
    """Maximum over a window clipped to the map; input and output share their quantisation."""

    window: Window
    clamp: Clamp = FULL_RANGE


@dataclass(frozen=True, slots=True)
class AveragePool(Op):
    """Mean over a window. Padding adds nothing; the divisor counts it or not.

    `window.pads` may exceed ONNX's own pads at the bottom and right by what ceil_mode adds; those
    positions never count in the divisor unless `count_include_pad`.
    """

    window: Window
    count_include_pad: bool = False
    clamp: Clamp = FULL_RANGE
    unsigned: bool = False  # the file computes it on uint8: the zero point is rounded with + 128
    library: Rounding | None = None


@dataclass(frozen=True, slots=True)
class GlobalAveragePool(Op):
    """Mean over all pixels: (h, w, c) -> (1, 1, c)."""

    clamp: Clamp = FULL_RANGE
    library: Rounding | None = None


class Copy(Op):
    """Base of the operators that only move values: input and output share their quantisation."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Enlargement(Copy):
    """Every pixel becomes a block of factor[0] x factor[1] pixels."""

    factor: tuple[int, int]  # rows, columns


@dataclass(frozen=True, slots=True)
class Upsample(Enlargement):
    """Every pixel `factor` times: (h, w, c) -> (h * factor[0], w * factor[1], c)."""


@dataclass(frozen=True, slots=True)
class DepthToSpace(Enlargement):
    """The channels of a pixel spread over its block: (h, w, c * rows * cols) -> (h * rows,
    w * cols, c).

    Of n = rows * cols positions of a block in raster order, position p takes input channels
    p * c + k for k = 0 .. c - 1; or k * n + p where `interleaved`.
    """

    interleaved: bool = False  # ONNX calls this mode CRD, the other one DCR

    @property
    def positions(self) -> int:
        return self.factor[0] * self.factor[1]


@dataclass(frozen=True, slots=True)
class ResizeNearest(Copy):
    """Each pixel takes one of the input: where Upsample is too regular."""

    rows: Scaling
    cols: Scaling

    @property
    def between(self) -> tuple[Between, Between]:
        """Along rows and columns; the two neighbours are one."""
        at = (nearest(self.rows), nearest(self.cols))
        rows, cols = (Between(found, found, np.ones((len(found), 2), np.float32)) for found in at)
        return rows, cols


@dataclass(frozen=True, slots=True)
class ResizeLinear(Op):
    """Each pixel lies between four of the input, two by two along rows and columns."""

    rows: Scaling
    cols: Scaling
    signal: bool = False  # of three dimensions in the file: the last channel is summed otherwise
    clamp: Clamp = FULL_RANGE

    @property
    def between(self) -> tuple[Between, Between]:
        """Along rows and columns."""
        return between(self.rows), between(self.cols)


RESIZES = (ResizeNearest, ResizeLinear)


@dataclass(frozen=True, slots=True, eq=False)
class Rearrange(Copy):
    """Some of the values in a window, in any order: crops, permutations of channels and choices
    among them, SpaceToDepth.

    The window's pads are 0 or less: so many rows or columns of the map are left out.
    """

    window: Window
    # int32 (c_out,): tap * c_in + channel, the taps in raster order
    source: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", frozen_array(self.source, np.int32))


Digits = tuple[tuple[int, int], ...]  # (count, step), the outermost first


@dataclass(frozen=True, slots=True)
class Permute(Copy):
    """All values of a map in any order of its axes, and of parts of these, as a map of any shape:
    a transposition, a reshape, or both.

    A row of the output is a number with so many digits, each up to its count; so is a column and a
    channel. The value at a place is the one of the input, counted in NHWC order, whose number is
    the sum of all digits times their steps.
    """

    rows: Digits
    cols: Digits
    channels: Digits

    @property
    def shape(self) -> Shape:
        """Of the output."""
        height, width, channels = (
            prod(count for count, _ in digits) for digits in (self.rows, self.cols, self.channels)
        )
        return height, width, channels


def digit_places(digits: Digits) -> np.ndarray:
    """int64: for each number that the digits make, ascending, the sum of digits times steps."""
    found = np.zeros(1, np.int64)
    for count, step in digits:
        found = (found[:, None] + np.arange(count) * step).reshape(-1)
    return found


@dataclass(frozen=True, slots=True)
class MatMul(Op):
    """Products of matrices, both of them activations: the channels of each pixel of the first
    operand, times the matrix that the same row of the second one is.

    (h, w, k) and (h, k, n) make (h, w, n); or `transposed`, (h, w, k) and (h, n, k). A second
    operand of one row meets all rows of the first.
    """

    transposed: bool = False
    clamp: Clamp = FULL_RANGE


@dataclass(frozen=True, slots=True, eq=False)
class Pixelwise(Op):
    """What makes each pixel of the same pixel of its one operand, and as many channels."""


@dataclass(frozen=True, slots=True)
class Softmax(Pixelwise):
    """exp of every value over the sum of exp of all channels, pixel by pixel."""

    clamp: Clamp = FULL_RANGE


@dataclass(frozen=True, slots=True, eq=False)
class LayerNormalization(Pixelwise):
    """Each pixel's values less their mean over the root of their variance and epsilon, times
    `scale`, plus `bias`. Not `centered`: the values, over the root of the mean of their squares."""

    scale: np.ndarray  # float32 (channels,)
    bias: np.ndarray  # float32 (channels,)
    epsilon: float
    centered: bool = True
    clamp: Clamp = FULL_RANGE

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", frozen_array(self.scale, np.float32))
        object.__setattr__(self, "bias", frozen_array(self.bias, np.float32))


@dataclass(frozen=True, slots=True)
class LocalResponseNormalization(Pixelwise):
    """Each value over (bias + alpha * m) ^ beta, m the mean of the squares of `size` neighbouring
    channels; those beyond the map's count as 0."""

    size: int
    alpha: float
    beta: float
    bias: float
    clamp: Clamp = FULL_RANGE

    @property
    def behind(self) -> int:
        """Neighbours of lower number."""
        return (self.size - 1) // 2


@dataclass(frozen=True, slots=True, eq=False)
class Lut(Pixelwise):
    """An arbitrary function of one value: a table of 256 int8, indexed by q + 128."""

    table: np.ndarray  # int8 (256,), or (channels, 256): one for each channel
    function: str  # for people: "Clip", "Relu", "Requantize", ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", frozen_array(self.table, np.int8))

    @property
    def per_channel(self) -> bool:
        return self.table.ndim == 2


@dataclass(frozen=True, slots=True)
class Node:
    """One operator applied to tensors."""

    name: str  # the ONNX node's name, or one made from its output
    op: Op
    inputs: tuple[str, ...]  # tensor names
    output: str  # tensor name


@dataclass(frozen=True)
class Graph:
    """A network: nodes in a topological order."""

    name: str
    inputs: tuple[str, ...]  # tensor names
    outputs: tuple[str, ...]  # tensor names; a tensor may be an output and be read inside
    tensors: Mapping[str, Tensor]
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    @cached_property
    def producer(self) -> Mapping[str, Node]:
        """Tensor name -> the node that writes it (graph inputs have none)."""
        return MappingProxyType({node.output: node for node in self.nodes})

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Tensor name -> the nodes that read it, each once, in graph order."""
        found: dict[str, list[Node]] = {name: [] for name in self.tensors}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found[name].append(node)
        return MappingProxyType({name: tuple(nodes) for name, nodes in found.items()})

    def node(self, name: str) -> Node:
        """The node called `name`. Raises KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    def with_nodes(self, nodes: tuple[Node, ...]) -> Graph:
        """The same graph with other nodes; tensors nobody names any more are dropped."""
        used = set(self.inputs) | set(self.outputs)
        used.update(node.output for node in nodes)
        used.update(name for node in nodes for name in node.inputs)
        tensors = {name: tensor for name, tensor in self.tensors.items() if name in used}
        return replace(self, nodes=nodes, tensors=tensors)
