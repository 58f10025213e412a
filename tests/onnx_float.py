"""Tiny float CNNs as ONNX files, made with onnx.helper: what tests of the commands start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import patchc
from patchc.quantize.quantize import Activation, Format, QuantizeOptions

IMAGE = (1, 3, 12, 12)
CLASSES = 5


def tiny_cnn(*, height: int | str = 12, last: str = "Gemm") -> onnx.ModelProto:
    """Conv, depthwise, 1x1, residual add, global pool, dense. `last` may be another operator
    after these, e.g. "Softmax"; `height` may be a symbol."""
    random = np.random.default_rng(7)

    def constant(name: str, *shape: int) -> onnx.TensorProto:
        values = random.normal(size=shape) * 0.5 / np.sqrt(max(np.prod(shape[1:]), 1))
        return numpy_helper.from_array(values.astype(np.float32), name)

    weights = [
        constant("w1", 8, 3, 3, 3),
        constant("b1", 8),
        constant("w2", 8, 1, 3, 3),
        constant("w3", 8, 8, 1, 1),
        constant("w4", 8, CLASSES),
        constant("b4", CLASSES),
    ]
    pads = [1, 1, 1, 1]
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], "stem", strides=[2, 2], pads=pads),
        helper.make_node("Relu", ["c1"], ["r1"], "relu"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], "depthwise", pads=pads, group=8),
        helper.make_node("Conv", ["c2", "w3"], ["c3"], "project"),
        helper.make_node("Add", ["r1", "c3"], ["sum"], "add"),
        helper.make_node("GlobalAveragePool", ["sum"], ["mean"], "pool"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "w4", "b4"], ["scores"], "classifier"),
    ]
    output = "scores"
    if last != "Gemm":
        nodes.append(helper.make_node(last, ["scores"], ["last"], "last"))
        output = "last"
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, 12])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, CLASSES])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def samples(count: int = 8) -> dict[str, np.ndarray]:
    """Calibration samples for `tiny_cnn`."""
    random = np.random.default_rng(11)
    return {"image": random.uniform(-1, 1, (count, *IMAGE[1:])).astype(np.float32)}


def quantized_cnn(
    path: Path,
    model: onnx.ModelProto | None = None,
    format_: Format = Format.QDQ,
    activation: Activation = Activation.UINT8,
) -> Path:
    """Write `tiny_cnn`, quantised, to `path`; returns it."""
    source = path.with_suffix(".float.onnx")
    onnx.save_model(model or tiny_cnn(), source)
    options = QuantizeOptions(format_, activation)
    return patchc.quantize(source, path, calibration=samples(), options=options)
