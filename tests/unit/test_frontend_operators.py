"""Each operator of the importer, in QDQ form and as an integer operator, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from patchc.errors import PatchcError
from patchc.frontend import find_unsupported, import_model
from patchc.ir import Clamp, Conv, GlobalAveragePool, Lut, Padding, format_graph
from patchc.passes import run_passes
from tests.unit.frontend_models import MICROSOFT, Net, check, check_nodes, kinds

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
X, Y, Z = (0.03, 7), (0.05, 3), (0.04, 120)


def conv_net(type_=np.int8, *, shape=(1, 3, 9, 8), weights=(6, 3, 3, 3), out=Y, **attributes):
    net = Net(type_)
    x = net.qdq(net.input("x", *shape), X, "x")
    y = net.op("Conv", x, net.weights(*weights), name="conv", **attributes)
    return net.model(net.qdq(y, out, "y"))


# --- convolution -----------------------------------------------------------------------------


@BOTH_TYPES
@pytest.mark.parametrize(
    ("shape", "weights", "attributes"),
    [
        ((1, 3, 9, 8), (6, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
        ((1, 3, 9, 8), (6, 3, 3, 3), {"strides": [2, 3], "pads": [0, 1, 2, 0]}),
        ((1, 3, 9, 8), (6, 3, 3, 2), {"dilations": [2, 1]}),
        ((1, 6, 9, 8), (6, 1, 3, 3), {"group": 6}),
        ((1, 6, 9, 8), (12, 1, 3, 3), {"group": 6}),
        ((1, 6, 9, 8), (8, 3, 1, 1), {"group": 2}),
        ((1, 3, 9, 8), (6, 3, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ((1, 3, 9, 8), (6, 3, 3, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
        ((1, 3, 9, 8), (6, 3, 3, 3), {"auto_pad": "VALID"}),
        ((1, 3, 12), (6, 3, 5), {"pads": [2, 1], "strides": [2]}),
        ((1, 4, 1, 1), (6, 4, 1, 1), {}),
    ],
    ids=[
        "padded",
        "strided",
        "dilated",
        "depthwise",
        "multiplier",
        "grouped",
        "same_upper",
        "same_lower",
        "valid",
        "signal",
        "one_pixel",
    ],
)
def test_convolution(type_, shape, weights, attributes):
    imported = check(conv_net(type_, shape=shape, weights=weights, **attributes))
    assert kinds(imported) == ["Conv"]


def test_the_graph_of_a_convolution_in_text():
    text = format_graph(import_model(conv_net(pads=[1, 1, 1, 1])).graph)
    digest = text.partition("w=")[2][:8]
    assert text == (
        "graph net\n"
        "  input  x_out: 9x8x3 s=0.0299999993 z=7\n"
        "  y_out: 9x8x6 s=0.0500000007 z=3\n"
        f"      = Conv k3x3 p1,1,1,1 w={digest}(x_out)  # conv\n"
        "  output y_out\n"
    )


def test_uint8_is_shifted_by_128():
    graph = import_model(conv_net(np.uint8)).graph
    assert graph.tensors["x_out"].quant.zero_point == 7 - 128
    assert graph.tensors["y_out"].quant.zero_point == 3 - 128


def test_a_signal_is_a_map_of_height_one():
    imported = import_model(conv_net(shape=(1, 3, 12), weights=(6, 3, 5)))
    assert imported.graph.tensors["x_out"].shape == (1, 12, 3)
    assert imported.inputs[0].axes == (("n",), ("c",), ("w",))


def with_bias(bias: np.ndarray, scale=None, type_=np.uint8) -> Net:
    """A 1x1 convolution whose weights have scale 0.5, 0.25, ... and x has scale 0.5."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 4, 4), (0.5, 3), "x")
    values = net.constant(np.arange(12).reshape(4, 3, 1, 1) - 6, np.int8)
    scales, zeros = net.constant([0.5, 0.25, 0.125, 0.0625]), net.constant([0] * 4, np.int8)
    weights = net.op("DequantizeLinear", values, scales, zeros, axis=0)
    if bias.dtype == np.float32:
        b = net.constant(bias)
    else:
        zeros = net.constant(np.zeros(np.shape(scale)), np.int32)
        b = net.op(
            "DequantizeLinear", net.constant(bias, np.int32), net.constant(scale), zeros, axis=0
        )
    y = net.op("Conv", x, weights, b, name="conv")
    return net.model(net.qdq(y, (0.4, 100), "y"))


