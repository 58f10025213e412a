"""Every operator of the Graph against onnxruntime's integer kernel, byte for byte.

Each case is compared twice: its Graph written by hand, and the Graph that the importer makes of the
ONNX model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from patchc.frontend import import_model
from patchc.ir import (
    Add,
    AveragePool,
    Clamp,
    Concat,
    Conv,
    GlobalAveragePool,
    Lut,
    Max,
    MaxPool,
    Min,
    Mul,
    Padding,
    Window,
)
from patchc.reference import run_graph
from patchc.verify.golden import file_outputs, graph_inputs
from patchc.verify.sessions import session
from tests.golden.onnx_models import MICROSOFT, OperatorCase, OperatorModel, quantization

LEVELS = onnxruntime.GraphOptimizationLevel.__members__.values()
BOTH_TYPES = pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])


def check(case: OperatorCase, tmp_path, inputs=None) -> np.ndarray:
    """Both Graphs give onnxruntime's bytes; returns them."""
    inputs = inputs or case.random_inputs()
    expected = case.onnxruntime(inputs)
    by_hand = run_graph(case.graph, inputs)["y"]
    np.testing.assert_array_equal(by_hand, expected)

    path = tmp_path / "operator.onnx"
    path.write_bytes(case.model.SerializeToString())
    imported = import_model(path)
    feeds = graph_inputs(imported, [case.case(inputs)])
    found = file_outputs(imported, [run_graph(imported.graph, maps) for maps in feeds])
    (answer,) = session(case.model).run(None, case.case(inputs))
    np.testing.assert_array_equal(found[0]["y"], answer)
    return expected


def used_range(values: np.ndarray) -> int:
    """How many different bytes: a test of 255 saturated ones would say little."""
    return len(np.unique(values))


# --- convolution -----------------------------------------------------------------------------


@dataclass(frozen=True)
class ConvShape:
    window: Window
    channels: tuple[int, int]
    size: tuple[int, int] = (9, 8)
    groups: int = 1


def conv_case(
    shape: ConvShape,
    *,
    unsigned: bool,
    seed: int = 0,
    bias: np.ndarray | None = None,
    extreme: bool = False,
    unsigned_weights: bool = False,
) -> OperatorCase:
    """QLinearConv with a scale per channel. `extreme`: every weight is -128, or 127."""
    random = np.random.default_rng(seed)
    c_in, c_out = shape.channels
    depth = c_in // shape.groups
    weights = random.integers(-128, 128, (c_out, *shape.window.kernel, depth)).astype(np.int8)
    if extreme:
        weights[:] = np.where(np.arange(c_out) % 2, -128, 127)[:, None, None, None]
    if bias is None:
        bias = random.integers(-3000, 3000, c_out)
    x = quantization(random.uniform(0.01, 0.1), int(random.integers(-128, 128)))
    y = quantization(random.uniform(0.01, 0.1), int(random.integers(-128, 128)))
    # The accumulators' spread fills about the output's range.
    spread = 128.0 * 128.0 * np.sqrt(weights[0].size) * (30 if extreme else 0.6)
    scales = random.uniform(0.5, 1.5, c_out) * 100 * y.scale / (x.scale * spread)
    scales = scales.astype(np.float32)
    op = Conv(shape.window, shape.groups, weights, scales, bias)

    model = OperatorModel(unsigned=unsigned)
    onnx_weights, zero = weights.transpose(0, 3, 1, 2), 0
    weight_type: type[np.generic] = np.int8
    if unsigned_weights:
        onnx_weights, zero, weight_type = onnx_weights.astype(np.int16) + 128, 128, np.uint8
    pads = shape.window.pads
    node = helper.make_node(
        "QLinearConv",
        [
            "x",
            *model.quantization("x", x),
            model.constant("w", onnx_weights, weight_type),
            model.constant("w_scale", scales, np.float32),
            model.constant("w_zero_point", np.full(c_out, zero), weight_type),
            *model.quantization("y", y),
            model.constant("bias", op.bias, np.int32),
        ],
        ["y"],
        strides=shape.window.stride,
        dilations=shape.window.dilation,
        pads=[pads.top, pads.left, pads.bottom, pads.right],
        group=shape.groups,
    )
    return model.build([node], op, {"x": ((*shape.size, c_in), x)}, y)


