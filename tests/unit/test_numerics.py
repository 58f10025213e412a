"""patchc.numerics: float32 helpers, factors, what is known of accumulators, proofs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.ir import Window
from patchc.numerics.float32 import float32_bits, fma32, take_apart
from patchc.numerics.fold import fold_bias, reachable
from patchc.numerics.proof import emulation_is_exact, equal_channels, thresholds
from patchc.numerics.requant import (
    ZERO_SCALE,
    bit_length,
    conv_factors,
    half_even,
    requantize,
    requantize_float,
    scale_of,
)
from patchc.numerics.structs import Scale
from tests.unit.numerics_nodes import conv

f32 = np.float32


def nearest_float32(exact: Fraction) -> np.float32:
    """The float32 nearest to a rational number, ties to even, by trying the neighbours."""
    guess = f32(float(exact))
    around = [np.nextafter(guess, f32(-np.inf)), guess, np.nextafter(guess, f32(np.inf))]
    return min(around, key=lambda v: (abs(Fraction(float(v)) - exact), float32_bits(v) & 1))


# ---- float32 ----


def test_fma32_rounds_once() -> None:
    """Sums that cancel, that differ by up to 2^50, and exact ties of the product."""
    random = np.random.default_rng(0)
    a = random.normal(size=3000).astype(f32)
    b = (random.normal(size=3000) * 2.0 ** random.integers(-20, 20, 3000)).astype(f32)
    c = (random.normal(size=3000) * 2.0 ** random.integers(-30, 30, 3000)).astype(f32)
    c[:1000] = -(a[:1000] * b[:1000])
    c[1000:1500] *= f32(2.0**-24)
    a[2000:] = np.round(a[2000:] * 8) / 8
    expected = [
        nearest_float32(Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z)))
        for x, y, z in zip(a, b, c, strict=True)
    ]
    np.testing.assert_array_equal(fma32(a, b, c), expected)


def test_fma32_of_a_tie_that_float64_hides() -> None:
    """1 + 2^-24 is a tie; 2^-60 more decides it upwards, though float64 cannot hold the sum."""
    tiny = f32(2.0**-30)
    assert fma32(tiny, tiny, f32(1)) == f32(1)
    a, c = f32(1 + 2.0**-12), f32(2.0**-60)
    product = Fraction(float(a)) ** 2
    assert fma32(a, a, c) == nearest_float32(product + Fraction(float(c)))
    assert fma32(a, a, c) != nearest_float32(product - Fraction(float(c)))
    assert fma32(a, a, -c) == nearest_float32(product - Fraction(float(c)))


@pytest.mark.parametrize("value", [1.0, -1.5, 2.0**-126, 3.4028234663852886e38, 0.1])
def test_take_apart_is_exact(value: float) -> None:
    mantissa, exponent = take_apart(f32(value))
    assert 2**23 <= abs(mantissa) < 2**24
    assert Fraction(mantissa) * Fraction(2) ** exponent == Fraction(float(f32(value)))


def test_take_apart_refuses_what_is_not_normal() -> None:
    for value in (1e-45, np.inf, np.nan):
        with pytest.raises(ValueError, match="not a normal float32"):
            take_apart(f32(value))


# ---- requantisation ----


def test_bit_length_and_half_even() -> None:
    values = [0, 1, 2, 3, 2**24 - 1, 2**24, 2**53 - 1, 2**53 + 1, 2**62 - 1, 2**61]
    expected = [value.bit_length() for value in values]
    assert bit_length(np.array(values, np.uint64)).tolist() == expected
    rounded = half_even(np.array([1, 2, 3, 5, 6, 7, 10], np.uint64), np.full(7, 2))
    assert rounded.tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_factors_round_in_onnxruntimes_order() -> None:
    """The product first, then the quotient, each to float32; other orders give other factors."""
    random = np.random.default_rng(0)
    sx, sy = f32(0.0123), f32(0.0456)
    sw = random.uniform(0.001, 0.1, 2000).astype(f32)
    got = conv_factors(sx, sw, sy)
    for factor, w in zip(got, sw, strict=True):
        product = nearest_float32(Fraction(float(sx)) * Fraction(float(w)))
        assert factor == nearest_float32(Fraction(float(product)) / Fraction(float(sy)))
    assert (got != sx * (sw / sy)).any()


@pytest.mark.parametrize("factor", [np.inf, np.nan, -1.0])
def test_scale_refuses_no_number(factor: float) -> None:
    with pytest.raises(PatchcError, match=r"Conv 'a'.*quantise the model again"):
        scale_of(f32(factor), "Conv 'a'")


def test_scale_of_subnormals_is_zero() -> None:
    assert scale_of(f32(1e-40), "x") == ZERO_SCALE
    assert scale_of(f32(0), "x") == ZERO_SCALE
    assert scale_of(f32(2.0**-126), "x") == Scale(2**23, 149)


# ---- what is known of accumulators, and proofs ----


def test_folded_bias_wraps() -> None:
    op = conv(
        Window((1, 1)), per_group=3, weights=np.full((3, 1, 1, 1), 127), bias=[5, -(2**31), 0]
    )
    assert fold_bias(op, 3).tolist() == [5 - 381, 2**31 - 381, -381]


def test_reachable_is_attained_and_wraps() -> None:
    """The bounds are accumulators of some input; beyond int32 everything is reachable."""
    op = conv(Window((2, 2)), depth=3, per_group=2, bias=[7, 2**31 - 1])
    low, high = reachable(op, -5)
    weights = op.weights[0].astype(int)
    worst = np.where(weights > 0, -128, 127) + 5
    best = np.where(weights > 0, 127, -128) + 5
    assert low[0] == 7 + (weights * worst).sum()
    assert high[0] == 7 + (weights * best).sum()
    assert (low[1], high[1]) == (-(2**31), 2**31 - 1)


def test_thresholds_are_the_first_to_reach_a_level() -> None:
    low, high = np.array([-1000, -50]), np.array([1000, 40])

    def steps(acc: np.ndarray) -> np.ndarray:
        return np.clip(acc // 10, -128, 127)

    found = thresholds(steps, low, high, [-100, 0, 3, 5])
    assert found.tolist() == [[-1000, -50], [0, 0], [30, 30], [50, 41]]


def test_emulation_is_exact_for_every_reachable_accumulator() -> None:
    """300 channels with factors of all sizes, wrapped ones among them."""
    random = np.random.default_rng(0)
    channels = 300
    op = conv(
        Window((3, 3)),
        depth=8,
        per_group=channels,
        weight_scales=2.0 ** random.uniform(-12, 4, channels),
        bias=random.choice([0, 12345, -(2**31), 2**30], channels),
    )
    assert emulation_is_exact(op, 0.02, 5, 0.03, -7).all()


def test_proof_finds_a_form_that_is_off_by_one_somewhere() -> None:
    """A factor one bit lower moves some steps of some channels: the comparison sees it, and
    sampling at the thresholds agrees."""
    factors = np.float32([0.0037, 0.25, 0.011])
    lower = np.nextafter(factors, f32(0))
    low, high = np.full(3, -(2**22)), np.full(3, 2**22)
    scales = [scale_of(factor, "x") for factor in factors]
    exact = equal_channels(
        lambda acc: requantize(acc, scales, 0, -128, 127),
        lambda acc: requantize_float(acc, factors, 0, -128, 127),
        low, high, -128, 127,
    )  # fmt: skip
    assert exact.all()
    wrong = equal_channels(
        lambda acc: requantize(acc, scales, 0, -128, 127),
        lambda acc: requantize_float(acc, lower, 0, -128, 127),
        low, high, -128, 127,
    )  # fmt: skip
    # 0.25: every tie of the exact factor falls to the other side; small factors may not show it
    assert not wrong[1]
    everything = np.arange(-(2**17), 2**17)[:, None]
    for c in range(3):
        differs = (
            requantize(everything, scales[c], 0, -128, 127)
            != requantize_float(everything, lower[c], 0, -128, 127)
        ).any()
        assert differs == (not wrong[c])
