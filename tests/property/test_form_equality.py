"""Any channel: its form is onnxruntime's formula for every sum, and the checker says so."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from patchc.numerics.form_check import proved
from patchc.numerics.forms import PIECES_SHAPES, apply, layer_forms
from patchc.numerics.requant import requantize_float
from patchc.numerics.thresholds import Channels
from tests.forms import HIGH_SHAPES

INT32 = 2**31


@st.composite
def channels(draw: st.DrawFn) -> Channels:
    """One channel: any factor from the least to 2^7, any bias, ranges that are swept quickly."""
    exponent = draw(st.integers(-126, 6) | st.integers(-20, -2))
    significand = draw(st.integers(2**23, 2**24 - 1) | st.integers(8, 15).map(lambda n: n << 20))
    low = draw(st.integers(-50_000, 50_000))
    lo = draw(st.just(-128) | st.integers(-128, 127))
    return Channels(
        factors=np.array([np.ldexp(float(significand), exponent - 23)], np.float32),
        bias=np.array([draw(st.integers(-100_000, 100_000) | st.integers(-INT32, INT32 - 1))]),
        low=np.array([low]),
        high=np.array([low + draw(st.integers(0, 60_000))]),
        zero_point=draw(st.integers(-128, 127)),
        lo=lo,
        hi=draw(st.just(127) | st.integers(lo, 127)) if lo < 127 else 127,
    )


@given(channels(), st.sampled_from([HIGH_SHAPES, HIGH_SHAPES[:1], PIECES_SHAPES]))
@settings(max_examples=300, deadline=None)
def test_forms_equal_the_formula(channel, shapes):
    forms = layer_forms(channel, shapes, "test")
    sums = np.arange(channel.low[0], channel.high[0] + 1)[:, None]
    acc = (sums + channel.bias).astype(np.int32)
    limits = channel.zero_point, channel.lo, channel.hi
    np.testing.assert_array_equal(
        apply(forms, sums, *limits), requantize_float(acc, channel.factors, *limits)
    )
    assert proved(channel, forms).all()