SAME = Padding(1, 1, 1, 1)
CONVOLUTIONS = {
    "3x3": ConvShape(Window((3, 3), pads=SAME), (5, 7)),
    "3x3 stride 2": ConvShape(Window((3, 3), (2, 2), pads=SAME), (4, 6)),
    "pointwise": ConvShape(Window((1, 1)), (16, 24)),
    "pointwise stride 2": ConvShape(Window((1, 1), (2, 2)), (5, 3)),
    "rows only": ConvShape(Window((5, 1), (2, 1), pads=Padding(2, 0, 2, 0)), (3, 4)),
    "height 1": ConvShape(Window((1, 4), pads=Padding(0, 2, 0, 1)), (3, 4), size=(1, 20)),
    "dilated": ConvShape(Window((3, 2), dilation=(2, 3), pads=Padding(2, 1, 2, 2)), (3, 5)),
    "asymmetric pads": ConvShape(Window((3, 3), (2, 2), pads=Padding(0, 0, 1, 1)), (3, 5)),
    "pads as large as the map": ConvShape(Window((7, 7), pads=Padding(6, 6, 6, 6)), (2, 3), (2, 3)),
    "grouped": ConvShape(Window((3, 3), pads=SAME), (6, 9), groups=3),
    "depthwise": ConvShape(Window((3, 3), pads=SAME), (8, 8), groups=8),
    "depthwise 5x5 stride 2": ConvShape(
        Window((5, 5), (2, 2), pads=Padding(1, 1, 2, 2)), (17, 17), groups=17
    ),
    "depthwise multiplier 3": ConvShape(Window((3, 3), pads=SAME), (4, 12), groups=4),
    "depthwise dilated": ConvShape(
        Window((3, 3), dilation=(2, 2), pads=Padding(2, 2, 2, 2)), (6, 6), groups=6
    ),
    "one input channel": ConvShape(Window((3, 3), pads=SAME), (1, 8)),
    "one pixel": ConvShape(Window((1, 1)), (64, 10), size=(1, 1)),
    "the whole map": ConvShape(Window((4, 5)), (6, 11), size=(4, 5)),
}


