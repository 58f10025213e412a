"""The constants' own C files, cut so that no editor or compiler chokes on one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from patchc.codegen.constants import ConstantArray, value_lines

# The text of a file stays below this. gcc takes about 0.1 GB for a file of this size; one file
# with the 4.6 MB of weights of EfficientNet-Lite0 takes 0.5 GB.
MAX_FILE_BYTES = 1_000_000

# Room for the file's own header and the declarations around the values.
HEADROOM_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Definition:
    """An array and its values: as lines, or, where they do not fit a file, in parts."""

    array: ConstantArray
    lines: tuple[str, ...]
    includes: tuple[str, ...]  # names of the .inc files that hold the values


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One NAME_weights_N.c."""

    name: str
    definitions: tuple[Definition, ...]


@dataclass(frozen=True, slots=True)
class WeightsFiles:
    """All of them, and the parts of arrays that are larger than a file: name -> text."""

    sources: tuple[WeightsFile, ...]
    parts: tuple[tuple[str, str], ...]


def pack(prefix: str, arrays: Iterable[ConstantArray]) -> WeightsFiles:
    """Arrays into files in the order given, each file as full as the limit allows."""
    limit = MAX_FILE_BYTES - HEADROOM_BYTES
    sources: list[list[Definition]] = []
    parts: list[tuple[str, str]] = []
    room = 0
    for array in arrays:
        lines = value_lines(array)
        size = sum(map(len, lines)) + len(lines) + 2 * len(array.name) + 100
        if size > limit:
            chunks = _chunks(lines, limit)
            names = [f"{array.name}_{number}.inc" for number in range(len(chunks))]
            parts += [
                (name, "\n".join(text) + "\n") for name, text in zip(names, chunks, strict=True)
            ]
            definition = Definition(array, (), tuple(names))
            size = sum(map(len, names)) + 100
        else:
            definition = Definition(array, tuple(lines), ())
        if not sources or size > room:
            sources.append([])
            room = limit
        sources[-1].append(definition)
        room -= size
    return WeightsFiles(
        tuple(
            WeightsFile(f"{prefix}_weights_{number}.c", tuple(definitions))
            for number, definitions in enumerate(sources)
        ),
        tuple(parts),
    )


def _chunks(lines: list[str], limit: int) -> list[list[str]]:
    """Runs of lines of at most `limit` bytes, newlines included."""
    longest = max(map(len, lines)) + 1
    count = limit // longest
    return [lines[start : start + count] for start in range(0, len(lines), count)]