BIAS_SCALES = 0.5 * np.array([0.5, 0.25, 0.125, 0.0625])


def bias_of(model) -> list[int]:
    op = import_model(model).graph.nodes[0].op
    assert isinstance(op, Conv)
    return op.bias.tolist()


def test_an_int32_bias_is_taken_as_it_is():
    model = with_bias(np.array([5, -60, 700, 8]), BIAS_SCALES)
    check(model)
    assert bias_of(model) == [5, -60, 700, 8]


def test_a_bias_scale_off_by_rounding_is_accepted_as_onnxruntime_does():
    model = with_bias(np.array([5, -60, 700, 8]), BIAS_SCALES * 1.005)
    check(model)
    assert bias_of(model) == [5, -60, 700, 8]


def test_a_float_bias_is_rounded_half_to_even_as_onnxruntime_does():
    model = with_bias((BIAS_SCALES * [0.5, 1.5, -2.5, 8]).astype(np.float32))
    check(model)
    assert bias_of(model) == [0, 2, -2, 8]


def test_without_a_bias_it_is_zero():
    op = import_model(conv_net()).graph.nodes[0].op
    assert isinstance(op, Conv)
    assert not op.bias.any()


def weights_model(values: np.ndarray, zero_point: int):
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 4, 4), X, "x")
    zero = net.constant(zero_point, values.dtype)
    w = net.op("DequantizeLinear", net.constant(values, values.dtype), net.constant(0.01), zero)
    return net.model(net.qdq(net.op("Conv", x, w, name="conv"), Y, "y"))


def test_uint8_weights_with_zero_point_128_are_the_same_as_int8():
    signed = np.random.default_rng(0).integers(-128, 128, (5, 3, 2, 2)).astype(np.int8)
    unsigned = signed.view(np.uint8) ^ np.uint8(0x80)
    a, b = check(weights_model(signed, 0)), check(weights_model(unsigned, 128))
    assert format_graph(a.graph) == format_graph(b.graph)


def test_float_weights_behind_their_own_quantize_linear():
    """Exporters that fake-quantise leave the weights float: QuantizeLinear of a constant."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 4, 4), X, "x")
    random = np.random.default_rng(0)
    floats = net.constant(random.normal(0, 1, (5, 3, 2, 2)))
    scales, zeros = net.constant(random.random(5) * 0.01 + 0.01), net.constant([0] * 5, np.int8)
    quantized = net.op("QuantizeLinear", floats, scales, zeros, axis=0)
    w = net.op("DequantizeLinear", quantized, scales, zeros, axis=0)
    check(net.model(net.qdq(net.op("Conv", x, w), Y, "y")))


# --- dense -----------------------------------------------------------------------------------


@BOTH_TYPES
@pytest.mark.parametrize("transposed", [0, 1])
def test_gemm_over_a_flattened_map(type_, transposed):
    """The columns come in (c, h, w) order and leave in (h, w, c) order."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 4, 3, 2), X, "x")
    x = net.op("Conv", x, net.weights(5, 4, 1, 1), name="conv")
    x = net.op("Flatten", net.qdq(x, Y, "a"))
    shape = (7, 30) if transposed else (30, 7)
    w = net.weights(*shape, axis=1 - transposed)
    y = net.op("Gemm", net.qdq(x, Y), w, name="fc", transB=transposed)
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.graph.nodes[1].op.window.kernel == (3, 2)
    assert kinds(imported) == ["Conv", "Conv"]


@BOTH_TYPES
def test_matmul_over_a_map_flattened_channels_last(type_):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 4, 3, 2), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(5, 4, 1, 1)), Y, "a")
    x = net.op("Reshape", net.op("Transpose", x, perm=[0, 2, 3, 1]), net.constant([1, -1], int))
    y = net.op("MatMul", net.qdq(x, Y), net.weights(30, 7, axis=1), name="fc")
    assert kinds(check(net.model(net.qdq(y, Y, "y")))) == ["Conv", "Conv"]


@BOTH_TYPES
def test_matmul_over_channels_beside_space_is_a_pointwise_convolution(type_):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 6, 5, 4), X, "x")  # NHWC, as only the product tells
    y = net.op("MatMul", x, net.weights(4, 7, axis=1), name="fc")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.graph.nodes[0].op.is_pointwise
    assert imported.inputs[0].axes == (("n",), ("h",), ("w",), ("c",))
    assert imported.graph.tensors["y_out"].shape == (6, 5, 7)