@BOTH_TYPES
@pytest.mark.parametrize("shape", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolution(shape, unsigned, tmp_path):
    assert used_range(check(conv_case(shape, unsigned=unsigned), tmp_path)) > 8


def test_symmetric_uint8_weights_are_int8_weights_shifted(tmp_path):
    shape = CONVOLUTIONS["3x3"]
    check(conv_case(shape, unsigned=True, unsigned_weights=True), tmp_path)


@BOTH_TYPES
def test_accumulators_beyond_the_float32_significand_are_rounded(unsigned, tmp_path):
    """2 000 channels of extreme weights: sums beyond 2^24."""
    shape = ConvShape(Window((1, 1)), (2000, 16), size=(3, 3))
    case = conv_case(shape, unsigned=unsigned, extreme=True)
    check(case, tmp_path, {"x": np.full((3, 3, 2000), 127, np.int8)})
    check(case, tmp_path, {"x": np.full((3, 3, 2000), -128, np.int8)})
    check(case, tmp_path)


@BOTH_TYPES
@pytest.mark.parametrize("name", ["3x3", "depthwise", "pointwise"])
def test_the_bias_wraps(name, unsigned, tmp_path):
    """Sums beyond int32 after the bias: onnxruntime wraps, so the sign flips."""
    shape = CONVOLUTIONS[name]
    limit = np.where(np.arange(shape.channels[1]) % 2, 2**31 - 1, -(2**31))
    saturated = check(conv_case(shape, unsigned=unsigned, bias=limit), tmp_path)
    low, high = saturated.min(axis=(0, 1)), saturated.max(axis=(0, 1))
    assert np.any((low == -128) & (high == 127)), "no channel has wrapped"


@BOTH_TYPES
def test_saturation_at_both_ends(unsigned, tmp_path):
    bias = np.array([-40_000, 40_000] * 4)[:7]
    found = check(conv_case(CONVOLUTIONS["3x3"], unsigned=unsigned, bias=bias), tmp_path)
    assert {-128, 127} <= set(np.unique(found).tolist())


@BOTH_TYPES
def test_sums_for_which_the_order_of_the_scale_product_matters(unsigned, tmp_path):
    """All weights 0: the sum is the bias, and it is picked so that (x * w) / y and x * (w / y)
    round to different bytes."""
    random = np.random.default_rng(5)
    x, y = quantization(0.7310585975646973, 0), quantization(0.0123456789, 0)
    scales = random.uniform(2e-8, 2e-7, 4096).astype(np.float32)
    factor = np.float32(x.scale) * scales / np.float32(y.scale)
    wrong = np.float32(x.scale) * (scales / np.float32(y.scale))
    ties = (np.arange(-120, 120)[:, None] + 0.5) / factor.astype(np.float64)
    sums = np.rint(ties).astype(np.float32)  # (ties, channels), beside each rounding tie
    row = np.argmax(np.rint(sums * factor) != np.rint(sums * wrong), axis=0)
    bias = sums[row, np.arange(len(scales))]
    differ = np.rint(bias * factor) != np.rint(bias * wrong)
    scales, bias, wrong = scales[differ], bias[differ], wrong[differ]
    assert len(scales) > 200

    weights = np.zeros((len(scales), 1, 1, 1))
    model = OperatorModel(unsigned=unsigned)
    node = helper.make_node(
        "QLinearConv",
        [
            "x",
            *model.quantization("x", x),
            model.constant("w", weights, np.int8),
            model.constant("w_scale", scales, np.float32),
            model.constant("w_zero_point", np.zeros(len(scales)), np.int8),
            *model.quantization("y", y),
            model.constant("bias", bias, np.int32),
        ],
        ["y"],
    )
    op = Conv(Window((1, 1)), 1, weights, scales, bias.astype(np.int32))
    found = check(model.build([node], op, {"x": ((1, 1, 1), x)}, y), tmp_path)
    assert np.all(found[0, 0] != np.rint(bias * wrong))


# --- dense -----------------------------------------------------------------------------------


@BOTH_TYPES
@pytest.mark.parametrize("per_channel", [False, True])
def test_dense(per_channel, unsigned, tmp_path):
    """QGemm with the weights transposed, behind a Flatten."""
    random = np.random.default_rng(9)
    height, width, c_in, c_out = 3, 2, 5, 13
    weights = random.integers(-128, 128, (c_out, height, width, c_in)).astype(np.int8)
    scales = random.uniform(2e-4, 6e-4, c_out if per_channel else 1).astype(np.float32)
    bias = random.integers(-3000, 3000, c_out)
    x, y = quantization(0.05, -17), quantization(0.04, 30)
    op = Conv(Window((height, width)), 1, weights, np.broadcast_to(scales, c_out), bias)
    flat = weights.transpose(0, 3, 1, 2).reshape(c_out, -1)  # the order of a flattened NCHW map
    model = OperatorModel(unsigned=unsigned)
    zero = np.zeros(c_out) if per_channel else 0
    operands = [
        "flat",
        *model.quantization("x", x),
        model.constant("w", flat, np.int8),
        model.constant("w_scale", scales if per_channel else scales[0], np.float32),
        model.constant("w_zero_point", zero, np.int8),
        model.constant("bias", bias, np.int32),
        *model.quantization("y", y),
    ]
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("QGemm", operands, ["y"], domain=MICROSOFT, transB=1),
    ]
    case = model.build(nodes, op, {"x": ((height, width, c_in), x)}, y)
    assert used_range(check(case, tmp_path)) > 8


@BOTH_TYPES
def test_matrix_product_without_bias(unsigned, tmp_path):
    """QLinearMatMul of a vector, behind a Flatten."""
    random = np.random.default_rng(2)
    weights = random.integers(-128, 128, (9, 1, 1, 40)).astype(np.int8)
    x, y = quantization(0.05, 21), quantization(0.04, -30)
    op = Conv(Window((1, 1)), 1, weights, np.full(9, 4e-4), np.zeros(9))
    model = OperatorModel(unsigned=unsigned)
    operands = [
        "flat",
        *model.quantization("x", x),
        model.constant("w", weights.reshape(9, 40).T, np.int8),
        model.constant("w_scale", 4e-4, np.float32),
        model.constant("w_zero_point", 0, np.int8),
        *model.quantization("y", y),
    ]
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("QLinearMatMul", operands, ["y"]),
    ]
    case = model.build(nodes, op, {"x": ((1, 1, 40), x)}, y)
    assert used_range(check(case, tmp_path)) > 4


