"""The convolutions for cores with DSP instructions or MVE, as plain C on the host: against numpy,
under sanitizers, and that they keep to their order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchc.kernels import dsp_packing, mve
from tests.c.conv_calls import KERNELS, Call, call, check_outputs, write_calls
from tests.c.conv_cases import extremes, sample
from tests.c.conv_program import host_program, run_host
from tests.c.kernel_host import Layout

SANITIZERS = {
    "gcc": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"),
    "clang": ("-fsanitize=undefined", "-fsanitize-trap=all", "-g", "-O1"),
}


every_flavour = pytest.mark.parametrize("flavour", ["dsp", "mve"])


def check(calls: list[Call], flavour: str, folder: Path, compiler: str = "gcc") -> None:
    calls = [one.of(flavour) for one in calls]
    program = host_program(compiler, SANITIZERS[compiler])
    write_calls(folder / "in", calls)
    run_host(program, folder)
    check_outputs(folder / "out", calls)


@every_flavour
@pytest.mark.parametrize("compiler", SANITIZERS)
def test_against_numpy_under_sanitizers(compiler: str, flavour: str, tmp_path: Path) -> None:
    """Any tails of channels and columns, borders, strides, rings, addresses; channels with lines
    and without; narrow ranges; scratch of exactly the bytes that are declared."""
    check(sample(60), flavour, tmp_path, compiler)


@every_flavour
def test_extreme_values(flavour: str, tmp_path: Path) -> None:
    check(extremes(), flavour, tmp_path)


def test_portable_kernels_compute_the_same(tmp_path: Path) -> None:
    check(sample(10), "portable", tmp_path)


@every_flavour
def test_outputs_overlap_what_is_read_no_more(flavour: str, tmp_path: Path) -> None:
    """Order.PIXEL, with the output as late in the input as that permits, or somewhat earlier."""
    calls = [
        replace(
            one,
            in_layout=Layout(spare_pitch=one.in_layout.spare_pitch),
            out_layout=Layout(spare_pitch=one.out_layout.spare_pitch),
        )
        for one in sample(60)
        if not one.part
    ]
    placed = [one.in_place(index % 5) for index, one in enumerate(calls)]
    assert sum(one.skew[0] < one.x.size for one in placed) > len(placed) / 2
    check(placed, flavour, tmp_path)


def test_the_sample_is_worth_its_name() -> None:
    """All kernels; most outputs lie inside the range of int8, some at its ends."""
    calls = sample(30)
    assert {one.kernel for one in calls} == set(KERNELS)
    ends = [np.isin(one.expected(), (-128, 127)).mean() for one in calls if one.lo == -128]
    assert 0.02 < np.mean(ends) < 0.7


@pytest.mark.parametrize(
    ("flavour", "kernel", "c_in", "c_out", "side", "most"),
    [
        ("dsp", "conv2d_pointwise", 16, 96, 1, 0),
        ("dsp", "conv2d", 3, 16, 3, 0.04),
        ("dsp", "conv2d", 16, 16, 3, 0),
        ("dsp", "dense", 64, 10, 1, 0),
        ("dsp", "conv2d_depthwise", 48, 48, 3, 0.12),
        ("dsp", "conv2d_depthwise", 48, 48, 5, 0.05),
        ("dsp", "conv2d_depthwise", 48, 48, 7, 0.03),
        ("mve", "conv2d", 3, 16, 3, 0),
        ("mve", "dense", 63, 10, 1, 0),
        ("mve", "conv2d_depthwise", 48, 48, 3, 0),
        ("mve", "conv2d_depthwise", 44, 44, 3, 0.1),
    ],
)
def test_packed_weights_cost_little_more(
    flavour: str, kernel: str, c_in: int, c_out: int, side: int, most: float
) -> None:
    one = call(kernel, (side, side), c_in, c_out, (side, side), flavour=flavour)
    assert one.weights.size <= len(one.packed()[0]) <= (1 + most) * one.weights.size


def test_two_channels_in_fours() -> None:
    """The layout, value by value: the first and third of each four xor 0x80, zeros behind."""
    weights = np.arange(1, 11).reshape(2, 1, 5).astype(np.int8)
    found = dsp_packing.fours(weights, 2).view(np.uint8).tolist()
    first = [1 + 128, 2, 3 + 128, 4, 6 + 128, 7, 8 + 128, 9]
    assert found == [*first, 5 + 128, 0, 128, 0, 10 + 128, 0, 128, 0]
    assert dsp_packing.fours_shortfall(weights).tolist() == [128 * (2 + 4), 128 * (7 + 9)]


def test_two_channels_depthwise() -> None:
    """The layout, value by value: columns 0 and 2 of each row, then column 1 of each."""
    weights = np.stack([np.arange(9), 10 + np.arange(9)]).reshape(2, 3, 3).astype(np.int8)
    pairs = [[0, 10, 2, 12], [3, 13, 5, 15], [6, 16, 8, 18]]
    assert dsp_packing.depthwise(weights).tolist() == [
        *itertools.chain(*pairs),
        1,
        11,
        4,
        14,
        7,
        17,
        0,
        0,
    ]


def test_eight_channels_depthwise() -> None:
    """The layout, value by value: eight channels of each tap, zeros in place of those lacking."""
    weights = np.arange(9 * 9).reshape(9, 3, 3, 1).astype(np.int8)
    first = [[9 * c + tap for c in range(8)] for tap in range(9)]
    second = [[72 + tap, *[0] * 7] for tap in range(9)]
    assert mve.eights(weights).tolist() == list(itertools.chain(*first, *second))
