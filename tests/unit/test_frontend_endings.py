"""Which outputs end in a Softmax or Sigmoid that the C can have; the others are refused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import patchc
from patchc.cli import main
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.endings import endings
from patchc.numerics.probabilities import Function
from patchc.verify.golden import file_outputs
from patchc.verify.probabilities import check_endings, in_numpy, with_probabilities
from tests.unit.frontend_models import Net

X = (0.05, 3)


def ending_in(behind, *, shape=(1, 6, 4, 3), opset=17) -> onnx.ModelProto:
    """A Relu of 6 channels, and what `behind` makes of it."""
    net = Net(opset=opset)
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", *shape), X)), X)
    return net.model(behind(net, x))


def found(model: onnx.ModelProto):
    """The ending of its output; onnxruntime computes the same of random maps."""
    imported = import_model(model)
    (one,) = endings(imported)
    check_endings(imported, (one,))
    return one


@pytest.mark.parametrize(
    ("behind", "group"),
    [
        (lambda net, x: net.op("Softmax", x, axis=1), 6),
        (lambda net, x: net.op("Softmax", x, axis=-3), 6),
        (lambda net, x: net.op("Softmax", net.op("Flatten", x), axis=1), 72),
        (lambda net, x: net.op("Softmax", net.op("Transpose", x, perm=(0, 2, 3, 1))), 6),
        (
            lambda net, x: net.op(
                "Softmax",
                net.op(
                    "Reshape",
                    net.op("Transpose", x, perm=(0, 3, 2, 1)),
                    net.constant([12, 2, 3], np.int64),
                ),
                axis=2,
            ),
            3,
        ),
    ],
    ids=["channels", "negative_axis", "flattened", "channels_last", "parts_of_channels"],
)
def test_softmax(behind, group: int):
    one = found(ending_in(behind))
    assert one.probabilities.function is Function.SOFTMAX
    assert one.probabilities.group == group
    assert sorted(one.order.ravel()) == list(range(72))


@pytest.mark.parametrize(("axis", "group"), [(1, 72), (-3, 72)])
def test_before_opset_13_a_softmax_runs_along_all_that_follows(axis: int, group: int):
    one = found(ending_in(lambda net, x: net.op("Softmax", x, axis=axis), opset=12))
    assert one.probabilities.group == group


def test_sigmoid_between_views():
    def behind(net: Net, x: str) -> str:
        x = net.op("Sigmoid", net.op("Reshape", x, net.constant([1, 2, 36], np.int64)))
        return net.op(
            "Transpose", net.op("Unsqueeze", x, net.constant([0], np.int64)), perm=(3, 0, 1, 2)
        )

    one = found(ending_in(behind))
    assert (one.probabilities.function, one.probabilities.group) == (Function.SIGMOID, 1)
    assert one.order.shape == (36, 1, 1, 2)


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
@pytest.mark.parametrize("scale", [X[0], 0.07])
def test_views_between_pairs(type_, scale: float):
    """What is quantised to something else is a table of the Graph."""
    net = Net(type_)
    quant = (X[0], X[1] + (128 if type_ is np.uint8 else 0))
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", 1, 6, 4, 3), quant)), quant)
    x = net.qdq(net.op("Transpose", x, perm=(0, 2, 3, 1)), (scale, quant[1]))
    assert found(net.model(net.op("Softmax", x, axis=-1))).probabilities.group == 6


def test_values_have_the_order_of_the_file():
    """Also where only a part of the outputs is computed in the C."""
    net = Net()
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", 1, 6, 4, 3), X)), X)
    model = net.model(net.op("Softmax", x, axis=1), net.op("Neg", x, name="other"))
    imported = import_model(model)
    (one,) = endings(imported)
    maps = {one.tensor: np.arange(-36, 36).astype(np.int8).reshape(4, 3, 6)}
    (theirs,) = file_outputs(imported, [maps])
    ours = with_probabilities(imported, (one,), in_numpy((one,), maps), theirs)
    assert list(ours) == list(theirs)
    np.testing.assert_allclose(ours[one.output], theirs[one.output], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours["other_out"], theirs["other_out"])


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (
            lambda net, x: net.op("LogSoftmax", x, axis=1, name="tail"),
            r"comes from 'tail' \(LogSof",
        ),
        (
            lambda net, x: net.op("Softmax", x, axis=2, name="tail"),
            r"is a Softmax along axis 2 \(tail \(Softmax\)\), whose values do not lie one behind",
        ),
        (
            lambda net, x: net.op("Softmax", net.op("Neg", x, name="neg"), axis=1, name="tail"),
            r"has 'neg' \(Neg\) between the values of the C and 'tail' \(Softmax\)",
        ),
        (
            lambda net, x: net.op("Neg", net.op("Softmax", x, axis=1), name="neg"),
            r"comes from 'neg' \(Neg\)",
        ),
        (lambda net, x: net.op("Identity", x, name="plain"), "has no float operator behind"),
        (lambda net, x: net.quantize(x, X, name="whole"), "is int8 as the C leaves it"),
    ],
    ids=["log", "rows", "between", "behind", "none", "integers"],
)
def test_what_is_no_such_end_is_refused_by_the_outputs_name(behind, reason: str, tmp_path):
    net = Net()
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", 1, 6, 4, 3), X)), X)
    output = behind(net, x)
    kinds = {output: onnx.TensorProto.INT8} if output.startswith("whole") else {}
    onnx.save(net.model(output, kinds=kinds), tmp_path / "net.onnx")
    with pytest.raises(PatchcError, match=reason) as caught:
        patchc.compile(tmp_path / "net.onnx", tmp_path / "out", tail="c")
    assert f"output {output!r}" in str(caught.value)
    assert not (tmp_path / "out").exists()
    patchc.compile(tmp_path / "net.onnx", tmp_path / "out", tail="host")


def test_there_is_no_third_place(tmp_path):
    onnx.save(ending_in(lambda net, x: net.op("Softmax", x, axis=1)), tmp_path / "net.onnx")
    with pytest.raises(PatchcError, match="--tail 'gpu': choose one of host, c"):
        patchc.compile(tmp_path / "net.onnx", tmp_path / "out", tail="gpu")


def test_the_command_says_so_and_ends_with_2(tmp_path, capsys):
    net = Net()
    x = net.qdq(net.op("Relu", net.qdq(net.input("x", 1, 6), X)), X)
    onnx.save(net.model(net.op("LogSoftmax", x, name="tail")), tmp_path / "net.onnx")
    with pytest.raises(SystemExit) as ended:
        main(["compile", str(tmp_path / "net.onnx"), "-o", str(tmp_path / "out"), "--tail", "c"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("patchc: error: --tail c: no output of 'net' ends in a Softmax or Sigm")
    assert "output 'tail_out' comes from 'tail' (LogSoftmax). Leave --tail out" in error
