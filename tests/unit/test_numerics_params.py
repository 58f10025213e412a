"""A node becomes the constants of its kernel; the choice of that kernel."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.ir import (
    Add,
    AveragePool,
    Concat,
    DepthToSpace,
    GlobalAveragePool,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    Max,
    MaxPool,
    Min,
    Mul,
    Op,
    Padding,
    Permute,
    Quantization,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Scaling,
    Softmax,
    Sub,
    Upsample,
    Window,
)
from patchc.kernels.moves import MAX_FACTOR
from patchc.kernels.registry import KERNELS
from patchc.kernels.window import MAX_WINDOW
from patchc.numerics import structs
from patchc.numerics.fold import fold_bias
from patchc.numerics.forms import HIGH, PIECES_SHAPES
from patchc.numerics.requant import requantize_float
from patchc.numerics.structs import (
    ConvParams,
    GlobalParams,
    LutParams,
    PoolParams,
    ResizeLinearParams,
)
from patchc.numerics.thresholds import reachable_sums
from tests.graphs import small_sums
from tests.plans import chosen
from tests.unit.numerics_nodes import conv, params, single

f32 = np.float32


def test_every_struct_has_the_members_of_its_c_struct_in_order() -> None:
    """The dataclasses are the C structs: names and order, read from the header."""
    root = Path(__file__).resolve().parents[2]
    headers = {"patchc_kernels.h", *(kernel.header for kernel in KERNELS.values())}
    header = "".join((root / "runtime_c/include" / name).read_text() for name in sorted(headers))
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    found = {name: body for body, name in re.findall(r"typedef struct \{([^}]*)\} (\w+);", header)}
    names = {"patchc_near": "Near", "patchc_scale": "Scale", "patchc_window": "WindowParams"}
    names |= {"patchc_line": "LineParams", "patchc_form": "Form", "patchc_rare": "Rare"}
    for c_name in {kernel.struct for kernel in KERNELS.values() if kernel.struct}:
        words = c_name.removeprefix("patchc_").split("_")
        names[c_name] = "".join("NN" if word == "nn" else word.capitalize() for word in words)
    for c_name, name in names.items():
        members = re.findall(r"(\w+)\s*[,;]", found[c_name])
        assert members == list(getattr(structs, name).__dataclass_fields__), c_name


def test_weights_in_fours() -> None:
    """Six channels of two groups, three each would leave no block: here 5 + 5 of three taps."""
    weights = np.arange(30).reshape(10, 1, 1, 3) - 15
    graph = single(conv(Window((1, 1)), 2, 3, 5, weights=weights), (2, 2, 6))
    got = params(graph)
    assert isinstance(got, ConvParams)
    first, second = weights.reshape(2, 5, 3)
    expected = [*first[:4].T.ravel(), *first[4], *second[:4].T.ravel(), *second[4]]
    assert got.weights.tolist() == expected
    assert got.weights.dtype == np.int8


def test_depthwise_weights_lie_in_fours_of_channels() -> None:
    """[c_out / 4][taps][4]"""
    op = conv(Window((3, 2)), 4, 1, 2)
    got = params(single(op, (4, 4, 4)))
    by_four = op.weights.reshape(2, 4, 3, 2).transpose(0, 2, 3, 1)
    assert np.array_equal(got.weights.reshape(2, 3, 2, 4), by_four)


def test_conv_constants() -> None:
    op = conv(Window((1, 1)), 1, 3, 5)
    got = params(single(op, (4, 4, 3)))
    assert (got.pad_value, got.zero_point, got.lo, got.hi) == (3, -4, -128, 127)
    # Every channel's line at the least, a middle and the largest sum.
    low, high = reachable_sums(op.weights, 3)
    factors = f32(0.5) * op.weight_scales / f32(0.25)
    assert (got.rare, got.drop) == (None, HIGH.drop)
    for sums in (low, (low + high) // 2, high):
        wanted = requantize_float(sums + fold_bias(op, 3), factors, -4, -128, 127)
        lines = [
            ((int(total) << HIGH.lift) + form.offset) * form.factor >> (32 + HIGH.drop)
            for total, form in zip(sums, got.form, strict=True)
        ]
        assert np.clip(lines, -128, 127).tolist() == wanted.tolist()


def test_a_channel_without_a_line_keeps_its_factor_and_bias() -> None:
    """Its accumulators are beyond 2^24, where float32 rounds them."""
    weights = np.repeat([[0], [127]], 3000, axis=1).reshape(2, 1, 1, 3000)
    weights[0, 0, 0, :60] = 1
    scales = [0.0051237, 1e-6]
    op = conv(Window((1, 1)), 1, 3000, 2, weights=weights, bias=[7, -9], weight_scales=scales)
    got = params(single(op, (1, 2, 3000)))
    assert [form.factor >= 0 for form in got.form] == [True, False]
    assert got.form[1].factor == -1
    (rare,) = got.rare
    assert rare.bias == -9 - 3 * 3000 * 127
    assert rare.is_guarded
    assert f32(rare.scale.mantissa * 2.0**-rare.scale.shift) == f32(0.5) * f32(1e-6) / f32(0.25)


def test_narrow_kernels_have_the_same_weights_and_lines_of_their_own() -> None:
    graph = single(conv(Window((1, 1)), 1, 3, 5), (4, 4, 3))
    (node,) = graph.nodes
    plain, narrow = (
        KERNELS[name].pack(graph, node, 0)
        for name in ("conv2d_pointwise", "conv2d_pointwise.narrow")
    )
    assert plain.weights.tolist() == narrow.weights.tolist()
    assert narrow.drop in {shape.drop for shape in PIECES_SHAPES}
    assert plain.form != narrow.form


def test_pool_and_table_constants() -> None:
    window = Window((3, 1), (2, 5), (2, 9))
    pool = params(single(MaxPool(window), (9, 9, 2)))
    assert isinstance(pool, PoolParams)
    assert (pool.window.stride_w, pool.window.dilation_h, pool.window.dilation_w) == (5, 2, 1)
    mean = params(single(GlobalAveragePool(), (9, 9, 2)))
    assert isinstance(mean, GlobalParams)
    assert mean.rare is None
    sums = np.arange(-81 * 128, 81 * 127 + 1)
    line = ((sums << HIGH.lift) + mean.form.offset) * mean.form.factor >> (32 + HIGH.drop)
    wanted = requantize_float(sums - 243, f32(0.5) / f32(20.25), -4, -128, 127)
    assert np.clip(line, -128, 127).tolist() == wanted.tolist()
    table = params(single(Lut(np.arange(-128, 128), "x"), (1, 1, 1)))
    assert isinstance(table, LutParams)
    assert table.table.tolist() == list(range(-128, 128))


def test_average_counts_padding_or_not() -> None:
    window = Window((2, 3), pads=Padding(1, 1, 0, 0))
    assert params(single(AveragePool(window, True), (4, 4, 1))).divisor == 6
    assert params(single(AveragePool(window, False), (4, 4, 1))).divisor == 0


def test_average_of_nothing_is_refused() -> None:
    """A window that lies in the padding: 0 / 0 in onnxruntime's formula."""
    window = Window((2, 2), pads=Padding(2, 0, 0, 0))
    with pytest.raises(PatchcError, match=r"AveragePool 'node'.*reduce the pads"):
        params(single(AveragePool(window), (4, 4, 1)))
    params(single(AveragePool(window, count_include_pad=True), (4, 4, 1)))


