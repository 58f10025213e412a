"""What a name in the ONNX file can stand for while the importer walks over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from patchc.frontend.axes import Layout
from patchc.ir import Op, Padding

NO_PADS = Padding()


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """An array known at compile time."""

    array: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedConstant:
    """DequantizeLinear of a constant: weights or a bias."""

    values: np.ndarray  # integers, in the layout of the ONNX file
    scales: np.ndarray  # float32, () or (channels,)
    zero_points: np.ndarray  # of the type of values, the shape of scales
    axis: int  # of values, that the scales run along; meaningless where they are one

    def real(self) -> np.ndarray:
        """float32: what DequantizeLinear makes of it."""
        along = [1] * self.values.ndim
        if self.scales.size > 1:
            along[self.axis] = -1
        scales, zeros = self.scales.reshape(along), self.zero_points.reshape(along)
        centred = self.values.astype(np.int32) - zeros.astype(np.int32)
        real: np.ndarray = centred.astype(np.float32) * scales
        return real


@dataclass(frozen=True, slots=True, eq=False)
class ChannelConstants:
    """A constant operand that holds one number for each channel of a map."""

    array: np.ndarray  # (channels,)


@dataclass(frozen=True, slots=True)
class Host:
    """A tensor before the Graph: the file's inputs and what float operators make of them."""

    name: str  # in the ONNX file


@dataclass(frozen=True, slots=True)
class Quantized:
    """An integer tensor of the ONNX file: a tensor of the Graph under some layout."""

    tensor: str  # in the Graph
    layout: Layout  # of the map itself, without `pads`
    unsigned: bool  # the file holds uint8
    pads: Padding = NO_PADS  # an explicit Pad with the zero point, waiting for its reader


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """What a float operator makes of each value of one tensor, element by element.

    Its operands lead back to that tensor, so it is a subgraph; several paths may meet in it.
    """

    node: onnx.NodeProto
    operands: tuple[Operand, ...]  # for each of its inputs; None: left out


@dataclass(frozen=True, slots=True)
class Dequantized:
    """The float view of a quantised tensor, or a function of each of its values."""

    source: Quantized
    function: Function | None = None

    @property
    def layout(self) -> Layout:
        return self.source.layout


@dataclass(frozen=True, slots=True)
class Bounds:
    """A Relu or Clip between an operator and its QuantizeLinear: min(max(x, low), high)."""

    kind: str  # the ONNX operator
    node: str  # its name
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """An operator whose first operand is what is before it in a chain."""

    op: Op
    inputs: tuple[str, ...]  # its further operands: tensors of the Graph


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """The float result of an operator that becomes a Node when its QuantizeLinear arrives."""

    node: str  # the ONNX node's name
    result: str  # the ONNX tensor that it wrote
    op: Op  # with the full range; `clips` become its clamp
    inputs: tuple[str, ...]  # tensors of the Graph
    layout: Layout
    clips: tuple[Bounds, ...] = ()
    # A chain: further operators, each of what is before it and these, at the scale of the whole.
    links: tuple[Link, ...] = ()
    # What makes its nodes, for a `Result`, where these are no chain; `op` is the last of them.
    make: Callable[[Any], Quantized] | None = None


@dataclass(frozen=True, slots=True)
class After:
    """A tensor behind the Graph: nothing quantised reads what comes of it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The result of an operator that is not supported."""


Operand = Dequantized | Constant | QuantizedConstant | ChannelConstants | None
Value = Constant | QuantizedConstant | Host | Quantized | Dequantized | Pending | After | Refused
