"""Kernels of convolutions on cores, as assembly and as C: against numpy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchc.targets.cores import core
from tests.c.conv_calls import check_outputs, write_calls
from tests.c.conv_cases import extremes, sample
from tests.c.conv_program import core_program, run_core

FLAVOURS = {"cortex-m4": "dsp", "cortex-m7": "dsp", "cortex-m33": "dsp", "cortex-m55": "mve"}


def check(name: str, flags: tuple[str, ...], folder: Path) -> None:
    calls = [one.of(FLAVOURS[name]) for one in (*sample(60), *extremes())]
    image = core_program(core(name), flags)
    write_calls(folder / "in", calls)
    run_core(image, folder)
    check_outputs(folder / "out", calls)


@pytest.mark.parametrize("name", FLAVOURS)
def test_against_numpy_on_every_core(name: str, tmp_path: Path) -> None:
    """The cases of the host, with the instructions themselves."""
    check(name, ("-O2",), tmp_path)


FLAGS = [("-O0",), ("-Os",), ("-O3",), ("-O2", "-DPATCHC_NO_ASSEMBLY")]  # last: other compilers


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        *(("cortex-m4", flags) for flags in (*FLAGS, ("-O2", "-DPATCHC_NO_DSP"))),
        *(("cortex-m55", flags) for flags in (*FLAGS, ("-O2", "-DPATCHC_NO_MVE"))),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_no_flag_changes_a_byte(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    check(name, flags, tmp_path)


@pytest.mark.parametrize(
    "flags", [("-O2",), ("-O0",), ("-Os",), ("-O2", "-DPATCHC_NO_ASSEMBLY")], ids=" ".join
)
@pytest.mark.parametrize(("name", "kernels"), [("cortex-m3", ()), ("cortex-m0", ("-DNARROW",))])
def test_those_of_cores_without_dsp(
    name: str, kernels: tuple[str, ...], flags: tuple[str, ...], tmp_path: Path
) -> None:
    """The portable ones, and the narrow ones, whose lines have another shape: here none has one."""
    calls = [
        replace(one.of("portable"), line=np.zeros_like(one.line))
        for one in [*sample(40), *extremes()]
        if not one.part
    ]
    write_calls(tmp_path / "in", calls)
    run_core(core_program(core(name), (*flags, *kernels)), tmp_path)
    check_outputs(tmp_path / "out", calls)
