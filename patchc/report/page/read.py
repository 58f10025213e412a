"""OUT -> the values that a page is made from: the dataclasses behind the JSON files."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

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


def decode(kind: Any, value: Any, where: str) -> Any:
    """`value`, as json.loads gives it, as a dataclass, tuple, mapping or plain value. What it has
    beyond that is left out. Raises ValueError, naming the field."""
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{where} is no object")
        hints = _hints(kind)
        missing = [f.name for f in fields(kind) if f.name not in value]
        if missing:
            raise ValueError(f"{where} has no {missing[0]!r}")
        found = {
            f.name: decode(hints[f.name], value[f.name], f"{where}.{f.name}") for f in fields(kind)
        }
        return kind(**found)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (inner,) = (one for one in arguments if one is not type(None))
        return None if value is None else decode(inner, value, where)
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise ValueError(f"{where} is no object")
        return {key: decode(arguments[1], one, f"{where}.{key}") for key, one in value.items()}
    expected = (int, float) if kind is float else kind
    if not isinstance(value, expected) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where} is no {kind.__name__}")
    return value


def _tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is no list")
    if arguments[1:] == (...,):
        arguments = arguments[:1] * len(value)
    if len(arguments) != len(value):
        raise ValueError(f"{where} has {len(value)} entries, not {len(arguments)}")
    return tuple(
        decode(kind, one, f"{where}[{index}]")
        for index, (kind, one) in enumerate(zip(arguments, value, strict=True))
    )


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


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
