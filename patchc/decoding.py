"""What json.loads gives -> the dataclasses that it was written from."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


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
