"""Builds and runs conv_driver.c with the convolutions in runtime_c/dsp and runtime_c/mve, the
portable ones and, with -DNARROW, the narrow ones in place of these."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from patchc.ir import Conv
from patchc.kernels.registry import KERNELS
from patchc.targets.board import Board
from patchc.targets.core import Core
from patchc.targets.toolchain import ARM
from tests.c.kernel_host import FOLDERS, ROOT, WARNINGS, build_folder
from tests.tools import require_tool

HERE = Path(__file__).parent
DRIVER, START, LINK = HERE / "conv_driver.c", HERE / "conv_start.c", HERE / "conv_link.ld"
CONVOLUTIONS = [k for k in KERNELS.values() if k.operator is Conv and not k.cmsis_nn]
SOURCES = tuple(
    ROOT / "runtime_c" / source
    for source in sorted({s for kernel in CONVOLUTIONS for s in (kernel.source, *kernel.shared)})
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
    program = _folder("convolutions", compiler, flags) / "program"
    command = [require_tool(compiler), *WARNINGS, *flags, *FOLDERS, DRIVER, *SOURCES]
    run([*command, "-o", program])
    return program


@cache
def core_program(core: Core, flags: tuple[str, ...] = ("-O2",)) -> Image:
    """For the core's first board. Skips without the compiler."""
    return _core_image(core, flags, DRIVER, SOURCES, _folder("convolutions", core.name, flags))


def core_text(core: Core, flags: tuple[str, ...], text: str, sources: Sequence[Path]) -> Image:
    """A program of tests/c/kernel_program.py, with the kernels in `sources`."""
    folder = _folder("text", core.name, flags, text)
    main = folder / "main.c"
    main.write_text(text, encoding="utf-8")
    return _core_image(core, flags, main, sources, folder)


def _core_image(
    core: Core, flags: tuple[str, ...], main: Path, sources: Sequence[Path], folder: Path
) -> Image:
    board = core.boards[0]
    compile_ = [require_tool(ARM.compiler), *core.compile_flags, *WARNINGS, *flags, "-g"]
    run([*compile_, *FOLDERS, "-c", main, START, *sources], folder)
    objects = tuple(folder / f"{source.stem}.o" for source in sources)
    places = {"CODE_ORIGIN": board.code.origin, "RAM_ORIGIN": board.ram.origin}
    places["RAM_BYTES"] = board.ram.bytes
    symbols = [f"-Wl,--defsym={name}={value:#x}" for name, value in places.items()]
    link = [ARM.compiler, *core.compile_flags, "--specs=rdimon.specs", "-T", LINK, *symbols]
    link += ["-nostartfiles", "-Wl,--wrap=_sbrk"]
    elf = folder / "program.elf"
    run([*link, folder / f"{main.stem}.o", folder / f"{START.stem}.o", *objects, "-o", elf])
    return Image(elf, board, objects)


def run_host(program: Path, folder: Path) -> None:
    """The calls in `folder`/in; what they leave goes to `folder`/out."""
    run([program, "in", "out"], folder)


def run_core(image: Image, folder: Path, qemu_args: Sequence[str] = ()) -> str:
    """The same under QEMU; what it printed. Skips without it."""
    command = [require_tool(ARM.qemu), "-M", image.board.machine, "-kernel", image.elf]
    command += ["-display", "none", "-monitor", "none", "-serial", "null"]
    command += ["-chardev", "stdio,id=host"]
    command += ["-semihosting-config", "enable=on,target=native,chardev=host"]
    return run([*command, *qemu_args], folder)


def run(command: Sequence[object], folder: Path | None = None) -> str:
    """What it printed."""
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
    return done.stdout
