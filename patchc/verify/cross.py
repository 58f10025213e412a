"""Cross-compiles the emitted C for a core: objects, what they take of RAM, and their stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from patchc.codegen import NETWORK_FILE
from patchc.errors import PatchcError
from patchc.targets.cores import core
from patchc.verify import stack
from patchc.verify.tools import need_tool, run_tool

CC = "arm-none-eabi-gcc"

# What the emitted C calls through: a function of the caller (templates/network.c.j2).
_CALLBACK = "reader->read("
_BUILD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Library:
    """The network's objects for a core."""

    name: str  # of the emitted C
    out: Path
    objects: tuple[Path, ...]
    elf: Path  # linked with the C library, without anything that would start it

    @property
    def entry(self) -> str:
        return f"{self.name}_run"

    def stack(self) -> stack.StackBound:
        """The static bound. Raises PatchcError as `stack.stack_bound` does."""
        return stack.stack_bound(self.objects, self.elf, self.entry, self._is_callback)

    def static_bytes(self) -> int:
        """.data and .bss of the network's own objects."""
        return sum(map(_written_bytes, self.objects))

    def _is_callback(self, place: str) -> bool:
        """`place`: "file:line:column"."""
        file, line, column = place.rsplit(":", 2)
        text = (self.out / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        return text[int(column) - 1 :].startswith(_CALLBACK)


def cross_compile(
    out: Path, target: str, *, opt: str = "-O2", build_dir: Path | None = None
) -> Library:
    """Compile the network in `out` for a core, with call-graph info; in OUT/test/build/CORE-OPT
    unless `build_dir` is given.

    Raises PatchcError when the compiler is missing, when `out` holds no emitted network, and when
    it does not build.
    """
    out = Path(out).resolve()
    name = _network_name(out)
    folder = (build_dir or out / "test" / "build" / f"{target}{opt}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    flags = (*core(target).compile_flags, "-std=c99", opt, "-g", *stack.FLAGS)
    need_tool(CC)
    # Relative where possible: make cannot name a path that holds a space.
    place = folder.relative_to(out) if folder.is_relative_to(out) else folder
    library = folder / f"lib{name}.a"
    settings = {
        "CC": CC,
        "AR": "arm-none-eabi-ar",
        "CFLAGS": " ".join(flags),
        "BUILD": str(place),
        "LIBRARY": str(place / library.name),
    }
    words = [f"{key}={value}" for key, value in settings.items()]
    run_tool([need_tool("make"), "-C", str(out), "-j2", "all", *words], _BUILD_SECONDS)
    elf = folder / f"{name}.elf"
    entry = f"-Wl,-e,{name}_run,-u,{name}_run"
    link = [CC, *flags, "-nostartfiles", entry, str(library), "-o", str(elf)]
    run_tool(link, _BUILD_SECONDS)
    objects = tuple(sorted(folder.glob("*.o")))
    return Library(name, out, objects, elf)


def _network_name(out: Path) -> str:
    try:
        return json.loads((out / NETWORK_FILE).read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError) as error:
        raise PatchcError(
            f"{out} holds no emitted network ({NETWORK_FILE} is missing or damaged): "
            "name the folder that `patchc compile -o` wrote"
        ) from error


def _written_bytes(path: Path) -> int:
    """Of an object's sections that lie in RAM."""
    with path.open("rb") as file:
        return sum(
            section["sh_size"]
            for section in ELFFile(file).iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_WRITE and section["sh_flags"] & SH_FLAGS.SHF_ALLOC
        )
