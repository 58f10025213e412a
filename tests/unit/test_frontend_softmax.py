"""Softmax in every form, against onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from patchc.errors import PatchcError
from patchc.ir import Quantization, Softmax, Tensor
from patchc.numerics.softmax import MAX_CHANNELS, softmax_params
from patchc.quantize.quantize import Format, QuantizeOptions, quantize
from tests.unit.frontend_models import MICROSOFT, Net, check, kinds

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8])

X = (0.07, 7)


def probabilities(net: Net):
    """What a softmax is quantised to: 0 to 255/256."""
    return 1 / 256, net.lowest


def softmax_net(type_, shape, *, opset=17, out=None, **attributes):
    net = Net(type_, opset)
    x = net.qdq(net.input("x", *shape), X, "x")
    y = net.op("Softmax", x, name="op", **attributes)
    return net.model(net.qdq(y, out or probabilities(net), "y"))


@BOTH_TYPES
@pytest.mark.parametrize("channels", [2, 10, 1000])
def test_scores(type_, channels):
    assert kinds(check(softmax_net(type_, (1, channels)), cases=6)) == ["Softmax"]


@BOTH_TYPES
@pytest.mark.parametrize(("axis", "opset"), [(1, 17), (-3, 13)])
def test_channels_of_every_pixel(type_, axis, opset):
    assert kinds(check(softmax_net(type_, (1, 6, 5, 4), opset=opset, axis=axis))) == ["Softmax"]


@BOTH_TYPES
def test_an_input_that_is_channels_last(type_):
    imported = check(softmax_net(type_, (1, 5, 4, 6)))
    assert imported.inputs[0].shape == (5, 4, 6)


@BOTH_TYPES
@pytest.mark.parametrize("scale", [0.05, 0.7, 2.0, 20.0])
@pytest.mark.parametrize("steps", [75, 183])
def test_equal_values_make_ties(type_, scale, steps):
    """Two largest values take half of an odd number of steps each. From a scale of about 0.65 on,
    the least exponentials are subnormal, then 0."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 16, 16), (scale, 3), "x")
    x = net.qdq(net.op("Relu", x), (scale, 3), "r")  # many zeros
    out = float(np.float32(1 / (steps + 0.3))), net.lowest
    check(net.model(net.qdq(net.op("Softmax", x, axis=1), out, "y")), cases=3)


@BOTH_TYPES
@pytest.mark.parametrize("out", [(0.01, 3), (0.0021, 0), (3.0, 1)])
def test_any_scale_of_the_output(type_, out):
    check(softmax_net(type_, (1, 12), out=out))


@BOTH_TYPES
def test_before_opset_13(type_):
    """Axis 1 by default, and all that follows."""
    assert kinds(check(softmax_net(type_, (1, 9), opset=12))) == ["Softmax"]


@BOTH_TYPES
def test_between_layers(type_):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(8, 4, 3, 3)), X, "a")
    b = net.qdq(net.op("Softmax", a, axis=1), probabilities(net), "b")
    y = net.qdq(net.op("Conv", b, net.weights(3, 8, 1, 1)), (0.001, 5), "y")
    assert kinds(check(net.model(y))) == ["Conv", "Softmax", "Conv"]


@BOTH_TYPES
def test_the_integer_form(type_):
    net = Net(type_)
    x = net.quantize(net.input("x", 1, 7), X, "x")
    out = probabilities(net)
    inputs = [x, *net.parameters(X), *net.parameters(out)]
    y = net.op("QLinearSoftmax", *inputs, domain=MICROSOFT, axis=-1, opset=13)
    assert kinds(check(net.model(net.dequantize(y, out)))) == ["Softmax"]


@pytest.mark.parametrize("format_", Format)
def test_quantize_takes_it_between_layers_and_leaves_it_at_the_end(tmp_path, format_):
    random = np.random.default_rng(1)
    net = Net()

    def conv(x):
        return net.op("Conv", x, net.constant(random.normal(0, 1, (4, 4, 1, 1))))

    y = conv(net.op("Softmax", conv(net.input("x", 1, 4, 8, 8)), axis=1))
    model = net.model(net.op("Softmax", y, axis=1))
    samples = random.normal(0, 1, (8, 4, 8, 8)).astype(np.float32)
    quantize(model, tmp_path / "q.onnx", {"x": samples}, QuantizeOptions(format_))
    imported = check(onnx.load(tmp_path / "q.onnx"))
    assert kinds(imported) == ["Conv", "Softmax", "Conv"]


@pytest.mark.parametrize("axis", [0, 2])
def test_other_axes_are_laid_out_as_channels(axis):
    imported = check(softmax_net(np.uint8, (1, 6, 5, 4), axis=axis))
    assert kinds(imported)[-2:] == ["Permute", "Softmax"]


def test_before_opset_13_it_runs_along_all_dimensions_behind():
    imported = check(softmax_net(np.uint8, (1, 6, 5, 4), opset=12))
    assert kinds(imported)[-2:] == ["Permute", "Softmax"]


def tensor(scale: float, channels: int) -> Tensor:
    return Tensor("t", (1, 1, channels), Quantization(float(np.float32(scale)), 0))


def test_too_many_steps():
    for scale in (2.0**-29, 1 / 256):
        assert softmax_params(Softmax(), tensor(0.1, 1), tensor(scale, 1), "n").steps == 1 / scale
    with pytest.raises(PatchcError, match=r"n: an output scale of 9\.31322"):
        softmax_params(Softmax(), tensor(0.1, 1), tensor(2.0**-30, 1), "n")


@BOTH_TYPES
@pytest.mark.parametrize(("channels", "scale"), [(1, 1 / 256), (2, 1e-4), (3, 2e-7)])
def test_results_that_saturate(type_, channels, scale):
    out = float(np.float32(scale)), 0
    assert kinds(check(softmax_net(type_, (1, channels, 4, 4), out=out, axis=1))) == ["Softmax"]


def test_too_many_channels():
    most = tensor(0.1, MAX_CHANNELS), tensor(1 / 256, MAX_CHANNELS)
    assert len(softmax_params(Softmax(), *most, "n").exponentials) == 256
    more = tensor(0.1, MAX_CHANNELS + 1)
    with pytest.raises(PatchcError, match="n: 32769 channels; at most 32768"):
        softmax_params(Softmax(), more, more, "n")
