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
from patchc.reference import run_graph
from tests.unit.frontend_models import (
    Net,
    check,
    check_nodes,
    file_outputs,
    graph_inputs,
    kinds,
    random_feeds,
    run,
)
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
        transposed((1, 3, 4, 5), (2, 2), strides=[3, 3], auto_pad="SAME_UPPER"),
        transposed((1, 3, 7), (2,), strides=[2]),
    ],
    ids=["strides", "negative_pads", "signal"],
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


@st.composite
def quantised(draw: st.DrawFn) -> onnx.ModelProto:
    """One between pairs: any strides, kernel, dilations, pads, output padding or shape, groups and
    types, weights per channel or not, and with a zero point where they are uint8."""
    rank, groups = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    strides = [draw(st.integers(1, 3)) for _ in range(rank)]
    dilations = [draw(st.integers(1, 2)) for _ in range(rank)]
    kernel = [draw(st.integers(1, 4)) for _ in range(rank)]
    sizes = [draw(st.integers(2, 5)) for _ in range(rank)]
    more = [draw(st.integers(0, stride - 1)) for stride in strides]
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    begins, ends = ([draw(st.integers(0, extent // 2)) for extent in extents] for _ in range(2))
    attributes = {"pads": begins + ends}
    if draw(st.booleans()):
        wholes = [
            (size - 1) * stride + extent + added
            for size, stride, extent, added in zip(sizes, strides, extents, more, strict=True)
        ]
        attributes = {
            "output_shape": [max(whole - draw(st.integers(0, 2)), 1) for whole in wholes],
            "auto_pad": draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER"])),
        }
    net = Net(draw(st.sampled_from([np.int8, np.uint8])))
    random = np.random.default_rng(draw(st.integers(0, 9)))
    c_in, per_group = groups * draw(st.integers(1, 2)), draw(st.integers(1, 3))
    count = per_group if draw(st.booleans()) else 1
    type_ = draw(st.sampled_from([np.int8, np.uint8]))
    info = np.iinfo(type_)
    values = random.integers(info.min + 1, info.max + 1, (c_in, per_group, *kernel))
    scales = (random.random(count) * 0.01 + 0.002).astype(np.float32)
    zeros = random.integers(120, 137, count) if type_ is np.uint8 else np.zeros(count)
    if count == 1:
        scales, zeros = scales.reshape(()), zeros.reshape(())
    weights = net.op(
        "DequantizeLinear",
        *(net.constant(values, type_), net.constant(scales), net.constant(zeros, type_)),
        axis=1,
    )
    bias = [net.constant(random.normal(size=groups * per_group))] if draw(st.booleans()) else []
    x = net.qdq(net.input("x", 1, c_in, *sizes), (0.03, 7), "x")
    y = net.op(
        "ConvTranspose",
        *(x, weights, *bias),
        **(attributes | {"strides": strides, "dilations": dilations, "output_padding": more}),
        group=groups,
        name="op",
    )
    y = net.op("Relu", y) if draw(st.booleans()) else y
    return net.model(net.qdq(y, (0.05, 3), "y"))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(quantised())
def test_in_a_quantised_file(model):
    """Integer sums, at most one step off onnxruntime's, which adds up floats."""
    imported = check(model, exact=False)
    assert set(kinds(imported)) <= {"Conv", "DepthToSpace", "Rearrange", "Lut"}
    assert "may be one step off" in imported.notes[0]
    check_nodes(model)


def test_in_a_quantised_file_it_is_a_layer_like_others():
    """Nearly all values are those of onnxruntime's floats, not just next to them."""
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 16, 16), (0.03, 117), "x")
    weights = net.weights(4, 3, 4, 4, axis=1)
    y = net.op("ConvTranspose", x, weights, strides=[2, 2], pads=[1] * 4)
    imported = check(net.model(net.qdq(y, (0.011, 128), "y")), exact=False)
    feeds = random_feeds(imported.onnx_model)
    maps = run_graph(imported.graph, graph_inputs(imported, feeds))
    (ours,) = file_outputs(imported, maps).values()
    (theirs,) = run(imported.onnx_model, feeds).values()
    assert np.mean(ours != theirs) < 0.001


def test_with_float_weights_it_is_refused():
    net = Net(np.uint8)
    x = net.qdq(net.input("x", 1, 4, 6, 6), (0.03, 7), "x")
    weights = net.constant(np.ones((4, 3, 2, 2)))
    y = net.op("ConvTranspose", x, weights, strides=[2, 2], name="op")
    (line,) = refused(net.model(net.qdq(y, (0.05, 3), "y")))
    assert line.startswith("op (ConvTranspose): its weights are float: quantise them")
