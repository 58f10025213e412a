"""Norms and sums of a float model, and GRN, in operators that have integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import patchc
from tests.float_builder import FloatBuilder

SIZE, CHANNELS = 10, 8
NORMS = ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceSum")
# Over which dimensions, and what integers compute the sum of that.
SUMS = {(2, 3): "GlobalAveragePool", (1,): "Conv", (1, 2, 3): "ReduceSum"}


def reduced(net: FloatBuilder, kind: str, x: str, axes: tuple[int, ...]) -> str:
    left = tuple(1 if axis in axes else n for axis, n in enumerate(net.shapes[x], start=1))
    if kind == "ReduceSum":  # of opset 13
        return net.add_node(kind, [x, net.constant(np.array(axes, np.int64))], left)
    return net.add_node(kind, [x], left, axes=axes)


def grn(net: FloatBuilder, x: str) -> str:
    """Global response normalisation, as ConvNeXt V2 has it."""
    norms = reduced(net, "ReduceL2", x, (2, 3))
    mean = reduced(net, "ReduceMean", norms, (1,))
    mean = net.add_node("Add", [mean, net.constant(np.float32(1e-6))], (1, 1, 1))
    part = net.add_node("Div", [norms, mean], net.shapes[norms])
    scaled = net.add_node("Mul", [x, part], net.shapes[x])
    gamma = net.constant(np.linspace(-1, 1, CHANNELS, dtype=np.float32).reshape(1, -1, 1, 1))
    scaled = net.add_node("Mul", [gamma, scaled], net.shapes[x])
    return net.add_node("Add", [x, scaled], net.shapes[x])


def compiled(model: onnx.ModelProto, folder: Path) -> tuple[list[str], patchc.CompileResult, float]:
    """Quantised, compiled and verified: operators, the result, and how far the integers are from
    the floats, of their range."""
    image = np.random.default_rng(3).normal(size=(4, 1, 3, SIZE, SIZE)).astype(np.float32)
    onnx.save_model(model, folder / "float.onnx")
    quantized = folder / "int8.onnx"
    patchc.quantize(folder / "float.onnx", quantized, calibration={"image": image})
    result = patchc.compile(quantized, folder / "out", prefer="ram")
    assert patchc.verify(folder / "out", cases=2).failures == ()
    sessions = [onnxruntime.InferenceSession(f) for f in (folder / "float.onnx", quantized)]
    wanted, found = (session.run(None, {"image": image[0]})[0] for session in sessions)
    kinds = [node.op_type for node in onnx.load_model(quantized).graph.node]
    return kinds, result, float(np.abs(wanted - found).max() / np.abs(wanted).max())


@pytest.mark.parametrize("axes", SUMS)
@pytest.mark.parametrize("kind", NORMS)
def test_norms_are_sums_of_integers(kind: str, axes: tuple[int, ...], tmp_path: Path):
    net = FloatBuilder("norm")
    x = net.conv_relu(net.input(3, SIZE, SIZE), CHANNELS, 3)
    kinds, result, error = compiled(net.build(reduced(net, kind, x, axes)), tmp_path)
    assert SUMS[axes] in kinds
    assert not {*NORMS[:3]} & {*kinds}
    assert error < 0.03
    # Sums over all dimensions are added up by onnxruntime as floats, which the report may say.
    assert len(axes) == 3 or result.report.notes == ()


def test_global_response_normalisation(tmp_path: Path):
    net = FloatBuilder("grn")
    x = net.conv(net.input(3, SIZE, SIZE), CHANNELS, 3)
    kinds, result, error = compiled(net.build(net.conv(grn(net, x), 4, 1)), tmp_path)
    assert "GlobalAveragePool" in kinds
    assert not any(kind.startswith("Reduce") for kind in kinds)
    assert error < 0.05
    assert result.report.notes == ()
