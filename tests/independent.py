"""A small network in the style of MobileNetV2, a detector, and ways to cut them into patches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx

import patchc
from patchc.quantize.quantize import QuantizeOptions
from tests.float_builder import FloatBuilder

SIZE = 24  # rows and columns of the image


def classifier() -> onnx.ModelProto:
    """A stem, two bottlenecks, one with a skip, a mean, ten classes."""
    net = FloatBuilder("classifier")
    x = net.conv_relu(net.input(3, SIZE, SIZE), 8, 3, 2)
    y = net.unary("Relu", net.depthwise(net.conv_relu(x, 16)))
    x = net.binary("Add", net.conv(y, 8), x)
    y = net.unary("Relu", net.depthwise(net.conv_relu(x, 16), 3, 2))
    x = net.conv_relu(net.conv(y, 12), 16)
    return net.build(net.dense(net.mean(x), 10))


def detector() -> onnx.ModelProto:
    """Scores and boxes per anchor at two resolutions: four outputs."""
    net = FloatBuilder("detector")
    x = net.conv_relu(net.input(3, SIZE, SIZE), 8, 3, 2)
    levels = [net.separable(x, 8), net.separable(x, 12, 2)]
    scores = [net.per_anchor(net.conv(level, 2), 1) for level in levels]
    boxes = [net.per_anchor(net.conv(level, 8), 4) for level in levels]
    return net.build(*scores, *boxes)


def samples(count: int = 6) -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    return {"image": random.normal(size=(count, 1, 3, SIZE, SIZE)).astype(np.float32)}


def saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save_model(model, path)
    return path


# Every merge, both kinds of weights, grids of one row and of two, with and without a central patch,
# overlaps and earlier ends.
FOOT = "add_7"  # behind the first bottleneck
COMBINATIONS: dict[str, dict[str, Any]] = {
    "halves": {"grid": "1x2"},
    "quadrants": {"grid": "2x2"},
    "central": {"grid": "2x2", "center": True},
    "central_concat": {"grid": "2x2", "center": True, "merge": "concat"},
    "overlapping_concat": {"grid": "2x2", "overlap": 4, "merge": "concat"},
    "overlapping_max": {"grid": "2x1", "overlap": 8, "merge": "max"},
    "central_max": {"grid": "1x2", "center": True, "merge": "max", "weights": "separate"},
    "sum": {"grid": "2x2", "merge": "sum", "weights": "separate"},
    "foot_mean": {"grid": "2x2", "until": FOOT, "overlap": 4, "center": True},
    "foot_tile": {"grid": "2x2", "until": FOOT, "merge": "tile"},
    "overlapping_tile": {"grid": "3x1", "overlap": 6, "merge": "tile", "until": FOOT},
    "later_tile": {"grid": "2x2", "merge": "tile", "start": "relu_1"},
}


def quantized(name: str, folder: Path, before: bool, **options: Any) -> Path:
    """Cut as `COMBINATIONS` says, quantised `before` that or after it."""
    source, cut = saved(classifier(), folder / "float.onnx"), folder / "cut.onnx"
    found = folder / "quantized.onnx"
    chosen = QuantizeOptions(**options)
    if before:
        patchc.quantize(source, found, calibration=samples(), options=chosen)
        patchc.tunnel(found, cut, **COMBINATIONS[name])
        return cut
    patchc.tunnel(source, cut, **COMBINATIONS[name])
    return patchc.quantize(cut, found, calibration=samples(), options=chosen)
