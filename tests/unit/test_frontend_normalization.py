"""Normalisations over the channels: what is read, and how far from the formula in real numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.ir import (
    Clamp,
    LayerNormalization,
    LocalResponseNormalization,
    Quantization,
    Tensor,
)
from patchc.numerics.layer_norm import MAX_CHANNELS, layer_norm_params
from patchc.numerics.local_response import local_response_params
from patchc.quantize.options import QuantizeOptions
from patchc.quantize.quantize import quantize
from patchc.reference import run_graph
from tests.unit.frontend_models import Net, kinds
from tests.unit.frontend_models import refusals as whole_refusals
from tests.unit.test_frontend_export import graph_of
from tests.unit.test_frontend_exports import refusals, verified

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
X, Y, Z = (0.03, 7), (0.05, 3), (0.02, 5)


def normalised(type_, kind="LayerNormalization", channels=8, *, bias=True, **attributes):
    """Between two convolutions, the channels last."""
    net, random = Net(type_, 23 if kind == "RMSNormalization" else 17), np.random.default_rng(1)
    x = net.qdq(net.input("x", 1, 4, 9, 7), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(channels, 4, 1, 1)), Y, "c")
    x = net.qdq(net.op("Transpose", x, perm=[0, 2, 3, 1]), Y, "t")
    size = () if kind == "LpNormalization" else (channels,)
    constants = [net.constant(random.normal(1, 0.4, channels))] if size else []
    if bias and kind == "LayerNormalization":
        constants.append(net.constant(random.normal(0, 0.4, channels)))
    y = net.op(kind, x, *constants, name="norm", **attributes)
    y = net.qdq(y, Z, "n")
    return net.model(net.qdq(net.op("Relu", y), Z, "r"))


@BOTH_TYPES
@pytest.mark.parametrize("kind", ["LayerNormalization", "RMSNormalization", "LpNormalization"])
@pytest.mark.parametrize("channels", [1, 2, 8, 40])
def test_over_the_channels(kind, channels, type_):
    imported = verified(normalised(type_, kind, channels))
    assert kinds(imported) == ["Conv", "LayerNormalization", "Lut"]
    assert imported.notes[0].startswith(f"norm ({kind}) is computed in integers, which may be one")


def test_without_a_bias_and_with_an_epsilon():
    imported = verified(normalised(np.uint8, bias=False, epsilon=1e-3))
    op = imported.graph.nodes[1].op
    assert isinstance(op, LayerNormalization)
    assert op.epsilon == np.float32(1e-3)
    assert not op.bias.any()


def test_the_axis_shows_where_the_channels_are():
    net = Net(np.uint8, 17)
    x = net.qdq(net.input("x", 1, 6, 5, 12), X, "x")
    y = net.op("LayerNormalization", x, net.constant(np.ones(12)), axis=-1)
    imported = verified(net.model(net.qdq(y, Z, "y")))
    assert imported.inputs[0].shape == (6, 5, 12)


def over_a_map(kind: str, *inputs: np.ndarray, **attributes: int) -> onnx.ModelProto:
    """Of a map of 8 channels, between convolutions."""
    net = Net(np.uint8, 17)
    x = net.qdq(net.op("Conv", net.qdq(net.input("x", 1, 4, 9, 7), X), net.weights(8, 4, 1, 1)), Y)
    y = net.op(kind, x, *map(net.constant, inputs), name="norm", **attributes)
    y = net.op("Conv", net.qdq(y, Z), net.weights(8, 8, 1, 1))
    return net.model(net.qdq(y, Y))


def test_what_is_refused():
    (reason,) = refusals(over_a_map("LpNormalization", axis=1, p=1))
    assert str(reason) == (
        "norm (LpNormalization): the sum of absolute values: only the Euclidean norm is supported"
    )


def test_over_all_dimensions_it_is_of_a_copy():
    model = over_a_map("LayerNormalization", np.ones((8, 9, 7)), axis=1)
    found = [node.op.kind for node in import_model(model).graph.nodes]
    assert found[1:4] == ["Permute", "LayerNormalization", "Permute"]


def test_quantize_keeps_it_between_integers(tmp_path):
    """As ConvNeXt has it, by onnxruntime's quantiser, its factors int8."""
    net, random = Net(opset=17), np.random.default_rng(0)
    y = net.op(
        "Conv", net.input("x", 1, 3, 12, 12), net.constant(random.normal(0, 0.4, (8, 3, 3, 3)))
    )
    y = net.op("Transpose", y, perm=[0, 2, 3, 1])
    numbers = net.constant(random.normal(1, 0.3, 8)), net.constant(random.normal(0, 0.3, 8))
    y = net.op("LayerNormalization", y, *numbers, axis=-1, name="norm")
    y = net.op("Transpose", y, perm=[0, 3, 1, 2])
    y = net.op("Conv", y, net.constant(random.normal(0, 0.4, (8, 8, 3, 3))), name="last")
    path = tmp_path / "q.onnx"
    samples = random.normal(0, 1, (4, 3, 12, 12)).astype(np.float32)
    quantize(net.model(y), path, {"x": samples}, QuantizeOptions())
    assert kinds(verified(onnx.load(path))) == ["Conv", "LayerNormalization", "Conv"]


