"""The axes algebra, and Border, which is its result."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchc.frontend import Border
from patchc.frontend.axes import (
    AxesError,
    Axis,
    SplitError,
    border_axes,
    channels_first_layout,
    describe,
    dims,
    is_cut,
    layout_of,
    map_shape,
    renaming,
    reshape,
    split,
    transpose,
)

H, W, C = Axis("h", 4), Axis("w", 5), Axis("c", 8)
NCHW = ((), (C,), (H,), (W,))


def test_a_channels_first_layout_and_its_map():
    assert channels_first_layout((4, 5, 8), 4) == NCHW
    assert dims(NCHW) == (1, 8, 4, 5)
    assert map_shape(NCHW) == (4, 5, 8)


def test_a_signal_is_a_map_of_height_one():
    layout = channels_first_layout((1, 5, 8), 3)
    assert dims(layout) == (1, 8, 5)
    assert map_shape(layout) == (1, 5, 8)


def test_axes_of_size_one_are_left_out():
    assert channels_first_layout((1, 1, 8), 4) == ((), (C,), (), ())


def test_flatten_keeps_the_order_of_the_axes():
    assert reshape(NCHW, (1, 160)) == ((), (C, H, W))
    assert reshape(transpose(NCHW, (0, 2, 3, 1)), (1, 160)) == ((), (H, W, C))


def test_reshape_may_insert_drop_and_group():
    assert reshape(NCHW, (8, 20)) == ((C,), (H, W))
    assert reshape(((), (C, H, W)), (1, 8, 4, 1, 5)) == ((), (C,), (H,), (), (W,))


@pytest.mark.parametrize("target", [(1, 4, 2, 20), (1, 16, 10), (1, 80, 2)])
def test_reshape_does_not_split_an_axis(target):
    with pytest.raises(SplitError, match="it would split"):
        reshape(NCHW, target)


def test_reshape_keeps_the_number_of_values():
    with pytest.raises(AxesError, match=r"\[1, 8, 4, 5\] cannot be reshaped to \[1, 161\]"):
        reshape(NCHW, (1, 161))


def test_an_axis_may_be_split_where_nothing_is_known_yet():
    layout = layout_of(("n", "c"), (1, 490))
    with pytest.raises(SplitError) as caught:
        reshape(layout, (1, 1, 49, 10))
    assert dims(split(layout, caught.value)) == (1, 490)
    assert reshape(split(layout, caught.value), (1, 1, 49, 10))[2:] == (
        (Axis("c", 49),),
        (Axis("h", 10),),
    )


def test_a_map_has_no_more_than_three_axes():
    with pytest.raises(AxesError):
        split(NCHW, SplitError(C, (4, 2)))


def test_renaming_tells_what_the_axes_would_have_to_be():
    guessed = layout_of(("n", "c", "h", "w"), (1, 4, 5, 8))  # NHWC in truth
    seen = transpose(guessed, (0, 3, 1, 2))
    assert renaming(seen, ("n", "c", "h", "w")) == {"w": "c", "c": "h", "h": "w"}


def test_renaming_is_impossible_for_products_and_batches():
    assert renaming(((), (C, H), (W,), ()), ("n", "c", "h", "w")) is None
    assert renaming(((C,), (), (H,), (W,)), ("n", "c", "h", "w")) is None


@pytest.mark.parametrize(
    ("layout", "named"),
    [
        (NCHW, (("n",), ("c",), ("h",), ("w",))),
        (transpose(NCHW, (0, 2, 3, 1)), (("n",), ("h",), ("w",), ("c",))),
        (((), (C, H, W)), (("n",), ("c", "h", "w"))),
        (((), (C,), (), ()), (("n",), ("c",), ("h",), ("w",))),
        (((), (), (), (C,)), (("n",), ("h",), ("w",), ("c",))),
        (((), (), (H,), (W,)), (("n",), ("c",), ("h",), ("w",))),
        (((), (H,), (W,), ()), (("n",), ("h",), ("w",), ("c",))),
        (((), (C,)), (("n",), ("c",))),
        (((), (C,), (W,)), (("n",), ("c",), ("w",))),
    ],
)
def test_borders_name_axes_of_size_one_where_they_are_usually_seen(layout, named):
    found = border_axes(layout)
    assert tuple(tuple(axis.name for axis in axes) for axes in found) == named


def test_layouts_are_described_for_people():
    assert describe(((), (C, H, W))) == "[n, c*h*w]"


@st.composite
def layouts(draw):
    """Any layout of any map: axes permuted, grouped, with dimensions of size 1 strewn in."""
    sizes = draw(st.tuples(*[st.integers(1, 5)] * 3))
    axes = [Axis(name, size) for name, size in zip("hwc", sizes, strict=True) if size > 1]
    order = draw(st.permutations(axes))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), min_size=1, max_size=4)))
    bounds = [0, *cuts, len(order)]
    return tuple(tuple(order[start:stop]) for start, stop in itertools.pairwise(bounds))


@given(layouts(), st.booleans())
def test_a_border_converts_there_and_back(layout, unsigned):
    border = Border("t", "t", unsigned, border_axes(layout), map_shape(layout))
    values = np.arange(math.prod(dims(layout))).reshape(dims(layout))
    values = values.astype(np.uint8 if unsigned else np.int8)
    map_ = border.to_map(values)
    assert map_.dtype == np.int8
    assert map_.shape == map_shape(layout)
    back = border.from_map(map_)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)


@given(layouts(), st.data())
def test_transposing_the_layout_is_transposing_the_tensor(layout, data):
    perm = data.draw(st.permutations(range(len(layout))))
    shape = map_shape(layout)
    map_ = np.arange(math.prod(shape)).reshape(shape).astype(np.int8)
    before = Border("t", "t", False, border_axes(layout), shape).from_map(map_)
    moved = transpose(layout, perm)
    after = Border("t", "t", False, border_axes(moved), shape).from_map(map_)
    np.testing.assert_array_equal(before.transpose(perm), after)


@given(layouts(), st.data())
def test_reshaping_the_layout_is_reshaping_the_tensor(layout, data):
    """Any number of times, axes cut in parts included; a refusal is the only other way."""
    shape = map_shape(layout)
    map_ = np.arange(math.prod(shape)).reshape(shape).astype(np.int8)
    values = Border("t", "t", False, border_axes(layout), shape).from_map(map_)
    for _ in range(3):
        target = data.draw(factorisations(values.size))
        perm = data.draw(st.permutations(range(len(target))))
        try:
            layout = reshape(layout, target, cut=True)
        except SplitError:
            return
        values = values.reshape(target)
        border = Border("t", "t", False, border_axes(layout), shape)
        np.testing.assert_array_equal(border.from_map(map_), values)
        layout, values = transpose(layout, perm), values.transpose(perm)
        border = Border("t", "t", False, border_axes(layout), shape)
        np.testing.assert_array_equal(border.from_map(map_), values)
        np.testing.assert_array_equal(border.to_map(values), map_)


@st.composite
def factorisations(draw, size):
    """Dimensions whose product is `size`."""
    found = []
    while size > 1 and len(found) < 3:
        found.append(draw(st.sampled_from([d for d in range(1, size + 1) if size % d == 0])))
        size //= found[-1]
    return [*found, size]


def test_parts_in_their_old_order_are_one_axis_again():
    cut = reshape(NCHW, [1, 2, 4, 20], cut=True)
    assert cut == ((), (Axis("c", 2, 4),), (Axis("c", 4),), (H, W))
    assert reshape(cut, [1, 8, 4, 5]) == NCHW
    shuffled = reshape(transpose(cut, (0, 2, 1, 3)), [1, 8, 4, 5])
    assert is_cut(shuffled)
