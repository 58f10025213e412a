"""to_qoperator: the Graph's meaning in onnxruntime's integer operators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchc.errors import PatchcError
from patchc.frontend.export import to_qoperator
from patchc.frontend.refusal import RefusalError
from patchc.frontend.windows import check_touches
from patchc.ir import (
    FULL_RANGE,
    Add,
    AveragePool,
    ChannelConstant,
    Clamp,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Graph,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    Max,
    MaxPool,
    Min,
    Node,
    Op,
    Padding,
    Quantization,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Scaling,
    Softmax,
    Tensor,
    Upsample,
    Window,
    output_shape,
    verify,
)
from patchc.reference import run_graph
from patchc.verify.sessions import DEFAULT, UNOPTIMIZED
from tests.unit.frontend_models import channels_first, run

X, Y = Quantization(float(np.float32(0.03)), 7), Quantization(float(np.float32(0.05)), -3)


def graph_of(op: Op, *shapes, quants=(X, Y), out=Y) -> Graph:
    """One operator over inputs x0, x1, ... that writes y."""
    inputs = [Tensor(f"x{i}", shape, quants[i]) for i, shape in enumerate(shapes)]
    names = tuple(tensor.name for tensor in inputs)
    output = Tensor("y", output_shape(op, *shapes), out)
    tensors = {tensor.name: tensor for tensor in (*inputs, output)}
    return verify(Graph("one", names, ("y",), tensors, (Node("op", op, names, "y"),)))


def check(graph: Graph, seed: int = 0) -> None:
    """Every byte of the output, at both ends of onnxruntime's optimisation."""
    random = np.random.default_rng(seed)
    maps = {
        name: random.integers(-128, 128, graph.tensors[name].shape).astype(np.int8)
        for name in graph.inputs
    }
    expected = run_graph(graph, maps)
    feeds = {name: channels_first(values) for name, values in maps.items()}
    for level in (UNOPTIMIZED, DEFAULT):
        found = run(to_qoperator(graph), feeds, level=level)
        for name in graph.outputs:
            np.testing.assert_array_equal(found[name], channels_first(expected[name]))


def conv(c_out=4, kernel=(3, 3), depth=3, groups=1, clamp=FULL_RANGE, **window) -> Conv:
    random = np.random.default_rng(1)
    return Conv(
        Window(kernel, **window),
        groups,
        random.integers(-127, 128, (c_out, *kernel, depth)),
        random.random(c_out) * 0.01 + 0.002,
        random.integers(-3000, 3000, c_out),
        clamp,
    )


@pytest.mark.parametrize(
    "op",
    [
        conv(),
        conv(clamp=Clamp(-20, 30)),
        conv(pads=Padding(1, 2, 0, 1), stride=(2, 1)),
        conv(6, (3, 1), 1, groups=3, dilation=(2, 1)),
        conv(5, (7, 6)),
    ],
    ids=["plain", "clamped", "padded", "depthwise", "dense"],
)
def test_convolution(op):
    check(graph_of(op, (7, 6, 3)))


@pytest.mark.parametrize("shape", [(4, 5, 3), (1, 1, 1), (1, 1, 2)])
@pytest.mark.parametrize("clamp", [Clamp(), Clamp(-5, 60)])
@pytest.mark.parametrize("unsigned", [False, True])
def test_add(shape, clamp, unsigned):
    """A map of one element too, whose operands onnxruntime swaps; rounding as on uint8 too."""
    graph = graph_of(Add(clamp, unsigned=unsigned), shape, shape)
    for seed in range(16):
        check(graph, seed)


@pytest.mark.parametrize("kind", [Max, Min])
@pytest.mark.parametrize("clamp", [Clamp(), Clamp(-5, 60)])
@pytest.mark.parametrize("shapes", [[(4, 5, 3)] * 2, [(4, 5, 3), (1, 1, 3)], [(4, 5, 3)]])
def test_extremum(kind, clamp, shapes):
    constant = ChannelConstant([-40, 3, 99], Quantization(0.0625, 4)) if len(shapes) == 1 else None
    check(graph_of(kind(clamp, constant=constant), *shapes))


