"""patchc.numerics.add: when 32 bits do, what is proved, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.ir import Quantization
from patchc.numerics.add import add_float, add_params
from patchc.numerics.pairing import Pairing, all_pairs

f32 = np.float32


def test_add_rounds_otherwise_on_uint8() -> None:
    """Why `unsigned` exists: a quarter of random Adds differ on some pair of 65 536."""
    random = np.random.default_rng(0)
    differing = 0
    for _ in range(60):
        scales = random.uniform(0.005, 0.1, 3)
        points = random.integers(-128, 128, 3)
        quants = [Quantization(float(f32(s)), int(z)) for s, z in zip(scales, points, strict=True)]
        signed = add_float(Pairing(*quants), *all_pairs())
        shifted = add_float(Pairing(*quants, unsigned=True), *all_pairs())
        assert np.abs(signed.astype(int) - shifted).max() <= 1
        differing += not np.array_equal(signed, shifted)
    assert 5 <= differing <= 40


def test_add_mostly_takes_32_bits() -> None:
    """With scales of like size fewer than one pair in 2 000 needs 64 bits."""
    quants = [Quantization(float(f32(s)), z) for s, z in [(0.031, 4), (0.047, -9), (0.055, 1)]]
    params_ = add_params(Pairing(*quants), "x")
    assert params_.near.mask > 0
    assert 1 - params_.near.mask / 2**params_.near.bits < 1 / 2000


def test_add_refuses_absurd_scales() -> None:
    sane, huge = Quantization(1.0, 3), Quantization(float(f32(1e30)), 5)
    tiny = Quantization(float(f32(1e-30)), 100)
    with pytest.raises(PatchcError, match=r"Add 'sum'.*scales of like size"):
        add_params(Pairing(huge, huge, tiny), "Add 'sum'")
    with pytest.raises(PatchcError, match=r"Add 'sum'.*scales of like size"):
        add_params(Pairing(sane, sane, Quantization(float(f32(1e-24)), 80)), "Add 'sum'")


@pytest.mark.parametrize("exponent", [-20, -40, -60])
def test_add_of_a_negligible_operand_is_proved(exponent: int) -> None:
    """Exact constants need more than 62 bits; truncated ones are proved on all pairs."""
    small = Quantization(2.0**exponent * 1.25, 17)
    large = Quantization(float(f32(0.3)), -5)
    for a, b in [(small, large), (large, small)]:
        assert add_params(Pairing(a, b, Quantization(0.25, 9)), "x").frac <= 62
