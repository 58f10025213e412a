"""The Graph: what the verifier refuses and says, the printed form, shapes and MACs."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from patchc.ir import (
    Add,
    AveragePool,
    ChannelConstant,
    Clamp,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Graph,
    GraphError,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    MaxPool,
    Min,
    Mul,
    Node,
    Padding,
    Quantization,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Scaling,
    Softmax,
    Sub,
    Tensor,
    Upsample,
    Window,
    format_graph,
    macs,
    output_shape,
    verify,
)
from patchc.ir.rules import window_output
from patchc.ir.verifier import MAX_TAPS
from tests.graphs import NetworkBuilder, small_sums

QUANT = Quantization(0.5, 0)


def conv(c_in=3, c_out=4, kernel=(3, 3), groups=1, **changes):
    """A 3x3 convolution of zeros that keeps the size of its map."""
    fields = {
        "window": Window(kernel, pads=Padding(kernel[0] // 2, kernel[1] // 2, 1, 1)),
        "groups": groups,
        "weights": np.zeros((c_out, *kernel, c_in // groups)),
        "weight_scales": np.full(c_out, 0.5),
        "bias": np.zeros(c_out),
    }
    return Conv(**(fields | changes))


def one_node(op, *shapes, output=None, quant=QUANT):
    """A graph of one node called n that writes y."""
    names = tuple("ab"[: len(shapes)])
    tensors = {name: Tensor(name, s, QUANT) for name, s in zip(names, shapes, strict=True)}
    tensors["y"] = Tensor("y", output or output_shape(op, *shapes), quant)
    return Graph("g", names, ("y",), tensors, (Node("n", op, names, "y"),))


GOOD = one_node(conv(), (5, 6, 3))


def renamed(graph, **changes):
    (node,) = graph.nodes
    return replace(graph, nodes=(replace(node, **changes),))


def with_tensor(graph, name, **changes):
    return replace(
        graph, tensors=dict(graph.tensors) | {name: replace(graph.tensors[name], **changes)}
    )


def test_a_good_graph_comes_back_itself():
    assert verify(GOOD) is GOOD


def test_graphs_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        GOOD.name = "other"
    with pytest.raises(TypeError):
        GOOD.tensors["a"] = GOOD.tensors["y"]
    with pytest.raises(ValueError, match="read-only"):
        GOOD.nodes[0].op.weights[0] = 1


def test_the_arrays_of_an_operator_are_its_own():
    weights = np.zeros((4, 3, 3, 3), np.int8)
    op = conv(weights=weights)
    weights[:] = 1
    assert not op.weights.any()


CONSTANT = ChannelConstant(np.arange(3), Quantization(0.5, 0))


def axes(height, width, scale=2.0, rounding="round_prefer_floor"):
    """Of a Resize."""
    return tuple(
        Scaling(size, int(size * scale), scale, "asymmetric", rounding) for size in (height, width)
    )


BROKEN = {
    "tensor 'a' is filed under 'y'": replace(
        GOOD, tensors=dict(GOOD.tensors) | {"y": GOOD.tensors["a"]}
    ),
    "graph g: no tensor 'z'": replace(GOOD, outputs=("z",)),
    "tensor 'a': shape (0, 6, 3)": with_tensor(GOOD, "a", shape=(0, 6, 3)),
    "tensor 'y': scale 0.1 is not a float32": with_tensor(GOOD, "y", quant=Quantization(0.1, 0)),
    "tensor 'y': scale 0.0": with_tensor(GOOD, "y", quant=Quantization(0.0, 0)),
    "tensor 'y': scale inf": with_tensor(GOOD, "y", quant=Quantization(float("inf"), 0)),
    "tensor 'y': zero point 128": with_tensor(GOOD, "y", quant=Quantization(0.5, 128)),
    "two nodes are called 'n'": replace(
        GOOD,
        outputs=("z",),
        tensors=dict(GOOD.tensors) | {"z": Tensor("z", (5, 6, 4), QUANT)},
        nodes=(*GOOD.nodes, Node("n", Lut(np.zeros(256), "Zero"), ("y",), "z")),
    ),
    "n reads 'y' before it is written": renamed(GOOD, inputs=("y",)),
    "n writes 'a' a second time": renamed(GOOD, output="a"),
    "n: no tensor 'z'": renamed(GOOD, output="z"),
    "output 'z' is never written": replace(
        GOOD, outputs=("z",), tensors=dict(GOOD.tensors) | {"z": Tensor("z", (1, 1, 1), QUANT)}
    ),
    "tensors that nothing writes: p, q": replace(
        GOOD,
        tensors=dict(GOOD.tensors) | {name: Tensor(name, (1, 1, 1), QUANT) for name in ("q", "p")},
    ),
    "n: Conv gives (5, 6, 4), its tensor says (5, 6, 5)": with_tensor(GOOD, "y", shape=(5, 6, 5)),
    "n: Conv takes one input, not 2": renamed(GOOD, inputs=("a", "a")),
    "n: empty output range [5, 4]": one_node(conv(clamp=Clamp(5, 4)), (5, 6, 3)),
    "n: empty output range [-129, 4]": one_node(conv(clamp=Clamp(-129, 4)), (5, 6, 3)),
    "n: kernel and weights differ": one_node(
        conv(weights=np.zeros((4, 1, 3, 3))), (5, 6, 3), output=(5, 6, 4)
    ),
    "n: 1 groups of 3 do not divide 2 -> 4 channels": one_node(conv(), (5, 6, 2)),
    "n: 2 groups of 2 do not divide 4 -> 3 channels": one_node(
        conv(c_in=4, c_out=3, groups=2), (5, 6, 4)
    ),
    "n: bias of shape (5,)": one_node(conv(bias=np.zeros(5)), (5, 6, 3)),
    "n: one weight scale per channel": one_node(conv(weight_scales=np.ones(1)), (5, 6, 3)),
    f"n: {MAX_TAPS + 1} taps could overflow int32": one_node(
        conv(c_in=MAX_TAPS + 1, c_out=1, kernel=(1, 1), window=Window((1, 1))),
        (1, 1, MAX_TAPS + 1),
    ),
    "n: Window(kernel=(2, 2), stride=(0, 1), dilation=(1, 1), "
    "pads=Padding(top=0, left=0, bottom=0, right=0))": one_node(
        MaxPool(Window((2, 2), (0, 1))), (5, 6, 3), output=(4, 5, 3)
    ),
    "n: MaxPool cannot change quantisation": one_node(
        MaxPool(Window((2, 2))), (5, 6, 3), quant=Quantization(0.25, 0)
    ),
    "n: AveragePool takes one input, not 2": one_node(
        AveragePool(Window((1, 1))), (5, 6, 3), (5, 6, 3), output=(5, 6, 3)
    ),
    "n: GlobalAveragePool takes one input, not 2": one_node(
        GlobalAveragePool(), (5, 6, 3), (5, 6, 3), output=(1, 1, 3)
    ),
    "n: Add takes two inputs, not 1": one_node(Add(), (5, 6, 3)),
    "n: Add of (5, 6, 3) and (5, 6, 1)": one_node(Add(), (5, 6, 3), (5, 6, 1)),
    "n: a table of (2, 256) for 3 channels": one_node(Lut(np.zeros((2, 256)), "Two"), (5, 6, 3)),
    "n: a table of (255,) for 3 channels": one_node(Lut(np.zeros(255), "Short"), (5, 6, 3)),
    "n: Mul takes one input beside its constant, not 2": one_node(
        Mul(constant=CONSTANT), (5, 6, 3), (5, 6, 3)
    ),
    "n: Sub of (5, 6, 4) and (1, 1, 3)": one_node(Sub(constant=CONSTANT), (5, 6, 4)),
    "n: Mul has no order to reverse": one_node(Mul(reverse=True), (5, 6, 3), (5, 6, 3)),
    "n: Min has no order to reverse": one_node(Min(reverse=True), (5, 6, 3), (5, 6, 3)),
    "n: Add cannot broadcast what comes first": one_node(Add(reverse=True), (5, 6, 3), (1, 1, 3)),
    "n: Concat of 1 inputs with 2 starts": one_node(Concat((0, 3), np.zeros(6)), (5, 6, 3)),
    "n: Concat of (5, 6, 3), (5, 1, 3)": one_node(
        Concat((0, 3), np.zeros(6)), (5, 6, 3), (5, 1, 3)
    ),
    "n: its inputs overlap, or are out of order": one_node(
        Concat((0, 2), np.zeros(6)), (5, 6, 3), (5, 6, 3)
    ),
    "n: Upsample cannot change quantisation": one_node(
        Upsample((2, 2)), (5, 6, 3), quant=Quantization(0.25, 0)
    ),
    "n: (0, 2) times": one_node(Upsample((0, 2)), (5, 6, 3), output=(1, 12, 3)),
    "n: ResizeNearest cannot change quantisation": one_node(
        ResizeNearest(*axes(5, 6)), (5, 6, 3), quant=Quantization(0.25, 0)
    ),
    "n: (5, 6) pixels of (5, 7, 3)": one_node(ResizeNearest(*axes(5, 6)), (5, 7, 3)),
    "n: Scaling(size=5, target=10, scale=2.1, coordinates='asymmetric', "
    "rounding='round_prefer_floor')": one_node(ResizeLinear(*axes(5, 6, scale=2.1)), (5, 6, 3)),
    "n: rows and columns are resized in different ways": one_node(
        ResizeNearest(axes(5, 6)[0], axes(5, 6, rounding="ceil")[1]), (5, 6, 3)
    ),
    "n: a signal of (5, 10) rows": one_node(ResizeLinear(*axes(5, 6), signal=True), (5, 6, 3)),
    "n: it resizes nothing": one_node(ResizeLinear(*axes(5, 6, scale=1.0)), (5, 6, 3)),
    "n: 6 channels for 4 pixels": one_node(DepthToSpace((2, 2)), (5, 6, 6)),
    "n: Window(kernel=(1, 1), stride=(1, 1), dilation=(1, 1), "
    "pads=Padding(top=0, left=1, bottom=0, right=0))": one_node(
        Rearrange(Window((1, 1), pads=Padding(left=1)), [0]), (5, 6, 3)
    ),
    "n: it takes values that its window of 12 has not": one_node(
        Rearrange(Window((2, 2)), [0, 12]), (5, 6, 3)
    ),
    "n: Softmax takes one input, not 2": one_node(
        Softmax(), (5, 6, 3), (5, 6, 3), output=(5, 6, 3)
    ),
    "n: factors of (3,), biases of (2,) for 3 channels": one_node(
        LayerNormalization(np.ones(3), np.zeros(2), 1e-5), (5, 6, 3)
    ),
    "n: a window of 0 channels": one_node(
        LocalResponseNormalization(0, 1e-4, 0.75, 1.0), (5, 6, 3)
    ),
    "n: alpha 0.1, beta 0.75, bias 0.0": one_node(
        LocalResponseNormalization(5, 0.1, 0.75, 0.0), (5, 6, 3)
    ),
    "n: an epsilon of -1.0": one_node(LayerNormalization(np.ones(3), np.zeros(3), -1.0), (5, 6, 3)),
    "n: bytes of sums have no scale of their own": one_node(
        small_sums(), (5, 6, 3), quant=Quantization(0.5, 0)
    ),
    "n: 7 channels in 6": one_node(Concat((0, 4), np.zeros(6)), (5, 6, 3), (5, 6, 3)),
}


@pytest.mark.parametrize("message", BROKEN, ids=lambda message: message[:40])
def test_a_broken_graph_is_refused_with(message):
    with pytest.raises(GraphError) as caught:
        verify(BROKEN[message])
    assert str(caught.value) == message


def test_taps_at_the_limit_are_allowed():
    op = conv(c_in=MAX_TAPS, c_out=1, kernel=(1, 1), window=Window((1, 1)))
    verify(one_node(op, (1, 1, MAX_TAPS)))


def test_the_printed_form_of_every_operator():
    net = NetworkBuilder()
    shown = [
        (conv(), "Conv k3x3 p1,1,1,1 w="),
        (conv(clamp=Clamp(-128, 4)), "clamp[-128,4]"),
        (conv(c_in=4, groups=2), "Conv k3x3 p1,1,1,1 g2 w="),
        (conv(c_in=4, groups=4), "DepthwiseConv k3x3 p1,1,1,1 w="),
        (small_sums(), "ConvSums k2x2 w="),
        (MaxPool(Window((2, 3), (2, 1), (1, 2))), "MaxPool k2x3 s2x1 d1x2("),
        (
            AveragePool(Window((2, 2)), count_include_pad=True),
            "AveragePool k2x2 count_include_pad(",
        ),
        (GlobalAveragePool(Clamp(0, 127)), "GlobalAveragePool clamp[0,127]("),
        (Upsample((2, 3)), "Upsample 2x3("),
        (DepthToSpace((1, 3), interleaved=True), "DepthToSpace 1x3 interleaved("),
        (Rearrange(Window((2, 2), pads=Padding(-1, 0, 0, -2)), [3, 1]), "k2x2 p-1,0,0,-2 2 i="),
        (Softmax(), "Softmax("),
        (LayerNormalization(np.ones(3), np.zeros(3), 1e-5), "LayerNormalization("),
        (
            ResizeNearest(*axes(6, 7)),
            "ResizeNearest 6>12*2 x 7>14*2 asymmetric round_prefer_floor(",
        ),
        (ResizeLinear(*axes(6, 7)), "ResizeLinear 6>12*2 x 7>14*2 asymmetric("),
        (Lut(np.zeros(256), "Zero"), "Lut[Zero] t="),
        (Lut(np.zeros((3, 256)), "Zeros"), "Lut per channel[Zeros] t="),
    ]
    for op, text in shown:
        shape = (6, 7, op.channels_in if isinstance(op, Conv) else 3)
        assert text in format_graph(one_node(op, shape))
    x = net.input(2, 3, 4)
    graph = net.build(net.add(x, x, name="sum"))
    image, total = (graph.tensors[name].quant for name in ("image", "sum"))
    assert format_graph(graph) == (
        "graph net\n"
        f"  input  image: 2x3x4 s=0.0199999996 z={image.zero_point}\n"
        f"  sum: 2x3x4 s=0.0299999993 z={total.zero_point}\n"
        "      = Add(image, image)  # sum.node\n"
        "  output sum\n"
    )


def test_different_constants_print_differently():
    texts = {format_graph(one_node(conv(bias=np.full(4, b)), (5, 6, 3))) for b in range(3)}
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("window", "size", "expected"),
    [
        (Window((3, 3)), (5, 6), (3, 4)),
        (Window((3, 3), (2, 2), pads=Padding(1, 1, 1, 1)), (5, 6), (3, 3)),
        (Window((2, 2), (2, 2)), (5, 6), (2, 3)),
        (Window((3, 1), dilation=(2, 1)), (5, 6), (1, 6)),
        (Window((2, 2), (2, 2), pads=Padding(0, 0, 1, 0)), (5, 6), (3, 3)),
        (Window((1, 4), pads=Padding(0, 3, 0, 0)), (1, 6), (1, 6)),
    ],
)
def test_rows_and_columns_of_a_window(window, size, expected):
    assert window_output(window, *size) == expected


def test_macs_count_padded_taps_and_only_convolutions():
    assert macs(GOOD, GOOD.nodes[0]) == 5 * 6 * 4 * 27
    depthwise = one_node(conv(c_in=4, groups=4), (5, 6, 4))
    assert macs(depthwise, depthwise.nodes[0]) == 5 * 6 * 4 * 9
    add = one_node(Add(), (5, 6, 3), (5, 6, 3))
    assert macs(add, add.nodes[0]) == 0


def test_kinds_of_convolution():
    assert conv(c_in=4, groups=4).is_depthwise
    assert conv(c_in=4, c_out=8, groups=4).is_depthwise
    assert not conv(c_in=4, groups=2).is_depthwise
    assert not conv(c_in=1).is_depthwise
    assert conv(kernel=(1, 1), window=Window((1, 1))).is_pointwise
    assert not conv(kernel=(1, 1), window=Window((1, 1), (2, 2))).is_pointwise
    assert not conv(kernel=(1, 1)).is_pointwise  # padded
    assert conv(c_in=6, c_out=8, groups=2).channels_in == 6


def test_who_writes_and_who_reads():
    net = NetworkBuilder()
    x = net.conv(net.input(4, 4, 3), 3, name="x")
    graph = net.build(net.add(x, x, name="sum"), x)
    assert graph.producer["x"].name == "x.node"
    assert "image" not in graph.producer
    assert [node.name for node in graph.consumers["x"]] == ["sum.node"]
    assert graph.consumers["sum"] == ()
    assert graph.node("x.node").output == "x"
    with pytest.raises(KeyError):
        graph.node("nobody")


def test_tensors_that_nobody_names_any_more_are_dropped():
    net = NetworkBuilder()
    x = net.conv(net.input(4, 4, 3), 3, name="x")
    graph = net.build(net.relu(x, name="y"))
    shorter = replace(graph, outputs=("x",)).with_nodes(graph.nodes[:1])
    assert set(verify(shorter).tensors) == {"image", "x"}


def test_clamps_intersect():
    assert Clamp(-5, 90).intersect(Clamp(0, 127)) == Clamp(0, 90)


def test_operators_with_arrays_are_equal_to_themselves_only():
    one, two = Lut(np.arange(-128, 128), "Relu"), Lut(np.arange(-128, 128), "Relu")
    assert one == one
    assert one != two
    assert Add() == Add()
