"""What a core is to the compiler: one file of data per core, all of this type."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.targets.board import Board

# What gcc 12.2 -O2 -fstack-usage says of MobileNetV2's NAME_run and the deepest kernel below it:
# 504 B on Cortex-M0 (average pool), 456 B on M4, 464 B on M55 (depthwise), helpers of the compiler
# excepted; .data and .bss are empty. Doubled for other compilers and flags.
STACK_RESERVE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core that the emitted C is meant for."""

    name: str  # as in `--target`
    description: str
    compile_flags: tuple[str, ...]  # gcc's and clang's, to select the core
    # Bytes that stand for the stack from NAME_run down plus .data and .bss, until a linked image
    # is measured.
    reserve_bytes: int
    # Where QEMU runs its code; the first is the default.
    boards: tuple[Board, ...]
