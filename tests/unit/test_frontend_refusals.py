"""What is not supported, each with its text, and that all of it is found at once."""

from __future__ import annotations

import re

import numpy as np
import pytest
from onnx import helper

from patchc.errors import PatchcError
from patchc.frontend import find_unsupported, import_model
from tests.unit.frontend_models import MICROSOFT, Net, check, kinds

X, Y = (0.03, 7), (0.05, 3)


def refused(model) -> list[str]:
    """The lines of the message, without the first."""
    with pytest.raises(PatchcError) as caught:
        import_model(model)
    first, *lines = str(caught.value).splitlines()
    assert re.fullmatch(r"net: (1 operator is|\d+ operators are) not supported", first)
    return [line.strip() for line in lines]


def unary(kind, *inputs, shape=(1, 4, 6, 6), before=None, type_=np.uint8, opset=17, **attributes):
    """One operator called "op" between QuantizeLinear and DequantizeLinear."""
    net = Net(type_, opset)
    x = net.qdq(net.input("x", *shape), X, "x")
    if before is not None:
        x = before(net, x)
    extra = [item(net) if callable(item) else item for item in inputs]
    y = net.op(kind, x, *extra, name="op", **attributes)
    return net.model(net.qdq(y, Y, "y"))


def other(net, x):
    """Another tensor of the shape of `x`."""
    return net.qdq(net.op("Relu", x), Y)


def weights(values, zero_point=0, *, scale=0.01, dtype=np.int8, axis=0):
    """Entry for a constant operand behind DequantizeLinear."""

    def make(net: Net) -> str:
        array = net.constant(values, dtype)
        zero = net.constant(np.broadcast_to(zero_point, np.shape(scale)), dtype)
        return net.op("DequantizeLinear", array, net.constant(scale), zero, axis=axis)

    return make


def constant(values, dtype=np.float32):
    return lambda net: net.constant(values, dtype)


def pad(*pads, value=None, mode="constant"):
    def make(net, x):
        filler = [] if value is None else [net.constant(value)]
        return net.op("Pad", x, net.constant(pads, np.int64), *filler, name="pad", mode=mode)

    return make


SMALL = np.ones((3, 4, 3, 3))
MATRIX = np.ones((5, 144))

