"""What other quantisers leave in their files: casts to the same type, operators without a pair
behind them, shared zero points, onnxruntime's own domain, float biases."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from patchc.frontend import find_unsupported
from patchc.frontend.model import ImportedModel
from patchc.reference import run_graph
from patchc.verify.golden import golden, graph_inputs
from tests.unit.frontend_models import MICROSOFT, Net, Quant, check, kinds, random_feeds

X, Y, Z = (0.03, 7), (0.05, 3), (0.04, 0)
MAP = (1, 4, 6, 6)
SIGNS = pytest.mark.parametrize("type_", [np.int8, np.uint8])


def verified(model: onnx.ModelProto, *, fused: bool | None = None) -> ImportedModel:
    """Imported, and all that `patchc verify` compares holds of the Graph. fused: whether
    onnxruntime is known to run the file in integers, so that its outputs are compared too."""
    imported = check(model, exact=False)
    feeds = [random_feeds(imported.onnx_model, seed) for seed in range(3)]
    found = [run_graph(imported.graph, maps) for maps in graph_inputs(imported, feeds)]
    compared = golden(imported, feeds, found)
    assert compared.passed, compared.failures
    if fused is not None:
        assert compared.fully_fused == fused
    return imported


def refusals(model: onnx.ModelProto) -> list[str]:
    return [str(item) for item in find_unsupported(model)]


def cast(net: Net, x: str, type_: type[np.generic]) -> str:
    kind = TensorProto.UINT8 if type_ is np.uint8 else TensorProto.INT8
    return net.op("Cast", x, to=kind)


# ------------------------------------------------------------------------- casts


@SIGNS
def test_a_cast_to_the_type_that_it_has(type_):
    """torch.ao writes one behind every QuantizeLinear."""
    net = Net(type_)

    def pair(x: str, quant: Quant, name: str) -> str:
        return net.dequantize(cast(net, net.quantize(x, quant, name), type_), quant)

    x = pair(net.input("x", *MAP), X, "x")
    y = net.op("Relu", net.op("Conv", x, net.weights(4, 4, 3, 3)))
    x = pair(y, (0.05, net.lowest), "y")
    y = pair(net.op("Conv", x, net.weights(5, 4, 1, 1)), Z, "z")
    imported = verified(net.model(y), fused=type_ is np.uint8)
    assert kinds(imported) == ["Conv", "Conv"]


def test_a_cast_of_constants_and_of_the_input():
    net = Net(np.uint8)
    x = net.input("x", *MAP, dtype=np.uint8)
    x = net.dequantize(cast(net, x, np.uint8), X)
    values = net.constant(np.arange(-8, 8).reshape(4, 4, 1, 1), np.int8)
    w = net.dequantize(cast(net, values, np.int8), (0.01, 0), np.int8)
    verified(net.model(net.qdq(net.op("Conv", x, w), Y, "y")))


def test_a_cast_to_another_type_is_refused():
    net = Net(np.uint8)
    x = net.quantize(net.input("x", *MAP), X, "x")
    y = net.dequantize(net.op("Cast", x, name="cast", to=TensorProto.INT8), X, np.int8)
    y = net.op("Conv", y, net.weights(4, 4, 1, 1))
    assert refusals(net.model(net.qdq(y, Y, "y")))[0] == (
        "cast (Cast): a cast of uint8 to int8: only one to uint8 is nothing"
    )


# ------------------------------------------------------- operators without a pair


def whole(kind, **attributes):
    return lambda net, x: net.op(kind, x, name="op", **attributes)


def sized(kind, *constants, **attributes):
    """With further inputs."""

    def make(net: Net, x: str) -> str:
        given = ["" if c is None else net.constant(c, c.dtype) for c in constants]
        return net.op(kind, x, *given, name="op", **attributes)

    return make


def both(net: Net, x: str) -> str:
    return net.op("Concat", x, net.op("MaxPool", x, kernel_shape=[1, 1]), axis=1)


def larger(net: Net, x: str) -> str:
    return net.op("Max", x, net.op("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))


def spatial_pyramid(net: Net, x: str) -> str:
    for _ in range(3):
        pooled = net.op("MaxPool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = net.op("Concat", x, pooled, axis=1)
    return net.op("Slice", x, *[net.constant([v], np.int64) for v in (3, 7, 1)])


INT = np.int64
CHOICES = {
    "max_pool": whole("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
    "global_max_pool": whole("GlobalMaxPool"),
    "reduce_max": whole("ReduceMax", axes=[2, 3]),
    "max_pool_relu": lambda net, x: net.op("Relu", whole("MaxPool", kernel_shape=[2, 2])(net, x)),
    "relu": whole("Relu"),
    "clip_at_values_of_the_scale": sized("Clip", np.float32(0), np.float32(0.03) * np.float32(50)),
    "clip_beyond_all_values": sized("Clip", np.float32(-100), np.float32(100)),
    "resize": sized("Resize", None, np.float32([1, 1, 2, 2])),
    "resize_by_no_whole_factor": sized("Resize", None, None, np.array([1, 4, 9, 7])),
    "slice": sized("Slice", *(np.array([n]) for n in (1, 5, 2))),
    "channels_chosen": sized("Gather", np.array([3, 0, 2]), axis=1),
    "depth_to_space": whole("DepthToSpace", blocksize=2),
    "space_to_depth": whole("SpaceToDepth", blocksize=2),
    "transpose": whole("Transpose", perm=[0, 1, 3, 2]),
    "pad": sized("Pad", np.array([0, 0, 1, 1, 0, 0, 1, 2])),
    "pad_of_channels": sized("Pad", np.array([0, 1, 0, 0, 0, 2, 0, 0]), np.float32(0)),
    "concat": both,
    "max": larger,
    "several": spatial_pyramid,
}


@SIGNS
@pytest.mark.parametrize("choice", CHOICES)
def test_an_operator_that_chooses_keeps_scale_and_zero_point(choice, type_):
    """Brevitas and quantisation-aware training put no quantiser behind one."""
    net = Net(type_)
    x = net.qdq(net.input("x", *MAP), X, "x")
    if choice == "pad_of_channels":  # of an input it would say that channels are elsewhere
        x = net.qdq(net.op("Conv", x, net.weights(4, 4, 1, 1)), X, "c")
    chosen = CHOICES[choice](net, x)
    shape = channels_of(net, chosen)
    y = net.qdq(net.op("Conv", chosen, net.weights(3, shape, 1, 1)), Y, "y")
    verified(net.model(y))


def channels_of(net: Net, name: str) -> int:
    inferred = onnx.shape_inference.infer_shapes(net.model(name)).graph.output[0]
    return inferred.type.tensor_type.shape.dim[1].dim_value


READERS = {
    "Sigmoid": {},
    "GlobalAveragePool": {},
    "Add": {},
    "Softmax": {"axis": 1},
    "Flatten": {},
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_takes_such_a_result(reader):
    net = Net(np.uint8)
    x = net.qdq(net.input("x", *MAP), X, "x")
    x = net.op("MaxPool", x, kernel_shape=[2, 2])
    y = net.op(reader, *[x] * (2 if reader == "Add" else 1), **READERS[reader])
    if reader == "Flatten":
        y = net.op("Gemm", y, net.weights(100, 3, axis=1))
    imported = verified(net.model(net.qdq(y, (1 / 256, 0) if reader == "Softmax" else Y, "y")))
    assert kinds(imported)[0] == "MaxPool"


def test_a_result_that_is_also_quantised():
    """With another scale: the integers are there once, and a table behind them."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", *MAP), X, "x")
    pooled = net.op("MaxPool", x, kernel_shape=[2, 2])
    a = net.op("Conv", pooled, net.weights(4, 4, 1, 1))
    b = net.qdq(pooled, Z, "z")
    y = net.op("Add", net.qdq(a, Y, "a"), b)
    imported = verified(net.model(net.qdq(y, Y, "y")))
    assert sorted(kinds(imported)) == ["Add", "Conv", "Lut", "MaxPool"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (whole("AveragePool", kernel_shape=[2, 2]), "op: there is no QuantizeLinear"),
        (sized("Clip", np.float32(0), np.float32(0.1)), "op: there is no QuantizeLinear"),
        (whole("Sigmoid"), "op: there is no QuantizeLinear"),
    ],
)
def test_values_between_those_of_the_scale_are_refused(make, reason):
    net = Net(np.uint8)
    x = make(net, net.qdq(net.input("x", *MAP), X, "x"))
    y = net.op("Conv", x, net.weights(4, 4, 1, 1), name="conv")
    (found,) = refusals(net.model(net.qdq(y, Y, "y")))
    assert found.startswith("conv (Conv)")
    assert reason in found


