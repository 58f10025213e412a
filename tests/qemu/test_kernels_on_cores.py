"""Kernels of convolutions on cores, as assembly and as C: against numpy."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchc.targets.cores import core
from tests.c.dsp_calls import check_outputs, write_calls
from tests.c.dsp_cases import extremes, sample
from tests.c.dsp_program import core_program, run_core


def check(name: str, flags: tuple[str, ...], folder: Path) -> None:
    calls = [*sample(60), *extremes()]
    image = core_program(core(name), flags)
    write_calls(folder / "in", calls)
    run_core(image, folder)
    check_outputs(folder / "out", calls)


@pytest.mark.parametrize("name", ["cortex-m4", "cortex-m7", "cortex-m33"])
def test_against_numpy_on_every_core(name: str, tmp_path: Path) -> None:
    """The cases of the host, with the instructions themselves."""
    check(name, ("-O2",), tmp_path)


@pytest.mark.parametrize(
    "flags",
    [
        ("-O0",),
        ("-Os",),
        ("-O3",),
        ("-O2", "-DPATCHC_NO_ASSEMBLY"),  # as other compilers than gcc have it
        ("-O2", "-DPATCHC_NO_DSP"),  # plain C
    ],
    ids=" ".join,
)
def test_no_flag_changes_a_byte(flags: tuple[str, ...], tmp_path: Path) -> None:
    check("cortex-m4", flags, tmp_path)


@pytest.mark.parametrize(
    "flags", [("-O2",), ("-O0",), ("-Os",), ("-O2", "-DPATCHC_NO_ASSEMBLY")], ids=" ".join
)
@pytest.mark.parametrize(("name", "kernels"), [("cortex-m3", ()), ("cortex-m0", ("-DNARROW",))])
def test_those_of_cores_without_dsp(
    name: str, kernels: tuple[str, ...], flags: tuple[str, ...], tmp_path: Path
) -> None:
    """The portable ones, and the narrow ones. None of their channels has a line here."""
    calls = [one.portable() for one in [*sample(40), *extremes()] if not one.part]
    write_calls(tmp_path / "in", calls)
    run_core(core_program(core(name), (*flags, *kernels)), tmp_path)
    check_outputs(tmp_path / "out", calls)
