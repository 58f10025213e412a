"""The portable kernels against brute force: any geometry, any way a view can lie in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchc.ir import FULL_RANGE, Add, Clamp, Conv, Max, Min, Mul, Padding, Permute, Sub, Window
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS
from tests.c import kernel_cases as make
from tests.c.kernel_brute_force import brute_force
from tests.c.kernel_cases import Case
from tests.c.kernel_host import Call, Layout, library, run

many = settings(max_examples=100, deadline=None)


def expected(case: Case) -> np.ndarray:
    return brute_force(case.graph, case.node, case.inputs)


def compare(case: Case, kernel: str | None = None) -> None:
    """By the kernel given, or by the one chosen and all that differ from it in a loop only."""
    wanted = expected(case)
    for name in case.kernels if kernel is None else [kernel]:
        np.testing.assert_array_equal(run(library(), case.call(name)), wanted, err_msg=name)


@many
@given(make.convolutions())
def test_convolution(case: Case) -> None:
    """Any window, stride, dilation, pads, groups and multiplier; zero points, saturation, wrapped
    biases and sums beyond 2^24; pads that hide the map altogether."""
    compare(case)


@many
@given(make.convolutions())
def test_generic_convolution_computes_what_the_special_kernels_do(case: Case) -> None:
    compare(case, "conv2d")


@many
@given(make.sums())
def test_sums_of_a_convolution(case: Case) -> None:
    """As their bytes; sums that wrap, pads that hide the map altogether."""
    compare(case)


@many
@given(make.binaries)
def test_two_operands(case: Case) -> None:
    """Rounded as on int8 or as on uint8; broadcast, constant, in either order."""
    compare(case)


@many
@given(make.concats)
def test_concat(case: Case) -> None:
    """Copied or looked up, constant channels anywhere."""
    compare(case)


@many
@given(make.max_pools())
def test_max_pool(case: Case) -> None:
    """Windows without a single tap inside the map included."""
    compare(case)


@many
@given(make.average_pools())
def test_average_pool(case: Case) -> None:
    compare(case)


@many
@given(make.global_pools)
def test_global_average_pool(case: Case) -> None:
    compare(case)


@many
@given(make.copies)
def test_copies(case: Case) -> None:
    compare(case)


@many
@given(make.softmaxes)
def test_softmax(case: Case) -> None:
    compare(case)


@many
@given(make.normalizations)
def test_normalizations(case: Case) -> None:
    compare(case)


@many
@given(make.resizes_linear)
def test_resize_linear(case: Case) -> None:
    """Any sizes; many sums that are ties but for float32's rounding."""
    compare(case)


@many
@given(st.one_of(make.luts, make.channel_luts))
def test_lut(case: Case) -> None:
    compare(case)


@many
@given(make.cases, make.layouts, st.lists(make.layouts, min_size=4, max_size=4))
def test_views_in_rings(case: Case, out: Layout, layouts: list[Layout]) -> None:
    """More slots than rows, a first row in any slot, gaps between rows: the same bytes, and
    nothing outside the output's view is written."""
    inputs, wanted = layouts[: len(case.inputs)], expected(case)
    if isinstance(case.node.op, Permute):  # from anywhere to anywhere: its operand is a whole map
        inputs = [Layout()]
    for kernel in case.kernels:
        np.testing.assert_array_equal(run(library(), case.call(kernel), out, inputs), wanted)


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("slot", range(8))
def test_depthwise_windows_across_the_end_of_a_ring(slot: int, dilation: int) -> None:
    """Some rows of the view lie in its last slots, the next ones in the first."""
    window = Window((3, 3), dilation=(dilation, dilation))
    case = make.conv_case(window, 8, 1, 1, (7, 6), seed=2)
    found = run(library(), case.call("conv2d_depthwise"), Layout(), [Layout(1, slot, 3)])
    np.testing.assert_array_equal(found, expected(case))


@st.composite
def parts(draw: st.DrawFn, rows: int, cols: int) -> tuple[int, int, int, int]:
    """first row, end row, first column, end column; not empty."""
    row, col = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
    return row, draw(st.integers(row + 1, rows)), col, draw(st.integers(col + 1, cols))


@many
@given(make.windowed, st.data())
def test_part_of_a_map(case: Case, data: st.DataObject) -> None:
    """Any rectangle of the output, computed from the rectangle of the input that it needs, with
    pads only where it reaches beyond the map, is that rectangle of the whole output."""
    call = case.call()
    whole = run(library(), call)
    if call.kernel == "dense":
        return  # one pixel
    row, row_end, col, col_end = data.draw(parts(*whole.shape[:2]))
    window, (height, width, _) = make.window_of(case), call.inputs[0].shape
    rows, top, bottom = _needed(window, 0, row, row_end, height, window.pads.top)
    cols, left, right = _needed(window, 1, col, col_end, width, window.pads.left)
    part = Call(
        call.kernel,
        call.params,
        (call.inputs[0][rows, cols],),
        (row_end - row, col_end - col, whole.shape[2]),
        Padding(top, left, bottom, right),
    )
    result = run(library(), part, data.draw(make.layouts), [data.draw(make.layouts)])
    np.testing.assert_array_equal(result, whole[row:row_end, col:col_end])


