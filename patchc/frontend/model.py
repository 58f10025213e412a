"""What the front end hands over: the Graph, and what lies around it in the ONNX file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from patchc.ir import Graph


@dataclass(frozen=True, slots=True)
class Border:
    """How a tensor at the edge of the Graph looks in the ONNX file.

    The ONNX tensor's dimensions are products of the map's axes: NCHW is (("n",), ("c",), ("h",),
    ("w",)), the same map flattened is (("n",), ("c", "h", "w")).
    """

    tensor: str  # in the Graph
    onnx_name: str  # the quantised tensor in the ONNX file
    unsigned: bool  # the file holds uint8: the int8 value XOR 0x80
    axes: tuple[tuple[str, ...], ...]
    shape: tuple[int, int, int]  # height, width, channels

    def to_map(self, values: np.ndarray) -> np.ndarray:
        """ONNX layout and type -> int8 (h, w, c)."""
        order = [axis for axes in self.axes for axis in axes]
        sizes = dict(zip("hwc", self.shape, strict=True)) | {"n": 1}
        missing = [axis for axis in "nhwc" if axis not in order]  # of size 1
        expanded = values.reshape([sizes[axis] for axis in order] + [1] * len(missing))
        order += missing
        map_ = np.ascontiguousarray(expanded.transpose([order.index(axis) for axis in "nhwc"])[0])
        return (map_ ^ np.uint8(0x80)).view(np.int8) if self.unsigned else map_

    def from_map(self, map_: np.ndarray) -> np.ndarray:
        """int8 (h, w, c) -> ONNX layout and type."""
        values: np.ndarray = np.ascontiguousarray(map_, dtype=np.int8)
        if self.unsigned:
            values = values.view(np.uint8) ^ np.uint8(0x80)
        sizes = dict(zip("hwc", self.shape, strict=True)) | {"n": 1}
        order = [axis for axes in self.axes for axis in axes]
        order += [axis for axis in "nhwc" if axis not in order]
        moved = values[None].transpose(["nhwc".index(axis) for axis in order])
        dims = [int(np.prod([sizes[axis] for axis in axes], dtype=int)) for axes in self.axes]
        return np.ascontiguousarray(moved.reshape(dims))


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
