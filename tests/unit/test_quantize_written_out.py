"""Float models as exporters leave them: normalisations that are written out, operators that ONNX
does not have."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.quantize.options import QuantizeOptions
from patchc.quantize.quantize import quantize
from tests.unit.frontend_models import Net, kinds

CHANNELS, PIXELS = 8, 6
OPTIONS = QuantizeOptions(align=False)


def quantized(model: onnx.ModelProto, folder, shape) -> onnx.ModelProto:
    samples = np.random.default_rng(2).normal(size=(4, *shape)).astype(np.float32)
    quantize(model, folder / "q.onnx", {"x": samples}, OPTIONS)
    return onnx.load_model(folder / "q.onnx")


@pytest.mark.parametrize("opset", [11, 13, 17])
def test_a_layer_normalisation_that_is_written_out(tmp_path, opset):
    """As Paddle and older exporters of PyTorch have it: onnxruntime's optimiser makes one of it."""
    random = np.random.default_rng(1)
    net = Net(opset=opset)
    x = net.op(
        "MatMul", net.input("x", 1, PIXELS, CHANNELS), net.constant(random.normal(size=(8, 8)))
    )
    centred = net.op("Sub", x, net.op("ReduceMean", x, axes=[-1]))
    square = net.op("Pow", centred, net.constant(2.0))
    variance = net.op("Add", net.op("ReduceMean", square, axes=[-1]), net.constant(1e-5))
    y = net.op("Div", centred, net.op("Sqrt", variance))
    y = net.op("Mul", y, net.constant(random.uniform(0.5, 2, CHANNELS)))
    y = net.op("Add", y, net.constant(random.normal(size=CHANNELS)))
    y = net.op("MatMul", y, net.constant(random.normal(size=(CHANNELS, 4))))
    found = kinds(import_model(quantized(net.model(y), tmp_path, (PIXELS, CHANNELS))))
    assert found == ["Conv", "LayerNormalization", "Conv"]


def convolved(net: Net, x: str, seed: int) -> str:
    return net.op("Conv", x, net.constant(np.random.default_rng(seed).normal(size=(3, 3, 3, 3))))


def test_the_erfc_that_tf2onnx_leaves(tmp_path):
    """Of Keras' gelu: a table, as the rest of it."""
    net = Net()
    x = convolved(net, net.input("x", 1, 3, 8, 8), 1)
    tail = net.op("Erfc", net.op("Mul", x, net.constant(-np.sqrt(0.5))))
    y = convolved(net, net.op("Mul", net.op("Mul", x, net.constant(0.5)), tail), 2)
    model = net.model(y)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    found = kinds(import_model(quantized(model, tmp_path, (3, 8, 8))))
    assert found == ["Conv", "Lut", "Conv"]


def test_another_operator_that_onnx_does_not_have(tmp_path):
    net = Net()
    x = net.op("RandomRotation", convolved(net, net.input("x", 1, 3, 8, 8), 1), name="op")
    with pytest.raises(PatchcError, match=r"op \(RandomRotation\): ONNX has no such operator"):
        quantized(net.model(convolved(net, x, 2)), tmp_path, (3, 8, 8))
