"""OUT as a component of somebody's project: src/ compiled whole, example/main.c run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

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
# Of a map: name, shape, least and greatest value.
_RANGE = re.compile(r"(.*): [^:]*[]0-9], (\S+) \.\. (\S+)")

# Where the board has memory: 4 MB from 0 on are too little for the weights of some networks, so
# constants lie in the 16 MB from 0x21000000 on, and what is written behind them.
_PLACES = (".vectors=0", ".rodata=0x21000000")

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
    """What `patchc run` prints of a picture, and example/main.c is to print, too."""
    return run(sys.executable, "-m", "patchc", "run", out, "--image", picture).splitlines()


def same(line: str) -> str:
    """What is to be equal of a line of either: of a map its name and range, six digits of each."""
    found = _RANGE.fullmatch(line)
    if found is None:
        return line
    return f"{found[1]}: {float(found[2]):.6g} .. {float(found[3]):.6g}"


def example_on_a_core(out: Path, photo: Path) -> list[str]:
    """What example/main.c prints on a Cortex-M4 under QEMU. `photo`: its bytes, a file in `out`."""
    return on_a_core(out, "example/main.c", photo.name).splitlines()


def on_a_core(out: Path, main: str, *files: str) -> str:
    """What a program around the network prints on a Cortex-M4 under QEMU, as the compiler's own
    startup and C library run it. `main` and the files that it is given lie in `out`."""
    (out / "vectors.c").write_text(_VECTORS)
    build = ["arm-none-eabi-gcc", "-std=c99", "-O2", "-mcpu=cortex-m4", "-mthumb"]
    build += ["--specs=rdimon.specs", "-DEXAMPLE_FILES=1", "-Iinclude", main]
    build += [*(str(file.relative_to(out)) for file in sources(out)), "vectors.c"]
    run(
        *build, *(f"-Wl,--section-start={place}" for place in _PLACES), "-o", "example.elf", cwd=out
    )
    command = [require_tool("qemu-system-arm"), "-M", "mps2-an386", "-kernel", "example.elf"]
    command += ["-display", "none", "-monitor", "none", "-serial", "null"]
    words = ",".join(
        ["enable=on,target=native,chardev=host", *(f"arg={f}" for f in ("main", *files))]
    )
    command += ["-chardev", "stdio,id=host", "-semihosting-config", words]
    keywords = {"capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run(command, cwd=out, stdin=subprocess.DEVNULL, **keywords)
    assert done.returncode == 0, done.stderr
    return done.stdout
