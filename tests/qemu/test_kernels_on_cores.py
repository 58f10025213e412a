"""The kernels for cores with DSP instructions, on such cores: against numpy."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchc.targets.cores import core
from tests.c.conv_calls import check_outputs, write_calls
from tests.c.conv_cases import extremes, sample
from tests.c.conv_program import core_program, run_core


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
