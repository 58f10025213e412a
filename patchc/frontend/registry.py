"""The table of ONNX operators.

An entry is one function from a `Call` to the value of the node's first output:

    @onnx_op("Relu", makes=(Lut,), limits="what is refused, in words")
    def relu(call: Call) -> Value: ...

It raises `RefusalError` with a reason where the operator, or this use of it, is not supported; the
importer collects these, so an entry never stops the walk. benchmarks/operators.py makes the table
of docs/operators.md from the entries, the first paragraphs of their docstrings included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from patchc.frontend.call import Call
from patchc.frontend.values import Value
from patchc.ir import Op

Handler = Callable[[Call], Value | Sequence[Value]]  # of the first output, or of all
_Entry = TypeVar("_Entry", bound=Handler)


@dataclass(frozen=True, slots=True)
class Entry:
    """A function of the table, and what is known of it without running it."""

    handler: Handler
    operators: tuple[tuple[str, str], ...]  # (domain, name)
    makes: tuple[type[Op], ...]  # what they become; none: a part of others, or another view
    limits: str  # what the function refuses, in words


_HANDLERS: dict[tuple[str, str], Handler] = {}
_ENTRIES: dict[Handler, Entry] = {}


def onnx_op(
    *names: str, domain: str = "", makes: tuple[type[Op], ...] = (), limits: str = ""
) -> Callable[[_Entry], _Entry]:
    """Enter a function in the table, under the names of the operators that it imports.

    `makes`, `limits`: see `Entry`; where a function is entered twice, one of the two says it.
    """

    def enter(handler: _Entry) -> _Entry:
        known = _ENTRIES.get(handler, Entry(handler, (), (), ""))
        operators = tuple((domain, name) for name in names)
        _ENTRIES[handler] = Entry(
            handler,
            (*operators, *known.operators),
            makes or known.makes,
            limits or known.limits,
        )
        _HANDLERS.update(dict.fromkeys(operators, handler))
        return handler

    return enter


def handlers() -> Mapping[tuple[str, str], Handler]:
    """The entries by (domain, operator); the default domain is "". All of them are there once
    `patchc.frontend.ops` is imported: readers take this function from there."""
    return _HANDLERS


def entries() -> Mapping[Handler, Entry]:
    """The same by function, in the order of the files of `patchc/frontend/ops`."""
    return _ENTRIES
