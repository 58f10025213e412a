"""Slice, Split, Gather, DepthToSpace, SpaceToDepth and channel shuffles against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto
from onnx.defs import onnx_opset_version

from patchc.frontend import import_model, importer
from patchc.ir import DepthToSpace, Rearrange
from patchc.reference import run_graph
from tests.unit.frontend_models import Net, check, kinds
from tests.unit.test_frontend_refusals import refused

BOTH_TYPES = pytest.mark.parametrize("type_", [np.int8, np.uint8])
BOTH_FORMS = pytest.mark.parametrize("integers", [False, True], ids=["qdq", "integers"])

X, Y = (0.03, 7), (0.05, 3)


def numbers(net: Net, *values: int) -> str:
    return net.constant(values, np.int64)


def copied(make, shape=(1, 12, 6, 4), type_=np.uint8, *, integers=False, out=X):
    """A model of one copy, between DequantizeLinear and QuantizeLinear or on integers."""
    net = Net(type_)
    x = net.quantize(net.input("x", *shape), X, "x")
    if integers:
        return net.model(net.dequantize(make(net, x), X))
    y = net.qdq(make(net, net.dequantize(x, X)), out, "y")
    return net.model(y)


@BOTH_TYPES
@BOTH_FORMS
@pytest.mark.parametrize("out", [X, Y])
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(type_, integers, out, mode):
    def make(net, x):
        return net.op("DepthToSpace", x, blocksize=2, mode=mode)

    imported = check(copied(make, type_=type_, integers=integers, out=out))
    assert kinds(imported) == ["DepthToSpace"] + ["Lut"] * (out != X and not integers)
    op = imported.graph.nodes[0].op
    assert isinstance(op, DepthToSpace)
    assert op.interleaved == (mode == "CRD")


@BOTH_TYPES
@BOTH_FORMS
def test_space_to_depth(type_, integers):
    def make(net, x):
        return net.op("SpaceToDepth", x, blocksize=2)

    assert kinds(check(copied(make, type_=type_, integers=integers))) == ["Rearrange"]


@pytest.mark.skipif(onnx_opset_version() < 28, reason="the mode came with opset 28")
def test_space_to_depth_by_channels(monkeypatch):
    """onnxruntime has no QuantizeLinear of this opset to compare with, so it is not asked."""
    monkeypatch.setattr(importer, "refused_by_onnxruntime", lambda model: None)
    net = Net(opset=28)
    x = net.quantize(net.input("x", 1, 3, 4, 6), X, "x")
    y = net.op("SpaceToDepth", x, blocksize=2, mode="CRD")
    imported = import_model(net.model(net.dequantize(y, X)))
    map_ = np.random.default_rng(0).integers(-128, 128, (4, 6, 3)).astype(np.int8)
    (found,) = (run_graph(imported.graph, {"x_out": map_})[n] for n in imported.graph.outputs)
    blocks = map_.reshape(2, 2, 3, 2, 3).transpose(0, 2, 4, 1, 3)  # rows, columns, c, i, j
    np.testing.assert_array_equal(found, blocks.reshape(2, 3, 12))


SLICES = {
    "rows": ([1], [-2], [2], [1]),
    "columns": ([-3], [99], [3], [1]),
    "channels": ([2], [9], [1], [1]),
    "all": ([1, 0, 1], [7, 5, 3], [-3, -2, -1], [1, 1, 1]),
    "steps": ([1, 0], [12, 6], [1, 2], [3, 2]),
    "one": ([3, 2], [4, 3], [1, 3], [1, 1]),
}


@BOTH_TYPES
@BOTH_FORMS
@pytest.mark.parametrize("case", SLICES)
def test_slice(type_, integers, case):
    def make(net, x):
        return net.op("Slice", x, *(numbers(net, *values) for values in SLICES[case]))

    assert kinds(check(copied(make, type_=type_, integers=integers))) == ["Rearrange"]


BACKWARDS = {
    "channels": (([9], [-99], [1], [-1]), ["Rearrange"]),
    "columns": (([9], [-99], [3], [-1]), ["Rearrange", "DepthToSpace"]),
    "rows": (([4], [0], [2], [-2]), ["Rearrange", "DepthToSpace"]),
    "both": (([9, 9], [-99, -99], [2, 3], [-1, -1]), ["Rearrange", "DepthToSpace"] * 2),
    "with_a_crop": (([9, 1], [-99, 3], [3, 2], [-1, 1]), ["Rearrange", "DepthToSpace"]),
}


@BOTH_TYPES
@BOTH_FORMS
@pytest.mark.parametrize("case", BACKWARDS)
def test_a_slice_backwards(type_, integers, case):
    """Rows or columns become channels, in their new order, and rows or columns again."""
    bounds, expected = BACKWARDS[case]

    def make(net, x):
        return net.op("Slice", x, *(numbers(net, *values) for values in bounds))

    found = kinds(check(copied(make, type_=type_, integers=integers)))
    assert found[: len(expected)] == expected


@BOTH_TYPES
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_gather_in_any_order(type_, axis):
    def make(net, x):
        return net.op("Gather", x, net.constant([2, 0, 1, 1, 3], np.int64), axis=axis)

    check(copied(make, type_=type_))


def test_a_slice_of_everything_is_nothing():
    def make(net, x):
        return net.op("Slice", x, numbers(net, 0), numbers(net, 99), numbers(net, 1))

    assert kinds(check(copied(make, out=Y))) == ["Lut"]


@BOTH_TYPES
def test_slices_of_an_input_that_is_channels_last(type_):
    """Its rows and channels, which the convolution behind shows them to be."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 8, 6, 5), X, "x")
    bounds = [numbers(net, *values) for values in ([1, 2], [7, 5], [1, 3])]
    y = net.qdq(net.op("Slice", x, *bounds), X, "y")
    y = net.op("Transpose", y, perm=[0, 3, 1, 2])
    imported = check(net.model(net.qdq(net.op("Conv", y, net.weights(4, 3, 3, 3)), Y, "z")))
    shapes = [tensor.shape for tensor in imported.graph.tensors.values()]
    assert shapes[:2] == [(8, 6, 5), (6, 6, 3)]