def test_maps_of_different_scales_joined_without_a_pair_are_refused():
    net = Net(np.uint8)
    a = net.qdq(net.input("a", *MAP), X, "aq")
    b = net.qdq(net.input("b", *MAP), Y, "bq")
    y = net.op("Conv", net.op("Concat", a, b, name="op", axis=1), net.weights(4, 8, 1, 1))
    (found,) = refusals(net.model(net.qdq(y, Y, "y")))
    assert "it reads the float result of op: there is no QuantizeLinear" in found


# --------------------------------------------------- zero points, domains, biases


@pytest.mark.parametrize("per_channel", [False, True])
def test_one_zero_point_that_layers_share(per_channel):
    """Exporters that write equal constants once do it."""
    net = Net(np.uint8)
    channels = 4 if per_channel else ()
    zero, scale = net.constant(np.zeros(channels), np.int8), net.constant(np.full(channels, 0.01))
    x = net.qdq(net.input("x", *MAP), X, "x")
    for index in range(3):
        random = np.random.default_rng(index)
        values = net.constant(random.integers(-127, 128, (4, 4, 3, 3)), np.int8)
        w = net.op("DequantizeLinear", values, scale, zero, axis=0)
        x = net.qdq(net.op("Conv", x, w, pads=[1, 1, 1, 1]), X, f"y{index}")
    verified(net.model(x))


