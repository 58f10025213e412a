"""patchc.numerics.cmsis: the rounding of CMSIS-NN, and the multipliers proved for it, against every
sum that can come up."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.numerics.cmsis import Rounding, cmsis_form, nearest, requantize
from patchc.numerics.cmsis_check import cmsis_proved
from patchc.numerics.requant import requantize_float
from patchc.numerics.thresholds import Channels, every_step
from tests.forms import random_channels

f32 = np.float32
ROUNDINGS = pytest.mark.parametrize("rounding", list(Rounding), ids=lambda one: one.value)


def library(channels: Channels, channel: int, sums: np.ndarray, numbers, rounding) -> np.ndarray:
    scaled = requantize(sums + channels.bias[channel], *numbers, rounding)
    return np.clip(scaled + channels.zero_point, channels.lo, channels.hi).astype(np.int8)


def differs(channels: Channels, channel: int, numbers, rounding: Rounding) -> bool:
    """On any sum that can come up."""
    sums = np.arange(channels.low[channel], channels.high[channel] + 1)
    expected = requantize_float(
        sums + channels.bias[channel],
        channels.factors[channel],
        channels.zero_point,
        channels.lo,
        channels.hi,
    )
    return not np.array_equal(library(channels, channel, sums, numbers, rounding), expected)


def one_channel(factor: float, low: int, high: int, bias: int = 0) -> Channels:
    made = np.array([factor], f32), np.array([bias]), np.array([low]), np.array([high])
    return Channels(*made, 0, -128, 127)


@ROUNDINGS
@pytest.mark.parametrize("seed", range(12))
def test_a_channel_without_proof_has_no_multiplier_that_equals_on_every_sum(seed, rounding):
    """And one with proof equals on every sum. Those near the nearest multiplier are tried."""
    channels = random_channels(seed)
    form = cmsis_form(channels, rounding, "conv")
    near, shift = nearest(channels.factors)
    for c in range(len(channels)):
        numbers = form.multipliers[c], form.shifts[c]
        assert differs(channels, c, numbers, rounding) == (c in form.unproved)
        if c in form.unproved:
            assert numbers == (near[c], shift[c])
            for more in range(-40, 41, 8):
                tried = min(int(near[c]) + more, 2**31 - 1)
                assert differs(channels, c, (tried, int(shift[c])), rounding)


@ROUNDINGS
def test_most_multipliers_are_found_where_ties_are_few(rounding):
    channels = random_channels(99, count=200)
    form = cmsis_form(channels, rounding, "conv")
    proved = len(channels) - len(form.unproved)
    assert proved > (120 if rounding is Rounding.SINGLE else 0)


@ROUNDINGS
def test_the_proof_fails_where_a_multiplier_is_out_of_its_range_by_one(rounding):
    """Multipliers that equal form an interval: both its ends pass, and one beyond either fails."""
    from patchc.numerics.cmsis import multipliers

    channels = random_channels(5, count=60)
    known, wanted = every_step(channels)
    assert known.all()
    _, shift = nearest(channels.factors)
    possible = multipliers(channels, wanted, shift, rounding)
    index = np.arange(len(channels))
    # What ends beyond int32 is limited by words, not by steps.
    inner = possible.exist & (possible.least > 0) & (possible.most < 2**31 - 1)
    assert inner.any()
    for ends, holds in (
        (possible.least, True),
        (possible.most, True),
        (possible.least - 1, False),
        (possible.most + 1, False),
    ):
        found = cmsis_proved(channels, wanted, index, ends, shift, rounding)
        assert (found[inner] == holds).all()


@ROUNDINGS
def test_wrong_steps_prove_nothing(rounding):
    channels = random_channels(7)
    form = cmsis_form(channels, rounding, "conv")
    _, wanted = every_step(channels)
    numbers = np.array(form.multipliers), np.array(form.shifts)
    index = np.arange(len(channels))
    wanted.at[:, 1:-1] += 1
    found = cmsis_proved(channels, wanted, index, *numbers, rounding)
    constant = wanted.bottom == wanted.top
    assert not found[~constant].any()


@pytest.mark.slow
@ROUNDINGS
def test_accumulators_beyond_24_bits(rounding):
    """float32 rounds them, so steps are found by bisection."""
    rng = np.random.default_rng(3)
    for _ in range(3):
        factor = rng.uniform(0.5, 1) * 2.0**-18
        channels = one_channel(factor, -(2**24) - 70_000, 2**24 + 50_000)
        form = cmsis_form(channels, rounding, "conv")
        numbers = form.multipliers[0], form.shifts[0]
        assert differs(channels, 0, numbers, rounding) == bool(form.unproved)


@ROUNDINGS
def test_an_accumulator_that_may_wrap_is_not_proved(rounding):
    channels = one_channel(2.0**-24, -1000, 1000, bias=2**31 - 500)
    assert cmsis_form(channels, rounding, "conv").unproved == (0,)


@pytest.mark.parametrize(("high", "holds"), [(2**30 - 1, True), (2**30, False)])
def test_words_that_helium_shifts_out_of_int32_prove_nothing(high, holds):
    """It shifts accumulators to the left by one more. The scalar library would be right."""
    channels = one_channel(0.6, -1000, high)
    numbers = nearest(channels.factors)
    _, wanted = every_step(channels)
    sums = np.array([0, 2**24, high])
    np.testing.assert_array_equal(
        library(channels, 0, sums, [one[0] for one in numbers], Rounding.SINGLE), [0, 127, 127]
    )
    found = cmsis_proved(channels, wanted, np.arange(1), *numbers, Rounding.SINGLE)
    assert found.tolist() == [holds]


@ROUNDINGS
@pytest.mark.parametrize("factor", [0.0, 1e-30, 1e-12, 2.0**-31, 0.75, 7.3, 300.0, 1e9])
def test_factors_far_from_the_usual(factor, rounding):
    channels = one_channel(factor, -3000, 3000)
    form = cmsis_form(channels, rounding, "conv")
    numbers = form.multipliers[0], form.shifts[0]
    assert 0 <= numbers[0] < 2**31
    assert -31 <= numbers[1] <= 30
    assert differs(channels, 0, numbers, rounding) == bool(form.unproved)


@ROUNDINGS
def test_channels_with_one_factor_share_a_multiplier(rounding):
    factor = np.full(8, 0.0123, f32)
    low, high = -np.arange(100, 900, 100), np.arange(100, 900, 100)
    channels = Channels(factor, np.zeros(8, np.int64), low, high, 0, -128, 127)
    form = cmsis_form(channels, Rounding.SINGLE, "conv")
    assert form.is_shared
    assert not form.unproved


def test_a_factor_without_a_meaning_is_refused():
    with pytest.raises(PatchcError, match="conv, output channel 0: its input, weight and output"):
        cmsis_form(one_channel(float("inf"), 0, 1), Rounding.SINGLE, "conv")
