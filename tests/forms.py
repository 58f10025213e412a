"""Random channels for the tests of requantisation's forms."""

from __future__ import annotations

import numpy as np

from patchc.numerics.forms import HIGH, Shape, Word
from patchc.numerics.thresholds import Channels

# The shape of the kernels, one with more offset bits, and one with larger factors.
HIGH_SHAPES = (HIGH, Shape(Word.HIGH, 8, 12), Shape(Word.HIGH, 10, 10))

# Some million sums per layer: every one is compared.
SPAN = 30_000


def random_channels(seed: int, count: int = 24, span: int = SPAN) -> Channels:
    """Factors from 2^-19 to 2^-4, ties made likely in some; the output's range whole or clamped."""
    rng = np.random.default_rng(seed)
    exponents = rng.uniform(-19, -4, count)
    factors = np.exp2(exponents).astype(np.float32)
    # Few significant bits: products lie on ties, where rounding to even shows.
    few = rng.random(count) < 0.25
    factors[few] = np.ldexp(rng.integers(1, 64, few.sum()), np.int64(exponents[few]) - 6)
    low = -rng.integers(0, span, count)
    clamped = rng.random() < 0.3
    lo, hi = np.sort(rng.choice(np.arange(-128, 128), 2, replace=False)) if clamped else (-128, 127)
    return Channels(
        factors=factors.astype(np.float32),
        bias=rng.integers(-(2**17), 2**17, count),
        low=low,
        high=low + rng.integers(1, span, count),
        zero_point=int(rng.integers(-128, 128)),
        lo=int(lo),
        hi=int(hi),
    )