@SIGNS
def test_quantisation_in_the_domain_of_onnxruntime(type_):
    net = Net(type_, opset=13)

    def pair(x: str, quant: Quant, name: str) -> str:
        quantized = net.op("QuantizeLinear", x, *net.parameters(quant), name=name, domain=MICROSOFT)
        return net.op("DequantizeLinear", quantized, *net.parameters(quant), domain=MICROSOFT)

    values = net.constant(np.random.default_rng(0).integers(-127, 128, (5, 4, 3, 3)), np.int8)
    parameters = net.parameters((0.01, 0), np.int8)
    x = pair(net.op("Mul", net.input("x", *MAP), net.constant(0.5)), X, "x")
    w = net.op("DequantizeLinear", values, *parameters, domain=MICROSOFT)
    y = pair(net.op("Conv", x, w), Y, "y")
    verified(net.model(pair(net.op("MaxPool", y, kernel_shape=[2, 2]), Y, "z")))


@SIGNS
@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div", "Max"])
@pytest.mark.parametrize("first", [False, True])
def test_a_float_constant_for_each_channel(kind, first, type_):
    """A table for each; a Relu behind it, too, is in them."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 7), (0.03, 20), "x")
    constant = net.constant(np.linspace(0.2, 1.3, 7))
    y = net.op(kind, *((constant, x) if first else (x, constant)), name="op")
    y = net.op("Relu", y) if kind != "Div" else y
    imported = verified(net.model(net.qdq(y, (0.02, net.lowest), "y")))
    assert kinds(imported) == ["Lut"]
    assert imported.graph.nodes[0].op.table.shape == (7, 256)


def test_a_float_constant_for_each_channel_of_a_map():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", *MAP), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(5, 4, 3, 3)), Y, "c")
    y = net.op("Add", net.op("Mul", x, net.constant(np.linspace(0.5, 2, 5)[:, None, None])),
               net.constant(np.linspace(-1, 1, 5).reshape(1, 5, 1, 1)))  # fmt: skip
    imported = verified(net.model(net.qdq(y, Z, "y")))
    assert kinds(imported) == ["Conv", "Lut"]


@pytest.mark.parametrize("constant", ["float", "int32"])
@pytest.mark.parametrize("first", [False, True])
def test_a_bias_that_is_added_to_a_product(constant, first):
    """MatMul and Add with one pair behind both, as Keras' dense layers are written."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 6), X, "x")
    weights = net.constant(np.random.default_rng(0).integers(-127, 128, (6, 5)), np.int8)
    product = net.op("MatMul", x, net.dequantize(weights, (0.01, 0), np.int8))
    values = np.linspace(-0.4, 0.3, 5)
    if constant == "float":
        bias = net.constant(values)
    else:
        scale = np.float32(0.03) * np.float32(0.01)
        bias = net.dequantize(net.constant(values / scale, np.int32), (scale, 0), np.int32)
    y = net.op("Add", *((bias, product) if first else (product, bias)), name="sum")
    imported = verified(net.model(net.qdq(net.op("Relu", y), (0.02, 0), "y")))
    assert kinds(imported) == ["Conv"]
    assert imported.graph.nodes[0].op.bias.any()


# ------------------------------------------------------------ a Pad of its own


PADDED = {
    "GlobalAveragePool": {},
    "GlobalMaxPool": {},
    "Sigmoid": {},
    "Exp": {},
    "Softmax": {"axis": 1},
    "Resize": {},
    "max_pool": {"kernel_shape": [2, 2]},
    "max_pool_with_pads": {"kernel_shape": [3, 3], "pads": [1, 1, 0, 1]},
    "average_with_pads": {"kernel_shape": [2, 2], "pads": [1, 0, 0, 0]},
    "average_of_the_whole_map": {"kernel_shape": [9, 8]},
    "Add": {},
    "Concat": {"axis": 1},
    "Transpose": {"perm": [0, 2, 3, 1]},
}
NAMES = {"max_pool": "MaxPool", "max_pool_with_pads": "MaxPool"}
NAMES |= dict.fromkeys(["average_with_pads", "average_of_the_whole_map"], "AveragePool")


