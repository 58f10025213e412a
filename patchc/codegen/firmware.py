"""OUT/test/firmware: the test image for boards that QEMU plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from patchc.resources import runtime_dir
from patchc.targets.cores import CORES

FIRMWARE = "test/firmware"

# Where nothing depends on the network: copied as they are.
_PLATFORM = (
    "call.S",
    "guard.c",
    "guard.h",
    "harness.c",
    "harness.h",
    "link.ld",
    "riscv_call.S",
    "riscv_include/stdint.h",
    "riscv_include/string.h",
    "riscv_startup.c",
    "riscv_string.c",
    "semihosting.c",
    "semihosting.h",
    "startup.c",
)
_TEMPLATES = ("Makefile", "boards.mk", "main.c", "weights_section.h")

Render = Callable[[str, Mapping[str, object]], str]


def firmware_files(render: Render, facts: Mapping[str, object], core: str) -> dict[str, str]:
    """Path in OUT -> text. `facts` are those of the other templates; `core` is the default one."""
    cores = tuple(CORES.values())
    boards = {board.name: board for entry in cores for board in entry.boards}
    known = {**facts, "cores": cores, "boards": tuple(boards.values()), "core": core}
    known["toolchains"] = tuple(
        {entry.toolchain.family: entry.toolchain for entry in cores}.values()
    )
    files = {name: render(f"firmware/{name}.j2", known) for name in _TEMPLATES}
    for name, board in boards.items():
        files[f"boards/{name}.ld"] = render("firmware/memory.ld.j2", {"board": board})
    platform = (*_PLATFORM, "weights.S") if facts["weights_bytes"] else _PLATFORM
    for name in platform:
        files[name] = (runtime_dir() / "platform" / name).read_text(encoding="utf-8")
    return {f"{FIRMWARE}/{name}": text for name, text in files.items()}
