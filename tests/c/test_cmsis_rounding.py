"""patchc.numerics.cmsis.requantize against arm_nn_requantize itself, compiled on the host."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cmsis_nn import vendored
from patchc.numerics.cmsis import Rounding, nearest, requantize
from tests.tools import require_tool

SOURCE = Path(__file__).with_name("cmsis_rounding.c")
FLAGS = ["-O2", "-fwrapv", "-w", "-D__GNUC_PYTHON__", "-D__RESTRICT=__restrict__"]
DEFINES = {Rounding.SINGLE: ["-DCMSIS_NN_USE_SINGLE_ROUNDING"], Rounding.DOUBLE: []}
COUNT = 400_000


@pytest.fixture(scope="module", params=list(Rounding), ids=lambda one: one.value)
def library(request, tmp_path_factory):
    """The rounding, and the program compiled for it."""
    compiler = require_tool("gcc")
    program = tmp_path_factory.mktemp("cmsis") / request.param.value
    flags = [*FLAGS, "-D__CLZ=__builtin_clz", *DEFINES[request.param], *vendored("").includes]
    subprocess.run([compiler, *flags, str(SOURCE), "-o", str(program)], check=True)
    return request.param, program


def of_library(program: Path, numbers: np.ndarray) -> np.ndarray:
    """`numbers`: [count, 3], accumulator, multiplier and shift."""
    done = subprocess.run(
        [str(program)], input=numbers.astype("<i4").tobytes(), capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, "<i4")


def agree(library, acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> None:
    rounding, program = library
    expected = of_library(program, np.stack([acc, multiplier, shift], axis=1))
    found = requantize(acc, multiplier, shift, rounding)
    assert len(expected) == len(acc)
    assert np.count_nonzero(found != expected) == 0


def test_random_numbers(library):
    """Of every size, whatever the word that they leave: int32 wraps on both sides."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 32, COUNT)
    acc = rng.integers(-(2**31), 2**31, COUNT) >> bits
    agree(library, acc, rng.integers(0, 2**31, COUNT), rng.integers(-31, 31, COUNT))


def test_ties_and_their_neighbours(library):
    """Accumulators next to where the exact product is half an integer, and multipliers that are
    powers of two, whose products lie on ties."""
    rng = np.random.default_rng(2)
    factors = np.exp2(rng.uniform(-18, -3, COUNT)).astype(np.float32)
    factors[::2] = np.exp2(np.rint(np.log2(factors[::2])))
    multiplier, shift = nearest(factors)
    steps = rng.integers(-300, 300, COUNT) + 0.5
    acc = np.rint(steps / factors).astype(np.int64) + rng.integers(-1, 2, COUNT)
    agree(library, acc, multiplier, shift)


def test_ends_of_int32(library):
    ends = [-(2**31), -(2**31) + 1, -(2**30), -1, 0, 1, 2**30, 2**31 - 2, 2**31 - 1]
    multipliers = [0, 1, 2**30 - 1, 2**30, 2**30 + 1, 2**31 - 1]
    grids = np.meshgrid(ends, multipliers, np.arange(-31, 31), indexing="ij")
    agree(library, *(grid.ravel() for grid in grids))


def test_one_unit_of_a_multiplier_is_seen(library):
    rounding, program = library
    rng = np.random.default_rng(3)
    acc = rng.integers(-(2**22), 2**22, COUNT)
    multiplier, shift = np.full(COUNT, 1_503_238_553), np.full(COUNT, 0)
    expected = of_library(program, np.stack([acc, multiplier, shift], axis=1))
    assert (requantize(acc, multiplier + 1, shift, rounding) != expected).any()
