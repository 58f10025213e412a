"""Probabilities as integers, beside exact ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchc.errors import PatchcError
from patchc.numerics.probabilities import (
    LOG_BITS,
    ONE,
    Function,
    Probabilities,
    as_floats,
    powers,
    shares,
    sigmoid,
)

SCALES = st.floats(1e-6, 4)


def exact_softmax(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.exp(values - values.max())
    return found / math.fsum(found)


def softmax_of_bytes(group: int, scale: float) -> Probabilities:
    return Probabilities(Function.SOFTMAX, group, scale, 0)


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=400), SCALES)
def test_a_softmax_is_within_its_bound_and_in_order(values: list[int], scale: float):
    bytes_ = np.array(values, np.int8)
    tail = softmax_of_bytes(len(values), scale)
    found = tail.of(bytes_).astype(np.int64)
    exact = exact_softmax(bytes_.astype(np.float64) * scale) * ONE
    assert np.abs(found - exact).max() <= tail.units
    assert (np.diff(found[np.argsort(bytes_, kind="stable")]) >= 0).all()
    assert (found[bytes_ == bytes_.max()] == found.max()).all()


@pytest.mark.parametrize("scale", [1e-4, 0.02, 0.3, 2.0])
def test_all_pairs_of_bytes(scale: float):
    """A Softmax over two channels, exhaustively."""
    pairs = np.stack(np.meshgrid(*[np.arange(-128, 128)] * 2), -1).astype(np.int8)
    tail = softmax_of_bytes(2, scale)
    found = tail.of(pairs).reshape(-1, 2).astype(np.int64)
    difference = (pairs[..., 0].astype(float) - pairs[..., 1]).ravel() * scale
    exact = ONE / (1 + np.exp(-difference))
    assert np.abs(found[:, 0] - exact).max() <= tail.units
    assert np.abs(found.sum(axis=1) - ONE).max() <= 2


@pytest.mark.parametrize("distance", [1, 7, 200, 255])
@pytest.mark.parametrize("count", [1000, 32768, 100_000])
def test_many_small_ones_beside_a_large_one(count: int, distance: int):
    """Each of their exponentials is rounded, all alike."""
    for scale in (0.01, 21.5 / distance, 22 / distance):
        values = np.full(count, 127 - distance, np.int16).astype(np.int8)
        values[3] = 127
        tail = softmax_of_bytes(count, scale)
        exact = exact_softmax(values.astype(np.float64) * scale) * ONE
        assert np.abs(tail.of(values) - exact).max() <= tail.units


def test_one_class_is_certain():
    assert softmax_of_bytes(1, 0.1).of(np.array([5], np.int8)).tolist() == [ONE]


@given(SCALES, st.integers(-128, 127))
def test_a_sigmoid_is_within_a_unit(scale: float, zero_point: int):
    tail = Probabilities(Function.SIGMOID, 1, scale, zero_point)
    values = np.arange(-128, 128)
    found = tail.of(values.astype(np.int8)).astype(np.int64)
    exact = [sigmoid(scale * (int(v) - zero_point)) * ONE for v in values]
    assert np.abs(found - exact).max() <= tail.units == 1
    assert (np.diff(found) >= 0).all()


@given(
    st.lists(st.tuples(st.floats(-256, 256), st.floats(1e-9, 0.5)), min_size=1, max_size=60),
    st.sampled_from(Function),
)
def test_sums_are_within_their_bound(pairs: list[tuple[float, float]], function: Function):
    """Each of its own worth."""
    scales = np.array([scale for _, scale in pairs], np.float32)
    sums = [round(value / scale) for (value, _), scale in zip(pairs, scales, strict=True)]
    sums = np.clip(sums, -(2**31), 2**31 - 1).astype("<i4")
    worth = sums * scales.astype(np.float64)
    group = len(pairs) if function is Function.SOFTMAX else 1
    tail = Probabilities(function, group, 1.0, 0, tuple(scales.tolist()))
    if function is Function.SOFTMAX:
        exact = exact_softmax(worth) * ONE
    else:
        exact = np.array([sigmoid(value) for value in worth.tolist()]) * ONE
    assert np.abs(tail.of(sums.view(np.int8)) - exact).max() <= tail.units


@pytest.mark.parametrize("scale", [1e-38, 1e-12, 1e-3, 80.0])
def test_sums_of_any_worth_do_not_overflow(scale: float):
    ends = np.array([-(2**31), 2**31 - 1, 0], "<i4")
    tail = Probabilities(Function.SIGMOID, 1, 1.0, 0, (scale,))
    low, high, middle = tail.of(ends.view(np.int8)).tolist()
    assert middle == ONE // 2
    assert abs(low - sigmoid(-(2.0**31) * scale) * ONE) <= tail.units
    assert abs(high - sigmoid(2.0**31 * scale) * ONE) <= tail.units


def test_a_sum_of_too_much_worth_is_refused():
    with pytest.raises(PatchcError, match="too much for a Softmax or Sigmoid"):
        _ = Probabilities(Function.SIGMOID, 1, 1.0, 0, (200.0,)).factors


def test_powers_of_two():
    every = np.arange(0, 34 << LOG_BITS, 4099, np.int64)
    exact = 2.0 ** (-every / 2.0**LOG_BITS) * ONE
    assert np.abs(powers(every) - exact).max() <= 12
    assert powers(np.array([0, 1 << LOG_BITS, 31 << LOG_BITS, 1 << 60])).tolist() == [
        *(ONE, ONE // 2, 1, 0)
    ]


@given(st.lists(st.integers(0, ONE), max_size=300))
def test_shares(parts: list[int]):
    """All but the rounding of the exponentials, in exact fractions."""
    parts = [ONE, *parts]
    found = shares(np.array([parts], np.uint32))[0].tolist()
    total = sum(parts)
    assert all(
        abs(p * total - part * ONE) <= 1.3 * total for p, part in zip(found, parts, strict=True)
    )


def test_floats_are_exact_powers_of_two_apart():
    assert as_floats(np.array([0, 1, ONE // 2, ONE], np.uint32)).tolist() == [0, 2**-31, 0.5, 1]