# --- functions of one value ------------------------------------------------------------------

FUNCTIONS = {
    "Relu": lambda v: np.maximum(v, np.float32(0)),
    "Clip": lambda v: np.clip(v, np.float32(-0.71), np.float32(2.3)),
    "Requantize": lambda v: v,
}


@BOTH_TYPES
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_table(name, seed, unsigned, tmp_path):
    """Between DequantizeLinear and QuantizeLinear, for every byte: rint(f(x) / scale) + zero."""
    random = np.random.default_rng(seed)
    x = quantization(random.uniform(0.01, 0.1), int(random.integers(-100, 100)))
    y = quantization(random.uniform(0.01, 0.1), int(random.integers(-100, 100)))
    model = OperatorModel(unsigned=unsigned)
    nodes = [helper.make_node("DequantizeLinear", ["x", *model.quantization("x", x)], ["real"])]
    if name != "Requantize":
        bounds = []
        if name == "Clip":
            bounds = [
                model.constant("lo", -0.71, np.float32),
                model.constant("hi", 2.3, np.float32),
            ]
        nodes.append(helper.make_node(name, ["real", *bounds], ["function"]))
    operands = [nodes[-1].output[0], *model.quantization("y", y)]
    nodes.append(helper.make_node("QuantizeLinear", operands, ["y"]))

    bytes_ = np.arange(-128, 128)
    real = (bytes_ - x.zero_point).astype(np.float32) * np.float32(x.scale)
    steps = np.rint(FUNCTIONS[name](real) / np.float32(y.scale)) + y.zero_point
    op = Lut(np.clip(steps, -128, 127), name)
    case = model.build(nodes, op, {"x": ((16, 16, 1), x)}, y)
    check(case, tmp_path, {"x": bytes_.reshape(16, 16, 1).astype(np.int8)})


@BOTH_TYPES
def test_clip_of_the_integers_behind_a_convolution(unsigned, tmp_path):
    """A clamp narrower than the output's range."""
    random = np.random.default_rng(4)
    weights = random.integers(-128, 128, (6, 1, 1, 8)).astype(np.int8)
    x, y = quantization(0.05, 4), quantization(0.05, -9)
    op = Conv(Window((1, 1)), 1, weights, np.full(6, 0.003), np.zeros(6), Clamp(-30, 41))
    model = OperatorModel(unsigned=unsigned)
    shift = 128 if unsigned else 0
    operands = [
        "x",
        *model.quantization("x", x),
        model.constant("w", weights.transpose(0, 3, 1, 2), np.int8),
        model.constant("w_scale", np.full(6, 0.003), np.float32),
        model.constant("w_zero_point", np.zeros(6), np.int8),
        *model.quantization("y", y),
    ]
    bounds = [
        model.constant("lo", -30 + shift, model.activation),
        model.constant("hi", 41 + shift, model.activation),
    ]
    nodes = [
        helper.make_node("QLinearConv", operands, ["sum"]),
        helper.make_node("Clip", ["sum", *bounds], ["y"]),
    ]
    found = check(model.build(nodes, op, {"x": ((5, 6, 8), x)}, y), tmp_path)
    assert (found.min(), found.max()) == (-30, 41)


# --- addition --------------------------------------------------------------------------------


def add_case(a, b, y, shape, *, unsigned: bool) -> OperatorCase:
    model = OperatorModel(unsigned=unsigned)
    operands = ["a", *model.quantization("a", a), "b", *model.quantization("b", b)]
    operands += model.quantization("y", y)
    node = helper.make_node("QLinearAdd", operands, ["y"], domain=MICROSOFT)
    op = Add(unsigned=True) if unsigned else Add()
    inputs = {"a": (shape, a), "b": (shape, b)}
    # onnxruntime takes a first operand of one element for a scalar and swaps the two.
    order = ("b", "a") if np.prod(shape) == 1 else ("a", "b")
    return model.build([node], op, inputs, y, order)


def all_pairs() -> dict[str, np.ndarray]:
    """Every pair of bytes, as two maps of 256 x 256 x 1."""
    a, b = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    return {"a": a[:, :, None].astype(np.int8), "b": b[:, :, None].astype(np.int8)}


