"""The kernels for cores with DSP instructions, as plain C on the host: against numpy, under
sanitizers, and that they keep to their order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchc.kernels import dsp_packing
from tests.c.conv_calls import KERNELS, Call, call, check_outputs, write_calls
from tests.c.conv_cases import extremes, sample
from tests.c.conv_program import host_program, run_host
from tests.c.kernel_host import Layout

SANITIZERS = {
    "gcc": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"),
    "clang": ("-fsanitize=undefined", "-fsanitize-trap=all", "-g", "-O1"),
}


def check(calls: list[Call], folder: Path, compiler: str = "gcc") -> None:
    program = host_program(compiler, SANITIZERS[compiler])
    write_calls(folder / "in", calls)
    run_host(program, folder)
    check_outputs(folder / "out", calls)


@pytest.mark.parametrize("compiler", SANITIZERS)
def test_against_numpy_under_sanitizers(compiler: str, tmp_path: Path) -> None:
    """Any tails of channels and columns, borders, strides, rings, addresses; channels with lines
    and without; narrow ranges; scratch of exactly the bytes that are declared."""
    check(sample(60), tmp_path, compiler)


def test_extreme_values(tmp_path: Path) -> None:
    check(extremes(), tmp_path)


def test_portable_kernels_compute_the_same(tmp_path: Path) -> None:
    check([one.of("portable") for one in sample(10)], tmp_path)


def test_outputs_overlap_what_is_read_no_more(tmp_path: Path) -> None:
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
    check(placed, tmp_path)


def test_the_sample_is_worth_its_name() -> None:
    """All kernels; most outputs lie inside the range of int8, some at its ends."""
    calls = sample(30)
    assert {one.kernel for one in calls} == set(KERNELS)
    ends = [np.isin(one.expected(), (-128, 127)).mean() for one in calls if one.lo == -128]
    assert 0.02 < np.mean(ends) < 0.7


@pytest.mark.parametrize(
    ("kernel", "c_in", "c_out", "side", "most"),
    [
        ("conv2d_pointwise", 16, 96, 1, 0),
        ("conv2d", 3, 16, 3, 0.04),
        ("conv2d", 16, 16, 3, 0),
        ("dense", 64, 10, 1, 0),
        ("conv2d_depthwise", 48, 48, 3, 0.12),
        ("conv2d_depthwise", 48, 48, 5, 0.05),
        ("conv2d_depthwise", 48, 48, 7, 0.03),
    ],
)
def test_packed_weights_cost_little_more(
    kernel: str, c_in: int, c_out: int, side: int, most: float
) -> None:
    one = call(kernel, (side, side), c_in, c_out, (side, side))
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
