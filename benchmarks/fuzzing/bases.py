"""Small sound files that the mutations start from: between them every family of operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.golden.qdq_models import QdqModel, residual_network


def branching_network(*, unsigned: bool, seed: int = 1) -> onnx.ModelProto:
    """Products, differences, pools, Concat, Resize, Clip, tables, Slice and a transposed map."""
    net = QdqModel(unsigned, seed)
    x = net.quantized("image", 0.03, 2, "x")
    a = net.quantized(net.conv(x, 3, 8, "ca"), 0.03, -3, "a")
    clip = [net.constant("low", 0, np.float32), net.constant("high", 3, np.float32)]
    b = net.quantized(
        net.add("Clip", [net.conv(a, 8, 8, "cb", groups=8), *clip], "cl"), 0.02, 0, "b"
    )
    pool = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1]}
    c = net.quantized(net.add("AveragePool", [b], "avg", **pool), 0.02, 1, "c")
    d = net.quantized(net.add("Mul", [c, a], "product"), 0.03, 1, "d")
    e = net.quantized(net.add("Sub", [d, b], "difference"), 0.03, 1, "e")
    f = net.quantized(net.add("Concat", [e, b], "both", axis=1), 0.03, 0, "f")
    net.constant("roi", [], np.float32)
    net.constant("factors", [1, 1, 2, 2], np.float32)
    up = net.add(
        "Resize",
        [f, "roi", "factors"],
        "up",
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    g = net.quantized(up, 0.03, 0, "g")
    for name, values in (("starts", [0]), ("ends", [20]), ("axes", [2])):
        net.constant(name, values, np.int64)
    h = net.quantized(net.add("Slice", [g, "starts", "ends", "axes"], "part"), 0.03, 0, "h")
    i = net.quantized(net.conv(h, 16, 4, "ci"), 0.03, 0, "i")
    j = net.quantized(net.add("Sigmoid", [i], "sigmoid"), 1 / 256, -128, "j")
    return net.model(net.add("Transpose", [j], "moved", perm=[0, 2, 3, 1]))


def dense_network(*, unsigned: bool, seed: int = 2) -> onnx.ModelProto:
    """A convolution, Flatten, Gemm and Softmax."""
    net = QdqModel(unsigned, seed)
    x = net.quantized("image", 0.03, 2, "x")
    a = net.quantized(net.conv(x, 3, 4, "ca"), 0.03, -3, "a")
    flat = net.add("Flatten", [a], "flat")
    weights = [
        net.constant("w", net.random.integers(-127, 128, (480, 10)), np.int8),
        net.constant("w_scale", 0.001, np.float32),
        net.constant("w_zero_point", 0, np.int8),
    ]
    real = net.add("DequantizeLinear", weights, "weights")
    bias = net.constant("bias", net.random.normal(0, 0.1, 10), np.float32)
    b = net.quantized(net.add("Gemm", [flat, real, bias], "dense"), 0.05, 0, "b")
    return net.model(net.add("Softmax", [b], "probabilities", axis=1))


def weights_outside(model: onnx.ModelProto) -> tuple[onnx.ModelProto, dict[str, bytes]]:
    """A copy whose larger constants are in weights.bin beside it."""
    copy, data = onnx.ModelProto(), bytearray()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        raw = numpy_helper.to_array(tensor).tobytes()
        if len(raw) < 32:
            continue
        for field in ("raw_data", "int32_data", "float_data", "int64_data"):
            tensor.ClearField(field)
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": "weights.bin", "offset": len(data), "length": len(raw)}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        data += raw
    return copy, {"weights.bin": bytes(data)}


def integer_network(*, unsigned: bool, seed: int = 3) -> onnx.ModelProto:
    """Convolutions, a sum and pools as integer operators."""
    random = np.random.default_rng(seed)
    dtype: type[np.generic] = np.uint8 if unsigned else np.int8
    constants: list[TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def constant(name: str, values: object, kind: type[np.generic]) -> str:
        constants.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def quantization(name: str, scale: float, zero_point: int) -> list[str]:
        zero = zero_point + (128 if unsigned else 0)
        scale_name = constant(f"{name}_scale", scale, np.float32)
        return [scale_name, constant(f"{name}_zero_point", zero, dtype)]

    def conv(x: list[str], y: list[str], name: str, *shape: int, groups: int = 1) -> str:
        inputs = [constant(f"{name}_w", random.integers(-127, 128, shape), np.int8)]
        inputs += [constant(f"{name}_w_scale", [0.004 + 0.0001 * c for c in range(8)], np.float32)]
        inputs += [constant(f"{name}_w_zero_point", [0] * 8, np.int8)]
        bias = constant(f"{name}_bias", random.integers(-500, 500, 8), np.int32)
        attributes = {"pads": [1] * 4, "group": groups}
        node = helper.make_node("QLinearConv", [*x, *inputs, *y, bias], [name], name, **attributes)
        nodes.append(node)
        return name

    x, a = ["image", *quantization("image", 0.03, 2)], quantization("a", 0.05, -3)
    b, total = quantization("b", 0.04, 1), quantization("total", 0.06, 5)
    first = conv(x, a, "conv_a", 8, 3, 3, 3)
    second = conv([first, *a], b, "conv_b", 8, 1, 3, 3, groups=8)
    inputs = [first, *a, second, *b, *total]
    ours = {"domain": "com.microsoft"}
    nodes.append(helper.make_node("QLinearAdd", inputs, ["total"], "sum", **ours))
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes.append(helper.make_node("MaxPool", ["total"], ["best"], "pool", **pool))
    inputs = ["best", *total, *quantization("mean", 0.01, 4)]
    nodes.append(
        helper.make_node(
            "QLinearGlobalAveragePool", inputs, ["mean"], "mean", channels_last=0, **ours
        )
    )
    kind = TensorProto.UINT8 if unsigned else TensorProto.INT8
    ends = [("image", [1, 3, 12, 10]), ("mean", [1, 8, 1, 1])]
    image, mean = (helper.make_tensor_value_info(name, kind, dims) for name, dims in ends)
    graph = helper.make_graph(nodes, "integers", [image], [mean], constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


BASES: Mapping[str, Callable[[], onnx.ModelProto]] = {
    "residual_uint8": lambda: residual_network(unsigned=True),
    "residual_int8": lambda: residual_network(unsigned=False),
    "branching_uint8": lambda: branching_network(unsigned=True),
    "integer_uint8": lambda: integer_network(unsigned=True),
    "integer_int8": lambda: integer_network(unsigned=False),
    "dense_uint8": lambda: dense_network(unsigned=True),
}


@cache
def base(name: str) -> bytes:
    """The file of that name."""
    return BASES[name]().SerializeToString(deterministic=True)
