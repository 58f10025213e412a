"""OUT -> the values that a page is made from: the dataclasses behind the JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from patchc.decoding import decode
from patchc.errors import PatchcError
from patchc.measure.bench import Bench
from patchc.outdir import BENCH, REPORT, VERIFY, read_source
from patchc.report.data import Report
from patchc.verify.verify import Verification

_T = TypeVar("_T")


def read_out(out: Path) -> tuple[Report, Verification | None, Bench | None]:
    """What compile wrote and, where they were run, verify and bench. Raises PatchcError, naming
    the file and what is wrong in it."""
    read_source(out)
    report = _read(out / REPORT, Report, "compile")
    _check(report, out / REPORT)
    verification = bench = None
    if (out / VERIFY).exists():
        verification = _read(out / VERIFY, Verification, "verify")
    if (out / BENCH).exists():
        bench = _read(out / BENCH, Bench, "bench")
    return report, verification, bench


def _read(path: Path, kind: type[_T], command: str) -> _T:
    try:
        return decode(kind, json.loads(path.read_text(encoding="utf-8")), path.stem)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PatchcError(
            f"{path}: not what this patchc writes ({reason}): run patchc {command} again"
        ) from error


def _check(report: Report, path: Path) -> None:
    """Raises PatchcError where numbers name blocks or sizes that there cannot be."""
    blocks = len(report.blocks)
    wrong = [
        f"buffer {one.name!r}"
        for one in report.arena
        if not (0 <= one.first <= one.last < blocks and min(one.offset, one.bytes) >= 0)
    ]
    wrong += [
        f"layer {one.node!r}"
        for one in report.layers
        if not 0 <= one.tunnel < blocks or min(one.shape) < 1
    ]
    ram = report.ram
    if min(ram.arena_bytes, ram.layerwise_bytes, ram.stack_bytes, ram.static_bytes) < 0:
        wrong.append("ram")
    if wrong:
        raise PatchcError(f"{path}: {wrong[0]} does not go with the rest: run patchc compile again")
