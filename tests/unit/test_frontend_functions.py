"""Functions of one value: every operator, alone and in the forms that exporters write, as a table.

`check` compares with onnxruntime on the whole file, where a function stands among other operators
and its tensor ends in a remainder; the tables were made without either.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from onnx import TensorProto

from patchc.errors import PatchcError
from patchc.frontend import import_model, tables
from patchc.ir import Lut
from tests.unit.frontend_models import MICROSOFT, Net, check, kinds

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8], ids=["int8", "uint8"])
SHAPE = (1, 3, 19, 17)  # 969 elements: all values several times, and no whole number of vectors


def zero_point(type_, signed: int) -> int:
    return signed + (128 if type_ == np.uint8 else 0)


def function_net(make, type_, *, x=(0.03, 7), y=(0.02, -30), opset=20, shape=SHAPE):
    """`make(net, x)` between integers; zero points as int8."""
    net = Net(type_, opset=opset)
    source, target = ((scale, zero_point(type_, zero)) for scale, zero in (x, y))
    q = net.input("x", *shape, dtype=type_)
    q = net.quantize(make(net, net.dequantize(q, source)), target, "y")
    return net.model(q, kinds={q: TensorProto.INT8 if type_ == np.int8 else TensorProto.UINT8})


def one(kind: str, *constants: float, opset: int = 20, domain: str = "", **attributes):
    """An operator on the activation and constants of one element."""

    def make(net: Net, x: str) -> str:
        given = [net.constant(value) for value in constants]
        return net.op(kind, x, *given, name="f", domain=domain, **attributes)

    make.opset = opset
    return make


def silu(net, x):
    return net.op("Mul", x, net.op("Sigmoid", x))


def hard_swish(net, x):
    """As torch's older exporters write it."""
    clipped = net.op("Clip", net.op("Add", x, net.constant(3)), net.constant(0), net.constant(6))
    return net.op("Div", net.op("Mul", x, clipped), net.constant(6))


def hard_swish_by_sixths(net, x):
    """As TensorFlow's exporter writes it: the constant in front, a Relu and a Min."""
    clipped = net.op("Relu", net.op("Add", net.constant([[[[3]]]]), x))
    clipped = net.op("Min", clipped, net.constant([6]))
    return net.op("Mul", net.op("Mul", clipped, net.constant(1 / 6)), x)


def hard_sigmoid_times_x(net, x):
    return net.op("Mul", x, net.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def gelu(net, x):
    erf = net.op("Erf", net.op("Div", x, net.constant(math.sqrt(2))))
    product = net.op("Mul", x, net.op("Add", erf, net.constant(1)))
    return net.op("Mul", product, net.constant(0.5))


def mish(net, x):
    return net.op("Mul", x, net.op("Tanh", net.op("Softplus", x)))


def square(net, x):
    return net.op("Mul", x, x)


def negative_power_of_two(net, x):
    return net.op("Pow", net.constant(2), net.op("Neg", x))


def past_an_identity(net, x):
    return net.op("Mul", net.op("Identity", x), net.op("Identity", net.op("Tanh", x)))


def where_greater(net, x):
    """As torch exports torch.where(x > 0.2, x, 0.1 * x)."""
    positive = net.op("Greater", x, net.constant(0.2))
    return net.op("Where", positive, x, net.op("Mul", x, net.constant(0.1)))


def masked(net, x):
    mask = net.op("Cast", net.op("LessOrEqual", x, net.constant(0.7)), to=TensorProto.FLOAT)
    return net.op("Mul", net.op("Sum", x, net.constant(0.3), x), mask)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha, width=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x / width))


def tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