@pytest.mark.parametrize(
    "scales", [(2.0**-110, 1.0), (2.0**120, 1.0), (1.0, 2.0**120), (1, 2**-126)]
)
def test_average_refuses_what_leaves_normal_float32(scales: tuple[float, float]) -> None:
    with pytest.raises(PatchcError, match=r"AveragePool 'node'.*scales of like size"):
        params(single(AveragePool(Window((2, 2))), (4, 4, 1), scales))


def test_windows_end_at_16_bits() -> None:
    fits = MaxPool(Window((1, 1), (MAX_WINDOW, 1)))
    assert params(single(fits, (1, 1, 1))).window.stride_h == MAX_WINDOW
    beyond = replace(fits, window=Window((1, 1), (MAX_WINDOW + 1, 1)))
    with pytest.raises(PatchcError, match=r"MaxPool 'node': window of 65536; at most 65535"):
        params(single(beyond, (1, 1, 1)))


@pytest.mark.parametrize("kind", [Upsample, DepthToSpace])
def test_factors_end_at_16_bits(kind: type[Upsample | DepthToSpace]) -> None:
    fits = params(single(kind((1, MAX_FACTOR)), (1, 1, MAX_FACTOR)))
    assert (fits.up if kind is DepthToSpace else fits).up_w == MAX_FACTOR
    beyond = single(kind((1, MAX_FACTOR + 1)), (1, 1, MAX_FACTOR + 1))
    with pytest.raises(PatchcError, match=f"{kind.__name__} 'node': 65536 times.*at most 65535"):
        params(beyond)


