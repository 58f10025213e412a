"""Transposes, reshapes and shape chains, which never become nodes; inputs of unknown layout."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.frontend import import_model
from tests.unit.frontend_models import Net, check, check_nodes, kinds

X, Y = (0.03, 7), (0.05, 3)
NHWC_TO_NCHW, NCHW_TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def test_an_nhwc_model_with_transposes_round_every_convolution():
    """What tf2onnx writes: activations are NHWC in the file, the border says so."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 6, 5, 3), X, "x")
    x = net.op("Transpose", x, perm=NHWC_TO_NCHW)
    x = net.op("Conv", net.qdq(x, X), net.weights(4, 3, 3, 3), name="conv1")
    x = net.op("Transpose", net.qdq(x, Y, "a"), perm=NCHW_TO_NHWC)
    x = net.op("Transpose", net.qdq(x, Y), perm=NHWC_TO_NCHW)
    x = net.op("Conv", net.qdq(x, Y), net.weights(2, 4, 1, 1), name="conv2")
    y = net.op("Transpose", net.qdq(x, Y, "b"), perm=NCHW_TO_NHWC)
    imported = check(net.model(net.qdq(y, Y)))
    assert kinds(imported) == ["Conv", "Conv"]
    assert imported.inputs[0].axes == (("n",), ("h",), ("w",), ("c",))
    assert imported.graph.tensors["x_out"].shape == (6, 5, 3)


def test_a_transpose_between_operator_and_quantize_linear():
    net = Net(np.int8)
    x = net.qdq(net.input("x", 1, 3, 6, 5), X, "x")
    x = net.op("Transpose", net.op("Conv", x, net.weights(4, 3, 3, 3)), perm=NCHW_TO_NHWC)
    imported = check_nodes(net.model(net.qdq(x, Y, "y")))
    assert imported.outputs[0].axes == (("n",), ("h",), ("w",), ("c",))


def test_an_input_of_unknown_layout_through_elementwise_operators():
    """The residual's operands are known to be NHWC only at the convolution."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 6, 5, 3), X, "x")
    s = net.qdq(net.op("Add", x, x), Y, "s")
    x = net.qdq(net.op("Transpose", s, perm=NHWC_TO_NCHW), Y)
    y = net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.graph.tensors["s_out"].shape == (6, 5, 3)


def test_a_flat_input_that_is_reshaped_to_a_map():
    """Keyword spotting networks take 490 values that are 49 rows of 10."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 490), X, "x")
    x = net.qdq(net.op("Reshape", x, net.constant([-1, 1, 49, 10], np.int64)), X)
    y = net.op("Conv", x, net.weights(4, 1, 10, 4), strides=[2, 2], name="conv")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.inputs[0].axes == (("n",), ("h", "w"))
    assert imported.inputs[0].shape == (49, 10, 1)


def test_an_input_without_batch():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 3, 6, 5), X, "x")
    x = net.qdq(net.op("Unsqueeze", x, net.constant([0], np.int64)), X)
    y = net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv")
    y = net.op("Squeeze", net.qdq(y, Y, "y"), net.constant([0], np.int64))
    imported = check(net.model(y))
    assert imported.inputs[0].axes == (("c",), ("h",), ("w",))


def test_a_signal_unsqueezed_to_a_map_and_back():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 20), X, "x")
    x = net.qdq(net.op("Unsqueeze", x, net.constant([2], np.int64)), X)
    x = net.op("Conv", x, net.weights(4, 3, 1, 5), name="conv")
    x = net.qdq(net.op("Squeeze", net.qdq(x, Y, "a"), net.constant([2], np.int64)), Y)
    y = net.op("Conv", x, net.weights(2, 4, 3), name="conv2")
    assert kinds(check(net.model(net.qdq(y, Y, "y")))) == ["Conv", "Conv"]


def test_a_matrix_of_pixels():
    """[1, 6, 5, 4] -> [30, 4], and a product over the channels: still a pointwise convolution."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 4, 1, 1), name="conv"), Y, "a")
    x = net.op("Transpose", x, perm=NCHW_TO_NHWC)
    x = net.op("Reshape", net.qdq(x, Y), net.constant([-1, 4], np.int64))
    y = net.op("MatMul", net.qdq(x, Y), net.weights(4, 7, axis=1), name="fc")
    imported = check(net.model(net.qdq(y, Y, "y")))
    assert imported.graph.nodes[1].op.is_pointwise
    assert imported.outputs[0].axes == (("h", "w"), ("c",))


def classifier(flatten) -> Net:
    """Convolution, something that makes [1, 36] of its [1, 4, 3, 3], dense layer."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", "batch", 3, 5, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv"), Y, "a")
    y = net.op("Gemm", net.qdq(flatten(net, x), Y), net.weights(7, 36), transB=1, name="fc")
    return net.model(net.qdq(y, Y, "y"))