# Each with what it computes, in float64.
SINGLE = {
    "Abs": (one("Abs"), abs),
    "Ceil": (one("Ceil"), np.ceil),
    "Celu": (one("Celu", alpha=0.7), lambda x: elu(x, 0.7, 0.7)),
    "Div": (one("Div", 1.7), lambda x: x / 1.7),
    "Elu": (one("Elu", alpha=0.8), lambda x: elu(x, 0.8)),
    "Erf": (one("Erf"), np.vectorize(math.erf)),
    "Exp": (one("Exp"), np.exp),
    "Floor": (one("Floor"), np.floor),
    "Gelu": (one("Gelu"), lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
    "HardSigmoid": (one("HardSigmoid", alpha=0.3), lambda x: np.clip(0.3 * x + 0.5, 0, 1)),
    "HardSwish": (one("HardSwish"), lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "LeakyRelu": (one("LeakyRelu", alpha=0.1), lambda x: np.where(x < 0, 0.1 * x, x)),
    "Max": (one("Max", -0.33), lambda x: np.maximum(x, -0.33)),
    "Min": (one("Min", 0.71), lambda x: np.minimum(x, 0.71)),
    "Mish": (one("Mish"), lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "Mul": (one("Mul", -0.6), lambda x: -0.6 * x),
    "Neg": (one("Neg"), lambda x: -x),
    "PRelu": (one("PRelu", 0.2), lambda x: np.where(x < 0, 0.2 * x, x)),
    "Pow": (one("Pow", 2.0), lambda x: x**2),
    "Reciprocal": (one("Reciprocal"), lambda x: 1 / x),
    "Round": (one("Round"), np.rint),
    "Selu": (one("Selu"), lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772)),
    "Sigmoid": (one("Sigmoid"), sigmoid),
    "Sign": (one("Sign"), np.sign),
    "Softplus": (one("Softplus"), lambda x: np.log1p(np.exp(x))),
    "Softsign": (one("Softsign"), lambda x: x / (1 + abs(x))),
    "Sqrt": (one("Sqrt"), np.sqrt),
    "Log": (one("Log"), np.log),
    "Sub": (one("Sub", 0.4), lambda x: x - 0.4),
    "Swish": (one("Swish", opset=24, alpha=1.2), lambda x: x * sigmoid(1.2 * x)),
    "Tanh": (one("Tanh"), np.tanh),
    "ThresholdedRelu": (one("ThresholdedRelu", alpha=0.5), lambda x: np.where(x > 0.5, x, 0)),
    "FastGelu": (one("FastGelu", domain=MICROSOFT), tanh_gelu),
    "QuickGelu": (one("QuickGelu", domain=MICROSOFT, alpha=1.7), lambda x: x * sigmoid(1.7 * x)),
}  # fmt: skip

PATHS = {
    make.__name__: make
    for make in (
        silu,
        hard_swish,
        hard_swish_by_sixths,
        hard_sigmoid_times_x,
        gelu,
        mish,
        square,
        negative_power_of_two,
        past_an_identity,
        where_greater,
        masked,
    )
}


def opset_of(make) -> int:
    return getattr(make, "opset", 20)


@BOTH_TYPES
@pytest.mark.parametrize("name", SINGLE)
def test_an_operator_is_one_table(type_, name):
    make, exact = SINGLE[name]
    x = (0.03, -128 if name in ("Log", "Sqrt", "Reciprocal") else 7)  # these take no negative value
    imported = check(function_net(make, type_, x=x, opset=opset_of(make)))
    assert kinds(imported) == ["Lut"]
    op = imported.graph.nodes[0].op
    assert op.function == name
    values = (np.arange(-128, 128) - x[1]).astype(np.float32) * np.float32(x[0])
    with np.errstate(divide="ignore"):
        wanted = np.clip(exact(values.astype(float)) / 0.02 - 30, -128, 127)
    assert np.abs(op.table - wanted).max() <= 0.502  # rounded to nearest, of a float32 function


@BOTH_TYPES
@pytest.mark.parametrize("name", PATHS)
def test_paths_that_meet_again_are_one_table(type_, name):
    imported = check(function_net(PATHS[name], type_))
    assert kinds(imported) == ["Lut"]


@BOTH_TYPES
@pytest.mark.parametrize("name", [*SINGLE, *PATHS])
def test_between_convolutions(type_, name):
    """Where onnxruntime fuses, and moves what stands between into its own layout."""
    make = SINGLE[name][0] if name in SINGLE else PATHS[name]
    quant = (0.03, zero_point(type_, 7))
    net = Net(type_, opset=opset_of(make))
    x = net.op("Conv", net.qdq(net.input("x", 1, 3, 9, 7), quant, "x"), net.weights(5, 3, 3, 3))
    x = net.qdq(make(net, net.qdq(x, quant, "a")), quant, "b")
    y = net.op("Conv", x, net.weights(4, 5, 1, 1, seed=2))
    assert kinds(check(net.model(net.qdq(y, quant, "y")))) == ["Conv", "Lut", "Conv"]


@pytest.mark.parametrize("seed", range(40))
def test_random_quantisation_and_attributes(seed):
    random = np.random.default_rng(seed)
    names = ["Sigmoid", "Tanh", "HardSigmoid", "LeakyRelu", "Elu", "Gelu", "Exp", "Softplus"]
    name = names[seed % len(names)]
    attributes = {
        "HardSigmoid": {"alpha": random.uniform(0.1, 1), "beta": random.uniform(0, 1)},
        "LeakyRelu": {"alpha": random.uniform(-1, 1)},
        "Elu": {"alpha": random.uniform(0.1, 2)},
    }.get(name, {})
    quants = [(float(2 ** random.uniform(-9, 0)), int(random.integers(-128, 128))) for _ in "xy"]
    for type_ in (np.int8, np.uint8):
        check(function_net(one(name, **attributes), type_, x=quants[0], y=quants[1]), cases=1)


def test_the_lone_element_of_a_tensor():
    """onnxruntime takes it for a scalar, and the sum's operands change places."""
    check(function_net(one("Add", 0.7), np.uint8, shape=(1, 1, 1, 1)), cases=20)


@BOTH_TYPES
@pytest.mark.parametrize("kind", ["Add", "Mul", "Sub", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
def test_a_constant_that_is_quantised(type_, kind, shape):
    """As onnxruntime's quantiser leaves it; some of these are integer operators then."""

    def make(net, x):
        values = net.constant(np.full(shape, 90), np.int8)
        scale, zero = net.constant(0.01), net.constant(0, np.int8)
        return net.op(kind, x, net.op("DequantizeLinear", values, scale, zero))

    assert kinds(check(function_net(make, type_))) == ["Lut"]


@BOTH_TYPES
@pytest.mark.parametrize("kind", ["QLinearSigmoid", "QLinearLeakyRelu"])
def test_integer_operators(type_, kind):
    net = Net(type_)
    quants = ((0.04, zero_point(type_, 5)), (1 / 256, zero_point(type_, -20)))
    x = net.input("x", *SHAPE, dtype=type_)
    attributes = {"alpha": 0.15} if kind == "QLinearLeakyRelu" else {}
    parameters = [item for quant in quants for item in net.parameters(quant)]
    y = net.op(kind, x, *parameters, name="f", domain=MICROSOFT, **attributes)
    of_type = TensorProto.INT8 if type_ == np.int8 else TensorProto.UINT8
    imported = check(net.model(y, kinds={y: of_type}))
    assert imported.graph.nodes[0].op.function == kind.removeprefix("QLinear")


@BOTH_TYPES
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 1, 1)])
def test_an_integer_sum_with_a_constant(type_, first, shape):
    """Where the activation has one element too, the operands change places."""
    net = Net(type_)
    quants = [
        (0.04, zero_point(type_, 5)),
        (0.01, zero_point(type_, 3)),
        (0.05, zero_point(type_, 9)),
    ]
    x = net.input("x", *shape, dtype=type_)
    a, b, y = (net.parameters(quant) for quant in quants)
    operands = [x, *a], [net.constant(zero_point(type_, 77), type_), *b]
    both = [item for operand in (operands[::-1] if first else operands) for item in operand]
    y = net.op("QLinearAdd", *both, *y, name="f", domain=MICROSOFT)
    of_type = TensorProto.INT8 if type_ == np.int8 else TensorProto.UINT8
    assert kinds(check(net.model(y, kinds={y: of_type}), cases=20)) == ["Add"]


def prelu_net(type_, slopes, layout):
    """PRelu behind a convolution of 5 channels, in either layout, or behind their means."""
    net = Net(type_)
    quant = (0.03, zero_point(type_, 7))
    x = net.qdq(net.input("x", 1, 3, 9, 7), quant, "x")
    x = net.qdq(net.op("Conv", x, net.weights(5, 3, 3, 3)), quant, "a")
    if layout == "NHWC":
        x = net.op("Transpose", x, perm=[0, 2, 3, 1])
    if layout == "NC":
        x = net.op("Flatten", net.qdq(net.op("GlobalAveragePool", x), quant, "m"))
    y = net.op("PRelu", x, net.constant(slopes), name="f")
    return net.model(net.qdq(y, (0.02, zero_point(type_, -30)), "y"))


@BOTH_TYPES
@pytest.mark.parametrize(
    ("layout", "shape"),
    [("NCHW", (5, 1, 1)), ("NCHW", (1, 5, 1, 1)), ("NHWC", (5,)), ("NC", (5,)), ("NC", (1, 5))],
)
def test_a_slope_for_each_channel_is_a_table_for_each(type_, layout, shape):
    slopes = np.linspace(-0.5, 1.5, 5).reshape(shape)
    imported = check(prelu_net(type_, slopes, layout), cases=4)
    op = imported.graph.nodes[-1].op
    assert op.table.shape == (5, 256)
    assert op.function == "PRelu"


@BOTH_TYPES
def test_a_composition_with_a_slope_for_each_channel(type_):
    def make(net, x):
        slopes = net.constant([[[0.1]], [[0.2]], [[0.3]]])
        return net.op("Mul", net.op("PRelu", x, slopes), net.op("Sigmoid", x))

    imported = check(function_net(make, type_))
    assert imported.graph.nodes[0].op.function == "PRelu+Sigmoid+Mul"
    assert imported.graph.nodes[0].op.per_channel


def test_the_same_function_twice_is_one_node():
    """Two DequantizeLinear of one tensor, and two QuantizeLinear of one function."""
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 3, 5, 5), (0.03, 128), "x")
    a = net.op(
        "Mul", net.dequantize(x, (0.03, 128)), net.op("Tanh", net.dequantize(x, (0.03, 128)))
    )
    one, two = net.qdq(a, (0.02, 4), "one"), net.qdq(a, (0.02, 4), "two")
    imported = check(net.model(net.qdq(net.op("Add", one, two), (0.04, 4), "y")))
    assert [node.op.function for node in imported.graph.nodes] == ["Tanh+Mul", "Add"]