@BOTH_TYPES
@pytest.mark.parametrize("sizes", [(3, 5, 4), None])
@pytest.mark.parametrize("axis", [1, 2])
def test_split(type_, sizes, axis):
    """Three parts, the middle one of which nothing reads."""
    net = Net(type_)
    shape = (1, 12, 6, 4) if axis == 1 else (1, 4, 12, 6)
    x = net.qdq(net.input("x", *shape), X, "x")
    given = [numbers(net, *sizes)] if sizes else []
    net.op("Split", x, *given, axis=axis, name="split")
    net.nodes[-1].output[:] = ["one", "two", "three"]
    outputs = [net.qdq("one", X, "y"), net.qdq("three", Y, "z")]
    if sizes is None:
        net.opset = 13
    imported = check(net.model(*outputs))
    assert kinds(imported) == ["Rearrange", "Rearrange", "Lut"]


def test_split_of_integers():
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 8, 5, 4), X, "x")
    net.op("Split", x, axis=1, name="split")
    net.nodes[-1].output[:] = ["one", "two"]
    net.opset = 13
    imported = check(
        net.model("two", "one", kinds=dict.fromkeys(("one", "two"), TensorProto.UINT8))
    )
    assert kinds(imported) == ["Rearrange", "Rearrange"]


@BOTH_TYPES
@BOTH_FORMS
@pytest.mark.parametrize(("axis", "indices"), [(1, [5, 0, 0, -1, 3]), (2, [1, 3, 5]), (3, [2])])
def test_gather(type_, integers, axis, indices):
    def make(net, x):
        return net.op("Gather", x, numbers(net, *indices), axis=axis)

    assert kinds(check(copied(make, type_=type_, integers=integers))) == ["Rearrange"]


@BOTH_TYPES
def test_copies_that_follow_each_other_in_float(type_):
    """As in QOperator files, where onnxruntime's quantiser leaves some of them so."""

    def make(net, x):
        y = net.op("DepthToSpace", x, blocksize=2)
        return net.op("Slice", y, numbers(net, 1), numbers(net, 5), numbers(net, 3))

    assert kinds(check(copied(make, type_=type_))) == ["DepthToSpace", "Rearrange"]


def test_gather_of_one_drops_the_dimension():
    def make(net, x):
        return net.op("Gather", x, net.constant(4, np.int64), axis=1)

    assert check(copied(make)).outputs[0].shape == (6, 4, 1)


@BOTH_TYPES
@BOTH_FORMS
@pytest.mark.parametrize(
    ("axis", "shape"), [(1, (1, 4, 6, 4)), (2, (1, 24, 2, 4)), (3, (1, 24, 6, 2))]
)
def test_gather_by_indices_of_several_dimensions(type_, integers, axis, shape):
    def make(net, x):
        found = net.op("Gather", x, net.constant([[0, 3], [2, 2]], np.int64), axis=axis)
        return net.op("Reshape", found, numbers(net, *shape))

    check(copied(make, type_=type_, integers=integers))


