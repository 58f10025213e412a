"""Builds and runs dsp_driver.c with the kernels in runtime_c/dsp, the portable ones and, with
-DNARROW, the narrow ones in place of these."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from patchc.kernels.portable import RARE_SOURCE
from patchc.programs.firmware import COMPILER, QEMU
from patchc.targets.board import Board
from patchc.targets.core import Core
from tests.c.kernel_host import FOLDERS, ROOT, WARNINGS, build_folder
from tests.tools import require_tool

HERE = Path(__file__).parent
DRIVER, START, LINK = HERE / "dsp_driver.c", HERE / "dsp_start.c", HERE / "dsp_link.ld"
STEMS = ("dot", "channels", "conv2d_pointwise", "conv2d", "dense", "conv2d_depthwise")
SOURCES = (
    *sorted((ROOT / "runtime_c/dsp").glob("*.c")),
    ROOT / "runtime_c" / RARE_SOURCE,
    *(ROOT / f"runtime_c/portable/patchc_{stem}.c" for stem in STEMS),
    *sorted((ROOT / "runtime_c/narrow").glob("*.c")),
)


@dataclass(frozen=True, slots=True)
class Image:
    """The program for a core."""

    elf: Path
    board: Board
    objects: tuple[Path, ...]  # of the kernels


def _folder(*names: object) -> Path:
    folder = build_folder() / hashlib.sha256(repr(names).encode()).hexdigest()[:16]
    folder.mkdir(exist_ok=True)
    return folder


@cache
def host_program(compiler: str, flags: tuple[str, ...]) -> Path:
    """Skips without the compiler."""
    program = _folder("dsp", compiler, flags) / "program"
    command = [require_tool(compiler), *WARNINGS, *flags, *FOLDERS, DRIVER, *SOURCES]
    run([*command, "-o", program])
    return program


@cache
def core_program(core: Core, flags: tuple[str, ...] = ("-O2",)) -> Image:
    """For the core's first board. Skips without the compiler."""
    folder, board = _folder("dsp", core.name, flags), core.boards[0]
    compile_ = [require_tool(COMPILER), *core.compile_flags, *WARNINGS, *flags, "-g"]
    run([*compile_, *FOLDERS, "-c", DRIVER, START, *SOURCES], folder)
    objects = tuple(folder / f"{source.stem}.o" for source in SOURCES)
    places = {"CODE_ORIGIN": board.code.origin, "RAM_ORIGIN": board.ram.origin}
    places["RAM_BYTES"] = board.ram.bytes
    symbols = [f"-Wl,--defsym={name}={value:#x}" for name, value in places.items()]
    link = [COMPILER, *core.compile_flags, "--specs=rdimon.specs", "-T", LINK, *symbols]
    elf = folder / "program.elf"
    run([*link, folder / f"{DRIVER.stem}.o", folder / f"{START.stem}.o", *objects, "-o", elf])
    return Image(elf, board, objects)


def run_host(program: Path, folder: Path) -> None:
    """The calls in `folder`/in; what they leave goes to `folder`/out."""
    run([program, "in", "out"], folder)


def run_core(image: Image, folder: Path, qemu_args: Sequence[str] = ()) -> None:
    """The same under QEMU. Skips without it."""
    words = "arg=program,arg=in,arg=out"
    command = [require_tool(QEMU), "-M", image.board.machine, "-kernel", image.elf]
    command += ["-display", "none", "-monitor", "none", "-serial", "null"]
    command += ["-chardev", "stdio,id=host"]
    command += ["-semihosting-config", f"enable=on,target=native,chardev=host,{words}"]
    run([*command, *qemu_args], folder)


def run(command: Sequence[object], folder: Path | None = None) -> None:
    assert shutil.which(str(command[0])), command[0]
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
