"""patchc.numerics.mul, sub and extremum: when 32 bits do, what is proved, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.ir import Clamp, Max, Min, Quantization
from patchc.numerics.extremum import extremum_float, extremum_params
from patchc.numerics.mul import mul_float, mul_integer, mul_params
from patchc.numerics.near import settle
from patchc.numerics.pairing import Pairing, all_pairs
from patchc.numerics.sub import sub_params


def quant(scale: float, zero_point: int) -> Quantization:
    return Quantization(float(np.float32(scale)), zero_point)


def test_mul_rounds_otherwise_on_uint8() -> None:
    """Why `unsigned` exists: products of simple scales fall on ties."""
    quants = quant(0.5, 3), quant(0.25, -7), quant(2, 5)
    signed = mul_float(Pairing(*quants), *all_pairs())
    shifted = mul_float(Pairing(*quants, unsigned=True), *all_pairs())
    assert np.abs(signed.astype(int) - shifted).max() <= 1
    exact = mul_params(Pairing(*quants, unsigned=True), "x")
    assert np.array_equal(mul_integer(exact, *all_pairs()), shifted)


@pytest.mark.parametrize("exponent", [-126, -80, -40, -29, -20, 0, 9, 10, 20, 60, 100])
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_mul_by_any_factor_is_proved(exponent: int, zero_point: int) -> None:
    """From factors that leave nothing but the zero point to those that saturate."""
    a, b = quant(1.7 * 2.0 ** max(exponent, -60), 100), quant(2.0 ** min(exponent + 60, 0), -90)
    for unsigned in (False, True):
        mul_params(Pairing(a, b, quant(1, zero_point), unsigned=unsigned), "x")


def test_mul_mostly_takes_32_bits() -> None:
    params = mul_params(Pairing(quant(0.02, -3), quant(0.004, -128), quant(0.02, -9)), "x")
    assert params.near.mask > 0
    assert 1 - params.near.mask / 2**params.near.bits < 1 / 100


def test_mul_refuses_scales_that_overflow() -> None:
    with pytest.raises(PatchcError, match=r"Mul 'gate'.*scales of like size"):
        mul_params(Pairing(quant(1e30, 0), quant(1e30, 0), quant(1e-30, 0)), "Mul 'gate'")


def test_sub_mostly_takes_32_bits() -> None:
    params = sub_params(Pairing(quant(0.031, 4), quant(0.047, -9), quant(0.055, 1)), "x")
    x, y = all_pairs()
    products = x.astype(np.int64) * params.near_a + y.astype(np.int64) * params.near_b
    settled, _ = settle(params.near, products)
    assert settled.mean() > 0.999


@pytest.mark.parametrize("scales", [(1e-36, 1, 1), (1e30, 1, 1e-10), (1, 1, 1e-37)])
def test_sub_refuses_scales_that_leave_float32(scales: tuple[float, float, float]) -> None:
    quants = [quant(scale, 3) for scale in scales]
    with pytest.raises(PatchcError, match=r"Sub 'd'.*range of float32.*scales of like size"):
        sub_params(Pairing(*quants), "Sub 'd'")


A, B = quant(0.03, 7), quant(0.05, -9)


@pytest.mark.parametrize(
    ("pairing", "tables"),
    [
        (Pairing(A, A, A), 0),
        (Pairing(A, A, B), 1),
        (Pairing(A, B, B), 2),
        (Pairing(A, B, quant(0.04, 3)), 2),
        (Pairing(A, A, A, Clamp(-5, 90)), 1),
    ],
)
def test_an_extremum_has_the_tables_that_differ(pairing, tables) -> None:
    params = extremum_params(Max, pairing)
    assert (0 if params.tables is None else len(params.tables)) == 256 * tables


@pytest.mark.parametrize("kind", [Max, Min])
def test_a_table_per_operand_is_an_extremum(kind) -> None:
    """Random scales, some of them far apart: all pairs."""
    random = np.random.default_rng(0)
    values = np.arange(-128, 128).astype(np.int8)
    for _ in range(200):
        a, b, out = (
            quant(2.0 ** random.integers(-8, 8) * random.choice([1, 1.3]), int(zero_point))
            for zero_point in random.integers(-128, 128, 3)
        )
        pairing = Pairing(a, b, out)
        params = extremum_params(kind, pairing)
        operands = [
            values if params.tables is None else params.tables[at : at + 256]
            for at in (0, params.b_table_at)
        ]
        choose = np.maximum if kind is Max else np.minimum
        expected = extremum_float(kind, pairing, *all_pairs())
        assert np.array_equal(choose(operands[0][:, None], operands[1]), expected)
