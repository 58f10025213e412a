"""Builds OUT/test/firmware for a core and runs inputs through it under QEMU."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from patchc.codegen.firmware import FIRMWARE
from patchc.errors import PatchcError
from patchc.outdir import REPORT
from patchc.programs.program import Interface, read_interface, run_command, tool
from patchc.targets.board import Board
from patchc.targets.core import Core
from patchc.targets.cores import core as core_called

_BUILD_SECONDS = 900
# QEMU executes one to three hundred million instructions a second, a network of 300 million MACs
# takes some ten per MAC, and a plugin of QEMU that counts slows that down.
_SECONDS_PER_CASE = 600


@dataclass(frozen=True, slots=True)
class Run:
    """What an image did. Bytes are the most of all cases."""

    outputs: Mapping[str, np.ndarray]  # int8 (cases, h, w, c) per graph output
    # uint32 (cases, values) per output that the C makes probabilities of
    probabilities: Mapping[str, np.ndarray]
    stack_high_water_bytes: int  # of the network's stack
    arena_first_written: int  # offset of the lowest byte of the arena that was written
    arena_last_written: int  # offset of the highest one
    mpu_regions: int  # of the core's MPU; 0: none, and only the end of the board's RAM guards
    console: str  # all that the image printed


@dataclass(frozen=True, slots=True)
class Firmware:
    """A linked image. Sizes are bytes of the network, the harness excepted."""

    elf: Path
    core: Core
    board: Board
    interface: Interface
    opt: str  # of the network's files
    ram_bytes: int  # of the region under test
    stack_region_bytes: int  # of it, for the network's stack
    arena_bytes: int
    static_bytes: int  # .data and .bss
    code_bytes: int  # instructions, tables and what they need of the compiler's libraries
    weights_bytes: int
    objects: tuple[Path, ...]  # the network's

    def run(self, inputs: Mapping[str, np.ndarray], qemu_args: tuple[str, ...] = ()) -> Run:
        """Run int8 (cases, h, w, c) per graph input.

        `qemu_args` go to QEMU as they are; paths in them must be absolute. Raises PatchcError when
        QEMU or an input is missing, and with the console's text when the image ends in a fault
        or finds something amiss.
        """
        toolchain = self.core.toolchain
        tool(toolchain.qemu, toolchain.qemu_packages)
        with tempfile.TemporaryDirectory(prefix="patchc-") as name:
            folder = Path(name)
            cases = self.interface.write_inputs(folder / "in.bin", inputs)
            words = ",".join(f"arg={word}" for word in ("in.bin", "out.bin", cases))
            command = [toolchain.qemu, "-M", self.board.machine, *self.board.qemu_args]
            command += ["-kernel", str(self.elf)]
            command += ["-display", "none", "-monitor", "none", "-serial", "null"]
            command += ["-chardev", "stdio,id=host"]
            command += ["-semihosting-config", f"enable=on,target=native,chardev=host,{words}"]
            command += qemu_args
            text = run_command(command, (cases + 1) * _SECONDS_PER_CASE, cwd=folder)
            read = self.interface.read_with_probabilities
            outputs, probabilities = read(folder / "out.bin", cases)
        figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if " " in line)
        return Run(
            outputs=outputs,
            probabilities=probabilities,
            stack_high_water_bytes=int(figures["stack_high_water_bytes"]),
            arena_first_written=int(figures["arena_first_written"]),
            arena_last_written=int(figures["arena_last_written"]),
            mpu_regions=int(figures["mpu_regions"]),
            console=text,
        )


def build(
    out: Path,
    core: str,
    *,
    ram_bytes: int | None = None,
    stack_bytes: int | None = None,
    opt: str = "-O2",
    board: str | None = None,
    extra_flags: tuple[str, ...] = (),
    build_dir: Path | None = None,
) -> Firmware:
    """Build the test image of `out` for a core, in OUT/test/firmware/build unless told otherwise.

    ram_bytes: the region that stack, statics and arena must share; None: the report's budget, or
        without one what arena and `stack_bytes` need.
    stack_bytes: of it, for the network's stack; None: NAME_STACK_BYTES.
    opt, extra_flags: for the network's files. board: a name of the core's boards.

    Raises PatchcError when a tool is missing, for a core or board that there is not, and when it
    does not build: "region RAM overflowed" where the RAM does not suffice.
    """
    chosen = core_called(core)
    place = _board(chosen, board)
    tool(chosen.toolchain.compiler, chosen.toolchain.packages)
    out = Path(out).resolve()
    interface = read_interface(out)
    root = out / FIRMWARE
    if not (root / "Makefile").is_file():
        raise PatchcError(f"{out} has no {FIRMWARE}: compile again")
    flags = " ".join(extra_flags)
    folder = (build_dir or root / "build" / _folder(chosen, place, opt, flags)).resolve()
    ram_bytes = _budget(out) if ram_bytes is None else ram_bytes
    image = f"{interface.name}-{ram_bytes or 'least'}-{stack_bytes or 'reserve'}.elf"
    # Relative where possible: make cannot name a path that holds a space.
    where = folder.relative_to(root) if folder.is_relative_to(root) else folder
    variables = {"CORE": chosen.name, "BOARD": place.name, "OPT": opt, "EXTRA_FLAGS": flags}
    variables |= {"BUILD": str(where), "IMAGE": str(where / image)}
    variables |= {"RAM_BYTES": str(ram_bytes)} if ram_bytes is not None else {}
    variables |= {"STACK_BYTES": str(stack_bytes)} if stack_bytes is not None else {}
    # Where the compiler is called through ccache: that does not keep call graphs. make passes the
    # variables of its command line on.
    graphs = any(flag.startswith("-fcallgraph-info") for flag in extra_flags)
    variables |= {"CCACHE_DISABLE": "1"} if graphs else {}
    settings = [f"{name}={value}" for name, value in variables.items()]
    run_command([tool("make"), "-C", str(root), "-j2", *settings], _BUILD_SECONDS)
    sizes, symbols = _read_elf(folder / image)
    return Firmware(
        elf=folder / image,
        core=chosen,
        board=place,
        interface=interface,
        opt=opt,
        ram_bytes=symbols["region_bytes"],
        stack_region_bytes=sizes.get(".stack", 0),
        arena_bytes=sizes.get(".arena", 0),
        static_bytes=sizes.get(".network_data", 0) + sizes.get(".network_bss", 0),
        code_bytes=sizes[".network_text"],
        weights_bytes=sizes.get(".weights", 0),
        objects=tuple(sorted((folder / "network").glob("*.o"))),
    )


def _board(core: Core, name: str | None) -> Board:
    boards = {board.name: board for board in core.boards}
    if name is not None and name not in boards:
        raise PatchcError(f"no board {name!r} for {core.name}: there are {', '.join(boards)}")
    return boards[name] if name is not None else core.boards[0]


def _folder(core: Core, board: Board, opt: str, flags: str) -> str:
    """As the Makefile calls it, unless there are more flags."""
    name = f"{core.name}-{board.name}{opt}".replace(" ", "")
    return f"{name}-{hashlib.sha256(flags.encode()).hexdigest()[:8]}" if flags else name


def _budget(out: Path) -> int | None:
    """The report's budget in bytes; None where there is none."""
    try:
        return json.loads((out / REPORT).read_text(encoding="utf-8"))["budget_bytes"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise PatchcError(f"{out / REPORT} is damaged: compile again") from error


def _read_elf(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes by section, and values by symbol."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        sizes = {section.name: section["sh_size"] for section in elf.iter_sections()}
        symbols = {
            symbol.name: symbol["st_value"]
            for table in elf.iter_sections()
            if isinstance(table, SymbolTableSection)
            for symbol in table.iter_symbols()
        }
    return sizes, symbols
