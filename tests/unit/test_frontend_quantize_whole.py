"""patchc quantize on models without layers, and what it makes of a file before it quantises."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from patchc.errors import PatchcError
from patchc.frontend.fold import fold_constants
from patchc.frontend.runtime import newest_opset
from patchc.quantize.gemms import plain_gemms
from patchc.quantize.quantize import Activation, QuantizeOptions, quantize
from tests.unit.frontend_models import Net, check, kinds, run

SHAPE = (1, 3, 8, 6)
BOTH_TYPES = pytest.mark.parametrize("activation", Activation)


def quantized(model, tmp_path, activation=Activation.UINT8, shape=SHAPE) -> onnx.ModelProto:
    """Calibrated on random samples of `shape` for every input."""
    random = np.random.default_rng(5)
    names = [value.name for value in model.graph.input]
    samples = {name: random.normal(0, 1, (4, *shape)).astype(np.float32) for name in names}
    quantize(model, tmp_path / "q.onnx", samples, QuantizeOptions(activation=activation))
    return onnx.load(tmp_path / "q.onnx")


def relu(net, x):
    return net.op("Relu", x)


def swish(net, x):
    return net.op("Mul", x, net.op("Sigmoid", x))


def leaky_by_a_comparison(net, x):
    positive = net.op("Greater", x, net.constant(0))
    return net.op("Where", positive, x, net.op("Mul", x, net.constant(0.1)))


def step(net, x):
    """A comparison made a number."""
    return net.op("Mul", x, net.op("Cast", net.op("Less", x, net.constant(0.5)), to=1))


def pool(net, x):
    return net.op("MaxPool", x, kernel_shape=[2, 2])


def pool_of_a_function(net, x):
    return net.op("AveragePool", net.op("Tanh", x), kernel_shape=[2, 2], strides=[2, 2])


def function_of_a_pool(net, x):
    return net.op("Exp", pool(net, x))


def doubled(net, x):
    return net.op("Sum", x, pool_of_one(net, x))


def pool_of_one(net, x):
    return net.op("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def dropped(net, x):
    return net.op("Dropout", net.op("Neg", x))


WHOLE = {
    relu: ["Lut"],
    swish: ["Lut"],
    leaky_by_a_comparison: ["Lut"],
    step: ["Lut"],
    pool: ["MaxPool"],
    pool_of_a_function: ["Lut", "AveragePool"],
    function_of_a_pool: ["MaxPool", "Lut"],
    doubled: ["MaxPool", "Add"],
    dropped: ["Lut"],
}


@BOTH_TYPES
@pytest.mark.parametrize("make", WHOLE, ids=lambda make: make.__name__)
def test_without_layers_everything_is_quantised(make, activation, tmp_path):
    net = Net()
    model = net.model(make(net, net.input("x", *SHAPE)))
    imported = check(quantized(model, tmp_path, activation))
    assert kinds(imported) == WHOLE[make]
    assert all("Quantize" in name for name in imported.prologue.nodes)


def test_a_map_without_batch(tmp_path):
    """Samples are stacked along a new axis where the first one is no batch."""
    net = Net()
    model = net.model(net.op("Sigmoid", net.input("x", 3, 8, 6)))
    imported = check(quantized(model, tmp_path, shape=(3, 8, 6)))
    assert imported.inputs[0].shape == (8, 6, 3)
    with pytest.raises(PatchcError, match="takes samples of \\[3, 8, 6\\] stacked along the first"):
        quantized(model, tmp_path, shape=(8, 6))


def test_two_inputs(tmp_path):
    net = Net()
    x, z = net.input("x", *SHAPE), net.input("z", *SHAPE)
    assert kinds(check(quantized(net.model(net.op("Mul", x, z)), tmp_path))) == ["Mul"]


def test_nothing_that_can_be_quantised(tmp_path):
    net = Net()
    model = net.model(net.op("ReduceProd", net.op("Hardmax", net.input("x", *SHAPE))))
    with pytest.raises(PatchcError) as caught:
        quantized(model, tmp_path)
    assert str(caught.value) == "net: none of its operators can be quantised: Hardmax, ReduceProd"
    assert not (tmp_path / "q.onnx").exists()


def test_an_opset_newer_than_onnxruntime_knows(tmp_path):
    """The onnx package may know opsets of which onnxruntime has no QuantizeLinear."""
    newest = onnx.defs.onnx_opset_version()
    net = Net(opset=newest)
    model = net.model(net.op("DepthToSpace", net.input("x", 1, 8, 4, 4), blocksize=2))
    result = quantized(model, tmp_path, shape=(1, 8, 4, 4))
    assert kinds(check(result)) == ["DepthToSpace"]
    (opset,) = (item.version for item in result.opset_import if not item.domain)
    assert opset == min(newest, newest_opset())


def test_constants_are_folded():
    """Also a Cast, which onnxruntime leaves; not what reads an input."""
    net = Net()
    factor = net.op("Cast", net.constant(2, np.int64), to=1)
    half = net.op("Div", factor, net.constant(4))
    model = net.model(net.op("Mul", net.input("x", *SHAPE), half))
    expected = run(model, {"x": np.ones(SHAPE, np.float32)})
    fold_constants(model)
    assert [node.op_type for node in model.graph.node] == ["Mul"]
    (found,) = run(model, {"x": np.ones(SHAPE, np.float32)}).values()
    np.testing.assert_array_equal(found, *expected.values())


GEMMS = {
    "plain": ({}, (5,)),
    "no_bias": ({"alpha": 0.5}, None),
    "a_row": ({"beta": 0.25}, (1, 5)),
    "a_number": ({"alpha": 2.0, "beta": 3.0}, ()),
    "one_element": ({}, (1,)),
    "transposed_weights": ({"transB": 1, "alpha": 0.3}, (5,)),
    "transposed": ({"transA": 1, "transB": 1, "beta": 2.0}, (1, 5)),
    "a_matrix": ({"beta": 0.5}, (4, 5)),
    "a_column": ({}, (4, 1)),
}


@pytest.mark.parametrize("name", GEMMS)
def test_a_gemm_becomes_a_plain_one(name):
    """The same product, no factors, and at most a bias with one value per output."""
    attributes, shape = GEMMS[name]
    random = np.random.default_rng(2)
    net = Net()
    x = net.input("x", *((6, 4) if "transA" in attributes else (4, 6)))
    weights = random.normal(size=(5, 6) if "transB" in attributes else (6, 5))
    bias = [] if shape is None else [net.constant(random.normal(size=shape))]
    y = net.op("Gemm", x, net.constant(weights), *bias, name="g", **attributes)
    model = net.model(y)
    (x_shape,) = ([d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.input)
    feeds = {"x": random.normal(size=x_shape).astype(np.float32)}
    (expected,) = run(model, feeds).values()
    plain_gemms(model.graph)
    (found,) = run(model, feeds).values()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    (gemm,) = (node for node in model.graph.node if node.op_type == "Gemm")
    assert {item.name for item in gemm.attribute} <= {"transB"}
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert [constants[name].shape for name in gemm.input[2:]] in ([], [(5,)])


@BOTH_TYPES
@pytest.mark.parametrize("name", ["a_row", "a_number", "transposed_weights", "no_bias"])
def test_a_quantised_gemm_is_a_convolution(name, activation, tmp_path):
    attributes, shape = GEMMS[name]
    random = np.random.default_rng(2)
    net = Net()
    weights = random.normal(size=(5, 6) if "transB" in attributes else (6, 5))
    bias = [] if shape is None else [net.constant(random.normal(size=shape))]
    y = net.op("Gemm", net.input("x", 1, 6), net.constant(weights), *bias, **attributes)
    imported = check(quantized(net.model(y), tmp_path, activation, shape=(1, 6)))
    assert kinds(imported) == ["Conv"]


def test_a_gemm_whose_weights_vary_stays():
    net = Net()
    x, w = net.input("x", 4, 6), net.input("w", 6, 5)
    model = net.model(net.op("Gemm", x, w, alpha=0.5))
    plain_gemms(model.graph)
    (node,) = model.graph.node
    assert helper.get_node_attr_value(node, "alpha") == 0.5