REFUSALS = {
    "unknown_operator": (
        unary("Hardmax"),
        "op (Hardmax): patchc has no integer kernel for this operator",
    ),
    "function_of_a_float_result": (
        unary("Sigmoid", before=lambda net, x: net.op("Add", x, other(net, x), name="sum")),
        "op (Sigmoid): it reads the float result of sum: there is no QuantizeLinear between them. "
        "Put a pair there, or quantise the float model with patchc quantize",
    ),
    "function_of_an_input_in_front": (
        unary("Mul", "x"),
        "op (Mul): it reads 'x', which is not quantised",
    ),
    "function_of_integers": (
        unary("Neg", before=lambda net, x: net.quantize(x, X), opset=21),
        "op (Neg): it computes on quantised integers: put a DequantizeLinear before it",
    ),
    "constant_that_varies_over_the_map": (
        unary("Mul", constant(np.ones((4, 6, 1)))),
        "op (Mul): a constant of shape [4, 6, 1] over [n, c, h, w]: one element, or one for each "
        "channel, is supported",
    ),
    "slopes_along_rows": (
        unary("PRelu", constant(np.ones((1, 6, 1)))),
        "op (PRelu): a constant of shape [1, 6, 1] over [n, c, h, w]: one element, or one for each "
        "channel, is supported",
    ),
    "constant_that_adds_a_dimension": (
        unary("Sub", constant(np.ones((1, 1, 1, 1, 1)))),
        "op (Sub): a constant of shape [1, 1, 1, 1, 1] over [n, c, h, w]: one element, or one for "
        "each channel, is supported",
    ),
    "int16_weights": (
        unary("Conv", weights(SMALL, dtype=np.int32)),
        "op (Conv): int32 weights: only int8 and uint8 are supported",
    ),
    "float_weights": (
        unary("Conv", constant(SMALL)),
        "op (Conv): its weights are float: quantise them, e.g. patchc quantize",
    ),
    "scales_along_the_inputs": (
        unary("Conv", weights(np.ones((3, 4, 3, 3)), scale=[0.1] * 4, axis=1)),
        "op (Conv): weight scales that do not run along the output channels",
    ),
    "three_dimensions": (
        unary("Conv", weights(np.ones((3, 4, 3, 3, 3)))),
        "op (Conv): a convolution over 3 dimensions: one and two are supported",
    ),
    "bias_at_another_scale": (
        unary("Conv", weights(SMALL), weights([1, 2, 3], scale=0.001, dtype=np.int32)),
        "op (Conv): the scale of its bias is not input scale * weight scale, so onnxruntime cannot "
        "compute it with integers; quantise it again, e.g. patchc quantize",
    ),
    "bias_of_eight_bits": (
        unary("Conv", weights(SMALL), weights([1, 2, 3], scale=0.0003)),
        "op (Conv): a bias of type int8: only int32, zero point 0",
    ),
    "float_bias_too_large": (
        unary("Conv", weights(SMALL), constant([1e6, 1, 1])),
        "op (Conv): its float bias does not fit int32 at the scale of its accumulator",
    ),
    "bias_of_another_length": (
        unary("Gemm", weights(np.ones((144, 5)), axis=1), constant([1, 2, 3]), shape=(1, 144)),
        "op (Gemm): a bias of shape [3] for 5 output channels",
    ),
    "negative_pads": (
        unary("Conv", weights(SMALL), pads=[-1, 0, 0, 0]),
        "op (Conv): negative pads [-1, 0, 0, 0]",
    ),
    "gemm_alpha": (
        unary("Gemm", weights(MATRIX.T, axis=1), shape=(1, 144), alpha=0.5),
        "op (Gemm): alpha = 0.5: only 1 is supported",
    ),
    "gemm_beta": (
        unary("Gemm", weights(MATRIX.T, axis=1), constant([0] * 5), shape=(1, 144), beta=0.5),
        "op (Gemm): beta = 0.5: only 1 is supported",
    ),
    "gemm_of_a_transpose": (
        unary("Gemm", weights(MATRIX.T), shape=(1, 144), transA=1),
        "op (Gemm): transA = 1 is not supported",
    ),
    "a_batch_of_matrices": (
        unary("MatMul", weights(np.ones((2, 6, 5)), axis=2), shape=(1, 4, 6)),
        "op (MatMul): weights of 3 dimensions: a matrix is supported",
    ),
    "taps_that_could_overflow": (
        unary("MatMul", weights(np.ones((131072, 2)), axis=1), shape=(1, 131072)),
        "op (MatMul): 131072 taps per output could overflow int32",
    ),
    "clip_with_bounds_that_vary": (
        unary("Clip", "x"),
        "op (Clip): its minimum is not a constant",
    ),
    "max_pool_without_room": (
        unary("MaxPool", kernel_shape=[8, 8]),
        "op (MaxPool): a window of (8, 8) over a map of 6x6",
    ),
    "max_pool_in_padding": (
        unary("MaxPool", kernel_shape=[2, 2], dilations=[7, 7], pads=[1, 1, 1, 1]),
        "op (MaxPool): a position of its window lies wholly in padding",
    ),
    "max_pool_that_crops": (
        unary("MaxPool", kernel_shape=[1, 1], strides=[3, 3], auto_pad="SAME_UPPER"),
        "op (MaxPool): auto_pad with a stride that leaves out rows: use explicit pads",
    ),
    "average_pool_dilations": (
        unary("AveragePool", kernel_shape=[2, 2], dilations=[2, 2]),
        "op (AveragePool): dilations (2, 2): only 1 is supported",
    ),
    "pad_with_a_value": (
        unary("Conv", weights(SMALL), before=pad(0, 0, 1, 1, 0, 0, 1, 1, value=1.0)),
        "pad (Pad): it pads several dimensions with 1: with other than zero (here 0) only one is "
        "supported",
    ),
    "crop": (
        unary("Conv", weights(SMALL), before=pad(0, 0, -1, 0, 0, 0, 0, 0)),
        "pad (Pad): negative pads [0, 0, -1, 0, 0, 0, 0, 0]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case):
    model, line = REFUSALS[case]
    assert line in refused(model)


def test_weights_that_vary():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    w = net.qdq(net.input("w", 1, 4, 3, 3), X, "w")
    assert refused(net.model(net.qdq(net.op("Conv", x, w, name="conv"), Y))) == [
        "conv (Conv): its weights are not constant"
    ]


def test_addition_across_layouts():
    """The second operand is laid out as the first one is."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 4, 4), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(4, 4, 1, 1)), X, "a")
    y = net.op("Add", a, net.op("Transpose", a, perm=[0, 2, 3, 1]), name="add")
    assert kinds(check(net.model(net.qdq(y, Y)))) == ["Conv", "Permute", "Add"]


def test_a_convolution_without_quantisation_behind_it():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    c = net.op("Conv", x, net.weights(4, 4, 1, 1), name="first")
    d = net.op("Conv", c, net.weights(4, 4, 1, 1), name="second")
    assert refused(net.model(net.qdq(d, Y))) == [
        "second (Conv): it reads the float result of first: there is no QuantizeLinear between "
        "them. Put a pair there, or quantise the float model with patchc quantize"
    ]


def test_a_first_layer_that_stays_float():
    net = Net(np.uint8)
    x = net.op("Conv", net.input("x", 1, 3, 6, 6), net.constant(np.ones((2, 3, 1, 1))), name="c")
    assert refused(net.model(net.qdq(x, X))) == [
        "c (Conv): its input is not quantised, e.g. patchc quantize does it"
    ]


def test_dynamic_quantisation():
    net = Net(np.uint8)
    x = net.input("x", 1, 16)
    net.nodes.append(helper.make_node("DynamicQuantizeLinear", [x], ["q", "s", "z"], "dynamic"))
    weights = net.constant(np.ones((16, 3)), np.uint8)
    y = net.op("MatMulInteger", "q", weights, "z", name="product")
    assert refused(net.model(y, kinds={y: 6})) == [
        f"{name}: dynamic quantisation: quantise statically, e.g. patchc quantize"
        for name in ("dynamic (DynamicQuantizeLinear)", "product (MatMulInteger)")
    ]


def test_activations_of_sixteen_bits():
    net = Net(np.uint8, opset=21)
    x = net.qdq(net.input("x", 1, 4, 6, 6), (0.03, 0), "x", np.int16)
    y = net.op("Conv", x, net.weights(4, 4, 1, 1), name="conv")
    (line, *_) = refused(net.model(net.qdq(y, Y, "y")))
    assert line == "x (QuantizeLinear): int16 activations: only int8 and uint8 are supported"


def test_activations_quantised_per_channel():
    net = Net(np.uint8)
    scales, zeros = net.constant([0.1] * 4), net.constant([0] * 4, np.uint8)
    x = net.op("QuantizeLinear", net.input("x", 1, 4, 6, 6), scales, zeros, name="q")
    x = net.op("DequantizeLinear", x, scales, zeros)
    y = net.op("MaxPool", x, kernel_shape=[2, 2], name="pool")
    (line, *_) = refused(net.model(net.qdq(y, Y)))
    reason = "activations quantised per channel: only one scale is supported"
    assert line == f"q (QuantizeLinear): {reason}"


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf])
def test_a_scale_that_is_no_scale(scale):
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), (scale, 0), "x")
    (line, *_) = refused(net.model(net.qdq(net.op("Relu", x), Y)))
    assert line == f"x (QuantizeLinear): a scale of {scale}: scales have to be positive"


def test_a_tensor_read_with_another_scale():
    net = Net(np.uint8)
    x = net.dequantize(net.quantize(net.input("x", 1, 4, 6, 6), X, "x"), Y)
    (line, *_) = refused(net.model(net.qdq(net.op("Relu", x), Y)))
    assert line.endswith(
        "it reads 'x_out' with scale 0.0500000007, zero point -125 (as int8), but that was written "
        "with scale 0.0299999993, zero point -121 (as int8)"
    )


def test_the_indices_of_a_max_pool():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    net.nodes.append(helper.make_node("MaxPool", [x], ["m", "i"], "pool", kernel_shape=[2, 2]))
    y = net.qdq("m", X, "y")
    assert refused(net.model(y, "i", kinds={"i": 7})) == [
        "pool (MaxPool): its second output, the indices, is not supported"
    ]


def test_a_float_result_that_is_also_an_output():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    total = net.op("Add", x, other(net, x), name="sum")
    assert refused(net.model(net.qdq(total, Y, "y"), total)) == [
        "its outputs (graph): it is the float result of sum: add a QuantizeLinear"
    ]


def test_a_file_that_only_quantises():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    assert refused(net.model(x)) == [
        "its outputs (graph): there is no operator between quantised tensors"
    ]


def test_everything_is_listed_at_once():
    """Also what lies behind the first thing refused."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    x = net.qdq(
        net.op("Conv", x, weights(np.ones((3, 4, 1, 1)), dtype=np.int32)(net), name="one"), Y
    )
    x = net.qdq(net.op("Hardmax", x, name="two"), Y)
    x = net.qdq(net.op("Conv", x, net.weights(3, 3, 1, 1)), Y)
    x = net.op("Hardmax", x, name="three")
    net.nodes[-1].name = ""
    model = net.model(net.qdq(x, Y))
    assert [str(item) for item in find_unsupported(model)] == refused(model)
    assert [(item.node, item.operator) for item in find_unsupported(model)] == [
        ("one", "Conv"),
        ("two", "Hardmax"),
        ("three_out", "Hardmax"),
    ]


def test_integer_operators_behind_a_refused_one_are_still_looked_at():
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 4, 6, 6), X, "x")
    one = [x, *net.parameters(X), *net.parameters(Y)]
    y = net.op("QLinearReduceMean", *one, name="one", domain=MICROSOFT)
    two = [y, *net.parameters(Y), *net.parameters(Y)]
    z = net.op("QLinearReduceMean", *two, name="two", domain=MICROSOFT)
    found = find_unsupported(net.model(net.dequantize(z, Y)))
    assert [item.node for item in found] == ["one", "two"]


def test_nothing_is_unsupported():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    assert find_unsupported(net.model(net.qdq(net.op("Relu", x), Y))) == []
