"""Builds float ONNX models of classifiers, one operator per call.

Every call takes the name of its operator, which is also the name of the tensor it makes, and
returns that name. The builder keeps the shape of each tensor, so that group counts and Keras'
"same" padding follow from what is already known.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 10
IMAGE = "image"  # an input: [1, 3, H, W], RGB pixels 0..255 as float
NORM_PARAMETERS = ("gamma", "beta", "mean", "variance")  # one value per channel each


class Padding(enum.Enum):
    """How a window is placed on a map."""

    VALID = "no padding"
    SYMMETRIC = "half of the kernel on every side, as PyTorch networks do"
    SAME = "enough for ceil(size / stride) outputs, the odd zero at the end, as TensorFlow does"


class ModelBuilder:
    """Collects the operators of one model in the order of the calls."""

    def __init__(
        self, name: str, height: int, width: int, *, channels: int = 3, source: str = IMAGE
    ) -> None:
        """`source` names the input."""
        self._name = name
        self._source = source
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[TensorProto] = []
        self._shapes: dict[str, tuple[int, ...]] = {source: (1, channels, height, width)}

    def normalise(self, x: str, mean: tuple[float, ...], scale: tuple[float, ...]) -> str:
        """(x - mean) / scale with one value per channel, as a Sub and a Div."""
        inputs = [x, self._constant("mean", np.reshape(mean, (1, -1, 1, 1)))]
        centred = self._add("Sub", "centred", inputs, self._shapes[x])
        inputs = [centred, self._constant("scale", np.reshape(scale, (1, -1, 1, 1)))]
        return self._add("Div", "normalised", inputs, self._shapes[x])

    def conv(
        self,
        name: str,
        x: str,
        weight: np.ndarray,
        bias: np.ndarray | None = None,
        *,
        stride: int = 1,
        padding: Padding,
    ) -> str:
        """Convolution with `weight` of [out, in / group, h, w]; the group count follows from x."""
        batch, channels, *sizes = self._shapes[x]
        out_channels, group_channels, *kernel = weight.shape
        windows = [_window(n, k, stride, padding) for n, k in zip(sizes, kernel, strict=True)]
        inputs = [x, self._constant(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(self._constant(f"{name}.bias", bias))
        return self._add(
            "Conv",
            name,
            inputs,
            (batch, out_channels, *(window.count for window in windows)),
            kernel_shape=kernel,
            strides=[stride, stride],
            pads=[window.before for window in windows] + [window.after for window in windows],
            group=channels // group_channels,
        )

    def batch_norm(
        self, name: str, x: str, parameters: Sequence[np.ndarray], epsilon: float
    ) -> str:
        """Batch normalisation with `parameters` in the order of NORM_PARAMETERS."""
        inputs = [x]
        for parameter, values in zip(NORM_PARAMETERS, parameters, strict=True):
            inputs.append(self._constant(f"{name}.{parameter}", values))
        return self._add("BatchNormalization", name, inputs, self._shapes[x], epsilon=epsilon)

    def relu(self, name: str, x: str) -> str:
        return self._add("Relu", name, [x], self._shapes[x])

    def relu6(self, name: str, x: str) -> str:
        """Clip to [0, 6]."""
        low = self._constant(f"{name}.min", np.float32(0))
        high = self._constant(f"{name}.max", np.float32(6))
        return self._add("Clip", name, [x, low, high], self._shapes[x])

    def activation(self, op: str, name: str, x: str) -> str:
        """A function of one value without attributes: HardSwish, Sigmoid, ..."""
        return self._add(op, name, [x], self._shapes[x])

    def add(self, name: str, a: str, b: str) -> str:
        """Sum of two maps of one shape."""
        return self._add("Add", name, [a, b], self._shapes[a])

    def mul(self, name: str, a: str, b: str) -> str:
        """Product of two maps; `b` may be one pixel, which meets every pixel of `a`."""
        return self._add("Mul", name, [a, b], self._shapes[a])

    def resize_linear(self, name: str, x: str, factor: int) -> str:
        """Bilinear between the centres of pixels, `factor` times the rows and columns."""
        batch, channels, *sizes = self._shapes[x]
        scales = self._constant(f"{name}.scales", np.array([1, 1, factor, factor], np.float32))
        return self._add(
            "Resize",
            name,
            [x, "", scales],
            (batch, channels, *(factor * size for size in sizes)),
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )

    def conv_transpose(
        self, name: str, x: str, weight: np.ndarray, bias: np.ndarray, *, stride: int
    ) -> str:
        """Transposed convolution with `weight` of [in, out, stride, stride]."""
        batch, _, *sizes = self._shapes[x]
        inputs = [x, self._constant(f"{name}.weight", weight), self._constant(f"{name}.bias", bias)]
        return self._add(
            "ConvTranspose",
            name,
            inputs,
            (batch, weight.shape[1], *(stride * size for size in sizes)),
            kernel_shape=[stride, stride],
            strides=[stride, stride],
        )

    def average_pool(self, name: str, x: str, kernel: Sequence[int], stride: Sequence[int]) -> str:
        """Mean over windows that lie inside the map."""
        batch, channels, *sizes = self._shapes[x]
        placed = zip(sizes, kernel, stride, strict=True)
        counts = [_window(n, k, step, Padding.VALID).count for n, k, step in placed]
        attributes = {"kernel_shape": list(kernel), "strides": list(stride)}
        return self._add("AveragePool", name, [x], (batch, channels, *counts), **attributes)

    def pad(self, name: str, x: str, before: Sequence[int], after: Sequence[int]) -> str:
        """Zeros around the map: rows and columns ahead of it and behind it."""
        batch, channels, *sizes = self._shapes[x]
        pads = self._constant(f"{name}.pads", np.array([0, 0, *before, 0, 0, *after], np.int64))
        padded = [sum(sides) for sides in zip(before, sizes, after, strict=True)]
        return self._add("Pad", name, [x, pads], (batch, channels, *padded))

    def global_average_pool(self, name: str, x: str) -> str:
        batch, channels, *_ = self._shapes[x]
        return self._add("GlobalAveragePool", name, [x], (batch, channels, 1, 1))

    def flatten(self, name: str, x: str) -> str:
        batch, *rest = self._shapes[x]
        return self._add("Flatten", name, [x], (batch, int(np.prod(rest))))

    def gemm(self, name: str, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        """x @ weight.T + bias with `weight` of [out, in]."""
        inputs = [x, self._constant(f"{name}.weight", weight), self._constant(f"{name}.bias", bias)]
        return self._add("Gemm", name, inputs, (self._shapes[x][0], len(weight)), transB=1)

    def softmax(self, name: str, x: str) -> str:
        return self._add("Softmax", name, [x], self._shapes[x], axis=-1)

    def shape(self, x: str) -> tuple[int, ...]:
        """Shape of a tensor made before."""
        return self._shapes[x]

    def save(self, path: Path, output: str) -> Path:
        """Checks the model with tensor `output` as its output and writes it to `path`."""
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [self._described(self._source)],
            [self._described(output)],
            self._constants,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="patchc-zoo",
        )
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
        return path

    def _described(self, x: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(x, TensorProto.FLOAT, self._shapes[x])

    def _constant(self, name: str, value: np.ndarray | np.float32 | tuple[float, ...]) -> str:
        """Integers stay int64, all else is float."""
        array = np.asarray(value)
        dtype = np.int64 if array.dtype == np.int64 else np.float32
        self._constants.append(numpy_helper.from_array(array.astype(dtype), name))
        return name

    def _add(
        self, op: str, name: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any
    ) -> str:
        self._nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        self._shapes[name] = shape
        return name


@dataclass(frozen=True, slots=True)
class _Window:
    """Windows along one axis of a map."""

    before: int  # zeros ahead of the first element
    after: int  # zeros behind the last element
    count: int  # outputs


def _window(size: int, kernel: int, stride: int, padding: Padding) -> _Window:
    if padding is Padding.SAME:
        count = -(-size // stride)
        missing = max(0, (count - 1) * stride + kernel - size)
        return _Window(missing // 2, missing - missing // 2, count)
    margin = kernel // 2 if padding is Padding.SYMMETRIC else 0
    return _Window(margin, margin, (size + 2 * margin - kernel) // stride + 1)