def test_weights_transposed_in_the_file():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 10), X, "x")
    w = net.op("Transpose", net.weights(7, 10), perm=[1, 0])
    check_nodes(net.model(net.qdq(net.op("MatMul", x, w), Y, "y")))


def test_gemm_with_an_int32_bias():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 6), (0.5, 3), "x")
    w = net.op(
        "DequantizeLinear",
        net.constant(np.arange(24).reshape(4, 6), np.int8),
        net.constant(0.25),
        net.constant(0, np.int8),
    )
    b = net.op(
        "DequantizeLinear",
        net.constant([5, -60, 7, 8], np.int32),
        net.constant(0.125),
        net.constant(0, np.int32),
    )
    model = net.model(net.qdq(net.op("Gemm", x, w, b, transB=1), Y, "y"))
    check(model)
    assert bias_of(model) == [5, -60, 7, 8]


# --- pools -----------------------------------------------------------------------------------


def pool_net(kind, type_, *, shape=(1, 3, 7, 9), out=X, before=(), **attributes):
    net = Net(type_)
    x = net.qdq(net.input("x", *shape), X, "x")
    for pad in before:
        x = net.op("Pad", x, net.constant(pad, np.int64), name="pad")
    return net.model(net.qdq(net.op(kind, x, name="pool", **attributes), out, "y"))


POOLS = {
    "plain": {"kernel_shape": [2, 3], "strides": [2, 1]},
    "padded": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    "ceil": {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
    "ceil_drops_a_window": {"kernel_shape": [1, 2], "strides": [3, 3], "pads": [0, 1, 0, 1],
                            "ceil_mode": 1},
    "same": {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "signal": {"kernel_shape": [3], "strides": [2], "ceil_mode": 1},
}  # fmt: skip


@BOTH_TYPES
@pytest.mark.parametrize("case", POOLS)
def test_max_pool(type_, case):
    shape = (1, 3, 10) if case == "signal" else (1, 3, 7, 9)
    imported = check(pool_net("MaxPool", type_, shape=shape, **POOLS[case]))
    assert kinds(imported) == ["MaxPool"]


@BOTH_TYPES
@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize("case", POOLS)
def test_average_pool(type_, case, include):
    shape = (1, 3, 10) if case == "signal" else (1, 3, 7, 9)
    attributes = POOLS[case] | {"count_include_pad": include}
    imported = check(pool_net("AveragePool", type_, shape=shape, out=Y, **attributes))
    assert kinds(imported) == ["AveragePool"]


@st.composite
def pool_attributes(draw):
    """Any pool that onnxruntime takes: pads smaller than the kernel, any rounding of sizes."""
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    found = {"kernel_shape": kernel, "strides": [draw(st.integers(1, 4)) for _ in range(2)]}
    auto_pad = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto_pad != "NOTSET":
        return found | {"auto_pad": auto_pad}
    pads = [draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4)]
    return found | {"pads": pads, "ceil_mode": draw(st.integers(0, 1))}


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    pool_attributes(),
    st.sampled_from(["MaxPool", "AveragePool"]),
    st.sampled_from([np.int8, np.uint8]),
    st.tuples(st.integers(1, 7), st.integers(1, 7)),
    st.integers(0, 1),
)
def test_any_pool(attributes, kind, type_, size, include):
    if kind == "AveragePool":
        attributes = attributes | {"count_include_pad": include}
    pads = attributes.get("pads", [0] * 4)
    room = [size[axis] + pads[axis] + pads[axis + 2] for axis in range(2)]
    assume(all(r >= k for r, k in zip(room, attributes["kernel_shape"], strict=True)))
    out = X if kind == "MaxPool" else Y
    model = pool_net(kind, type_, shape=(1, 2, *size), out=out, **attributes)
    crops = "auto_pad with a stride that leaves out rows"
    try:
        assume(not any(crops in item.reason for item in find_unsupported(model)))
    except PatchcError as error:  # onnxruntime loads it, and cannot run it
        assume("padding values must be non-negative" not in str(error))
        raise
    check(model, cases=1)


