"""Small networks built here, and onnxruntime's quantiser in its modes: rows that need no packages
beyond patchc's own.

The form of a row is `float`, or FORMAT-TYPES-WEIGHTS[-OPTION]: qdq or qop; u8u8, u8s8 or s8s8 for
activations and weights; channel or tensor; and an option of the quantiser.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from tests.float_builder import FloatBuilder
from tests.zoo.rows import Row

FORMATS = {"qdq": QuantFormat.QDQ, "qop": QuantFormat.QOperator}
TYPES = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}
OPTIONS: dict[str, dict[str, Any]] = {
    "": {},
    "contrib": {"UseQDQContribOps": True},
    "symmetric": {"ActivationSymmetric": True},
    "asymmetric": {"WeightSymmetric": False},
    "dedicated": {"DedicatedQDQPair": True},
    "nobias": {"QuantizeBias": False},
}


def mobile() -> onnx.ModelProto:
    """Inverted residuals with squeeze and excite, as MobileNetV3."""
    net = FloatBuilder("mobile")
    x = net.unary("HardSwish", net.conv(net.input(3, 32, 32), 8, 3, 2))
    for channels, stride in ((8, 1), (16, 2), (16, 1)):
        y = net.conv_relu(x, 4 * net.shapes[x][0])
        y = net.unary("Relu", net.depthwise(y, 3, stride))
        gate = net.conv(net.conv_relu(net.mean(y), 8), net.shapes[y][0])
        y = net.conv(net.binary("Mul", y, net.unary("Sigmoid", gate)), channels)
        x = net.binary("Add", y, x) if net.shapes[x] == net.shapes[y] else y
    return net.build(net.dense(net.mean(x), 10))


def residual() -> onnx.ModelProto:
    """A ResNet of two blocks and a maximum pool."""
    net = FloatBuilder("residual")
    x = net.max_pool(net.conv_relu(net.input(3, 32, 32), 8, 3), 3, 2, 1)
    for channels, stride in ((8, 1), (16, 2)):
        y = net.conv(net.conv_relu(x, channels, 3, stride), channels, 3)
        skip = x if stride == 1 else net.conv(x, channels, 1, stride)
        x = net.unary("Relu", net.binary("Add", y, skip))
    return net.build(net.dense(net.mean(x), 10))


def unet() -> onnx.ModelProto:
    """Down and up again, with a Concat, an upsampling and a transposed convolution."""
    net = FloatBuilder("unet")
    top = net.conv_relu(net.input(1, 32, 32), 8, 3)
    middle = net.conv_relu(net.max_pool(top), 16, 3)
    low = net.conv_relu(net.max_pool(middle), 16, 3)
    x = net.conv_relu(net.concat(net.upsample(low), middle), 16, 3)
    x = net.conv_relu(net.concat(net.conv_transpose(x, 8), top), 8, 3)
    return net.build(net.unary("Sigmoid", net.conv(x, 1)))


def hourglass() -> onnx.ModelProto:
    """Down and up again by nearest neighbours, with a Concat."""
    net = FloatBuilder("hourglass")
    top = net.conv_relu(net.input(3, 32, 32), 8, 3)
    low = net.conv_relu(net.max_pool(top), 16, 3)
    x = net.conv_relu(net.concat(net.upsample(low), top), 8, 3)
    return net.build(net.unary("Sigmoid", net.conv(x, 2)))


def shuffle() -> onnx.ModelProto:
    """Halves of the channels, a Concat and a channel shuffle, as ShuffleNetV2."""
    net = FloatBuilder("shuffle")
    x = net.max_pool(net.conv_relu(net.input(3, 32, 32), 16, 3, 2), 3, 2, 1)
    for _ in range(2):
        left, right = net.halves(x)
        right = net.conv_relu(net.depthwise(net.conv_relu(right, 8), 3), 8)
        x = net.shuffle(net.concat(left, right))
    return net.build(net.dense(net.mean(x), 10))


def separable() -> onnx.ModelProto:
    """Depthwise and 1x1, as MobileNetV1 and DS-CNN."""
    net = FloatBuilder("separable")
    x = net.conv_relu(net.input(1, 49, 10), 16, 3, 2)
    for _ in range(2):
        x = net.separable(x, 16)
    return net.build(net.unary("Softmax", net.dense(net.mean(x), 12)))


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    build.__name__: build for build in (mobile, residual, unet, hourglass, shuffle, separable)
}


class _Noise(CalibrationDataReader):
    """Eight images from a fixed seed."""

    def __init__(self, model: onnx.ModelProto) -> None:
        random = np.random.default_rng(7)
        (value,) = model.graph.input
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        self.left = [{value.name: random.normal(size=dims).astype(np.float32)} for _ in range(8)]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self.left.pop() if self.left else None


def make(row: Row) -> onnx.ModelProto:
    """The file of a row."""
    model = NETWORKS[row.network]()
    return model if row.form == "float" else quantized(model, row.form)


def quantized(model: onnx.ModelProto, form: str) -> onnx.ModelProto:
    """By onnxruntime's quantiser, in the mode that `form` names."""
    format_, types, weights, *option = form.split("-")
    with tempfile.TemporaryDirectory() as name, _silence():
        source, prepared, result = (Path(name, file) for file in ("f.onnx", "p.onnx", "q.onnx"))
        onnx.save_model(model, source)
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            result,
            _Noise(model),
            quant_format=FORMATS[format_],
            activation_type=TYPES[types[:2]],
            weight_type=TYPES[types[2:]],
            per_channel=weights == "channel",
            extra_options=OPTIONS["".join(option)],
        )
        return onnx.load_model(result)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
