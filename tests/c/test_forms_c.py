"""What makes int8 of sums in C, with and without a long multiply, against the formula and against
Python's integers; under the sanitizers too."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from patchc.numerics.forms import HIGH, PIECES_SHAPES, Word, layer_forms
from patchc.numerics.requant import requantize_float, scale_of
from patchc.numerics.structs import Rare
from patchc.numerics.thresholds import Channels
from tests.c.kernel_host import ROOT, Form, Scale, library
from tests.c.kernel_host import Rare as CRare
from tests.forms import random_channels

SOURCES = (
    str(Path(__file__).parent / "forms_sweep.c"),
    str(ROOT / "runtime_c/portable/patchc_rare.c"),
    str(ROOT / "runtime_c/narrow/patchc_rare_narrow.c"),
)
CHOICES = {"high": (HIGH,), "pieces": PIECES_SHAPES}
BUILDS = {
    "fast": ("-O2",),
    # What is undefined stops the process.
    "traps": ("-O1", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"),
}
INT32_EDGES = np.array([-(2**31), -(2**31) + 1, -65537, -65536, -1, 0, 1, 65535, 65536, 2**31 - 1])


@pytest.fixture(params=BUILDS)
def forms_c(request: pytest.FixtureRequest) -> ctypes.CDLL:
    return library("gcc", BUILDS[request.param], SOURCES)


def pointer(values: np.ndarray) -> ctypes.c_void_p:
    return values.ctypes.data_as(ctypes.c_void_p)


def swept(forms_c: ctypes.CDLL, function: str, low: int, high: int, *args: object) -> np.ndarray:
    out = np.empty(high - low + 1, np.int32)
    getattr(forms_c, function)(pointer(out), ctypes.c_int32(low), len(out), *args)
    return out


def assert_equals_formula(channels: Channels, channel: int, values: np.ndarray) -> None:
    acc = np.arange(channels.low[channel], channels.high[channel] + 1) + channels.bias[channel]
    limits = channels.zero_point, channels.lo, channels.hi
    expected = requantize_float(acc, channels.factors[channel], *limits)
    np.testing.assert_array_equal(np.clip(values, channels.lo, channels.hi), expected)


def c_rare(rare: Rare) -> ctypes.Array:
    return ctypes.pointer(
        CRare(rare.bias, Scale(rare.scale.mantissa, rare.scale.shift), rare.lift, rare.drop)
    )


@pytest.mark.parametrize("choice", CHOICES)
def test_layers(forms_c, choice):
    """Every sum of every channel, by its line or guarded."""
    for seed in range(6):
        channels = random_channels(seed + 500)
        forms = layer_forms(channels, CHOICES[choice], "test")
        shape = forms.shape
        high = shape.word is Word.HIGH
        line = "sweep_high" if high else "sweep_pieces"
        without = "sweep_rare" if high else "sweep_rare_narrow"
        for c, factor in enumerate(forms.factor):
            ends = int(channels.low[c]), int(channels.high[c])
            if factor >= 0:
                form = ctypes.pointer(Form(int(factor), int(forms.offset[c])))
                values = swept(forms_c, line, *ends, form, shape.drop)
            else:
                rare = c_rare(forms.rare[~factor])
                values = swept(forms_c, without, *ends, rare, channels.zero_point)
            assert_equals_formula(channels, c, values)


def test_guarded(forms_c):
    """Every channel of some layers, and emulated altogether."""
    for seed in range(3):
        channels = random_channels(seed + 600)
        for c, factor in enumerate(channels.factors):
            scale, ends = scale_of(factor, "test"), (int(channels.low[c]), int(channels.high[c]))
            for drop in (scale.shift - 18, 0):
                rare = c_rare(Rare(int(channels.bias[c]), scale, 7, drop))
                for function in ("sweep_rare", "sweep_rare_narrow"):
                    values = swept(forms_c, function, *ends, rare, channels.zero_point)
                    assert_equals_formula(channels, c, values)


def test_products(forms_c):
    """The high and the middle word of 32 x 31-bit products, edges and random ones."""
    rng = np.random.default_rng(0)
    factors = np.concatenate([INT32_EDGES[INT32_EDGES >= 0], rng.integers(0, 2**31, 2000)])
    values = np.concatenate([INT32_EDGES, rng.integers(-(2**31), 2**31, 2000)])
    left, right = (side.ravel() for side in np.meshgrid(values, factors))
    high, narrow = np.empty(len(left), np.int32), np.empty(len(left), np.int32)
    middle = np.empty(len(left), np.uint32)
    forms_c.products(
        pointer(high),
        pointer(narrow),
        pointer(middle),
        pointer(left.astype(np.int32)),
        pointer(right.astype(np.uint32)),
        len(left),
    )
    np.testing.assert_array_equal(high, left * right >> 32)
    np.testing.assert_array_equal(narrow, high)
    np.testing.assert_array_equal(middle, (left * right >> 16) % 2**32)
