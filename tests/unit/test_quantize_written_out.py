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
from tests.unit.test_frontend_exports import verified

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


@pytest.mark.parametrize("square", ["Pow", "Mul"])
@pytest.mark.parametrize("factors", [0, 1, 2], ids=["plain", "scaled", "affine"])
@pytest.mark.parametrize("opset", [13, 18])
def test_one_over_the_channels_of_a_map(tmp_path, square, factors, opset):
    """As ConvNeXt's authors have it, channels first."""
    random = np.random.default_rng(1)
    net = Net(opset=opset)

    def mean(x: str) -> str:
        if opset < 18:
            return net.op("ReduceMean", x, axes=[1])
        return net.op("ReduceMean", x, net.constant([-3], np.int64))

    x = convolved(net, net.input("x", 1, 3, 8, 8), 1)
    centred = net.op("Sub", x, mean(x))
    other = net.constant(2.0) if square == "Pow" else centred
    variance = net.op("Add", mean(net.op(square, centred, other)), net.constant(1e-6))
    y = net.op("Div", centred, net.op("Sqrt", variance))
    if factors > 0:
        y = net.op("Mul", y, net.constant(random.uniform(0.5, 2, (3, 1, 1))))
    if factors > 1:
        y = net.op("Add", y, net.constant(random.normal(size=(1, 3, 1, 1))))
    model = quantized(net.model(convolved(net, y, 2)), tmp_path, (3, 8, 8))
    found = verified(model)
    assert kinds(found) == ["Conv", "LayerNormalization", "Conv"]


@pytest.mark.parametrize("squared", [False, True])
def test_what_only_looks_like_one_stays(tmp_path, squared):
    """A third reader of the centred values, or a cube."""
    net = Net()
    x = convolved(net, net.input("x", 1, 3, 8, 8), 1)
    centred = net.op("Sub", x, net.op("ReduceMean", x, axes=[1]))
    power = net.op("Pow", centred, net.constant(2.0 if squared else 4.0))
    variance = net.op("Add", net.op("ReduceMean", power, axes=[1]), net.constant(1e-6))
    y = net.op("Div", centred, net.op("Sqrt", variance))
    y = net.op("Add", y, centred) if squared else y
    graph = import_model(quantized(net.model(convolved(net, y, 2)), tmp_path, (3, 8, 8))).graph
    found = [node.op.kind for node in graph.nodes]
    assert "LayerNormalization" not in found
    assert "Mul" in found  # with the reciprocal of the root


def test_a_quotient_is_a_product_with_a_reciprocal(tmp_path):
    """One table makes it, with what is added against division by zero."""
    net = Net()
    x = net.input("x", 1, 3, 8, 8)
    over, under = convolved(net, x, 1), net.op("Sigmoid", convolved(net, x, 2))
    y = net.op("Div", over, net.op("Add", under, net.constant(0.1)))
    model = quantized(net.model(convolved(net, y, 3)), tmp_path, (3, 8, 8))
    assert sorted(kinds(verified(model))) == ["Conv", "Conv", "Conv", "Lut", "Mul"]


@pytest.mark.parametrize("axis", [1, 3])
def test_values_over_their_norm(tmp_path, axis):
    """torch.nn.functional.normalize."""
    net = Net()
    x = convolved(net, net.input("x", 1, 3, 8, 8), 1)
    norm = net.op("ReduceL2", x, axes=[axis], keepdims=1)
    guarded = net.op("Clip", norm, net.constant(1e-12))
    whole = net.op("Expand", guarded, net.constant([1, 3, 8, 8], np.int64))
    y = net.op("Div", x, whole)
    model = quantized(net.model(convolved(net, y, 2)), tmp_path, (3, 8, 8))
    assert "LayerNormalization" in kinds(verified(model))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_sums_of_any_number(tmp_path, count):
    net = Net()
    x = net.input("x", 1, 3, 8, 8)
    y = net.op("Sum", *(convolved(net, x, seed) for seed in range(count)), name="sum")
    model = quantized(net.model(convolved(net, y, 9)), tmp_path, (3, 8, 8))
    assert kinds(verified(model)) == ["Conv"] * count + ["Add"] * (count - 1) + ["Conv"]


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
