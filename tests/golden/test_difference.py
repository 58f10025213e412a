"""Counts, histograms and ratios of two sets of values."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.ir import Quantization
from patchc.verify.difference import compare


def test_equal_values():
    values = [np.array([1, 2, 3], np.int8)]
    found = compare("y", values, values)
    assert (found.values, found.differing, found.largest, found.sqnr_db) == (3, 0, 0, None)
    assert found.histogram == ((0, 3),)


def test_integers_are_compared_in_steps_over_all_cases():
    found = compare(
        "y",
        [np.array([10, -128], np.int8), np.array([7, 7], np.int8)],
        [np.array([12, 127], np.int8), np.array([7, 6], np.int8)],
    )
    assert found.differing == 3
    assert found.largest == 255
    assert found.histogram == ((-255, 1), (-2, 1), (0, 1), (1, 1))
    assert found.step == 1


def test_the_ratio_is_about_the_zero_point():
    quant = Quantization(0.5, 100)
    found = compare("y", [np.array([100, 111], np.int8)], [np.array([100, 110], np.int8)], quant)
    assert found.sqnr_db == pytest.approx(20)
    shifted = compare(
        "y", [np.array([228, 239], np.uint8)], [np.array([228, 238], np.uint8)], quant
    )
    assert shifted.sqnr_db == pytest.approx(20)


def test_floats_have_the_step_of_the_tensor_behind_them():
    ours, theirs = [np.float32([0.5, 1.5, 0])], [np.float32([0.5, 1.0, 0.01])]
    found = compare("y", ours, theirs, Quantization(0.25, 3))
    assert found.histogram == ((0, 2), (2, 1))
    assert found.differing == 2


def test_floats_without_one_are_compared_in_255ths_of_their_range():
    found = compare("y", [np.float32([0, 254])], [np.float32([0, 255])])
    assert found.step == 1
    assert found.largest == 1


def test_noise_on_nothing_has_a_ratio_that_json_can_hold():
    found = compare("y", [np.array([1], np.int8)], [np.array([0], np.int8)])
    assert found.sqnr_db is not None
    assert np.isfinite(found.sqnr_db)
    assert found.sqnr_db < 0