def mul_case(a, b, y, shapes, *, unsigned: bool) -> OperatorCase:
    model = OperatorModel(unsigned=unsigned)
    operands = ["a", *model.quantization("a", a), "b", *model.quantization("b", b)]
    operands += model.quantization("y", y)
    node = helper.make_node("QLinearMul", operands, ["y"], domain=MICROSOFT)
    inputs = {"a": (shapes[0], a), "b": (shapes[1], b)}
    return model.build([node], Mul(unsigned=unsigned), inputs, y)


@BOTH_TYPES
@pytest.mark.parametrize("seed", range(8))
def test_mul_of_every_pair_of_bytes(seed, unsigned, tmp_path):
    random = np.random.default_rng(seed)
    a, b = (
        quantization(2.0 ** random.uniform(-3, 0), int(random.integers(-128, 128)))
        for _ in range(2)
    )
    scale = a.scale * b.scale * 2.0 ** random.uniform(4, 8)
    y = quantization(scale, int(random.integers(-128, 128)))
    found = check(mul_case(a, b, y, [(256, 256, 1)] * 2, unsigned=unsigned), tmp_path, all_pairs())
    assert used_range(found) > 50


def extremum_case(kind, a, b, y, *, unsigned: bool) -> OperatorCase:
    """In float, between DequantizeLinear and QuantizeLinear."""
    model = OperatorModel(unsigned=unsigned)
    nodes = [
        helper.make_node("DequantizeLinear", [name, *model.quantization(name, quant)], [name * 2])
        for name, quant in (("a", a), ("b", b))
    ]
    nodes.append(helper.make_node(kind.__name__, ["aa", "bb"], ["yy"]))
    nodes.append(helper.make_node("QuantizeLinear", ["yy", *model.quantization("y", y)], ["y"]))
    inputs = {name: ((256, 256, 1), quant) for name, quant in (("a", a), ("b", b))}
    return model.build(nodes, kind(unsigned=unsigned), inputs, y)


@BOTH_TYPES
@pytest.mark.parametrize("kind", [Max, Min])
@pytest.mark.parametrize("alike", ["nothing", "operands", "everything"])
@pytest.mark.parametrize("seed", range(4))
def test_extremum_of_every_pair_of_bytes(seed, alike, kind, unsigned, tmp_path):
    """At every level of onnxruntime's optimisation; half of the scales are powers of two, which
    make ties."""
    random = np.random.default_rng(seed)
    a, b, y = (
        quantization(2.0 ** (random.integers(-3, 1) + seed % 2 * random.random()), int(zero_point))
        for zero_point in random.integers(-60, 60, 3)
    )
    if alike != "nothing":
        b, y = a, y if alike == "operands" else a
    case = extremum_case(kind, a, b, y, unsigned=unsigned)
    found = check(case, tmp_path, all_pairs())
    assert used_range(found) > 25
    for level in LEVELS:
        np.testing.assert_array_equal(case.onnxruntime(all_pairs(), level), found)


@pytest.mark.parametrize("seed", range(4))
def test_mul_with_scales_in_simple_ratios(seed, tmp_path):
    """Products that fall on ties: the zero point enters the rounding, so uint8 differs."""
    random = np.random.default_rng(seed)
    a, b = quantization(0.5, int(random.integers(-128, 128))), quantization(0.25, 3)
    y = quantization(0.5 ** random.integers(-4, -1), int(2 * random.integers(-60, 60) + 1))
    for unsigned in (False, True):
        check(mul_case(a, b, y, [(256, 256, 1)] * 2, unsigned=unsigned), tmp_path, all_pairs())


@BOTH_TYPES
@pytest.mark.parametrize("second", [(1, 1, 7), (1, 1, 1), (4, 5, 7)])
def test_mul_with_one_pixel(second, unsigned, tmp_path):
    a, b, y = quantization(0.1 / 3, 77), quantization(0.1 / 64, -101), quantization(0.01 / 6, 3)
    check(mul_case(a, b, y, [(4, 5, 7), second], unsigned=unsigned), tmp_path)


