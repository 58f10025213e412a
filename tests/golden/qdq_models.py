"""A small network as a QDQ file, int8 or uint8, with float inputs and outputs.

Weights are scaled so that activations stay near the unit normal distribution, so fixed scales do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INPUT_SHAPE = (1, 3, 12, 10)


@dataclass
class QdqModel:
    """Adds one operator per call, each followed by QuantizeLinear and DequantizeLinear."""

    unsigned: bool
    seed: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def constant(self, name: str, values: object, dtype: type[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def quantized(self, x: str, scale: float, zero_point: int, name: str) -> str:
        dtype: type[np.generic] = np.uint8 if self.unsigned else np.int8
        zero = zero_point + (128 if self.unsigned else 0)
        parameters = [
            self.constant(f"{name}_scale", scale, np.float32),
            self.constant(f"{name}_zero_point", zero, dtype),
        ]
        self.add("QuantizeLinear", [x, *parameters], f"{name}_quantized")
        return self.add("DequantizeLinear", [f"{name}_quantized", *parameters], name)

    def add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def conv(self, x: str, c_in: int, c_out: int, name: str, *, groups: int = 1) -> str:
        """3x3, with a bias and a scale per channel; not quantised yet."""
        shape = (c_out, c_in // groups, 3, 3)
        real = self.random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape)
        scales = np.abs(real).max(axis=(1, 2, 3)) / 127
        inputs = [
            self.constant(f"{name}_w", np.rint(real / scales[:, None, None, None]), np.int8),
            self.constant(f"{name}_w_scale", scales, np.float32),
            self.constant(f"{name}_w_zero_point", np.zeros(c_out), np.int8),
        ]
        weights = self.add("DequantizeLinear", inputs, f"{name}_weights", axis=0)
        bias = self.constant(f"{name}_bias", self.random.normal(0, 0.1, c_out), np.float32)
        return self.add("Conv", [x, weights, bias], f"{name}_sum", pads=[1] * 4, group=groups)

    def model(self, output: str) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, INPUT_SHAPE)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def residual_network(*, unsigned: bool, seed: int = 0) -> onnx.ModelProto:
    """conv, depthwise conv + Relu, conv, a skip, pools."""
    net = QdqModel(unsigned, seed)
    x = net.quantized("image", 0.03, 2, "x")
    a = net.quantized(net.conv(x, 3, 8, "conv_a"), 0.03, -3, "a")
    relu = net.add("Relu", [net.conv(a, 8, 8, "conv_b", groups=8)], "relu")
    b = net.quantized(relu, 0.015, -128, "b")
    c = net.quantized(net.conv(b, 8, 8, "conv_c"), 0.02, 11, "c")
    total = net.quantized(net.add("Add", [a, c], "sum"), 0.04, 5, "total")
    best = net.add("MaxPool", [total], "best", kernel_shape=[2, 2], strides=[2, 2])
    pooled = net.quantized(best, 0.04, 5, "pooled")
    last = net.quantized(net.conv(pooled, 8, 6, "conv_d"), 0.03, 0, "d")
    mean = net.add("GlobalAveragePool", [last], "mean")
    return net.model(net.quantized(mean, 0.01, 4, "logits"))


def images(count: int, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Cases for such a file."""
    random = np.random.default_rng(seed)
    return [{"image": random.normal(0, 1, INPUT_SHAPE).astype(np.float32)} for _ in range(count)]
