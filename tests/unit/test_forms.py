"""patchc.numerics: steps, lines, forms and their checker, against every sum that can come up."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.numerics import node_forms
from patchc.numerics.form_check import proved
from patchc.numerics.forms import (
    HIGH,
    PIECES_SHAPES,
    LayerForms,
    Shape,
    Word,
    apply,
    layer_forms,
)
from patchc.numerics.lines import best_widths
from patchc.numerics.requant import requantize_float, scale_of
from patchc.numerics.structs import Rare
from patchc.numerics.thresholds import Channels, conv_channels, knows_steps, reachable_sums, steps
from tests.forms import HIGH_SHAPES, random_channels
from tests.graphs import NetworkBuilder

f32 = np.float32
CHOICES = {"constant": (HIGH,), "high": HIGH_SHAPES, "pieces": PIECES_SHAPES}


def formula(channels: Channels, channel: int, sums: np.ndarray) -> np.ndarray:
    """onnxruntime's output of one channel; the bias wraps."""
    acc = (sums + channels.bias[channel]).astype(np.int32)
    return requantize_float(
        acc, channels.factors[channel], channels.zero_point, channels.lo, channels.hi
    )


def every_sum(channels: Channels, channel: int) -> np.ndarray:
    return np.arange(channels.low[channel], channels.high[channel] + 1)


def one_channel(factor: float, low: int, high: int, bias: int = 0, zero_point: int = 0) -> Channels:
    return Channels(
        np.array([factor], f32),
        np.array([bias]),
        np.array([low]),
        np.array([high]),
        zero_point,
        -128,
        127,
    )


def differing(channels: Channels, forms: LayerForms) -> np.ndarray:
    """Per channel: does any sum give another output than onnxruntime's?"""
    result = []
    for c in range(len(channels)):
        sums = every_sum(channels, c)
        alone = replace(forms, factor=forms.factor[[c]], offset=forms.offset[[c]])
        found = apply(alone, sums[:, None], channels.zero_point, channels.lo, channels.hi)[:, 0]
        result.append(not np.array_equal(found, formula(channels, c, sums)))
    return np.array(result)


# ---- what can come up ----


