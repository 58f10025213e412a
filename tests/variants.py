"""Values that differ from another one in one place: what a text or a check has to notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from patchc.geometry.clocks import RowClock
from patchc.ir import Graph
from patchc.kernels.kernel import Kernel
from patchc.kernels.registry import KERNELS
from patchc.schedule.types import Scratch, Slide

T = TypeVar("T")

# Fields that may be None, and what else may be there.
OPTIONAL = {"slide": Slide(RowClock(1, 1, 1, 9), 2, False), "scratch": Scratch("scratch", 4, 8)}


def variants(value: T) -> Iterator[T]:
    """Every copy of a value with one number, name, flag, kind or kernel in it changed, or one item
    of a tuple left out, or two neighbours exchanged, or something there where nothing was. A graph
    gets another name, and one of its tensors another zero point."""
    found: Iterator[Any]
    if isinstance(value, Graph):
        found = _graphs(value)
    elif isinstance(value, Kernel):
        found = iter([kernel for kernel in KERNELS.values() if kernel is not value][:1])
    elif is_dataclass(value):
        found = (
            replace(value, **{field.name: other})
            for field in fields(value)
            for other in _field(field.name, getattr(value, field.name))
        )
    elif isinstance(value, Mapping):
        found = ({**value, key: other} for key in value for other in variants(value[key]))
    elif isinstance(value, tuple):
        found = _tuples(value)
    elif isinstance(value, Enum):
        found = (other for other in type(value) if other is not value)
    elif isinstance(value, bool):
        found = iter([not value])
    elif isinstance(value, int):
        found = iter([value + 1, value - 1])
    elif isinstance(value, str):
        found = iter([f"{value}_", f"{value} x"])
    else:
        raise TypeError(f"no other {type(value).__name__} is known")
    yield from found


def _field(name: str, value: Any) -> Iterator[Any]:
    if value is not None:
        yield from variants(value)
    other = OPTIONAL.get(name)
    if other is not None and isinstance(value, type(other) | None):
        yield other if value is None else None


def _tuples(value: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for index, item in enumerate(value):
        before, after = value[:index], value[index + 1 :]
        others = _record(item) if isinstance(item, tuple) else variants(item)
        yield from ((*before, other, *after) for other in others)
        if item not in before[-1:]:  # else it is the copy without the item before
            yield (*before, *after)
        if after and after[0] != item:
            yield (*before, after[0], item, *after[1:])


def _record(value: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """A tuple inside of a tuple keeps its length."""
    return (other for other in _tuples(value) if len(other) == len(value))


def _graphs(graph: Graph) -> Iterator[Graph]:
    yield replace(graph, name=f"{graph.name}_")
    name = graph.inputs[0]
    tensor = graph.tensors[name]
    quant = replace(tensor.quant, zero_point=tensor.quant.zero_point - 1)
    yield replace(graph, tensors={**graph.tensors, name: replace(tensor, quant=quant)})
