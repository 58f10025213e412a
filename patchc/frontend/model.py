"""What the front end hands over: the Graph, and what lies around it in the ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from patchc.frontend.axes import Axis, Layout, dims
from patchc.ir import Graph


@dataclass(frozen=True, slots=True)
class Border:
    """How a tensor at the edge of the Graph looks in the ONNX file.

    The ONNX tensor's dimensions are products of the map's axes, or of parts of them: NCHW is
    ((n,), (c,), (h,), (w,)), the same map flattened is ((n,), (c, h, w)).
    """

    tensor: str  # in the Graph
    onnx_name: str  # the quantised tensor in the ONNX file
    unsigned: bool  # the file holds uint8: the int8 value XOR 0x80
    layout: Layout  # axes of size 1, and the batch "n", included
    shape: tuple[int, int, int]  # height, width, channels
    # Of int32 sums, for which the file has floats: what each sum of a pixel is worth. Else none.
    sums: tuple[float, ...] = ()

    @property
    def host_name(self) -> str:
        """What the host's part of the file calls its integers."""
        return self.tensor if self.sums else self.onnx_name

    @property
    def axes(self) -> tuple[tuple[str, ...], ...]:
        """The names of the axes of each dimension."""
        return tuple(tuple(axis.name for axis in axes) for axes in self.layout)

    def to_map(self, values: np.ndarray) -> np.ndarray:
        """ONNX layout and type -> int8 (h, w, c)."""
        order = [axis for axes in self.layout for axis in axes]
        parts = values.reshape([axis.size for axis in order])
        moved = parts.transpose([order.index(axis) for axis in _by_map(order)])
        if self.sums:
            sums = np.rint(moved.astype(np.float64) / np.array(self.sums, np.float32)).astype("<i4")
            return np.ascontiguousarray(sums).view(np.int8).reshape(self.shape)
        map_ = np.ascontiguousarray(moved.reshape(self.shape))
        return (map_ ^ np.uint8(0x80)).view(np.int8) if self.unsigned else map_

    def from_map(self, map_: np.ndarray) -> np.ndarray:
        """int8 (h, w, c) -> ONNX layout and type."""
        values: np.ndarray = np.ascontiguousarray(map_, dtype=np.int8)
        if self.unsigned:
            values = values.view(np.uint8) ^ np.uint8(0x80)
        if self.sums:
            values = values.view("<i4").astype(np.int32)
        order = [axis for axes in self.layout for axis in axes]
        parts = _by_map(order)
        moved = values.reshape([axis.size for axis in parts])
        moved = moved.transpose([parts.index(axis) for axis in order])
        return np.ascontiguousarray(moved.reshape(dims(self.layout)))


def _by_map(axes: Sequence[Axis]) -> list[Axis]:
    """In the order in which they lie in a map."""
    return sorted(axes, key=lambda axis: ("nhwc".index(axis.name), -axis.step))


@dataclass(frozen=True, slots=True)
class HostOps:
    """Float operators before or after the Graph, run by onnxruntime in `patchc run`."""

    nodes: tuple[str, ...]  # "name (OpType)", for the report
    model: onnx.ModelProto  # from the file's inputs to the borders, or from there to its outputs


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """An ONNX file, understood."""

    graph: Graph
    onnx_model: onnx.ModelProto  # the user's file as read (dynamic batch made 1)
    sha256: str  # of the file's bytes
    prologue: HostOps | None  # None: the file's inputs are the graph's
    epilogue: HostOps | None
    inputs: tuple[Border, ...]  # in the order of graph.inputs
    outputs: tuple[Border, ...]  # in the order of graph.outputs
    # every Graph tensor as it is known in the ONNX file, for the node-by-node comparison
    borders: tuple[Border, ...]
    notes: tuple[str, ...] = ()  # what to know of how it was read
    # The file where onnx_model has one pair of Q and DQ for two in a row; None: it has no such.
    literal: onnx.ModelProto | None = None