@BOTH_TYPES
@pytest.mark.parametrize(("size", "alpha"), [(1, 1e-4), (5, 1e-4), (5, 2.0), (9, 0.1)])
def test_over_neighbouring_channels(size, alpha, type_):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 8, 9, 9), X, "x")
    y = net.op("LRN", x, name="norm", size=size, alpha=alpha, bias=2.0)
    imported = verified(net.model(net.qdq(y, Z, "y")))
    assert kinds(imported) == ["LocalResponseNormalization"]
    assert imported.notes[0].startswith("norm (LRN) is computed in integers, which may be one step")


@pytest.mark.parametrize(("alpha", "scale"), [(1e-4, 0.03), (1.0, 0.3), (0.1, 2.0), (9.0, 1.0)])
def test_how_near_a_local_response_is_to_real_numbers(alpha, scale):
    random = np.random.default_rng(1)
    x = Quantization(float(np.float32(scale)), 5)
    y = Quantization(float(np.float32(scale / 2)), -4)
    op = LocalResponseNormalization(5, alpha, 0.75, 1.0)
    graph = graph_of(op, (30, 5, 12), quants=(x,), out=y)
    values = random.integers(-128, 128, (30, 5, 12)).astype(np.int8)
    found = run_graph(graph, {graph.inputs[0]: values})[graph.outputs[0]]
    real = (values.astype(np.float64) - x.zero_point) * x.scale
    squares = np.pad(real**2, ((0, 0), (0, 0), (2, 2)))
    total = sum(squares[..., n : n + 12] for n in range(5))
    exact = real / (op.bias + op.alpha / 5 * total) ** op.beta
    steps = np.clip(exact / y.scale + y.zero_point, -128, 127)
    assert np.abs(found - steps).max() <= 0.5 + 2**-6


def test_a_local_response_that_no_table_can_be():
    x, y, z = (
        Tensor("t", (1, 1, 9), Quantization(float(np.float32(scale)), 0))
        for scale in (0.1, 1e-9, 1e-5)
    )
    op = LocalResponseNormalization(5, 1e-4, 0.75, 1.0)
    with pytest.raises(PatchcError, match="n: an output scale of 1e-09 is too small beside an in"):
        local_response_params(op, x, y, "n")
    with pytest.raises(PatchcError, match="n: no table is exact enough for alpha"):
        local_response_params(replace(op, alpha=1.0), x, z, "n")


