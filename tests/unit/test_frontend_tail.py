"""Tails that are left to the host: those of detectors, and what --cut names."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import patchc
from patchc.cli import main
from patchc.errors import PatchcError
from patchc.frontend import cut_before, find_unsupported, import_model
from patchc.frontend.walk import is_integer_op
from patchc.quantize.quantize import Activation, Format, QuantizeOptions, quantize
from tests.unit.frontend_models import Net, check, kinds, random_feeds, run

X, Y = (0.03, 7), (0.05, 3)
FORMS = pytest.mark.parametrize("form", [(f, a) for f in Format for a in Activation])


def conv(net: Net, x: str, c_out: int, c_in: int, **attributes) -> str:
    random = np.random.default_rng(len(net.nodes))
    weights = net.constant(random.normal(0, (9 * c_in) ** -0.5, (c_out, c_in, 3, 3)))
    bias = net.constant(random.normal(0, 0.3, c_out))
    return net.op("Conv", x, weights, bias, pads=[1, 1, 1, 1], **attributes)


def features(net: Net) -> tuple[str, str]:
    """Two maps of 8 channels, of 8 x 8 and 4 x 4 pixels."""
    x = net.op("Relu", conv(net, net.input("x", 1, 3, 16, 16), 8, 3, strides=[2, 2]))
    return x, net.op("Relu", conv(net, x, 8, 8, strides=[2, 2]))


def ssd(net: Net) -> str:
    """Heads seen as lists of positions, joined; a Softmax over classes."""
    heads = []
    for x in features(net):
        x = net.op("Transpose", conv(net, x, 6, 8), perm=[0, 2, 3, 1])
        heads.append(net.op("Reshape", x, net.constant([1, -1, 2], np.int64)))
    return net.op("Softmax", net.op("Concat", *heads, axis=1, name="join"), axis=2)


def yolo(net: Net) -> str:
    """Positions last; box sides as expectations, by a convolution of 4 weights; offsets, strides
    and scores of constants as large as the map."""
    heads = [
        net.op("Reshape", conv(net, x, 18, 8), net.constant([1, 18, -1], np.int64))
        for x in features(net)
    ]
    x = net.op("Concat", *heads, axis=2, name="join")
    boxes, scores = net.op("Split", x, net.constant([16, 2], np.int64), axis=1), "scores"
    net.nodes[-1].output.append(scores)
    x = net.op("Reshape", boxes, net.constant([1, 4, 4, 80], np.int64))
    x = net.op("Softmax", net.op("Transpose", x, perm=[0, 2, 1, 3]), axis=1)
    x = net.op("Conv", x, net.constant(np.arange(4.0).reshape(1, 4, 1, 1)))
    x = net.op("Reshape", x, net.constant([1, 4, 80], np.int64))
    anchors = net.constant(np.random.default_rng(1).random((1, 2, 80)))
    first = net.op("Slice", x, *(net.constant([n], np.int64) for n in (0, 2, 1)))
    second = net.op("Slice", x, *(net.constant([n], np.int64) for n in (2, 4, 1)))
    low, high = net.op("Sub", anchors, first), net.op("Add", anchors, second)
    middle = net.op("Div", net.op("Add", low, high), net.constant(2.0))
    return net.op("Concat", middle, net.op("Sub", high, low), net.op("Sigmoid", scores), axis=1)


def suppressed(net: Net) -> str:
    """Down to a list of boxes, whose length only the run shows."""
    first, _ = features(net)
    boxes = net.op("Transpose", conv(net, first, 4, 8), perm=[0, 2, 3, 1])
    boxes = net.op("Reshape", boxes, net.constant([1, -1, 4], np.int64))
    scores = net.op("Reshape", conv(net, first, 2, 8), net.constant([1, 2, -1], np.int64))
    limits = [net.constant([3], np.int64), net.constant([0.5]), net.constant([0.1])]
    return net.op("NonMaxSuppression", boxes, net.op("Sigmoid", scores), *limits)


def quantised(model: onnx.ModelProto, path, form) -> onnx.ModelProto:
    samples = {name: np.repeat(x, 4, 0) for name, x in random_feeds(model).items()}
    quantize(model, path, samples, QuantizeOptions(*form))
    return onnx.load(path)


@pytest.mark.slow
@FORMS
@pytest.mark.parametrize(
    ("make", "convolutions"), [(ssd, 4), (yolo, 4), (suppressed, 3)], ids=["ssd", "yolo", "nms"]
)
def test_detectors_end_at_their_heads(tmp_path, make, convolutions, form):
    net = Net()
    y = make(net)
    kind = onnx.TensorProto.INT64 if make is suppressed else onnx.TensorProto.FLOAT
    model = quantised(net.model(y, kinds={y: kind}), tmp_path / "q.onnx", form)
    imported = check(model)
    assert [kind for kind in kinds(imported) if kind != "Lut"] == ["Conv"] * convolutions
    last = [node.op.kind for node in imported.graph.nodes][-1]
    assert last in ("Conv", "Lut")
    if make is not suppressed:  # there the table of the scores stands behind a view
        trailing = imported.epilogue.model.graph.node
        assert not any(is_integer_op(node) for node in trailing)


def quantised_throughout(type_: type[np.generic]) -> onnx.ModelProto:
    """A quantiser has put pairs around everything, and the heads' views."""
    net = Net(type_)
    x = net.qdq(net.input("x", 1, 4, 8, 8), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(8, 4, 1, 1)), X, "stem")
    heads = []
    for seed in range(2):
        y = net.qdq(net.op("Conv", x, net.weights(6, 8, 1, 1, seed=seed)), X, f"head{seed}")
        y = net.qdq(net.op("Transpose", y, perm=[0, 2, 3, 1]), X)
        y = net.op("Reshape", y, net.constant([1, -1, 2], np.int64))
        heads.append(net.qdq(y, X))
    y = net.qdq(net.op("Concat", *heads, axis=1, name="join"), X)
    return net.model(net.qdq(net.op("Softmax", y, axis=2, name="classes"), Y))


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
def test_a_tail_with_pairs_in_it(type_):
    imported = check(quantised_throughout(type_))
    assert kinds(imported) == ["Conv", "Conv", "Conv"]
    assert imported.epilogue.nodes == ("join (Concat)", "classes (Softmax)")
    assert imported.notes == (
        "join (Concat) and what follows is not in the C: the outputs of the C are what they read, "
        "and firmware computes them from these",
    )