@BOTH_TYPES
def test_concat_of_every_byte(unsigned, tmp_path):
    """Requantised from two scales, and copied."""
    x, z, y = quantization(0.03, 7), quantization(0.17, -90), quantization(0.05, 3)
    model = OperatorModel(unsigned=unsigned)
    operands = model.quantization("out", y)
    for name, quant in (("a", x), ("b", z), ("c", y)):
        operands += [name, *model.quantization(name, quant)]
    node = helper.make_node("QLinearConcat", operands, ["y"], domain=MICROSOFT, axis=1)
    shape = (16, 16, 1)
    op = Concat((0, 1, 2), np.zeros(3))
    inputs = {"a": (shape, x), "b": (shape, z), "c": (shape, y)}
    case = model.build([node], op, inputs, y)
    every = np.arange(-128, 128).astype(np.int8).reshape(shape)
    check(case, tmp_path, dict.fromkeys("abc", every))


@BOTH_TYPES
@pytest.mark.parametrize("seed", range(8))
def test_add_of_every_pair_of_bytes(seed, unsigned, tmp_path):
    random = np.random.default_rng(seed)
    a, b, y = (
        quantization(2.0 ** random.uniform(-3, 0), int(random.integers(-128, 128)))
        for _ in range(3)
    )
    check(add_case(a, b, y, (256, 256, 1), unsigned=unsigned), tmp_path, all_pairs())


@pytest.mark.parametrize("seed", [11, 14, 15, 17])
def test_add_with_scales_in_simple_ratios(seed, tmp_path):
    """Sums that fall on ties up to the last bit: every rounding of the formula shows, and so does
    the zero point that enters it. So uint8 and int8 give different bytes here."""
    random = np.random.default_rng(seed)
    quants = [
        quantization(0.1 * int(random.integers(1, 40)) / 64, int(random.integers(-128, 128)))
        for _ in range(3)
    ]
    signed, unsigned = (
        check(add_case(*quants, (256, 256, 1), unsigned=unsigned), tmp_path, all_pairs())
        for unsigned in (False, True)
    )
    assert np.any(signed != unsigned)


@BOTH_TYPES
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 2), (1, 1, 7), (3, 5, 11)])
def test_add_of_few_elements(shape, unsigned, tmp_path):
    """With one element onnxruntime swaps the operands' roles; other lengths end in a tail."""
    a, b, y = quantization(0.1 / 3, 77), quantization(0.1 / 64, -101), quantization(0.1 / 6, 3)
    case = add_case(a, b, y, shape, unsigned=unsigned)
    for seed in range(64 if shape == (1, 1, 1) else 4):
        check(case, tmp_path, case.random_inputs(seed))


def test_the_roles_swap_for_one_element(tmp_path):
    """Values for which the order shows, in a map of two elements and of one; the importer puts
    the operands in the order that onnxruntime's rounding knows."""
    a, b, y = (quantization(0.1 * k / 64, zero) for k, zero in ((29, -42), (24, 66), (20, -28)))
    two = add_case(a, b, y, (1, 1, 2), unsigned=False)
    one = add_case(a, b, y, (1, 1, 1), unsigned=False)
    values = {"a": np.full((1, 1, 2), 100, np.int8), "b": np.full((1, 1, 2), -126, np.int8)}
    short = {name: value[:, :, :1] for name, value in values.items()}
    assert check(two, tmp_path, values)[0, 0, 0] != check(one, tmp_path, short)[0, 0, 0]


# --- pools -----------------------------------------------------------------------------------