def test_global_average_pool():
    check(graph_of(GlobalAveragePool(Clamp(0, 50)), (5, 4, 9)))


def test_table():
    entries = np.random.default_rng(0).permutation(np.arange(-128, 128))
    check(graph_of(Lut(entries, "Anything"), (16, 16, 3)))


def scalings(scales: tuple[float, float]) -> list[Scaling]:
    """Of a map of 4 x 5 pixels."""
    return [
        Scaling(
            size, int(np.float32(size) * np.float32(scale)), float(np.float32(scale)), "half_pixel"
        )
        for size, scale in zip((4, 5), scales, strict=True)
    ]


@pytest.mark.parametrize("kind", [ResizeNearest, ResizeLinear])
@pytest.mark.parametrize(
    ("scales", "by_size"), [((2, 3), True), ((0.5, 1.6), True), ((1.3, 1.9), False)]
)
def test_resize(kind, scales, by_size):
    """By sizes, unless the scales do not follow from these."""
    op = kind(*scalings(scales))
    assert (op.rows.by_size and op.cols.by_size) == by_size
    check(graph_of(op, (4, 5, 3), out=X if kind is ResizeNearest else Y))


def test_resize_of_a_signal():
    rows = Scaling(1, 1, 1.0, "half_pixel")
    check(graph_of(ResizeLinear(rows, scalings((2, 3))[1], signal=True), (1, 5, 3)))


@pytest.mark.parametrize("factor", [(1, 1), (2, 2), (3, 1), (1, 4)])
def test_upsample(factor):
    check(graph_of(Upsample(factor), (4, 5, 3), out=X))


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("factor", [(2, 2), (3, 1)])
def test_depth_to_space(factor, interleaved):
    check(graph_of(DepthToSpace(factor, interleaved), (4, 5, 12), out=X))


@pytest.mark.parametrize(
    ("window", "source"),
    [
        (Window((2, 2), (2, 2)), range(12)),
        (Window((1, 1), pads=Padding(-1, 0, -2, -1)), (0, 1, 2)),
        (Window((1, 1)), (2, 0, 1, 1)),
        (Window((2, 3), (1, 2), (2, 1), Padding(-1, 0, 0, -1)), (17, 3, 4, 5)),
    ],
    ids=["space_to_depth", "crop", "channels", "anything"],
)
def test_rearrange(window, source):
    check(graph_of(Rearrange(window, list(source)), (6, 6, 3), out=X))


@pytest.mark.parametrize("channels", [1, 2, 11, 1000])
def test_softmax(channels):
    out = Quantization(1 / 128, -128) if channels == 1 else Quantization(1 / 256, -128)
    logits = Quantization(float(np.float32(0.11)), 9)
    check(graph_of(Softmax(), (3, 4, channels), quants=(logits,), out=out))
    check(graph_of(Softmax(Clamp(-100, 30)), (1, 1, channels), quants=(X,), out=out))


@pytest.mark.parametrize("channels", [1, 2, 11, 1000])
@pytest.mark.parametrize("centered", [True, False])
def test_layer_normalization(channels, centered):
    random = np.random.default_rng(channels)
    factors, biases = random.normal(1, 0.5, channels), random.normal(0, 0.5, channels)
    op = LayerNormalization(factors, biases, 1e-5, centered)
    out = Quantization(float(np.float32(0.03)), -4)
    check(graph_of(op, (3, 4, channels), quants=(X,), out=out))
    check(graph_of(replace(op, clamp=Clamp(-100, 30)), (1, 1, channels), quants=(X,), out=out))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_local_response(size):
    op = LocalResponseNormalization(size, 0.5, 0.75, 1.0, Clamp(-100, 90))
    check(graph_of(op, (3, 4, 11), quants=(X,), out=X))