def test_a_function_whose_inner_value_is_quantised_too():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 5, 5), (0.03, 128), "x")
    s = net.op("Sigmoid", x)
    gate = net.qdq(s, (1 / 256, 0), "gate")
    y = net.qdq(net.op("Mul", x, s), (0.02, 14), "y")
    imported = check(net.model(gate, y))
    assert [node.op.function for node in imported.graph.nodes] == ["Sigmoid", "Sigmoid+Mul"]


def test_a_function_across_a_transpose_and_a_reshape():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 6, 5), (0.03, 128), "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 3, 1, 1)), (0.03, 128), "a")
    x = net.op("Sigmoid", net.op("Transpose", net.op("Tanh", x), perm=[0, 2, 3, 1]))
    x = net.qdq(net.op("Reshape", x, net.constant([1, -1], np.int64)), (1 / 256, 0), "b")
    y = net.op("MatMul", x, net.weights(120, 4, axis=1))
    imported = check(net.model(net.qdq(y, (0.03, 128), "y")))
    assert kinds(imported) == ["Conv", "Lut", "Conv"]


def test_a_function_behind_the_graph_stays_float():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 6, 5), (0.03, 128), "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 3, 1, 1)), (0.03, 128), "a")
    imported = check(net.model(net.op("Mul", x, net.op("Sigmoid", x, name="s"), name="m")))
    assert imported.epilogue.nodes == ("s (Sigmoid)", "m (Mul)")