def pool_size(window: Window, size: tuple[int, int], ceil: bool) -> Window:
    """`window` with the padding at the bottom and right that ceil_mode amounts to."""
    if not ceil:
        return window
    pads, after = window.pads, []
    for axis, (before, end) in enumerate(((pads.top, pads.bottom), (pads.left, pads.right))):
        extent, stride = window.extent[axis], window.stride[axis]
        count = -(-(size[axis] + before + end - extent) // stride) + 1
        if (count - 1) * stride >= size[axis] + before:  # onnxruntime drops such a last window
            count -= 1
        after.append(max(0, (count - 1) * stride + extent - size[axis] - before))
    return replace(window, pads=Padding(pads.top, pads.left, *after))


def pool_attributes(window: Window, ceil: bool) -> dict[str, object]:
    pads = window.pads
    return {
        "kernel_shape": window.kernel,
        "strides": window.stride,
        "pads": [pads.top, pads.left, pads.bottom, pads.right],
        "ceil_mode": int(ceil),
    }


POOLS = {
    "2x2": Window((2, 2), (2, 2)),
    "3x3 padded": Window((3, 3), pads=SAME),
    "3x3 stride 2": Window((3, 3), (2, 2), pads=SAME),
    "asymmetric": Window((3, 2), (2, 1), pads=Padding(0, 1, 2, 0)),
    "stride beyond the kernel": Window((2, 1), (3, 2)),
}


@BOTH_TYPES
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("window", POOLS.values(), ids=POOLS)
def test_max_pool(window, ceil, unsigned, tmp_path):
    """Between DequantizeLinear and QuantizeLinear: MaxPool of integers carries no scale."""
    quant, size = quantization(0.1, -5), (8, 9)
    model = OperatorModel(unsigned=unsigned)
    scale, zero_point = model.quantization("x", quant)
    nodes = [
        helper.make_node("DequantizeLinear", ["x", scale, zero_point], ["real"]),
        helper.make_node("MaxPool", ["real"], ["best"], **pool_attributes(window, ceil)),
        helper.make_node("QuantizeLinear", ["best", scale, zero_point], ["y"]),
    ]
    op = MaxPool(pool_size(window, size, ceil))
    check(model.build(nodes, op, {"x": ((*size, 6), quant)}, quant), tmp_path)


@BOTH_TYPES
def test_max_pool_of_integers_never_sees_padding(unsigned):
    """Dilated windows, some with few taps inside the map, over values near the lowest."""
    window = Window((3, 3), (1, 2), (2, 3), Padding(2, 2, 2, 2))
    quant, shape = quantization(0.1, 100), (6, 7, 5)
    node = helper.make_node(
        "MaxPool", ["x"], ["y"], dilations=window.dilation, **pool_attributes(window, False)
    )
    case = OperatorModel(unsigned=unsigned).build(
        [node], MaxPool(window), {"x": (shape, quant)}, quant
    )
    inputs = {"x": np.random.default_rng(0).integers(-128, -120, shape).astype(np.int8)}
    np.testing.assert_array_equal(run_graph(case.graph, inputs)["y"], case.onnxruntime(inputs))


@BOTH_TYPES
@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("window", POOLS.values(), ids=POOLS)
def test_average_pool(window, ceil, include, unsigned, tmp_path):
    size = (8, 9)
    for seed, ratio in enumerate((1.0, 0.5, 1 / 3, 0.7371)):
        random = np.random.default_rng(seed)
        x = quantization(0.1, int(random.integers(-128, 128)))
        y = quantization(0.1 * ratio, int(random.integers(-128, 128)))
        model = OperatorModel(unsigned=unsigned)
        node = helper.make_node(
            "QLinearAveragePool",
            ["x", *model.quantization("x", x), *model.quantization("y", y)],
            ["y"],
            domain=MICROSOFT,
            count_include_pad=int(include),
            **pool_attributes(window, ceil),
        )
        padded = pool_size(window, size, ceil)
        op = AveragePool(padded, include)
        if unsigned:
            op = AveragePool(padded, include, unsigned=True)
        case = model.build([node], op, {"x": ((*size, 17), x)}, y)
        check(case, tmp_path, case.random_inputs(seed))


@BOTH_TYPES
@pytest.mark.parametrize("shape", [(1, 1, 5), (3, 3, 40), (7, 7, 16), (5, 9, 3)])
def test_global_average_pool(shape, unsigned, tmp_path):
    pixels = shape[0] * shape[1]
    # The last ratio puts means on ties.
    for seed, ratio in enumerate((1.0, 0.2913, 2 / pixels)):
        x, y = quantization(0.1, 2 * seed - 9), quantization(0.1 * ratio, 7 - seed)
        model = OperatorModel(unsigned=unsigned)
        node = helper.make_node(
            "QLinearGlobalAveragePool",
            ["x", *model.quantization("x", x), *model.quantization("y", y)],
            ["y"],
            domain=MICROSOFT,
            channels_last=0,
        )
        case = model.build([node], GlobalAveragePool(), {"x": (shape, x)}, y)
        check(case, tmp_path, case.random_inputs(seed))
