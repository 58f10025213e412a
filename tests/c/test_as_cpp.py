"""Every file of the runtime, as C++17: firmware is often built so as a whole."""

from __future__ import annotations

import subprocess

import pytest

from patchc.resources import runtime_dir
from tests.tools import require_tool

ARM = ("-mthumb", "-mfloat-abi=hard")
FOLDERS = {
    "portable": ("g++", ()),
    "narrow": ("g++", ()),
    "dsp": ("arm-none-eabi-g++", (*ARM, "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16")),
    "mve": ("arm-none-eabi-g++", (*ARM, "-mcpu=cortex-m55")),
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_compiles_as_cpp(folder: str) -> None:
    compiler, flags = FOLDERS[folder]
    command = [require_tool(compiler), *flags, "-std=c++17", "-Wall", "-Wextra", "-Werror"]
    sources = sorted((runtime_dir() / folder).glob("*.c"))
    assert sources
    included = (f"-I{runtime_dir() / name}" for name in ("include", "portable"))
    rest = ("-fsyntax-only", *included, "-x", "c++")
    for source in sources:
        done = subprocess.run(
            [*command, *rest, source], capture_output=True, text=True, check=False
        )
        assert not done.stderr, done.stderr