def test_copies_reach_no_further_than_16_bits() -> None:
    """Runs of 3 and 1 bytes; a place that no uint16_t holds."""
    found = params(single(Rearrange(Window((2, 1)), [1, 2, 3, 7]), (2, 1, 4)))
    assert [a.tolist() for a in (found.rows, found.places, found.lengths)] == [
        [0, 1],
        [1, 3],
        [3, 1],
    ]
    far = Rearrange(Window((1, 1)), [2**16])
    with pytest.raises(PatchcError, match="Rearrange 'node': it copies from byte 65536"):
        params(single(far, (1, 1, 2**16 + 1)))


def test_scales_that_overflow_name_node_and_channel() -> None:
    op = conv(Window((1, 1)), per_group=2, weight_scales=np.float32([1, 3e38]))
    with pytest.raises(PatchcError, match="Conv 'node', output channel 1"):
        params(single(op, (1, 1, 1)))


def test_global_pool_of_too_many_pixels() -> None:
    with pytest.raises(PatchcError, match="16777216 pixels could overflow"):
        params(single(GlobalAveragePool(), (4096, 4096, 1)))


# ---- resizes ----

TWICE = Scaling(4, 8, 2.0, "half_pixel")


def test_lines_of_a_resize_name_each_pair_of_shares_once() -> None:
    """Factor 2: one quarter and three, either way round; one whole at the first pixel, and two
    halves of one pixel at the last."""
    found = params(single(ResizeLinear(TWICE, TWICE), (4, 4, 3)))
    assert isinstance(found, ResizeLinearParams)
    assert found.cols.first.tolist() == [0, 0, 0, 1, 1, 2, 2, 3]
    assert found.cols.second is not None
    assert found.cols.second.tolist() == [0, 1, 1, 2, 2, 3, 3, 3]
    assert found.cols.parts is not None
    assert found.cols.shares is None
    parts = found.cols.parts.reshape(-1, 2)[found.cols.kinds].tolist()
    assert parts == [[4, 0], *[[3, 1], [1, 3]] * 3, [2, 2]]
    assert len(found.cols.parts) == 2 * 4
    assert found.near.mask > 0


def test_shares_of_many_bits_are_floats() -> None:
    thrice = Scaling(4, 12, 3.0, "half_pixel")
    found = params(single(ResizeLinear(TWICE, thrice), (4, 4, 3)))
    assert isinstance(found, ResizeLinearParams)
    assert found.cols.parts is None
    assert found.rows.parts is None
    assert found.cols.shares is not None
    shares = found.cols.shares.view(np.float32).reshape(-1, 2)[found.cols.kinds]
    assert np.allclose(shares[1:4], [[1, 0], [2 / 3, 1 / 3], [1 / 3, 2 / 3]])