@SIGNS
@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("reader", PADDED)
def test_a_pad_before_any_reader(reader, pair, type_):
    """Where its reader cannot take it in, each channel is convolved with a single one."""
    net = Net(type_)
    x = net.qdq(net.input("x", *MAP), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 4, 1, 1)), X, "c")
    x = net.op("Pad", x, net.constant([0, 0, 1, 1, 0, 0, 2, 1], np.int64))
    x = net.qdq(x, X, "p") if pair else x
    more = []
    if reader == "Resize":
        more = ["", net.constant([1, 1, 2, 2])]
    elif reader in ("Add", "Concat"):
        more = [net.qdq(net.input("z", 1, 4, 9, 8), X, "z")]
    y = net.op(NAMES.get(reader, reader), x, *more, name="op", **PADDED[reader])
    verified(net.model(net.qdq(y, (1 / 256, net.lowest) if reader == "Softmax" else Y, "y")))


# ----------------------------------------------------------------------------- means

MEANS = {
    "both": ([2, 3], "GlobalAveragePool"),
    "negative": ([-1, -2], "GlobalAveragePool"),
    "rows": ([2], "AveragePool"),
    "columns": ([3], "AveragePool"),
}


@SIGNS
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", MEANS)
def test_a_mean_in_a_quantised_file(axes, keep, type_):
    """onnxruntime's quantiser leaves x.mean((2, 3)) of MobileNetV2 and others so."""
    over, kind = MEANS[axes]
    net = Net(type_)
    x = net.qdq(net.input("x", *MAP), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(5, 4, 1, 1)), Y, "c")
    y = net.qdq(net.op("ReduceMean", x, name="mean", axes=over, keepdims=keep), Z, "m")
    if kind == "GlobalAveragePool":
        y = net.op("Gemm", net.op("Flatten", y), net.weights(5, 3, axis=1))
        y = net.qdq(y, Y, "y")
    imported = verified(net.model(y), fused=False)
    assert kinds(imported)[1] == kind
    assert imported.notes == (
        "mean (ReduceMean) is an integer mean, which may be one step off onnxruntime's: that adds "
        "up floats, in an order that depends on what stands around them",
    )


@SIGNS
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [3], [1], None])
def test_a_sum_in_a_quantised_file(axes, keep, type_):
    """The integers are those of a mean at a scale that is smaller by the number of elements."""
    net = Net(type_)
    x = net.qdq(net.input("x", *MAP), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(5, 4, 1, 1)), Y, "c")
    over = [] if axes is None else [net.constant(axes, np.int64)]
    total = net.op("ReduceSum", x, *over, name="sum", keepdims=keep)
    imported = verified(net.model(net.qdq(total, (1.5, 3), "s")), fused=False)
    assert imported.notes[0].startswith("sum (ReduceSum) is an integer sum, which may be one step")


def test_a_mean_of_a_map_that_is_laid_out_channels_last():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 6, 5, 4), X, "x")
    y = net.op("ReduceMean", x, axes=[1, 2], keepdims=0)
    imported = verified(net.model(net.qdq(y, Y, "y")))
    assert kinds(imported) == ["GlobalAveragePool"]
    assert imported.inputs[0].shape == (6, 5, 4)


def test_a_mean_over_nothing():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 1, 1), X, "x")
    y = net.op("Relu", net.op("ReduceMean", x, axes=[2, 3], keepdims=0))
    imported = verified(net.model(net.qdq(y, Y, "y")))
    assert kinds(imported) == ["Lut"]
    assert not imported.notes


# ------------------------------------------------------------- imports that ended never


def cut(net: Net, x: str, kind: str) -> str:
    """The first four of six channels."""
    if kind == "Slice":
        return net.op("Slice", x, *(net.constant([n], np.int64) for n in (0, 4, 1)))
    if kind == "Gather":
        return net.op("Gather", x, net.constant(range(4), np.int64), axis=1)
    first, second = "first", "second"
    sizes = net.constant([4, 2], np.int64)
    net.nodes.append(onnx.helper.make_node("Split", [x, sizes], [first, second], "split", axis=1))
    return first


@pytest.mark.parametrize("kind", ["Slice", "Split", "Gather"])
@pytest.mark.parametrize("shape", [(1, 6, 16), (6, 16), (1, 6, 4, 4)])
def test_a_reshape_cuts_an_axis_of_a_part_of_an_input(kind, shape):
    """The layout of the input is a guess, which the reshape cannot correct behind the copy."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", *shape), X, "x")
    x = net.qdq(cut(net, x, kind) if len(shape) > 2 else x, X, "part")
    y = net.op("Reshape", x, net.constant([1, 2, -1, 16], np.int64), name="reshape")
    y = net.op("Conv", y, net.weights(1, 2, 1, 1), name="conv")
    found = refusals(net.model(net.qdq(y, Y, "y")))
    assert all("a reshape has cut an axis" in item for item in found)
