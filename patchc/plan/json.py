"""plan.json: a Plan as text, with a number for its format, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any, TypeVar

from patchc.choices import InputMode, OutputMode
from patchc.errors import PatchcError
from patchc.plan.types import Again, Plan, StepPlan, TunnelPlan

# Counts up whenever a plan of the form before can no longer be read as what it was.
FORMAT = 2

T = TypeVar("T")
Reader = Callable[[Any, str], T]  # (value, where it stands) -> what it means


def to_json(plan: Plan) -> str:
    """The text of plan.json; what most plans have none of, tensors made again, is left out then."""
    data = {"format": FORMAT, **asdict(plan)}
    if not plan.again:
        del data["again"]
    return json.dumps(data, indent=1, default=lambda mode: mode.value) + "\n"


def from_json(text: str) -> Plan:
    """The inverse of `to_json`. A file of the first format, which had no number, names no kernels;
    nor do the steps of its plan.

    Raises PatchcError for text of another form: the message names the format, or the field that is
    missing, unknown or of another type.
    """
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise PatchcError(f"it is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise PatchcError("it is not a JSON object")
    known = data.pop("format", None)
    if known is not None and (type(known) is not int or known != FORMAT):
        raise PatchcError(
            f"it has format {known!r}, and this patchc reads format {FORMAT}: compile the model "
            "anew, without --plan"
        )
    data.setdefault("again", [])
    return Plan(
        **_fields(
            data,
            "the plan",
            input_mode=_member(InputMode),
            tunnels=_several(_tunnel(_first_step if known is None else _step)),
            in_place=_several(_pair),
            output_mode=_member(OutputMode),
            again=_several(_again),
        )
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises PatchcError for two fields of one name."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise PatchcError(f"an object of it has {', '.join(twice)} twice")
    return found


def _fields(data: Any, where: str, **readers: Reader[Any]) -> dict[str, Any]:
    """Exactly the named fields of a JSON object, each as its reader makes it."""
    if not isinstance(data, Mapping):
        raise PatchcError(f"{where} is not a JSON object")
    missing = [name for name in readers if name not in data]
    unknown = [name for name in data if name not in readers]
    what = [f"lacks {', '.join(missing)}"] if missing else []
    what += [f"has unknown {', '.join(unknown)}"] if unknown else []
    if what:
        raise PatchcError(f"{where} {' and '.join(what)}")
    return {name: read(data[name], f"{where}, {name}") for name, read in readers.items()}


def _tunnel(step: Reader[StepPlan]) -> Reader[TunnelPlan]:
    """The reader of a tunnel whose steps `step` reads."""

    def reader(value: Any, where: str) -> TunnelPlan:
        if isinstance(value, Mapping):
            value = {"rows": 0, **value}  # which plans did not have from the start
        found = _fields(
            value,
            where,
            steps=_several(step),
            stripes=_count,
            whole=_flag,
            reverse=_flag,
            rows=_count,
        )
        return TunnelPlan(**found)

    return reader


def _again(value: Any, where: str) -> Again:
    return Again(**_fields(value, where, nodes=_several(_word), readers=_several(_word)))


def _first_step(value: Any, where: str) -> StepPlan:
    """A step of the first format."""
    found = _fields(value, where, nodes=_several(_word), tile=_count, group=_count, rows=_count)
    return StepPlan(**found)


def _step(value: Any, where: str) -> StepPlan:
    found = _fields(
        value,
        where,
        nodes=_several(_word),
        kernels=_several(_word),
        tile=_count,
        group=_count,
        rows=_count,
        slide=_count,
    )
    nodes, kernels = found["nodes"], found["kernels"]
    if len(nodes) != len(kernels):
        raise PatchcError(f"{where} names {len(kernels)} kernels for {len(nodes)} nodes")
    return StepPlan(**found)


def _several(read: Reader[T]) -> Reader[tuple[T, ...]]:
    def reader(value: Any, where: str) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise PatchcError(f"{where} is not a list")
        return tuple(read(item, f"{where} {number}") for number, item in enumerate(value))

    return reader


def _member(kind: type[Enum]) -> Reader[Any]:
    def reader(value: Any, where: str) -> Enum:
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(str(member.value) for member in kind)
            raise PatchcError(f"{where} is {value!r}, not one of {known}") from None

    return reader


def _pair(value: Any, where: str) -> tuple[str, str]:
    words = _several(_word)(value, where)
    if len(words) != 2:
        raise PatchcError(f"{where} is not a pair of names")
    return words[0], words[1]


def _word(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise PatchcError(f"{where} is not a name")
    return value


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PatchcError(f"{where} is not a count")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PatchcError(f"{where} is neither true nor false")
    return value
