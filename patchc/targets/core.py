"""What a core is to the compiler: one file of data per core, all of this type."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.targets.board import Board
from patchc.targets.cost_table import CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing
from patchc.targets.toolchain import ARM, Toolchain


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core that the emitted C is meant for."""

    name: str  # as in `--target`
    description: str
    timing: Timing | None  # for the estimate of cycles; None: there is none
    compile_flags: tuple[str, ...]  # gcc's and clang's, to select the core
    reserve: Reserve  # measured by `python -m benchmarks.reserve`
    # Where QEMU runs its code; the first is the default.
    boards: tuple[Board, ...]
    # Kernels that it can run, by the instructions that they are written for; plain C first.
    flavours: tuple[str, ...] = ("portable",)
    cost_table: CostTable | None = None  # None: plans are priced in multiply-accumulates
    toolchain: Toolchain = ARM