def by_shape_chain(net: Net, x: str) -> str:
    """What PyTorch writes for x.view(x.size(0), -1)."""
    batch = net.op("Gather", net.op("Shape", x), net.constant(0, np.int64))
    batch = net.op("Unsqueeze", batch, net.constant([0], np.int64))
    minus_one = net.op("Constant", value_ints=[-1])
    return net.op("Reshape", x, net.op("Concat", batch, minus_one, axis=0))


@pytest.mark.parametrize(
    "flatten",
    [
        lambda net, x: net.op("Flatten", x),
        lambda net, x: net.op("Flatten", x, axis=-3),
        lambda net, x: net.op("Reshape", x, net.constant([0, -1], np.int64)),
        lambda net, x: net.op("Identity", net.op("Dropout", net.op("Flatten", x))),
        by_shape_chain,
    ],
    ids=["flatten", "negative_axis", "reshape", "identity", "shape_chain"],
)
def test_all_ways_to_flatten(flatten):
    imported = check(classifier(flatten))
    assert kinds(imported) == ["Conv", "Conv"]
    assert imported.graph.nodes[1].op.window.kernel == (3, 3)


def test_shape_chains_behind_operators_that_onnx_does_not_know():
    """The shape of a QLinearAdd is not inferred by the onnx package."""
    net = Net(np.uint8)
    x = net.quantize(net.input("x", 1, 3, 5, 5), X, "x")
    parameters = [net.parameters(X), net.parameters(X), net.parameters((0.06, 20))]
    s = net.op(
        "QLinearAdd",
        x,
        *parameters[0],
        x,
        *parameters[1],
        *parameters[2],
        domain="com.microsoft",
        name="add",
    )
    flat = by_shape_chain(net, s)
    x = net.dequantize(flat, (0.06, 20))
    y = net.op("Gemm", x, net.weights(7, 75), transB=1, name="fc")
    check(net.model(net.qdq(y, Y, "y")))


def test_a_grouped_reshape_at_the_end_stays_in_the_file():
    """[1, 8, 3, 3] -> [1, 2, 36] splits the channels, but nothing behind it is compiled."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 5, 5), X, "x")
    x = net.quantize(net.op("Conv", x, net.weights(8, 3, 3, 3), name="conv"), Y, "y")
    y = net.op("Reshape", x, net.constant([1, 2, 36], np.int64))
    imported = check(net.model(net.dequantize(y, Y)))
    assert imported.outputs[0].axes == (("n",), ("c",), ("h",), ("w",))


def test_the_border_of_an_integer_output_has_its_own_layout():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 3, 5, 4), X, "x")
    x = net.quantize(net.op("Conv", x, net.weights(8, 3, 3, 3), name="conv"), Y, "y")
    y = net.op("Flatten", x, name="flat")
    imported = check(net.model(y, kinds={y: 2}))
    assert imported.epilogue is None
    assert imported.outputs[0].onnx_name == "flat_out"
    assert imported.outputs[0].axes == (("n",), ("c", "h", "w"))


def test_the_graph_does_not_depend_on_how_the_file_flattens():
    graphs = [
        import_model(classifier(lambda net, x: net.op("Flatten", x))).graph,
        import_model(classifier(by_shape_chain)).graph,
    ]
    weights = [graph.nodes[1].op.weights for graph in graphs]
    np.testing.assert_array_equal(*weights)


def test_channels_cut_in_parts_at_an_output():
    """As SSD heads do: (1, h, w, boxes * 16) -> (1, h * w * boxes, 16)."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 5), X, "x")
    x = net.qdq(net.op("Conv", x, net.weights(32, 4, 1, 1), name="conv"), Y, "a")
    x = net.op("Transpose", x, perm=NCHW_TO_NHWC)
    y = net.op("Reshape", net.qdq(x, Y), net.constant([1, 60, 16], np.int64))
    assert kinds(check(net.model(net.qdq(y, Y, "y")))) == ["Conv"]
