"""Programs outside Python: found, run, and their failures as one PatchcError."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from patchc.errors import PatchcError

# Debian's packages, where they are not called like the program.
_PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-objdump": "binutils-arm-none-eabi",
}


def need_tool(name: str) -> str:
    """`name`, which is there. Raises PatchcError that says how to get it."""
    if not shutil.which(name):
        package = _PACKAGES.get(name, name)
        raise PatchcError(f"{name} not found: install it (Debian: apt-get install {package})")
    return name


def run_tool(command: list[str], seconds: int) -> str:
    """What the command printed. Raises PatchcError with the end of that when it fails."""
    need_tool(command[0])
    # A make around this one must not pass its flags and job server on.
    keep = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=keep | {"LC_ALL": "C"}
        )
    except subprocess.TimeoutExpired as error:
        raise PatchcError(f"{command[0]} did not end within {seconds} s") from error
    if done.returncode != 0:
        text = (done.stdout + done.stderr).strip()
        raise PatchcError(
            f"{Path(command[0]).name} failed with status {done.returncode}:\n{text[-4000:]}"
        )
    return done.stdout