def test_what_torch_leaves_of_as_strided():
    """All of a vector, gathered into a shape: a view."""

    def make(net, x):
        mean = net.qdq(net.op("GlobalAveragePool", x), X)
        flat = net.op("Reshape", mean, numbers(net, 12))
        order = np.arange(12).reshape(1, 12, 1, 1)
        return net.op("Gather", flat, net.constant(order, np.int64), axis=0)

    assert kinds(check(copied(make))) == ["GlobalAveragePool"]


def shuffle(net: Net, x: str, groups: int, shape: tuple[int, ...], quant=None) -> str:
    """ShuffleNet's: groups * n channels as n * groups. `quant`: quantised in between."""
    _, channels, height, width = shape
    cut = numbers(net, 1, groups, channels // groups, height, width)
    for kind, extra, attributes in (
        ("Reshape", [cut], {}),
        ("Transpose", [], {"perm": [0, 2, 1, 3, 4]}),
        ("Reshape", [numbers(net, *shape)], {}),
    ):
        x = net.op(kind, x, *extra, **attributes)
        x = net.qdq(x, quant) if quant else x
    return x


@BOTH_TYPES
@pytest.mark.parametrize("quant", [None, X])
def test_channel_shuffle(type_, quant):
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(8, 4, 1, 1)), X, "a")
    y = shuffle(net, a, 2, (1, 8, 6, 6), quant)
    once = net.qdq(net.op("Conv", y, net.weights(8, 1, 3, 3), group=8), Y, "b")
    twice = net.qdq(net.op("MaxPool", y, kernel_shape=[2, 2]), X, "c")
    imported = check(net.model(once, twice))
    assert kinds(imported) == ["Conv", "Rearrange", "Conv", "MaxPool"]
    op = imported.graph.nodes[1].op
    assert isinstance(op, Rearrange)
    assert op.source.tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


def test_a_shuffle_and_its_inverse_are_nothing():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(8, 4, 1, 1)), X, "a")
    y = shuffle(net, shuffle(net, a, 2, (1, 8, 6, 6)), 4, (1, 8, 6, 6))
    y = net.qdq(net.op("Conv", y, net.weights(8, 8, 1, 1)), Y, "b")
    assert kinds(check(net.model(y))) == ["Conv", "Conv"]


def test_halves_that_are_joined_and_shuffled():
    """A unit of ShuffleNetV2."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 8, 6, 6), X, "x")
    net.op("Split", x, numbers(net, 4, 4), axis=1)
    net.nodes[-1].output[:] = ["left", "right"]
    left, right = net.qdq("left", X), net.qdq("right", X)
    right = net.qdq(net.op("Conv", right, net.weights(4, 4, 1, 1)), X, "branch")
    y = net.qdq(net.op("Concat", left, right, axis=1), X, "joined")
    y = shuffle(net, y, 2, (1, 8, 6, 6), X)
    y = net.qdq(net.op("Conv", y, net.weights(4, 8, 1, 1)), Y, "y")
    found = kinds(check(net.model(y)))
    assert found == ["Rearrange", "Rearrange", "Conv", "Concat", "Rearrange", "Conv"]


def one(kind, *inputs, shape=(1, 6, 5, 4), **attributes):
    def make(net, x):
        return net.op(kind, x, *(numbers(net, *i) for i in inputs), name="op", **attributes)

    return copied(make, shape)


REFUSALS = {
    "op (Slice): nothing is left of its input": lambda: one("Slice", [4], [2], [1]),
    "op (DepthToSpace): 6 channels do not make blocks of 2x2": lambda: one(
        "DepthToSpace", blocksize=2
    ),
    "op (SpaceToDepth): a map of 5x4 in blocks of 2x2": lambda: one("SpaceToDepth", blocksize=2),
}


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals(text):
    assert refused(REFUSALS[text]())[0] == text


@BOTH_TYPES
@pytest.mark.parametrize("indices", [[[0, 1], [3, 2], [3, 2]], [[[1, 1]], [[2, 0]]], [[2], [0]]])
def test_gather_of_several_dimensions(type_, indices):
    """As exporters leave an adaptive pool of more pixels than there are."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 3, 5, 4), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(8, 3, 1, 1)), X, "a")
    turned = net.op("Transpose", a, perm=[2, 3, 0, 1])
    y = net.op("GatherND", turned, net.constant(indices, np.int64))
    check(net.model(net.qdq(y, X)))


def test_a_slice_across_axes():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 5, 4), X, "x")
    a = net.qdq(net.op("Conv", x, net.weights(8, 3, 3, 3)), X, "a")
    y = net.op("Slice", net.op("Flatten", a), *(numbers(net, n) for n in (2, 7, 1)), name="op")
    assert kinds(check(net.model(net.qdq(y, X)))) == ["Conv", "Permute", "Rearrange"]
