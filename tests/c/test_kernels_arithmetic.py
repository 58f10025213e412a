"""The integer arithmetic of the kernels against real float32, by the million."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from patchc.ir import Clamp, Quantization
from patchc.numerics.add import add_float, add_integer, add_params
from patchc.numerics.pairing import Pairing, all_pairs
from patchc.numerics.requant import ZERO_SCALE, requantize, requantize_float, scale_of
from patchc.numerics.structs import ConvParams, Form, Rare, WindowParams
from tests.c.kernel_host import PLAIN, Call, Scale, library, run

SWEEP = str(Path(__file__).parent / "kernel_sweep.c")
FLAGS = ("-O2", "-std=c99", "-ffp-contract=off", "-fno-strict-aliasing")

INT32_EDGES = [-(2**31), -(2**31) + 1, 2**31 - 1, 2**24, 2**24 + 1, -(2**24) - 1, 1, 0, -1]


@pytest.mark.parametrize("builtins", [(), ("-DPATCHC_NO_BUILTINS",)], ids=["clz", "portable"])
@pytest.mark.parametrize(
    ("function", "count"),
    [
        ("sweep_requantize", 10_000_000),
        ("sweep_requantize_steps", 10_000_000),
        ("sweep_softfloat", 5_000_000),
        ("sweep_wrapping_add", 5_000_000),
    ],
)
def test_emulation_equals_float32(function: str, count: int, builtins: tuple[str, ...]) -> None:
    example = (ctypes.c_int64 * 3)()
    sweep = getattr(library("gcc", FLAGS + builtins, (SWEEP,)), function)
    sweep.restype = ctypes.c_int64
    differing = sweep(ctypes.c_uint64(2024), ctypes.c_int64(count), example)
    assert differing == 0, f"{differing} differ, among them {list(example)}"


def c_requantize(acc: np.ndarray, factor: np.float32, zero_point: int) -> np.ndarray:
    """patchc_scaled through the dense kernel: every accumulator is a bias of its own."""
    scale = scale_of(factor, "test")
    params = ConvParams(
        window=WindowParams(1, 1, 1, 1, 1, 1),
        groups=1,
        weights=np.zeros(len(acc), np.int8),
        form=tuple(Form(~c, 0) for c in range(len(acc))),
        rare=tuple(Rare(int(bias), scale, 0, 0) for bias in acc.astype(np.int32)),
        pad_value=0,
        zero_point=zero_point,
        lo=-128,
        hi=127,
        drop=0,
    )
    call = Call("dense", params, (np.zeros((1, 1, 1), np.int8),), (1, 1, len(acc)))
    return run(library(), call).ravel()


@pytest.mark.parametrize(
    "factor",
    [0.0, 1e-45, 1e-39, 1.2e-38, 2.0**-33, 2.0**-32, 2.0**-31, 0.5, 1.0, 1.5, 2.0**20, 3.4e38],
)
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_any_finite_factor(factor: float, zero_point: int) -> None:
    """Zero, subnormal, one, beyond one, the largest float32: C, its numpy model and float32."""
    acc = np.array(INT32_EDGES + list(range(-300, 300)), np.int64)
    r = np.float32(factor)
    expected = requantize_float(acc, r, zero_point, -128, 127)
    np.testing.assert_array_equal(c_requantize(acc, r, zero_point), expected)
    model = requantize(acc, scale_of(r, "test"), zero_point, -128, 127)
    np.testing.assert_array_equal(model, expected)


def test_numpy_model_is_the_c_function() -> None:
    """Random accumulators of every magnitude and factors: the model that proofs are made with."""
    random = np.random.default_rng(7)
    for _ in range(300):
        acc = (random.integers(-(2**31), 2**31, 500) >> random.integers(0, 31, 500)).astype(
            np.int64
        )
        factor = np.float32(2.0 ** random.uniform(-36, 6))
        zero_point = int(random.integers(-128, 128))
        model = requantize(acc, scale_of(factor, "test"), zero_point, -128, 127)
        np.testing.assert_array_equal(c_requantize(acc, factor, zero_point), model)


def test_zero_scale_has_the_c_type() -> None:
    """Its shift keeps the product at 0 whatever the accumulator."""
    assert Scale(ZERO_SCALE.mantissa, ZERO_SCALE.shift).mantissa == 0
    acc = np.array(INT32_EDGES, np.int64)
    assert (requantize(acc, ZERO_SCALE, -5, -128, 127) == -5).all()


def float32(value: float) -> float:
    return float(np.float32(value))


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("spread", [1, 6, 16, 25])
def test_add_on_all_pairs(spread: int, unsigned: bool) -> None:
    """65 536 pairs x random scales whose ratios reach 2**spread: C, model and float32 agree."""
    random = np.random.default_rng([spread, unsigned])
    a, b = all_pairs()
    maps = tuple(np.broadcast_to(x, (256, 256)).reshape(256, 16, 16) for x in (a, b))
    for _ in range(24):
        scales = 2.0 ** random.uniform(-spread / 2, spread / 2, 3) * random.choice([1e-6, 1, 1e6])
        points = random.integers(-128, 128, 3)
        quants = [Quantization(float32(s), int(z)) for s, z in zip(scales, points, strict=True)]
        lo, hi = np.sort(random.integers(-128, 128, 2))
        clamp = Clamp(int(lo), int(hi)) if random.random() < 0.3 else Clamp()
        addition = Pairing(*quants, clamp=clamp, unsigned=unsigned)
        params = add_params(addition, "test")
        expected = add_float(addition, a, b)
        np.testing.assert_array_equal(add_integer(params, a, b), expected)
        got = run(library(), Call("add", params, maps, (256, 16, 16)), PLAIN)
        np.testing.assert_array_equal(got.reshape(256, 256), expected)


def test_add_with_exact_ties() -> None:
    """Scales that are powers of two: many sums lie exactly between two integers."""
    a, b = all_pairs()
    maps = tuple(np.broadcast_to(x, (256, 256)).reshape(256, 16, 16) for x in (a, b))
    for sa, sb in [(0.5, 0.5), (0.5, 0.25), (1.0, 0.5), (0.125, 2.0), (1.0, 1.0)]:
        for zero_point in (-128, -1, 0, 1, 127):
            quants = Quantization(sa, zero_point), Quantization(sb, 3), Quantization(1.0, -7)
            addition = Pairing(*quants)
            got = run(library(), Call("add", add_params(addition, "t"), maps, (256, 16, 16)))
            np.testing.assert_array_equal(got.reshape(256, 256), add_float(addition, a, b))