@pytest.mark.parametrize("scales", [(1e-30, 1.0), (1.0, 1e-37), (1e-37, 1e-37)])
def test_scales_that_leave_the_range_of_float32_in_a_resize(scales: tuple[float, float]) -> None:
    graph = single(ResizeLinear(TWICE, TWICE), (4, 4, 3))
    tensors = {
        name: replace(tensor, quant=Quantization(float(np.float32(scale)), 0))
        for (name, tensor), scale in zip(graph.tensors.items(), scales, strict=True)
    }
    with pytest.raises(PatchcError, match="leave the range of float32"):
        params(replace(graph, tensors=tensors))


@pytest.mark.parametrize("kind", [ResizeLinear, ResizeNearest])
def test_sides_that_do_not_fit_16_bits(kind: type[ResizeLinear | ResizeNearest]) -> None:
    long = Scaling(1, 2**16, 65536.0, "asymmetric")
    row = Scaling(1, 1, 1.0, "asymmetric")
    with pytest.raises(PatchcError, match="a side of 65536; at most 65535"):
        params(single(kind(row, long), (1, 1, 1)))


# ---- choice of kernels ----


@pytest.mark.parametrize(
    ("op", "shape", "kernel"),
    [
        (conv(Window((1, 1)), 1, 3, 2), (4, 4, 3), "conv2d_pointwise"),
        (conv(Window((1, 1)), 1, 3, 2), (1, 1, 3), "dense"),
        (conv(Window((4, 5)), 1, 3, 2), (4, 5, 3), "dense"),
        (conv(Window((4, 5), pads=Padding(0, 1)), 1, 3, 2), (4, 5, 3), "conv2d"),
        (conv(Window((1, 1), (2, 2)), 1, 3, 2), (4, 4, 3), "conv2d"),
        (conv(Window((2, 2), dilation=(3, 3)), 1, 3, 2), (4, 4, 3), "conv2d"),
        (conv(Window((3, 3)), 4, 1, 1), (4, 4, 4), "conv2d_depthwise"),
        (conv(Window((4, 4)), 4, 1, 3), (4, 4, 4), "conv2d_depthwise"),
        (conv(Window((1, 1)), 2, 2, 3), (4, 4, 4), "conv2d"),
        (Add(), (4, 4, 4), "add"),
        (Mul(), (4, 4, 4), "mul"),
        (Sub(), (4, 4, 4), "sub"),
        (Max(), (4, 4, 4), "max"),
        (Min(), (4, 4, 4), "min"),
        (Concat((0,), [0] * 4), (4, 4, 4), "concat"),
        (MaxPool(Window((2, 2))), (4, 4, 4), "max_pool"),
        (AveragePool(Window((2, 2))), (4, 4, 4), "average_pool"),
        (GlobalAveragePool(), (4, 4, 4), "global_average_pool"),
        (Upsample((2, 2)), (4, 4, 4), "upsample"),
        (ResizeNearest(TWICE, TWICE), (4, 4, 4), "resize_nearest"),
        (ResizeLinear(TWICE, TWICE), (4, 4, 4), "resize_linear"),
        (DepthToSpace((2, 2)), (4, 4, 4), "depth_to_space"),
        (Rearrange(Window((1, 1)), [3, 0]), (4, 4, 4), "rearrange"),
        (Softmax(), (4, 4, 4), "softmax"),
        (Permute(((4, 1),), ((4, 16),), ((4, 4),)), (4, 4, 4), "permute"),
        (LayerNormalization(np.ones(4), np.zeros(4), 1e-5), (4, 4, 4), "layer_norm"),
        (LocalResponseNormalization(5, 1e-4, 0.75, 1.0), (4, 4, 4), "local_response"),
        (small_sums(), (4, 4, 3), "conv_sums"),
        (Lut(np.arange(-128, 128), "x"), (4, 4, 4), "lut"),
        (Lut(np.zeros((4, 256)), "x"), (4, 4, 4), "lut_channels"),
    ],
)
def test_choice(op: Op, shape: tuple[int, int, int], kernel: str) -> None:
    graph = single(op, shape)
    assert chosen(graph, graph.nodes[0]) == kernel
    assert kernel in KERNELS
