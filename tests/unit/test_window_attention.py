"""Attention inside windows of a map, as Swin's exports have it: queries, keys and values by scalar
indices of one tensor. Found by a file of torchvision's: values were read as if they lay as in it;
and the search made a convolution again for the only node that read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import patchc
from tests.float_builder import FloatBuilder


def attention(windows: int, size: int, channels: int, heads: int) -> onnx.ModelProto:
    """Of a map of `windows` x `windows` windows of `size` x `size` pixels."""
    net = FloatBuilder("windows")
    side, pixels, count = windows * size, size**2, windows**2
    depth = channels // heads
    apart = (windows, size, windows, size, channels)

    def reshape(x: str, *shape: int) -> str:
        return net.add_node("Reshape", [x, net.constant(np.array(shape, np.int64))], shape)

    def transpose(x: str, *perm: int) -> str:
        return net.add_node("Transpose", [x], (), perm=perm)

    x = transpose(net.conv(net.input(3, side, side), channels, 3), 0, 2, 3, 1)
    x = reshape(transpose(reshape(x, 1, *apart), 0, 1, 3, 2, 4, 5), count, pixels, channels)
    weights = net.constant(net.random.normal(0, 0.3, (channels, 3 * channels)))
    bias = net.constant(net.random.normal(0, 0.3, 3 * channels))
    x = net.add_node("Add", [net.add_node("MatMul", [x, weights], ()), bias], ())
    x = transpose(reshape(x, count, pixels, 3, heads, depth), 2, 0, 3, 1, 4)
    query, key, value = (
        net.add_node("Gather", [x, net.constant(np.array(i, np.int64))], (), axis=0)
        for i in range(3)
    )
    score = net.add_node("MatMul", [query, transpose(key, 0, 1, 3, 2)], ())
    score = net.add_node("Softmax", [score], (), axis=-1)
    x = transpose(net.add_node("MatMul", [score, value], ()), 0, 2, 1, 3)
    x = reshape(x, 1, count * pixels, channels)
    net.shapes[x] = (count * pixels, channels)
    return net.build(x)


@pytest.mark.parametrize(("windows", "size", "channels", "heads"), [(2, 3, 8, 2), (3, 2, 6, 1)])
def test_attention_inside_windows(
    windows: int, size: int, channels: int, heads: int, tmp_path: Path
):
    onnx.save(attention(windows, size, channels, heads), tmp_path / "float.onnx")
    image = np.random.default_rng(5).normal(size=(3, 1, 3, windows * size, windows * size))
    quantized = tmp_path / "int8.onnx"
    calibration = {"image": image.astype(np.float32)}
    patchc.quantize(tmp_path / "float.onnx", quantized, calibration=calibration)
    for prefer in ("layers", "ram"):
        patchc.compile(quantized, tmp_path / prefer, prefer=prefer)
        assert patchc.verify(tmp_path / prefer, cases=2).failures == ()