def test_reachable_sums_are_those_of_the_worst_inputs():
    """By brute force over the inputs' ends and the padding's value."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-128, 128, (3, 1, 2, 2)).astype(np.int8)
    for zero_point, inputs in ((-128, (-128, 127)), (5, (-20, 30)), (-90, (-20, 30))):
        least, most = min(inputs[0], zero_point), max(inputs[1], zero_point)
        corners = np.array(np.meshgrid(*[[least, most]] * 4)).reshape(4, -1)
        sums = weights.reshape(3, 4).astype(np.int64) @ corners
        low, high = reachable_sums(weights, zero_point, inputs)
        np.testing.assert_array_equal(low, sums.min(axis=1))
        np.testing.assert_array_equal(high, sums.max(axis=1))


@pytest.mark.parametrize(
    ("channels", "known"),
    [
        (one_channel(0.01, -1000, 1000), True),
        (one_channel(2.0**-18, -(2**20), 2**20, bias=2**24 - 2**20), False),
        (one_channel(2.0**-18, -(2**20), 2**20, bias=2**24 - 2**20 - 1), True),
        (one_channel(2.0**-25, -1000, 1000, bias=2**31 - 1000), False),
        (one_channel(1e-12, -1000, 1000, bias=2**31 - 1000), True),  # 0 whatever it is
        (one_channel(1e-40, -1000, 1000), True),
    ],
)
def test_channels_whose_steps_are_known(channels, known):
    assert knows_steps(channels).tolist() == [known]


# ---- steps ----


@pytest.mark.parametrize("seed", range(6))
def test_steps_are_where_the_float_formula_takes_them(seed):
    channels = random_channels(seed)
    found = steps(channels)
    for c in range(len(channels)):
        sums = every_sum(channels, c)
        output = formula(channels, c, sums)
        assert (found.bottom[c], found.top[c]) == (output[0], output[-1])
        for level in range(found.bottom[c] + 1, found.top[c] + 1):
            assert found.at[c, level - channels.lo] == sums[np.argmax(output >= level)]


BESIDE_A_HALF = [float(np.nextafter(f32(0.5), f32(end))) for end in (0, 1)]


@pytest.mark.parametrize(
    "factor", [2.0**-1, 2.0**-7, 3 * 2.0**-9, 0.999999, 1.0, 200.0, 1e9, 0, *BESIDE_A_HALF]
)
def test_steps_on_ties(factor):
    """And right beside them, where float32 decides."""
    channels = one_channel(factor, -20_000, 20_000, bias=3, zero_point=-7)
    found, sums = steps(channels), every_sum(channels, 0)
    output = formula(channels, 0, sums)
    for level in range(found.bottom[0] + 1, found.top[0] + 1):
        assert found.at[0, level + 128] == sums[np.argmax(output >= level)]


# ---- lines ----


def least_spread(at: np.ndarray, first: int) -> Fraction:
    """By every pair of pairs of levels: the least of the largest, in rational numbers."""
    points = [(first + i, int(a)) for i, a in enumerate(at)]
    cuts = {(t - u, b - a) for t, a in points for u, b in points}
    widths = {
        Fraction(d - c, p - q) for p, c in cuts for q, d in cuts if p > q and (d - c) * (p - q) > 0
    }
    return min(max(p * width + c for p, c in cuts) for width in widths)


def test_a_line_exists_where_the_least_spread_is_below_one():
    """Against rational arithmetic over all pairs, on a few steps, some of them one further on."""
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(60):
        width = rng.uniform(2, 9)
        at = np.ceil(np.arange(1, 8) * width + rng.uniform(0, 9)).astype(np.int64)
        at += rng.random(7) < 0.15
        # lo = 0, so that level t is in column t; level 8 is never reached, nor bounds anything.
        full = np.concatenate([[at[0] - 5], at, [at[-1] + 1]])[None]
        wanted = steps(replace(one_channel(1, 0, 1), lo=0, hi=7))
        wanted = replace(wanted, at=full, bottom=np.array([0]), top=np.array([7]))
        exists = bool(best_widths(wanted).exists[0])
        assert exists == (least_spread(at, 1) < 1)
        seen.add(exists)
    assert seen == {False, True}


def test_nearly_all_random_channels_have_a_line():
    counts = [layer_forms(random_channels(seed), HIGH_SHAPES, "test").lines for seed in range(20)]
    assert sum(counts) > 0.85 * 20 * 24


# ---- forms ----


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("seed", range(8))
def test_forms_equal_the_formula_for_every_sum(seed, choice):
    channels = random_channels(seed + 100)
    forms = layer_forms(channels, CHOICES[choice], "test")
    assert not differing(channels, forms).any()
    assert proved(channels, forms).all()


@pytest.mark.parametrize("seed", range(8))
def test_guarded_channels_equal_the_formula_for_every_sum(seed):
    """All channels, those with a line among them."""
    channels = random_channels(seed + 200)
    rare = tuple(
        Rare(int(bias), scale_of(factor, "test"), 7, scale_of(factor, "test").shift - 18)
        for bias, factor in zip(channels.bias, channels.factors, strict=True)
    )
    assert all(one.is_guarded for one in rare)
    count = len(channels)
    forms = LayerForms(HIGH, ~np.arange(count, dtype=np.int32), np.zeros(count, np.int32), rare)
    assert not differing(channels, forms).any()
    assert proved(channels, forms).all()


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize(
    "channels",
    [
        one_channel(1e-12, -(2**20), 2**20, bias=2**31 - 1000),
        one_channel(0.01, -1000, 1000, bias=-(2**24)),
        one_channel(0.0, -1000, 1000),
        one_channel(1e-40, -1000, 1000, zero_point=-128),
        one_channel(0.01, 0, 0),
        one_channel(0.01, -1000, 1000, bias=10**6, zero_point=127),
        one_channel(100.0, -1000, 1000),
        one_channel(1e9, -1000, 1000),
    ],
    ids=["wraps", "not-exact", "zero", "subnormal", "one-sum", "saturated", "steep", "huge"],
)
def test_extremes(channels, choice):
    forms = layer_forms(channels, CHOICES[choice], "test")
    assert proved(channels, forms).all()
    if channels.high[0] - channels.low[0] < 10**5:
        assert not differing(channels, forms).any()


@pytest.mark.slow
@pytest.mark.parametrize("bias", [2**24, 5 * 2**24 + 1, -(2**27), 2**31 - 50_000])
def test_accumulators_that_float32_rounds_are_guarded(bias):
    factor = abs(60 / bias)
    channels = one_channel(factor, -40_000, 40_000 + abs(bias) // 100, bias=bias)
    forms = layer_forms(channels, HIGH_SHAPES, "test")
    assert (forms.lines, forms.guarded, forms.emulated) == (0, 1, 0)
    assert proved(channels, forms).all()
    assert not differing(channels, forms).any()


def test_a_factor_without_bits_behind_the_point_is_emulated():
    forms = layer_forms(one_channel(100.0, -(2**24), 2**24), HIGH_SHAPES, "test")
    assert (forms.lines, forms.guarded, forms.emulated) == (0, 0, 1)


def test_a_factor_that_is_no_number_is_refused():
    with pytest.raises(PatchcError, match=r"conv 'c'.*quantise the model again"):
        layer_forms(one_channel(float("nan"), -1, 1), HIGH_SHAPES, "conv 'c'")


def test_the_channels_of_a_convolution():
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(6, 6, 3), 5))
    node = graph.nodes[0]
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    channels = conv_channels(node.op, x, y)
    assert proved(channels, layer_forms(channels, HIGH_SHAPES, "test")).all()


# ---- the checker ----


@pytest.mark.parametrize("choice", CHOICES)
def test_the_checker_agrees_with_every_sum(choice):
    """One unit more or less in a factor, some in an offset: it says equal where all sums are, and
    only there."""
    outcomes = set()
    for seed in range(6):
        channels = random_channels(seed + 300)
        forms = layer_forms(channels, CHOICES[choice], "test")
        for name, change in (("factor", 1), ("factor", -40), ("offset", 1), ("offset", -90)):
            values = np.where(
                forms.factor >= 0, getattr(forms, name) + change, getattr(forms, name)
            )
            if name == "factor":
                values = np.where(forms.factor >= 0, np.maximum(values, 0), values)
            broken = replace(forms, **{name: values.astype(np.int32)})
            equal = proved(channels, broken)
            np.testing.assert_array_equal(equal, ~differing(channels, broken))
            outcomes |= set(equal[forms.factor >= 0].tolist())
    assert outcomes == {False, True}


@pytest.mark.parametrize("choice", CHOICES)
def test_an_offset_one_unit_beyond_its_interval_is_caught(choice):
    """From the solver's offset up and down to the first that the checker refuses: that one gives
    another output for some sum, and its neighbour for none."""
    channels = one_channel(0.0113, -15_000, 15_000, bias=77, zero_point=3)
    forms = layer_forms(channels, CHOICES[choice], "test")
    assert forms.lines == 1

    def moved(by: int) -> LayerForms:
        return replace(forms, offset=(forms.offset + by).astype(np.int32))

    for direction in (1, -1):
        inside, outside = 0, direction
        while proved(channels, moved(outside))[0]:
            inside, outside = outside, 2 * outside
        while abs(outside - inside) > 1:
            middle = (inside + outside) // 2
            if proved(channels, moved(middle))[0]:
                inside = middle
            else:
                outside = middle
        assert not differing(channels, moved(inside))[0]
        assert differing(channels, moved(outside))[0]


def test_broken_guarded_channels_are_caught():
    channels = one_channel(0.0123, -20_000, 20_000, bias=77)
    scale = scale_of(f32(0.0123), "test")
    good = Rare(77, scale, 7, scale.shift - 18)
    broken = (
        replace(good, bias=78),
        replace(good, drop=good.drop + 1),
        replace(good, lift=8, drop=good.drop + 1),
        replace(good, scale=replace(scale, mantissa=scale.mantissa + 1)),
        replace(good, scale=replace(scale, shift=scale.shift + 1), drop=good.drop + 1),
    )
    for rare, right in ((good, True), *((one, False) for one in broken)):
        forms = LayerForms(HIGH, np.array([-1], np.int32), np.zeros(1, np.int32), (rare,))
        assert proved(channels, forms).tolist() == [right]


@pytest.mark.parametrize("low", [-(2**20), -1000])
def test_a_word_that_leaves_int32_is_caught(low):
    """The same line with so many bits behind the point that kernels would wrap, at both ends or
    at one of them."""
    channels = one_channel(0.0113, low, 2**20)
    forms = layer_forms(channels, (HIGH,), "test")
    assert forms.lines == 1
    wide = LayerForms(
        Shape(Word.HIGH, HIGH.lift + 4, HIGH.drop + 4),
        forms.factor,
        (forms.offset.astype(np.int64) << 4).astype(np.int32),
        (),
    )
    assert not proved(channels, wide).any()


def test_a_channel_that_is_not_proved_is_an_internal_error(monkeypatch):
    """It names node and channel."""
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(6, 6, 3), 5))
    node = graph.nodes[0]
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    monkeypatch.setattr(node_forms, "proved", lambda channels, forms: np.arange(5) != 3)
    with pytest.raises(AssertionError, match=r"Conv 'c', output channel 3: .* is not proved"):
        node_forms.conv_forms(node.op, x, y, (HIGH,), "Conv 'c'")
