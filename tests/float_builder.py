"""Float ONNX networks with random weights, one operator per call, as PyTorch exports them: batch
normalisation already in the convolutions, NCHW, opset 17."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
Shape = tuple[int, ...]  # without the batch: channels, rows, columns


class FloatBuilder:
    """Every call adds nodes and returns the name of the tensor that the last of them makes."""

    def __init__(self, name: str, seed: int = 2026) -> None:
        self.name = name
        self.random = np.random.default_rng(seed)
        self.shapes: dict[str, Shape] = {}
        self.inputs: list[str] = []
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def input(self, *shape: int, name: str = "image") -> str:
        """Channels, rows, columns."""
        self.inputs.append(name)
        self.shapes[name] = shape
        return name

    def weights(self, channels: int, depth: int, *kernel: int) -> list[str]:
        """A weight tensor and a bias, drawn so that activations keep their spread (He et al.)."""
        spread = math.sqrt(2 / (depth * math.prod(kernel)))
        values = self.random.normal(0, spread, (channels, depth, *kernel))
        return [self.constant(values), self.constant(self.random.normal(0, 0.1, channels))]

    def conv(
        self,
        x: str,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        depthwise: bool = False,
        weights: Sequence[str] | None = None,
    ) -> str:
        """kernel // 2 zeros on every side; `weights` of an earlier call, to share them."""
        depth, rows, cols = self.shapes[x]
        groups = depth if depthwise else 1
        pad = kernel // 2
        out = (channels, *((size + 2 * pad - kernel) // stride + 1 for size in (rows, cols)))
        return self.add_node(
            "Conv",
            [x, *(weights or self.weights(channels, depth // groups, kernel, kernel))],
            out,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[pad] * 4,
            group=groups,
        )

    def depthwise(self, x: str, kernel: int = 3, stride: int = 1) -> str:
        return self.conv(x, self.shapes[x][0], kernel, stride, depthwise=True)

    def conv_relu(self, x: str, channels: int, kernel: int = 1, stride: int = 1) -> str:
        return self.unary("Relu", self.conv(x, channels, kernel, stride))

    def separable(self, x: str, channels: int, stride: int = 1, kernel: int = 3) -> str:
        """Depthwise and 1x1, both with a ReLU, as in MobileNetV1."""
        return self.conv_relu(self.unary("Relu", self.depthwise(x, kernel, stride)), channels)

    def conv_transpose(self, x: str, channels: int) -> str:
        """Kernel 2, stride 2: twice the rows and columns."""
        depth, rows, cols = self.shapes[x]
        weight = self.random.normal(0, math.sqrt(1 / depth), (depth, channels, 2, 2))
        inputs = [x, self.constant(weight), self.constant(self.random.normal(0, 0.1, channels))]
        shape = (channels, 2 * rows, 2 * cols)
        return self.add_node("ConvTranspose", inputs, shape, kernel_shape=[2, 2], strides=[2, 2])

    def upsample(self, x: str) -> str:
        """Nearest neighbours, twice the rows and columns, as of torch's interpolate."""
        channels, rows, cols = self.shapes[x]
        scales = self.constant(np.array([1.0, 1.0, 2.0, 2.0]))
        return self.add_node(
            "Resize",
            [x, "", scales],
            (channels, 2 * rows, 2 * cols),
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )

    def max_pool(self, x: str, kernel: int = 2, stride: int = 2, pad: int = 0) -> str:
        channels, *sizes = self.shapes[x]
        out = (channels, *((size + 2 * pad - kernel) // stride + 1 for size in sizes))
        window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self.add_node("MaxPool", [x], out, **window)

    def unary(self, op: str, x: str, **attributes: Any) -> str:
        """Relu, HardSwish, Sigmoid, ..."""
        return self.add_node(op, [x], self.shapes[x], **attributes)

    def binary(self, op: str, a: str, b: str) -> str:
        """Add, Sub, Mul; `b` may be one pixel."""
        return self.add_node(op, [a, b], self.shapes[a])

    def concat(self, *parts: str) -> str:
        rest = self.shapes[parts[0]][1:]
        channels = sum(self.shapes[part][0] for part in parts)
        return self.add_node("Concat", list(parts), (channels, *rest), axis=1)

    def halves(self, x: str) -> tuple[str, str]:
        """The two halves of the channels, as torch's chunk(2, dim=1)."""
        channels, *rest = self.shapes[x]
        sizes = self.constant(np.array([channels // 2] * 2, np.int64))
        names = [f"split_{len(self.nodes)}_{half}" for half in (0, 1)]
        self.nodes.append(helper.make_node("Split", [x, sizes], names, names[0], axis=1))
        self.shapes |= dict.fromkeys(names, (channels // 2, *rest))
        return names[0], names[1]

    def shuffle(self, x: str, groups: int = 2) -> str:
        """The channels of the groups in turn: Reshape, Transpose, Reshape."""
        channels, rows, cols = self.shapes[x]
        apart = (groups, channels // groups, rows, cols)
        y = self._reshape(x, apart)
        turned = (apart[1], apart[0], rows, cols)
        y = self.add_node("Transpose", [y], turned, perm=[0, 2, 1, 3, 4])
        return self._reshape(y, (channels, rows, cols))

    def mean(self, x: str) -> str:
        return self.add_node("GlobalAveragePool", [x], (self.shapes[x][0], 1, 1))

    def dense(self, x: str, channels: int) -> str:
        """Flatten where x is a map, and Gemm."""
        if len(self.shapes[x]) > 1:
            x = self.add_node("Flatten", [x], (math.prod(self.shapes[x]),))
        inputs = [x, *self.weights(channels, self.shapes[x][0])]
        return self.add_node("Gemm", inputs, (channels,), transB=1)

    def per_anchor(self, x: str, values: int) -> str:
        """A head's map as a list of `values` per anchor, as detectors hand it out."""
        channels, rows, cols = self.shapes[x]
        x = self.add_node("Transpose", [x], (rows, cols, channels), perm=[0, 2, 3, 1])
        return self._reshape(x, (rows * cols * channels // values, values))

    def add_node(self, op: str, inputs: list[str], shape: Shape, **attributes: Any) -> str:
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        self.shapes[name] = shape
        return name

    def constant(self, values: np.ndarray) -> str:
        """Integers stay int64 where they are; all else is float."""
        dtype = np.int64 if values.dtype == np.int64 else np.float32
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values.astype(dtype), name))
        return name

    def build(self, *outputs: str) -> onnx.ModelProto:
        """The model, checked, with these tensors as outputs."""
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [self._described(name) for name in self.inputs],
            [self._described(name) for name in outputs],
            self.constants,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _reshape(self, x: str, shape: Shape) -> str:
        target = self.constant(np.array([1, *shape], np.int64))
        return self.add_node("Reshape", [x, target], shape)

    def _described(self, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *self.shapes[name]])
