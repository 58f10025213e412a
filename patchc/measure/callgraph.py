"""gcc's call-graph info (-fcallgraph-info=su,da, one .ci file per object) as data.

The files are VCG text: a line per function and per call. A function that the object only calls
has no frame there; one of several files has it, or none (the C library's functions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

INDIRECT = "__indirect_call"  # gcc's stand-in for whatever a function pointer points to

_NODE = re.compile(r'node: \{ title: "(?P<title>[^"]+)" label: "(?P<label>[^"]*)"')
_EDGE = re.compile(
    r'edge: \{ sourcename: "(?P<caller>[^"]+)" targetname: "(?P<callee>[^"]+)"'
    r'(?: label: "(?P<place>[^"]*)")?'
)
_FRAME = re.compile(r"(?P<bytes>\d+) bytes \((?P<kind>[a-z,]+)\)")


@dataclass(frozen=True, slots=True)
class Function:
    """A function that gcc compiled or saw called."""

    title: str  # unique: the name, with the file before it where it is static
    frame_bytes: int | None  # stack of its own; None: defined elsewhere
    is_static: bool = True  # is that known at compile time? (alloca, arrays of variable length)

    @property
    def name(self) -> str:
        """In C, with gcc's suffix where it made a clone."""
        return self.title.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call in the source; inlined functions' calls belong to the function that took them in."""

    caller: str  # title
    callee: str  # title, or INDIRECT
    place: str  # "file:line:column"; "" for calls that gcc made up, such as memcpy


@dataclass(frozen=True, slots=True)
class CallGraph:
    """One .ci file, or several together."""

    functions: tuple[Function, ...]
    calls: tuple[CallSite, ...]


def parse(text: str) -> CallGraph:
    """A .ci file. Lines that are neither node nor edge are skipped: there is only the title."""
    functions, calls = [], []
    for line in text.splitlines():
        if node := _NODE.match(line):
            frame = _FRAME.search(node["label"])
            size = int(frame["bytes"]) if frame else None
            known = frame is None or frame["kind"] == "static"
            functions.append(Function(node["title"], size, known))
        elif edge := _EDGE.match(line):
            calls.append(CallSite(edge["caller"], edge["callee"], edge["place"] or ""))
    return CallGraph(tuple(functions), tuple(calls))
