"""ConvTranspose as Conv, DepthToSpace and Slice: the same sums, and integers once quantised."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import shape_inference

from patchc.quantize.quantize import Activation, Format, QuantizeOptions, quantize
from patchc.quantize.transposed import rewrite_transposed
from tests.unit.frontend_models import Net, check, kinds, run
from tests.unit.test_frontend_refusals import refused


def transposed(shape, kernel, *, groups=1, per_group=2, bias=True, relu=False, **attributes):
    """A float model of one, shapes inferred."""
    random = np.random.default_rng(3)
    net = Net()
    weights = net.constant(random.normal(size=(shape[1], per_group, *kernel)))
    extra = [net.constant(random.normal(size=groups * per_group))] if bias else []
    x = net.input("x", *shape)
    y = net.op("ConvTranspose", x, weights, *extra, group=groups, name="op", **attributes)
    return shape_inference.infer_shapes(net.model(net.op("Relu", y) if relu else y))


def rewritten(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    rewrite_transposed(copy.graph)
    del copy.graph.value_info[:]
    return copy


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    """Any stride, kernel, dilation, pads, output padding, groups that leave a row and a column."""
    stride, groups = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilations = [draw(st.integers(1, 3)) for _ in range(2)]
    kernel, sizes, pads, more = [], [], [], []
    for dilation in dilations:
        kernel.append(draw(st.integers(1, 6)))
        sizes.append(draw(st.integers(1, 6)))
        more.append(draw(st.integers(0, stride - 1)))
        extent = (kernel[-1] - 1) * dilation + 1
        room = (sizes[-1] - 1) * stride + extent + more[-1] - 1
        begin = draw(st.integers(0, min(room, extent - 1)))
        pads.append((begin, draw(st.integers(0, min(room - begin, extent - 1)))))
    return transposed(
        (1, groups * draw(st.integers(1, 2)), *sizes),
        kernel,
        groups=groups,
        bias=draw(st.booleans()),
        relu=draw(st.booleans()),
        strides=[stride, stride],
        dilations=dilations,
        output_padding=more,
        pads=[pad[0] for pad in pads] + [pad[1] for pad in pads],
    )


@settings(max_examples=60, deadline=None)
@given(models())
def test_the_same_sums(model):
    feeds = {"x": np.random.default_rng(1).normal(size=_shape(model)).astype(np.float32)}
    other = rewritten(model)
    assert "ConvTranspose" not in {node.op_type for node in other.graph.node}
    (expected,), (found,) = run(model, feeds).values(), run(other, feeds).values()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (4, 5)])
@pytest.mark.parametrize("stride", [1, 2])
def test_auto_pad(mode, kernel, stride):
    model = transposed((1, 3, 4, 5), kernel, auto_pad=mode, strides=[stride, stride])
    feeds = {"x": np.random.default_rng(1).normal(size=_shape(model)).astype(np.float32)}
    other = rewritten(model)
    assert "ConvTranspose" not in {node.op_type for node in other.graph.node}
    (expected,), (found,) = run(model, feeds).values(), run(other, feeds).values()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def _shape(model: onnx.ModelProto) -> list[int]:
    return [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]


def test_a_kernel_of_the_stride_is_one_pointwise_convolution():
    model = rewritten(transposed((1, 3, 4, 5), (2, 2), strides=[2, 2], relu=True))
    assert [node.op_type for node in model.graph.node] == ["Conv", "Relu", "DepthToSpace"]


@pytest.mark.parametrize(
    "model",
    [
        transposed((1, 3, 4, 5), (2, 2), strides=[2, 1]),
        transposed((1, 3, 4, 5), (2, 2), strides=[2, 2], output_shape=[9, 11]),
        transposed((1, 3, 4, 5), (2, 2), strides=[3, 3], auto_pad="SAME_UPPER"),
        transposed((1, 3, 7), (2,), strides=[2]),
    ],
    ids=["strides", "output_shape", "negative_pads", "signal"],
)
def test_others_stay_as_they_are(model):
    assert [node.op_type for node in rewritten(model).graph.node] == ["ConvTranspose"]


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("activation", Activation)
def test_quantised_it_is_integers(tmp_path, format_, activation):
    """A decoder's two steps: kernel 4, stride 2, pads 1; kernel and stride 2."""
    random = np.random.default_rng(3)
    net = Net()

    def weights(*shape):
        return net.constant(random.normal(0, 0.4, shape))

    x = net.op("Conv", net.input("x", 1, 3, 8, 6), weights(6, 3, 3, 3), name="first")
    x = net.op("ConvTranspose", x, weights(6, 4, 4, 4), strides=[2, 2], pads=[1] * 4, name="up")
    x = net.op("Relu", x, name="relu")
    x = net.op("ConvTranspose", x, weights(4, 3, 2, 2), strides=[2, 2], name="again")
    model = net.model(net.op("Conv", x, weights(2, 3, 1, 1), name="last"))
    samples = random.normal(0, 1, (8, 3, 8, 6)).astype(np.float32)
    options = QuantizeOptions(format_, activation)
    quantize(model, tmp_path / "q.onnx", {"x": samples}, options)
    imported = check(onnx.load(tmp_path / "q.onnx"))
    found = [kind for kind in kinds(imported) if kind != "Lut"]
    assert found == [
        *["Conv", "Conv", "DepthToSpace", "Rearrange", "Conv", "DepthToSpace", "Conv"],
    ]


def test_in_a_quantised_file_it_is_refused():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), (0.03, 7), "x")
    y = net.op("ConvTranspose", x, net.weights(4, 3, 2, 2), strides=[2, 2], name="op")
    (line,) = refused(net.model(net.qdq(y, (0.05, 3), "y")))
    assert line.startswith("op (ConvTranspose): onnxruntime computes it in float: quantise the")
