"""Float operators before and after the Graph, and borders."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from patchc.errors import PatchcError
from patchc.frontend import import_model
from tests.unit.frontend_models import Net, check, file_outputs, graph_inputs, random_feeds

X, Y = (0.03, 7), (0.05, 3)


def conv(net: Net, x: str, name: str = "conv") -> str:
    """Quantised convolution of a float tensor of 3 channels; returns the integer tensor."""
    x = net.qdq(x, X, f"{name}_x")
    return net.quantize(net.op("Conv", x, net.weights(4, 3, 3, 3), name=name), Y, f"{name}_y")


def test_normalisation_and_softmax_stay_in_the_file():
    net = Net(np.uint8)
    x = net.op("Sub", net.input("x", 1, 3, 6, 6), net.constant([[[0.4]], [[0.5]], [[0.6]]]),
               name="sub")  # fmt: skip
    x = net.op("Div", x, net.constant(0.25), name="div")
    y = net.dequantize(conv(net, x), Y)
    y = net.op("Softmax", net.op("Flatten", y), axis=-1, name="softmax")
    imported = check(net.model(y))
    assert imported.prologue.nodes == ("sub (Sub)", "div (Div)")
    assert imported.epilogue.nodes == ("softmax (Softmax)",)
    assert [value.name for value in imported.prologue.model.graph.output] == ["conv_x_out"]
    assert [value.name for value in imported.epilogue.model.graph.input] == ["conv_y_out"]


def test_quantising_and_rearranging_are_not_worth_a_line():
    net = Net(np.uint8)
    x = net.op("Transpose", net.input("x", 1, 6, 6, 3), perm=[0, 3, 1, 2])
    y = net.op("Flatten", net.dequantize(conv(net, x), Y))
    imported = check(net.model(y))
    assert imported.prologue.nodes == imported.epilogue.nodes == ()


def test_bytes_of_a_camera_are_cast_and_normalised():
    net = Net(np.int8)
    x = net.op(
        "Cast", net.input("x", 1, 3, 6, 6, dtype=np.uint8), to=TensorProto.FLOAT, name="cast"
    )
    x = net.op("Div", x, net.constant(127.5), name="div")
    imported = check(net.model(net.dequantize(conv(net, x), Y)))
    assert imported.prologue.nodes == ("cast (Cast)", "div (Div)")


@pytest.mark.parametrize("type_", [np.int8, np.uint8])
def test_integer_inputs_and_outputs_need_no_host(type_):
    net = Net(type_)
    x = net.dequantize(net.input("x", 1, 3, 6, 6, dtype=type_), X)
    y = net.quantize(net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv"), Y, "y")
    imported = check(net.model(y, kinds={y: TensorProto.INT8 if type_ == np.int8 else 2}))
    assert imported.prologue is imported.epilogue is None
    assert [border.onnx_name for border in imported.inputs] == ["x"]
    assert [border.onnx_name for border in imported.outputs] == ["y_out"]


def test_an_integer_and_a_float_input():
    net = Net(np.uint8)
    a = net.dequantize(net.input("a", 1, 3, 6, 6, dtype=np.uint8), X)
    b = net.qdq(net.op("Mul", net.input("b", 1, 3, 6, 6), net.constant(2.0), name="mul"), X, "b")
    s = net.qdq(net.op("Add", a, b, name="add"), (0.06, 90), "s")
    imported = check(net.model(s))
    assert imported.prologue.nodes == ("mul (Mul)",)
    assert imported.graph.inputs == ("a", "b_out")


def test_outputs_in_the_middle_and_at_the_end():
    net = Net(np.uint8)
    first = conv(net, net.input("x", 1, 3, 8, 8))
    x = net.dequantize(first, Y)
    second = net.qdq(net.op("Conv", x, net.weights(2, 4, 3, 3), name="conv2"), Y, "second")
    middle = net.op("Sigmoid", x, name="sigmoid")
    imported = check(net.model(second, middle, first, kinds={first: TensorProto.UINT8}))
    assert imported.graph.outputs == ("second_out", "conv_y_out")
    assert imported.epilogue.nodes == ("sigmoid (Sigmoid)",)


def test_one_tensor_as_two_outputs():
    net = Net(np.uint8)
    y = conv(net, net.input("x", 1, 3, 8, 8))
    flat = net.op("Flatten", y)
    imported = check(net.model(y, flat, kinds={y: TensorProto.UINT8, flat: TensorProto.UINT8}))
    assert imported.graph.outputs == ("conv_y_out",)


def test_an_output_that_is_quantised_once_more():
    """The second QuantizeLinear makes nothing; the file's output still has its name."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 8, 8), X, "x")
    y = net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv")
    one, two = net.qdq(y, Y, "one"), net.qdq(y, Y, "two")
    imported = check(net.model(one, two))
    assert imported.graph.outputs == ("one_out",)


def test_an_integer_operator_behind_the_graph_stays_in_the_file():
    net = Net(np.uint8)
    y = net.op("ArgMax", conv(net, net.input("x", 1, 3, 8, 8)), axis=1, name="argmax")
    imported = check(net.model(y, kinds={y: TensorProto.INT64}))
    assert imported.epilogue.nodes == ("argmax (ArgMax)",)


def test_a_shape_chain_behind_the_graph():
    net = Net(np.uint8)
    y = net.dequantize(conv(net, net.input("x", 1, 3, 8, 8)), Y)
    batch = net.op("Slice", net.op("Shape", y), net.constant([0], np.int64),
                   net.constant([1], np.int64))  # fmt: skip
    y = net.op("Reshape", y, net.op("Concat", batch, net.constant([-1], np.int64), axis=0))
    imported = check(net.model(net.op("Softmax", y, name="softmax")))
    assert imported.epilogue.nodes == ("softmax (Softmax)",)


def test_the_borders_are_the_integer_tensors_of_the_file():
    """Each converts between the file's tensor and the map of the Graph."""
    net = Net(np.uint8)
    y = conv(net, net.input("x", 1, 3, 8, 8))
    imported = import_model(net.model(net.dequantize(y, Y)))
    assert [border.onnx_name for border in imported.borders] == ["conv_x_out", "conv_y_out"]
    assert all(border.unsigned for border in imported.borders)


def test_the_whole_file_is_prologue_graph_and_epilogue():
    from patchc.reference import run_graph

    net = Net(np.uint8)
    x = net.op("Mul", net.input("x", 1, 3, 8, 8), net.constant(0.5))
    model = net.model(net.op("Exp", net.dequantize(conv(net, x), Y)))
    imported = import_model(model)
    feeds = random_feeds(model)
    maps = run_graph(imported.graph, graph_inputs(imported, feeds))
    assert list(file_outputs(imported, maps)) == [output.name for output in model.graph.output]


def test_an_output_that_needs_an_input_again_is_refused():
    net = Net(np.uint8)
    x = net.input("x", 1, 3, 6, 6)
    y = net.qdq(net.op("Conv", net.qdq(x, X, "q"), net.weights(3, 3, 1, 1)), Y, "y")
    with pytest.raises(PatchcError, match="it needs 'x' from before the quantised part"):
        import_model(net.model(net.op("Sub", x, y, name="sub")))
