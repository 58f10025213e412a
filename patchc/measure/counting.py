"""Executed instructions of an image, by owner and by function: QEMU with runtime_c/qemu/count.c.

They are instructions, not cycles: no wait states, no caches, no dual issue.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from patchc.programs.firmware import Firmware, Run
from patchc.programs.program import run_command
from patchc.resources import runtime_dir

# The debug info tells whose code gcc made part of NAME_run. It changes no instruction.
FLAGS = ("-g",)

_COMPILER = "gcc"
_PLUGIN_FLAGS = ("-O2", "-shared", "-fPIC")
_SECONDS = 60
_KERNEL, _RESUMES, _HARNESS = -1, -2, -3  # as in count.c
LIBRARY = "compiler's library"


@dataclass(frozen=True, slots=True)
class Counts:
    """Instructions of one call of NAME_run; what the caller's callbacks execute is left out."""

    total: int
    owners: Mapping[str, int]  # by function of NAME.c; with what it calls, other owners excepted
    functions: Mapping[str, int]  # by the file that holds the function, LIBRARY among them
    callers: int  # those of the test program, callbacks among them, over the whole run
    run: Run


def count(image: Firmware, inputs: Mapping[str, np.ndarray]) -> Counts:
    """Run one case and count. `image`: built with FLAGS.

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
    with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
        source, sink = Path(folder, "map.txt"), Path(folder, "counts.txt")
        source.write_text(_map(image, symbols, inlined, owners), encoding="utf-8")
        plugin = f"{build_plugin()},map={source},out={sink}"
        run = image.run(inputs, ("-plugin", plugin))
        lines = [line.split() for line in sink.read_text(encoding="utf-8").splitlines()]
    start = next(symbol.low for symbol in symbols if symbol.name == entry)
    return _counts(lines, symbols, owners, start, run)


def build_plugin() -> Path:
    """The plugin, built once per source and user. Raises PatchcError without a compiler."""
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


def _map(
    image: Firmware, symbols: Sequence[Symbol], inlined: Sequence[Inlined], owners: Sequence[str]
) -> str:
    """What the plugin reads; of several lines for an address it takes the first."""
    harness = read_section(image.elf, ".harness_text")
    lines = [f"{harness.low:x} {harness.high:x} {_HARNESS}"]
    lines += [f"{c.low:x} {c.high:x} {owners.index(c.function)}" for c in inlined]
    for symbol in symbols:
        if not symbol.stem:
            continue
        kind = _KERNEL
        if symbol.stem == image.interface.name:
            owned = symbol.function in owners
            kind = owners.index(symbol.function) if owned else _RESUMES
        lines.append(f"{symbol.low:x} {symbol.high:x} {kind}")
    return "\n".join(lines) + "\n"


def _counts(
    lines: Sequence[Sequence[str]],
    symbols: Sequence[Symbol],
    owners: Sequence[str],
    start: int,
    run: Run,
) -> Counts:
    """The plugin's output, per call of the function at `start`."""
    owned: dict[str, int] = {}
    functions: Counter[str] = Counter()
    calls, callers = 0, 0
    for word, *values in lines:
        if word == "owner":
            owned[owners[int(values[0])]] = int(values[1])
        elif word == "harness":
            callers = int(values[0])
        else:
            address, size, runs = int(values[0], 16), int(values[1]), int(values[2])
            symbol = symbol_at(symbols, address)
            functions[symbol.stem if symbol and symbol.stem else LIBRARY] += size * runs
            calls += runs if address == start else 0
    if not calls:
        raise PatchcError("QEMU's plugin saw no call of the network")
    # The image may run a case more than once; every run is the same.
    uneven = [n for n in (*owned.values(), *functions.values()) if n % calls]
    if uneven or sum(owned.values()) != sum(functions.values()):
        raise PatchcError(f"{calls} runs of one case did not execute the same instructions")
    return Counts(
        total=sum(owned.values()) // calls,
        owners={name: n // calls for name, n in owned.items()},
        functions={name: n // calls for name, n in functions.most_common()},
        callers=callers,
        run=run,
    )
