"""Builds and runs dsp_driver.c with the kernels in runtime_c/dsp."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.c.kernel_host import INCLUDE, ROOT, WARNINGS, build_folder
from tests.tools import require_tool

DRIVER = Path(__file__).with_name("dsp_driver.c")
SOURCES = sorted((ROOT / "runtime_c/dsp").glob("*.c"))


@cache
def host_program(compiler: str, flags: tuple[str, ...]) -> Path:
    """Skips without the compiler."""
    program = build_folder() / f"dsp-{compiler}-{abs(hash(flags))}"
    command = [require_tool(compiler), *WARNINGS, *flags, "-I", INCLUDE, DRIVER, *SOURCES]
    run([*command, "-o", program])
    return program


def run_host(program: Path, folder: Path) -> None:
    """`in` -> `out`"""
    run([program, folder / "in", folder / "out"])


def run(command: list) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
