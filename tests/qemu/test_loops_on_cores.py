"""Kernels with a faster loop for some cores, on such cores: the bytes of the portable ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from patchc.ir import Add, Mul, Padding, Sub, Window
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS
from patchc.targets.cores import core
from tests.c import kernel_cases as make
from tests.c.conv_program import core_text, run_core
from tests.c.kernel_cases import Case
from tests.c.kernel_host import PLAIN, ROOT, Layout, library, run
from tests.c.kernel_program import PlacedCall, program

FLAVOUR = {"cortex-m4": "dsp", "cortex-m7": "dsp", "cortex-m33": "dsp", "cortex-m55": "mve"}


@cache
def sample() -> tuple[Case, ...]:
    """Tails of any length behind fours and sixteens, ties, every way to meet a second operand."""
    found = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        shape = tuple(int(n) for n in random.integers((1, 1, 1), (3, 5, 40)))
        found += [
            make.binary_case(kind, second, shape, seed)
            for kind in (Add, Mul, Sub)
            for second in make.SECONDS
        ]
        kernel = int(random.integers(1, 4)), int(random.integers(1, 4))
        window = Window(kernel, pads=Padding(1, 1, 0, 0))
        found += [make.max_pool_case(window, (4, 4, shape[2]), seed), make.lut_case(shape, seed)]
    return tuple(found)


def check(name: str, flags: tuple[str, ...], folder: Path) -> None:
    layouts, flavour = (PLAIN, Layout(1, 1, 3)), FLAVOUR[name]
    calls, wanted = [], []
    for layout in layouts:
        for case in sample():
            for kernel in case.kernels:
                if KERNELS[kernel].flavour == flavour:
                    call = case.call(kernel)
                    calls.append(PlacedCall(call, layout, (layout,) * len(call.inputs)))
                    wanted.append(run(library(), case.call()).tobytes().hex())
    kernels = {KERNELS[placed.call.kernel] for placed in calls}
    sources = {source for k in kernels for source in (k.source, *k.shared)}
    paths = [ROOT / "runtime_c" / source for source in sorted(sources)]
    image = core_text(core(name), flags, program(calls), paths)
    assert run_core(image, folder).split() == wanted


@pytest.mark.parametrize("name", FLAVOUR)
def test_against_the_portable_kernels(name: str, tmp_path: Path) -> None:
    check(name, ("-O2",), tmp_path)


@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("flags", [("-O0",), ("-Os",), ("-O2", "-DPATCHC_NO_ASSEMBLY")])
def test_no_flag_changes_a_byte(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    check(name, flags, tmp_path)


def test_every_kernel_has_its_turn() -> None:
    found = {kernel for case in sample() for kernel in case.kernels}
    loops = {name for name, kernel in KERNELS.items() if kernel.supersedes == PORTABLE}
    assert {name for name in loops if KERNELS[name].flavour in FLAVOUR.values()} <= found | {
        "mean_add.mve"  # tests/c/test_kernels_sums.py
    }
