"""What an image executes under QEMU, block by block, and for whom: runtime_c/qemu/count.c."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from patchc.programs.program import run_command
from patchc.resources import runtime_dir

_COMPILER = "gcc"
_PLUGIN_FLAGS = ("-O2", "-shared", "-fPIC")
_SECONDS = 60

# Kinds of code, as in count.c: those from 0 on are owners.
KERNEL, RESUMES, HARNESS, CONSTANTS = -1, -2, -3, -5

Run = TypeVar("Run")


@dataclass(frozen=True, slots=True)
class Range:
    """Code of one kind."""

    low: int  # address of its first byte
    high: int  # the first address behind it
    kind: int


@dataclass(frozen=True, slots=True)
class Block:
    """Straight code that ran for an owner; a branch, if there is one, is at its end."""

    address: int
    instructions: int
    owner: int
    runs: int
    straight: int  # of the runs: what is behind it in memory came next
    lines: int  # times that constants were read from another line of 16 bytes than before


@dataclass(frozen=True, slots=True)
class Trace:
    """All that was executed."""

    blocks: tuple[Block, ...]
    harness: int  # instructions of code of the kind HARNESS, and of what that called

    def instructions(self, owner: int) -> int:
        """Those that ran for an owner."""
        return sum(b.instructions * b.runs for b in self.blocks if b.owner == owner)


def trace(ranges: Sequence[Range], run: Callable[[tuple[str, ...]], Run]) -> tuple[Trace, Run]:
    """What `run` executes, which is given further arguments of QEMU, and what it returns.

    Of several ranges that hold an address the first says what kind it is; code in none of them
    works for its caller. Lines are counted in ranges of CONSTANTS, which takes time. Raises
    PatchcError without a compiler for the plugin.
    """
    with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
        source, sink = Path(folder, "map.txt"), Path(folder, "counts.txt")
        lines = [f"{one.low:x} {one.high:x} {one.kind}" for one in ranges]
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        result = run(("-plugin", f"{_plugin()},map={source},out={sink}"))
        rows = [line.split() for line in sink.read_text(encoding="utf-8").splitlines()]
    blocks = (
        Block(int(row[1], 16), *(int(word) for word in row[2:]))
        for row in rows
        if row[0] == "block"
    )
    harness = next(int(row[1]) for row in rows if row[0] == "harness")
    return Trace(tuple(sorted(blocks, key=lambda b: (b.address, b.owner))), harness), result


def _plugin() -> Path:
    """The plugin, built once per source and user."""
    source = runtime_dir() / "qemu" / "count.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    root = os.environ.get("PATCHC_CACHE") or Path.home() / ".cache" / "patchc"
    folder = Path(root) / "plugins"
    plugin = folder / f"count-{digest}.so"
    if not plugin.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch, plugin.name)
            run_command([_COMPILER, *_PLUGIN_FLAGS, str(source), "-o", str(made)], _SECONDS)
            made.replace(plugin)
    return plugin
