"""Executed instructions of an image, by owner and by file: QEMU with runtime_c/qemu/count.c.

What a core takes for them is estimated elsewhere (measure/cycles.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.errors import PatchcError
from patchc.measure.symbols import (
    Inlined,
    Symbol,
    read_inlined,
    read_section,
    read_symbols,
    symbol_at,
)
from patchc.measure.trace import CONSTANTS, HARNESS, KERNEL, RESUMES, Range, Trace, trace
from patchc.programs.firmware import Firmware, Run

# The debug info tells whose code gcc made part of NAME_run. It changes no instruction.
FLAGS = ("-g",)

LIBRARY = "compiler's library"


@dataclass(frozen=True, slots=True)
class Executed:
    """Straight code that one call of NAME_run executes for an owner."""

    address: int
    instructions: int
    owner: str  # a function of NAME.c
    file: str  # that holds the code: its stem, or LIBRARY
    runs: int
    straight: int  # of the runs: a branch at its end was not taken
    lines: int  # times that constants were read from another line of 16 bytes than before


@dataclass(frozen=True, slots=True)
class Sums:
    """Of instructions or of cycles, of one call of NAME_run."""

    total: int
    owners: Mapping[str, int]  # by function of NAME.c; with what it calls, other owners excepted
    files: Mapping[str, int]  # most first


@dataclass(frozen=True, slots=True)
class Counts:
    """What one call of NAME_run executes; what the caller's callbacks do is left out."""

    executed: tuple[Executed, ...]
    callers: int  # instructions of the test program, callbacks among them, over the whole run
    run: Run

    def sums(self, weight: Callable[[Executed], int]) -> Sums:
        """`weight` of all that was executed."""
        owners: Counter[str] = Counter()
        files: Counter[str] = Counter()
        for one in self.executed:
            weighed = weight(one)
            owners[one.owner] += weighed
            files[one.file] += weighed
        return Sums(owners.total(), owners, dict(files.most_common()))

    def instructions(self) -> Sums:
        return self.sums(lambda one: one.instructions * one.runs)


def count(image: Firmware, inputs: Mapping[str, np.ndarray], *, lines: bool = False) -> Counts:
    """Run one case and count. `image`: built with FLAGS. lines: those of constants as well, which
    takes longer.

    Raises PatchcError when a tool is missing or the image fails, and when a function of NAME.c that
    network.json names is not in the image.
    """
    name = image.interface.name
    entry = f"{name}_run"
    blocks = image.interface.blocks
    names = (entry, *(b.function for b in blocks), *(s.function for b in blocks for s in b.steps))
    owners = tuple(dict.fromkeys(names))
    symbols = read_symbols(image.elf, image.objects)
    inlined = [code for code in read_inlined(image.elf, f"{name}.c") if code.function in owners]
    there = {symbol.function for symbol in symbols if symbol.stem == name}
    missing = set(owners) - there - {code.function for code in inlined}
    if missing:
        raise PatchcError(f"{image.elf} shows no function {min(missing)}: build with {FLAGS[0]}")
    ranges = _ranges(image, symbols, inlined, owners)
    if lines:
        sections = [read_section(image.elf, name) for name in (".network_text", ".weights")]
        ranges += [Range(section.low, section.high, CONSTANTS) for section in sections]
    found, run = trace(ranges, lambda qemu_args: image.run(inputs, qemu_args))
    start = next(symbol.low for symbol in symbols if symbol.name == entry)
    return Counts(_one_call(found, symbols, owners, start), found.harness, run)


def _ranges(
    image: Firmware, symbols: Sequence[Symbol], inlined: Sequence[Inlined], owners: Sequence[str]
) -> list[Range]:
    harness = read_section(image.elf, ".harness_text")
    found = [Range(harness.low, harness.high, HARNESS)]
    found += [Range(code.low, code.high, owners.index(code.function)) for code in inlined]
    for symbol in symbols:
        if not symbol.stem:
            continue
        kind = KERNEL
        if symbol.stem == image.interface.name:
            owned = symbol.function in owners
            kind = owners.index(symbol.function) if owned else RESUMES
        found.append(Range(symbol.low, symbol.high, kind))
    return found


def _one_call(
    found: Trace, symbols: Sequence[Symbol], owners: Sequence[str], start: int
) -> tuple[Executed, ...]:
    """Per call of the function at `start`: the image may run a case more than once, and every run
    is the same."""
    calls = sum(block.runs for block in found.blocks if block.address == start)
    if not calls:
        raise PatchcError("QEMU's plugin saw no call of the network")
    if any(n % calls for b in found.blocks for n in (b.runs, b.straight)):
        raise PatchcError(f"{calls} runs of one case did not execute the same instructions")
    executed = []
    for block in found.blocks:
        symbol = symbol_at(symbols, block.address)
        executed.append(
            Executed(
                address=block.address,
                instructions=block.instructions,
                owner=owners[block.owner],
                file=symbol.stem if symbol and symbol.stem else LIBRARY,
                runs=block.runs // calls,
                straight=block.straight // calls,
                lines=round(block.lines / calls),
            )
        )
    return tuple(executed)