def test_tables_per_channel():
    entries = np.random.default_rng(0).integers(-128, 128, (3, 256))
    check(graph_of(Lut(entries, "Anything"), (16, 16, 3)))


@st.composite
def pools(draw):
    """A pool over a small map such that every position touches the map."""
    shape = (*draw(st.tuples(st.integers(1, 6), st.integers(1, 6))), 2)
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    pads = Padding(*(draw(st.integers(0, kernel[axis % 2] - 1)) for axis in range(4)))
    window = Window(kernel, draw(st.tuples(*[st.integers(1, 3)] * 2)), pads=pads)
    clamp = draw(st.sampled_from([Clamp(), Clamp(-30, 40)]))
    if draw(st.booleans()):
        return MaxPool(window, clamp), shape
    return AveragePool(window, draw(st.booleans()), clamp, draw(st.booleans())), shape


def fits(op: MaxPool | AveragePool, shape) -> bool:
    if min(output_shape(op, shape)) < 1:
        return False
    try:
        check_touches(op.window, shape)
    except RefusalError:
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(pools(), st.integers(0, 100))
def test_any_pool(pool, seed):
    """Uneven pads as ceil_mode leaves them, windows over the whole map, single pixels."""
    op, shape = pool
    if fits(op, shape):
        check(graph_of(op, shape, out=X if isinstance(op, MaxPool) else Y), seed)


def test_an_average_pool_over_the_whole_map_stays_one():
    """onnxruntime would make it a global pool, which rounds otherwise."""
    window = Window((3, 4))
    check(graph_of(AveragePool(window), (3, 4, 64)))
    check(graph_of(AveragePool(Window((1, 4))), (1, 4, 64)))
    check(graph_of(AveragePool(Window((1, 1))), (1, 1, 256)))
    check(graph_of(AveragePool(Window((1, 1)), unsigned=True), (1, 1, 256)))


def test_a_pool_wholly_in_padding_has_no_onnx_form():
    op = MaxPool(Window((2, 2), pads=Padding(top=2)))
    graph = graph_of(op, (4, 4, 1), out=X)
    with pytest.raises(PatchcError, match="op: a position of its window lies wholly in padding"):
        to_qoperator(graph)


def test_padding_that_no_position_reaches_is_left_out():
    """It may be larger than the kernel then, which onnxruntime would refuse."""
    op = MaxPool(Window((2, 2), (2, 2), pads=Padding(bottom=1, right=1)))
    model = to_qoperator(graph_of(op, (4, 4, 1), out=X))
    (node,) = model.graph.node
    (pads,) = (a.ints for a in node.attribute if a.name == "pads")
    assert list(pads) == [0, 0, 0, 0]


def test_names_are_those_of_the_graph():
    """Even where the graph has taken the names that the exporter would like to use."""
    tensors = [
        Tensor("x", (4, 4, 3), X),
        Tensor("y_unclamped", (4, 4, 3), X),
        Tensor("y", (2, 2, 4), Y),
    ]
    nodes = (
        Node("table", Lut(np.arange(-128, 128), "Identity"), ("x",), "y_unclamped"),
        Node("conv", conv(clamp=Clamp(0, 9)), ("y_unclamped",), "y"),
    )
    graph = Graph("g", ("x",), ("y", "y_unclamped"), {t.name: t for t in tensors}, nodes)
    check(verify(graph))


def test_the_exported_model_is_valid_onnx_and_the_same_every_time():
    graph = graph_of(conv(clamp=Clamp(0, 9)), (7, 6, 3))
    model = to_qoperator(graph)
    onnx.checker.check_model(model)
    assert model.SerializeToString() == to_qoperator(graph).SerializeToString()
    assert [value.name for value in model.graph.input] == ["x0"]
    assert [value.name for value in model.graph.output] == ["y"]


def test_no_operator_is_float():
    graph = graph_of(replace(conv(), clamp=Clamp(0, 9)), (7, 6, 3))
    assert {node.op_type for node in to_qoperator(graph).graph.node} == {"QLinearConv", "Clip"}