def test_a_table_keeps_the_zeros_of_a_pad():
    """Relu of zero is zero, so the convolution may pad the table's output."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 6, 6), (0.03, 128), "x")
    x = net.op("Tanh", net.op("Pad", x, net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)))
    y = net.op("Conv", net.qdq(x, (1 / 127, 128), "t"), net.weights(4, 3, 3, 3))
    assert kinds(check(net.model(net.qdq(y, (0.03, 128), "y")))) == ["Lut", "Conv"]


def test_what_onnxruntime_computes_by_place_is_refused(monkeypatch):
    """A session whose last elements differ stands for an exp that has two forms."""

    class Uneven:
        def run(self, outputs, feeds):
            values = feeds["x"].copy()
            if values.size < 16:
                values[..., -1] = 5
            return [values]

    monkeypatch.setattr(tables, "open_session", lambda *arguments: Uneven())
    with pytest.raises(PatchcError, match="computes 255 of 256 values otherwise at the end"):
        import_model(function_net(one("Exp"), np.int8))


def test_the_table_of_a_requantisation_is_named_so():
    net = Net(np.int8)
    x = net.dequantize(net.input("x", *SHAPE, dtype=np.int8), (0.03, 7))
    y = net.quantize(x, (0.02, 5))
    op = import_model(net.model(y, kinds={y: TensorProto.INT8})).graph.nodes[0].op
    assert isinstance(op, Lut)
    assert op.function == "Requantize"
