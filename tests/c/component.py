"""OUT as a component of somebody's project: src/ compiled whole, example/main.c run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

import patchc
from patchc.resources import runtime_dir
from tests.tools import require_tool

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
# Its package comes without a C library.
STRING_H = runtime_dir() / "platform" / "riscv_include"
RV32IMAC = ("-march=rv32imac", "-mabi=ilp32", "-isystem", str(STRING_H))
COMPILERS = (
    ("gcc", "-std=c99", "-pedantic"),
    ("clang", "-std=c99", "-pedantic"),
    ("g++", "-std=c++17", "-xc++"),
    ("clang++", "-std=c++17", "-xc++"),
    ("arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m4", "-mthumb"),
    ("arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m0", "-mthumb"),
    ("arm-none-eabi-g++", "-std=c++17", "-xc++", "-mcpu=cortex-m4", "-mthumb"),
    ("riscv64-unknown-elf-gcc", "-std=c99", *RV32IMAC),
    ("riscv64-unknown-elf-g++", "-std=c++17", "-xc++", *RV32IMAC),
)
LARGEST = 5  # values that example/main.c prints

# What the board wants of an image beside the C library's _start, which takes its stack from QEMU.
_VECTORS = """extern void _start(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20100000, _start};
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a command prints; fails the test where it fails."""
    words = [require_tool(str(command[0])), *map(str, command[1:])]
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sources(*folders: Path) -> list[Path]:
    """As a build system finds them."""
    return [path for folder in folders for path in sorted((folder / "src").rglob("*.c"))]


def printed_by_run(out: Path, picture: Path) -> list[str]:
    """What example/main.c is to print: the largest values that `patchc run` finds."""
    ((output, found),) = patchc.run(out, image=picture).items()
    values = found.ravel()
    best = np.argsort(-values.astype(np.float64), kind="stable")[:LARGEST]
    lines = [f"{output}: the {len(best)} largest of {len(values)} values"]
    return lines + [f"  {values[index]:>12.6g}  {index:>4}" for index in best]


def example_on_a_core(out: Path, photo: Path) -> list[str]:
    """What example/main.c prints on a Cortex-M4 under QEMU, as the compiler's own startup and C
    library run it. `photo`: its bytes, a file in `out`."""
    (out / "vectors.c").write_text(_VECTORS)
    build = ["arm-none-eabi-gcc", "-std=c99", "-O2", "-mcpu=cortex-m4", "-mthumb"]
    build += ["--specs=rdimon.specs", "-DEXAMPLE_FILES=1", "-Iinclude", "example/main.c"]
    build += [*(str(file.relative_to(out)) for file in sources(out)), "vectors.c"]
    run(*build, "-Wl,--section-start=.vectors=0", "-o", "example.elf", cwd=out)
    command = [require_tool("qemu-system-arm"), "-M", "mps2-an386", "-kernel", "example.elf"]
    command += ["-display", "none", "-monitor", "none", "-serial", "null"]
    words = f"enable=on,target=native,chardev=host,arg=example,arg={photo.name}"
    command += ["-chardev", "stdio,id=host", "-semihosting-config", words]
    keywords = {"capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run(command, cwd=out, stdin=subprocess.DEVNULL, **keywords)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
