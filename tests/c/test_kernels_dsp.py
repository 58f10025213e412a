"""The kernels for cores with DSP instructions, as plain C on the host, under sanitizers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.c.dsp_calls import check_outputs, write_calls
from tests.c.dsp_cases import sample
from tests.c.dsp_program import host_program, run_host

COMPILERS = {
    "gcc": ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"),
    "clang": ("-fsanitize=undefined", "-fsanitize-trap=all", "-g", "-O1"),
}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_against_numpy_under_sanitizers(compiler: str, tmp_path: Path) -> None:
    calls = sample(60)
    program = host_program(compiler, COMPILERS[compiler])
    write_calls(tmp_path / "in", calls)
    run_host(program, tmp_path)
    check_outputs(tmp_path / "out", calls)