def middle() -> onnx.ModelProto:
    """An operator without integers between two convolutions, and a head before it."""
    net = Net()
    x = net.qdq(net.input("x", 1, 4, 8, 8), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(8, 4, 3, 3), name="stem"), X, "stem_q")
    y = net.qdq(net.op("Einsum", x, equation="nchw->ncwh", name="odd"), X)
    y = net.qdq(net.op("Conv", y, net.weights(8, 8, 3, 3), name="last"), X)
    return net.model(y)


def test_in_front_of_a_layer_it_is_no_tail():
    (found,) = find_unsupported(middle())
    assert found.node == "odd"
    assert cut_before(middle(), None, [found]) == ("odd",)


@pytest.mark.parametrize("name", ["odd", "odd_out"])
def test_cut_where_the_user_says(name):
    imported = import_model(middle(), cut=[name])
    assert kinds(imported) == ["Conv"]
    assert imported.epilogue.nodes == ("odd (Einsum)", "last (Conv)")


def test_cut_names_no_node():
    with pytest.raises(PatchcError) as error:
        import_model(middle(), cut=["ods"])
    assert str(error.value) == ("net: --cut names 'ods', which is no node of it; did you mean odd?")


def test_nothing_is_left():
    with pytest.raises(PatchcError, match="there is no operator between quantised tensors"):
        import_model(middle(), cut=["stem"])


def test_a_layer_that_is_refused_is_no_tail():
    net = Net()
    x = net.qdq(net.input("x", 1, 4, 8, 8), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(64, 4, 3, 3)), X)
    kernel = net.weights(1, 64, 1, 1, 1)
    y = net.op("Conv", net.op("Unsqueeze", x, net.constant([4], np.int64)), kernel, name="deep")
    found, *_ = find_unsupported(net.model(net.qdq(y, X)))
    assert found.node == "deep"


def test_in_a_float_file_what_is_cut_stays_float(tmp_path):
    net = Net()
    first, second = features(net)
    net.nodes[-1].name = "late"
    y = conv(net, second, 4, 8, name="head")
    model = net.model(conv(net, first, 4, 8), y)
    samples = {"x": np.zeros((2, 3, 16, 16), np.float32)}
    quantize(model, tmp_path / "q.onnx", samples, QuantizeOptions(cut=("head",)))
    imported = import_model(tmp_path / "q.onnx")
    assert kinds(imported) == ["Conv", "Conv", "Conv"]
    assert imported.epilogue.nodes == ("head (Conv)",)


def test_compiled_run_and_verified_with_a_cut(tmp_path):
    onnx.save(middle(), tmp_path / "m.onnx")
    patchc.compile(tmp_path / "m.onnx", tmp_path / "out", cut=["odd"])
    assert patchc.verify(tmp_path / "out", cases=1).passed
    feeds = random_feeds(middle())
    expected = run(middle(), feeds)
    for name, values in patchc.run(tmp_path / "out", feeds).items():
        np.testing.assert_array_equal(values, expected[name])


def test_inspect_says_what_a_cut_would_leave(tmp_path):
    onnx.save(middle(), tmp_path / "m.onnx")
    found = patchc.inspect(tmp_path / "m.onnx")
    left = patchc.inspect(tmp_path / "m.onnx", cut=found.rest.cut)
    assert (len(left.layers), left.macs, left.weights) == (1, 8 * 36 * 36, 8 * 36)
    assert str(found.rest) == (
        "--cut odd leaves 1 layer with 10,368 MACs and 288 weights, which needs "
        f"{left.layerwise_bytes:,} B layer by layer"
    )


def test_the_commands_take_a_cut(tmp_path, capsys):
    onnx.save(middle(), tmp_path / "m.onnx")
    for words in (["inspect"], ["explore"], ["compile", "-o", str(tmp_path / "out")]):
        with pytest.raises(SystemExit) as done:
            main([*words, str(tmp_path / "m.onnx"), "--cut", "odd"])
        assert done.value.code == 0
        assert words == ["explore"] or "odd (Einsum)" in capsys.readouterr().out
    with pytest.raises(SystemExit) as done:
        main(["inspect", str(tmp_path / "m.onnx")])
    assert done.value.code == 2
    assert "\n--cut odd leaves 1 layer with 10,368 MACs" in capsys.readouterr().out