@pytest.mark.parametrize("channels", [1, 3, 64, 1000])
@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("spread", [1, 3, 128])
def test_how_near_it_is_to_real_numbers(channels, centered, spread):
    """In steps of the output, before rounding: the quantised result is a rounding of something so
    near. spread: 1 has pixels whose variance is next to nothing."""
    random = np.random.default_rng(channels)
    scale, bias = random.normal(1, 0.5, channels), random.normal(0, 0.5, channels)
    x, y = Quantization(float(np.float32(0.04)), 5), Quantization(float(np.float32(0.03)), -4)
    op = LayerNormalization(scale, bias, 1e-5, centered)
    graph = graph_of(op, (20, 5, channels), quants=(x,), out=y)
    values = random.integers(-spread, spread, (20, 5, channels)).astype(np.int8)
    found = run_graph(graph, {graph.inputs[0]: values})[graph.outputs[0]]
    real = (values.astype(np.float64) - x.zero_point) * x.scale
    real = real - real.mean(axis=2, keepdims=True) if centered else real
    power = (real**2).mean(axis=2, keepdims=True)
    exact = real / np.sqrt(power + op.epsilon) * op.scale + op.bias
    steps = np.clip(exact / y.scale + y.zero_point, -128, 127)
    assert np.abs(found - steps).max() <= 0.5 + 2**-6


def test_limits():
    def tensor(channels, scale):
        return Tensor("t", (1, 1, channels), Quantization(scale, 0))

    def numbers(channels, in_scale=0.1, out_scale=0.1, **changes):
        op = LayerNormalization(np.ones(channels), np.zeros(channels), 1e-5, **changes)
        return layer_norm_params(op, tensor(channels, in_scale), tensor(channels, out_scale), "n")

    assert numbers(MAX_CHANNELS).widening >= 8
    assert numbers(4, clamp=Clamp(-3, 5)).hi == 5
    with pytest.raises(PatchcError, match=f"n: {MAX_CHANNELS + 1} channels; at most"):
        numbers(MAX_CHANNELS + 1)
    with pytest.raises(PatchcError, match="n: an epsilon of 1e-05 is too large beside an input"):
        numbers(4, in_scale=1e-12)
    with pytest.raises(PatchcError, match="n: an output scale of 1e-09 is too small beside its"):
        numbers(4, out_scale=1e-9)


def grouped(type_, groups, *, shape=(1, 8, 5, 6), scale=1.0, bias=0.0):
    """GroupNorm as PyTorch's exporters write it: a Reshape to the groups, and one back."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, *shape[2:]), (0.03, 7), "x")
    x = net.qdq(net.op("Conv", x, net.weights(shape[1], 3, 1, 1)), (0.05, 3), "map")
    x = net.op("Reshape", x, net.constant([0, groups, -1], np.int64))
    numbers = (net.constant(np.broadcast_to(value, groups)) for value in (scale, bias))
    y = net.op("InstanceNormalization", net.qdq(x, (0.05, 3)), *numbers, name="op")
    y = net.op("Reshape", net.qdq(y, (0.04, 5)), net.constant(shape, np.int64))
    return net.model(net.qdq(y, (0.04, 5), "y"))


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_over_groups_of_channels(groups, type_):
    imported = verified(grouped(type_, groups, scale=1.3, bias=0.2))
    assert "LayerNormalization" in kinds(imported)
    assert "may be one step off" in imported.notes[0]


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
@pytest.mark.parametrize("relu", [False, True])
def test_over_each_channel_of_a_map(type_, relu):
    """InstanceNorm without factors."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 5, 6), (0.03, 7), "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 3, 1, 1)), (0.05, 3), "map")
    y = net.op("InstanceNormalization", x, net.constant([1.0] * 4), net.constant([0.0] * 4))
    y = net.op("Relu", y) if relu else y
    assert "LayerNormalization" in kinds(verified(net.model(net.qdq(y, (0.04, 5), "y"))))


def test_what_is_refused_over_groups():
    line = str(whole_refusals(grouped(np.int8, 2, scale=[1.0, 2.0]))[0])
    assert "op (InstanceNormalization): its factors or biases differ from channel" in line
    line = str(whole_refusals(grouped(np.int8, 1, shape=(1, 8, 64, 65)))[0])
    assert "op (InstanceNormalization): over 33280 values: at most 32768 are supported" in line