def test_max_pool_into_another_quantisation_is_followed_by_a_table():
    imported = check(pool_net("MaxPool", np.uint8, out=Y, kernel_shape=[2, 2]))
    assert kinds(imported) == ["MaxPool", "Lut"]
    assert {border.tensor for border in imported.borders} == {"x_out", "y_out"}


@BOTH_TYPES
def test_average_pool_over_the_whole_map_is_global(type_):
    imported = check(pool_net("AveragePool", type_, out=Y, kernel_shape=[7, 9]))
    assert isinstance(imported.graph.nodes[0].op, GlobalAveragePool)


@BOTH_TYPES
def test_global_average_pool(type_):
    check(pool_net("GlobalAveragePool", type_, out=Y))


# --- explicit padding ------------------------------------------------------------------------


def padded(*, top=0, left=0, bottom=0, right=0) -> list[int]:
    return [0, 0, top, left, 0, 0, bottom, right]


def test_pad_folds_into_the_convolution():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 6, 6), X, "x")
    x = net.qdq(net.op("Pad", x, net.constant(padded(top=1, right=2), np.int64)), X)
    y = net.op("Conv", x, net.weights(4, 3, 3, 3), pads=[0, 1, 1, 0], name="conv")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.graph.nodes[0].op.window.pads == Padding(1, 1, 1, 2)


def test_pad_along_axes_in_a_channels_last_model():
    net = Net(np.uint8, opset=18)
    x = net.qdq(net.input("x", 1, 6, 5, 3), X, "x")
    pads, axes = net.constant([1, 0, 0, 2], np.int64), net.constant([1, -2], np.int64)
    x = net.op("Pad", x, pads, "", axes)
    x = net.op("Transpose", net.qdq(x, X), perm=[0, 3, 1, 2])
    y = net.op("Conv", net.qdq(x, X), net.weights(4, 3, 3, 3), name="conv")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.graph.nodes[0].op.window.pads == Padding(top=1, right=2)