@many
@given(make.resizes, st.data())
def test_part_of_a_resize(case: Case, data: st.DataObject) -> None:
    """The same, from no more than the positions that the part reads."""
    whole = run(library(), case.call())
    row, row_end, col, col_end = data.draw(parts(*whole.shape[:2]))
    part = make.resized_part(case, row, row_end, col, col_end)
    result = run(library(), part, data.draw(make.layouts), [data.draw(make.layouts)])
    np.testing.assert_array_equal(result, whole[row:row_end, col:col_end])


def _needed(
    window: Window, axis: int, begin: int, end: int, size: int, pad: int
) -> tuple[slice, int, int]:
    """The positions that outputs begin .. end - 1 read: inside the map, before it, behind it."""
    first = begin * window.stride[axis] - pad
    last = (end - 1) * window.stride[axis] - pad + window.extent[axis]
    inside = slice(min(max(first, 0), size), max(min(last, size), min(max(first, 0), size)))
    return inside, inside.start - first, last - inside.stop


def test_sums_beyond_24_bits_round_to_even() -> None:
    """float32(acc) is not acc: 131 071 taps at the limit of int32, in a dense layer."""
    taps = (2**31 - 1) // (128 * 128)
    case = make.conv_case(Window((1, 1)), 1, taps, 5, (1, 1), seed=3)
    for extreme in (-128, 127):
        inputs = (np.full((1, 1, taps), extreme, np.int8),)
        compare(Case(case.graph, inputs))


@pytest.mark.parametrize("window", [Window((1, 300)), Window((300, 1), pads=Padding(299, 0))])
def test_windows_of_more_than_255(window: Window) -> None:
    """1-D signals have long windows."""
    size = (300, 1) if window.kernel[0] > 1 else (1, 300)
    compare(make.conv_case(window, 1, 2, 5, size, seed=1), "conv2d")
    compare(make.max_pool_case(window, (*size, 3), seed=1))


def test_every_kernel_is_chosen_by_some_case() -> None:
    """The strategies reach all kernels that the compiler knows, but for those in two halves, and
    what runs in rounds alone (test_rounds.py)."""
    window = Window((3, 3), pads=Padding(1, 1, 1, 1))
    found = [
        make.conv_case(window, 1, 4, 4, (5, 5), 0),
        make.conv_case(window, 4, 1, 1, (5, 5), 0),
        make.conv_case(Window((1, 1)), 1, 4, 4, (5, 5), 0),
        make.conv_case(Window((5, 5)), 1, 4, 4, (5, 5), 0),
        *(make.binary_case(kind, "map", (2, 2, 2), 0) for kind in (Add, Mul, Sub, Max, Min)),
        make.concat_case([3, 1, 4], [0, 2], (3, 2), 0, alike=False),
        make.max_pool_case(window, (5, 5, 3), 0),
        make.average_pool_case(window, (5, 5, 3), 0),
        make.global_pool_case((5, 5, 3), 0),
        make.lut_case((5, 5, 3), 0),
        make.upsample_case((2, 3), (5, 5, 3), 0),
        make.resize_nearest_case((7, 8), (5, 5, 3), 0),
        make.resize_linear_case((10, 15), (5, 5, 3), 0),
        make.depth_to_space_case((2, 3), (5, 5, 3), 0, interleaved=True),
        make.rearrange_case(Window((2, 2), (2, 2)), (4, 4, 3), 12, 0),
        make.softmax_case((5, 5, 3), 0),
        make.layer_norm_case((5, 5, 3), 0),
        make.local_response_case((5, 5, 3), 0),
        make.permute_case((4, 5, 6), 0),
        make.matmul_case((3, 5, 6), 7, 0, transposed=False, one=False),
        make.sums_case(Window((3, 3)), 1, 2, 3, (5, 5), 0),
        make.lut_channels_case((5, 5, 3), 0),
    ]
    parts = {"pointwise_add", "pointwise_finish", "mean_add", "mean_finish", "lut_placed"}
    portable = {name for name, kernel in KERNELS.items() if kernel.flavour == PORTABLE}
    assert {case.call().kernel for case in found} == portable - parts
    for case in found:
        compare(case)


def test_conv_cases_saturate_and_do_not() -> None:
    """The generator is worth its name: most outputs lie inside the range, some at its ends."""
    values = []
    for seed in range(40):
        case = make.conv_case(Window((3, 3)), 1, 3, 8, (6, 6), seed)
        op = case.node.op
        assert isinstance(op, Conv)
        if op.clamp == FULL_RANGE == Clamp(-128, 127):
            values.append(expected(case).ravel())
    ends = np.isin(np.concatenate(values), (-128, 127)).mean()
    assert 0.02 < ends < 0.6