def test_pad_with_another_quantisation_behind_it():
    """The zeros are zero in both; the values go through a table."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 6, 6), X, "x")
    x = net.qdq(net.op("Pad", x, net.constant(padded(top=1), np.int64)), Y, "p")
    y = net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv")
    assert kinds(check(net.model(net.qdq(y, Y, "y")))) == ["Lut", "Conv"]


def test_pad_of_integers_with_the_zero_point():
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 3, 6, 6), X, "x")
    filler = net.constant(X[1], np.uint8)
    x = net.op("Pad", x, net.constant(padded(left=2), np.int64), filler)
    y = net.op("Conv", net.dequantize(x, X), net.weights(4, 3, 3, 3), name="conv")
    check(net.model(net.qdq(y, Y, "y")))


def test_pad_before_a_pool_that_counts_it():
    imported = check(
        pool_net("AveragePool", np.uint8, out=Y, before=[padded(top=1, left=1)],
                 kernel_shape=[2, 2])
    )  # fmt: skip
    op = imported.graph.nodes[0].op
    assert op.count_include_pad
    assert op.window.pads == Padding(1, 1, 0, 0)


def test_pad_before_a_max_pool_of_values_that_cannot_be_negative():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 6, 6), (0.1, 0), "x")
    x = net.op("Pad", x, net.constant(padded(top=1, left=1), np.int64))
    y = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    assert kinds(check(net.model(net.qdq(y, (0.1, 0), "y")))) == ["MaxPool"]


# --- element by element ----------------------------------------------------------------------


def add_net(type_, shape=(1, 3, 4, 5), quants=(X, Y, Z)):
    net = Net(type_)
    a = net.qdq(net.input("a", *shape), quants[0], "qa")
    b = net.qdq(net.input("b", *shape), quants[1], "qb")
    return net.model(net.qdq(net.op("Add", a, b, name="add"), quants[2], "y"))


@BOTH_TYPES
@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (1, 1, 1, 1), (1, 7)])
def test_add(type_, shape):
    quants = ((0.03, 20), (0.05, 9), (0.06, 40))
    assert kinds(check(add_net(type_, shape, quants), cases=8)) == ["Add"]


def test_one_element_swaps_the_operands_as_onnxruntime_does():
    assert import_model(add_net(np.int8)).graph.nodes[0].inputs == ("qa_out", "qb_out")
    one = import_model(add_net(np.int8, (1, 1, 1, 1)))
    assert one.graph.nodes[0].op.reverse


def test_a_tensor_added_to_itself():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 4, 5), X, "x")
    check(net.model(net.qdq(net.op("Add", x, x), (0.06, 9), "y")))


def clip_net(kind, type_, *, after, out, bounds=()):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 6, 6), X, "x")
    if after == "Conv":
        x = net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv")
    limits = [net.constant(bound) if bound is not None else "" for bound in bounds]
    return net.model(net.qdq(net.op(kind, x, *limits, name="clip"), out, "y"))


@BOTH_TYPES
def test_relu_that_the_output_range_implies_leaves_no_trace(type_):
    lowest = int(np.iinfo(type_).min)
    imported = check(clip_net("Relu", type_, after="Conv", out=(0.02, lowest)))
    assert imported.graph.nodes[0].op.clamp == Clamp()
    assert kinds(imported) == ["Conv"]


@BOTH_TYPES
def test_clip_that_the_output_range_implies_leaves_no_trace(type_):
    lowest = int(np.iinfo(type_).min)
    model = clip_net("Clip", type_, after="Conv", out=(6 / 255, lowest), bounds=(0, 6))
    assert check(model).graph.nodes[0].op.clamp == Clamp()


@BOTH_TYPES
def test_a_narrower_clip_is_applied_to_the_quantised_value(type_):
    """onnxruntime falls back to float here, so a value may be a step off."""
    model = clip_net("Clip", type_, after="Conv", out=(0.02, 50), bounds=(-0.3, 0.51))
    imported = check_nodes(model)
    check(model, exact=False)
    shift = 128 if type_ == np.uint8 else 0
    zero = 50 - shift  # 0.3 / 0.02 = 15, and 0.51 / 0.02 = 25.5 goes to the even 26
    assert imported.graph.nodes[0].op.clamp == Clamp(zero - 15, zero + 26)


def test_relu_then_clip_narrow_together():
    net = Net(np.int8)
    x = net.qdq(net.input("x", 1, 3, 6, 6), X, "x")
    x = net.op("Relu", net.op("Conv", x, net.weights(4, 3, 3, 3)))
    y = net.op("Clip", x, "", net.constant(1.0))
    imported = check_nodes(net.model(net.qdq(y, (0.05, 10), "y")))
    assert imported.graph.nodes[0].op.clamp == Clamp(10, 30)


@BOTH_TYPES
@pytest.mark.parametrize("out", [X, Y], ids=["same", "other"])
@pytest.mark.parametrize(
    ("kind", "bounds"), [("Relu", ()), ("Clip", (-0.5, 1)), ("Clip", (None, 1))]
)
def test_a_clip_alone_is_a_table(type_, out, kind, bounds):
    imported = check(clip_net(kind, type_, after=None, out=out, bounds=bounds))
    assert kinds(imported) == ["Lut"]
    op = imported.graph.nodes[0].op
    assert isinstance(op, Lut)
    assert op.function == kind


@BOTH_TYPES
def test_requantising_is_a_table(type_):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 4, 4), X, "x")
    # An output between them, or onnxruntime's optimiser makes one quantisation of the two.
    model = net.model(net.qdq(x, Y, "y"), x)
    imported = check_nodes(model)
    check(model)
    assert imported.graph.nodes[0].op.function == "Requantize"


def test_requantising_with_the_same_parameters_is_nothing():
    net = Net()
    x = net.qdq(net.qdq(net.input("x", 1, 3, 4, 4), X, "x"), X, "again")
    y = net.op("Conv", x, net.weights(4, 3, 1, 1), name="conv")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.graph.nodes[0].inputs == ("x_out",)


def test_int8_and_uint8_may_meet():
    """A tensor of each type with one meaning; requantising between them is nothing."""
    net = Net()
    x = net.qdq(net.input("x", 1, 3, 4, 4), X, "x", np.int8)
    x = net.qdq(x, (X[0], X[1] + 128), "u", np.uint8)
    y = net.op("Conv", x, net.weights(4, 3, 1, 1), name="conv")
    imported = check_nodes(net.model(net.qdq(y, Y, "y", np.uint8)))
    assert kinds(imported) == ["Conv"]
    assert [border.unsigned for border in imported.borders] == [False, True]


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
def test_clip_of_integers(type_):
    net = Net(type_)
    x = net.quantize(net.input("x", 1, 3, 4, 4), (0.03, 20), "x")
    low, high = net.constant(15, type_), net.constant(60, type_)
    y = net.op("Clip", x, low, high, name="clip")
    assert kinds(check(net.model(net.dequantize(y, (0.03, 20))))) == ["Lut"]


def test_relu_of_integers_is_of_the_stored_values():
    net = Net(np.int8)
    x = net.quantize(net.input("x", 1, 3, 4, 4), (0.03, 20), "x")
    y = net.op("Relu", x, name="relu")
    op = check(net.model(net.dequantize(y, (0.03, 20)))).graph.nodes[0].op
    assert op.table.min() == 0


# --- integer operators -----------------------------------------------------------------------


def integer_net(type_, kind, shape, **attributes):
    """One com.microsoft operator over an integer input."""
    net = Net(type_)
    x = net.input("x", *shape, dtype=type_)
    operands = [x, *net.parameters(X), *net.parameters(Y)]
    y = net.op(kind, *operands, name="y", domain=MICROSOFT, **attributes)
    return net.model(y, kinds={y: TensorProto.INT8 if type_ == np.int8 else TensorProto.UINT8})


@BOTH_TYPES
def test_pools_with_channels_last(type_):
    average = integer_net(type_, "QLinearAveragePool", (1, 6, 5, 3), channels_last=1,
                          kernel_shape=[3, 3], pads=[1, 1, 1, 1])  # fmt: skip
    imported = check(average)
    assert imported.prologue is imported.epilogue is None
    assert imported.inputs[0].axes == (("n",), ("h",), ("w",), ("c",))
    check(integer_net(type_, "QLinearGlobalAveragePool", (1, 6, 5, 3), channels_last=1))


@BOTH_TYPES
def test_integer_matmul(type_):
    net = Net(type_)
    x = net.input("x", 1, 12, dtype=type_)
    random = np.random.default_rng(0)
    weights = net.constant(random.integers(-127, 128, (12, 5)), np.int8)
    scales, zeros = net.constant(random.random(5) * 0.01 + 0.01), net.constant([0] * 5, np.int8)
    y = net.op("QLinearMatMul", x, *net.parameters(X), weights, scales, zeros, *net.parameters(Y))
    check(net.model(y, kinds={y: TensorProto.INT8 if type_ == np.int8 else TensorProto.UINT8}))


# --- shared and repeated nodes ---------------------------------------------------------------


def test_a_residual_reads_a_tensor_twice_whichever_dequantize_it_takes():
    """Shared and repeated DequantizeLinear and QuantizeLinear make no further nodes."""
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 4, 5, 5), X, "x")
    first, second = net.dequantize(x, X), net.dequantize(x, X)
    c = net.op("Conv", first, net.weights(4, 4, 3, 3), pads=[1, 1, 1, 1], name="conv")
    once, again = net.qdq(c, Y, "once"), net.qdq(c, Y, "again")
    s = net.qdq(net.op("Add", second, once, name="add"), (0.06, 90), "s")
    t = net.qdq(net.op("Add", s, again, name="add2"), (0.08, 90), "t")
    imported = check(net.model(t))
    assert kinds(imported) == ["Conv", "Add", "Add"]
    assert imported.graph.nodes[2].inputs == ("s_out", "once_out")


def test_an_input_that_is_quantised_twice_alike_is_one_tensor():
    net = Net(np.uint8)
    x = net.input("x", 1, 4, 5, 5)
    c = net.op("Conv", net.qdq(x, X, "one"), net.weights(4, 4, 1, 1), name="conv")
    s = net.op("Add", net.qdq(c, Y, "c"), net.qdq(x, X, "two"), name="add")
    imported = check(net.model(net.qdq(s, (0.06, 90), "s")))
    assert imported.graph.inputs == ("one_out",)


def test_a_pass_drops_what_no_output_needs():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 5, 5), X, "x")
    wide = net.qdq(net.op("Conv", x, net.weights(9, 4, 1, 1)), Y, "wide")
    sizes = net.op("Shape", wide)
    y = net.op("Conv", x, net.weights(4, 4, 1, 1), name="conv")
    y = net.op("Reshape", net.qdq(y, Y, "y"), net.constant([1, -1], np.int64))
    net.op("Gather", sizes, net.constant(1, np.int64), name="channels")
    model = net.model(y, "channels_out", kinds={"channels_out": TensorProto.INT64})
    graph = import_model(model).graph
    assert [node.output for node in run_passes(graph).nodes] == ["y_out"]
