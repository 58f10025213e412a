"""The most stack that a call of the emitted C can take, from NAME_run down, without running it.

Frames and calls come from gcc's call-graph info, those of the C library from the machine code. The
bound is the longest path in that graph. It leaves out what the caller's callbacks use, and
interrupts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from patchc.errors import PatchcError
from patchc.measure import callgraph, disassembly
from patchc.measure.callgraph import INDIRECT, CallGraph, CallSite, Function
from patchc.measure.disassembly import Code
from patchc.programs.firmware import Firmware
from patchc.programs.program import run_command
from patchc.targets.toolchain import ARM, Toolchain

FLAGS = ("-fstack-usage", "-fcallgraph-info=su,da")  # what objects must be compiled with

_CALLBACK = "the caller's callback"
# What the emitted C calls through: a function of the caller (templates/network.c.j2).
_POINTERS = ("reader->read(", "writer->write(")
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Frame:
    """A function on the deepest path."""

    function: str
    bytes: int


@dataclass(frozen=True, slots=True)
class StackBound:
    """Stack of one call, in bytes."""

    bytes: int
    path: tuple[Frame, ...]  # from the entry to the deepest function
    # Deepest stack at which a callback is called: with one that takes n bytes, the call takes the
    # larger of `bytes` and `callback_bytes` + n. None: there is no callback.
    callback_bytes: int | None

    def __str__(self) -> str:
        return " > ".join(f"{frame.function} {frame.bytes}" for frame in self.path)


def firmware_bound(out: Path, image: Firmware) -> StackBound:
    """Of NAME_run in an image that was built from `out` with `extra_flags` FLAGS.

    Raises PatchcError as `stack_bound` does.
    """

    def is_callback(place: str) -> bool:
        file, line, column = place.rsplit(":", 2)
        text = (out / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        return text[int(column) - 1 :].startswith(_POINTERS)

    entry, toolchain = f"{image.interface.name}_run", image.core.toolchain
    return stack_bound(image.objects, image.elf, entry, is_callback, toolchain)


def stack_bound(
    objects: Sequence[Path],
    elf: Path,
    entry: str,
    is_callback: Callable[[str], bool],
    toolchain: Toolchain = ARM,
) -> StackBound:
    """Of `entry`, a function of `objects` (.o, compiled by gcc with FLAGS), linked into `elf`.

    is_callback: whether the indirect call at "file:line:column" is one of the caller's callbacks.

    Raises PatchcError, naming the function, for recursion, for a frame whose size is known at run
    time only, for another indirect call, and where the machine code of a library function does not
    say what it takes.
    """
    graph = _merge(callgraph.parse(_read(path.with_suffix(".ci"))) for path in objects)
    text = run_command([toolchain.objdump, "-d", "--no-show-raw-insn", str(elf)], seconds=_SECONDS)
    machine = disassembly.parse(text, toolchain.family)
    calls = call_tree(graph, machine, _aliases(elf), entry, is_callback)
    return longest_path(calls, entry)


def call_tree(
    graph: CallGraph,
    machine: Mapping[str, Code],
    aliases: Mapping[str, Sequence[str]],
    entry: str,
    is_callback: Callable[[str], bool],
) -> nx.DiGraph:
    """What `entry` reaches: nodes with `bytes`, callbacks as one node of 0 bytes.

    `aliases`: symbol -> all names of its address, of which `machine` knows one. Raises PatchcError
    as above.
    """
    known = {f.title: f for f in graph.functions if f.frame_bytes is not None}
    statics = {f.name: title for title, f in known.items()}
    sites: dict[str, list[CallSite]] = {}
    for site in graph.calls:
        sites.setdefault(site.caller, []).append(site)
    if entry not in known:
        raise PatchcError(f"no stack bound: no call-graph info about {entry}")

    def frame_and_callees(title: str) -> tuple[int, set[str]]:
        if title == _CALLBACK:
            return 0, set()
        if title in known:
            function = known[title]
            callees = {_callee(site, function, is_callback) for site in sites.get(title, ())}
            # gcc's list lacks what it adds late, such as its own helpers for switches.
            late = machine[function.name].calls if function.name in machine else frozenset()
            return _frame(function), callees | {statics.get(name, name) for name in late} - {title}
        code = machine[title]
        disassembly.check(code)
        return code.frame_bytes, {*code.calls, *((code.runs_on,) if code.runs_on else ())}

    def linked(title: str) -> str | None:
        """The name by which a callee's frame is known. None: gcc optimised all calls of it away,
        or the linker would have found it missing."""
        if title == _CALLBACK or title in known or title in machine:
            return title
        return next((name for name in aliases.get(title, ()) if name in machine), None)

    found, waiting = nx.DiGraph(), [entry]
    while waiting:
        title = waiting.pop()
        if title not in found or "bytes" not in found.nodes[title]:
            size, callees = frame_and_callees(title)
            named = [name for callee in callees if (name := linked(callee))]
            found.add_node(title, bytes=size)
            found.add_edges_from((title, callee) for callee in named)
            waiting.extend(named)
    return found


def longest_path(calls: nx.DiGraph, entry: str) -> StackBound:
    """The deepest path from `entry`. Raises PatchcError for a graph with a cycle."""
    try:
        order = list(nx.topological_sort(calls))
    except nx.NetworkXUnfeasible:
        cycle = [caller for caller, _ in nx.find_cycle(calls)]
        names = " -> ".join(map(_name, (*cycle, cycle[0])))
        raise PatchcError(f"no stack bound: recursion ({names})") from None
    depth: dict[str, int] = {}  # from the entry to the end of a function's frame
    before: dict[str, str] = {}
    for title in order:
        above = max(calls.predecessors(title), key=depth.__getitem__, default=None)
        depth[title] = calls.nodes[title]["bytes"] + (depth[above] if above is not None else 0)
        if above is not None:
            before[title] = above
    title = max(depth, key=depth.__getitem__)
    path = [title]
    while path[-1] in before:
        path.append(before[path[-1]])
    frames = tuple(Frame(_name(t), calls.nodes[t]["bytes"]) for t in reversed(path))
    return StackBound(depth[title], frames, depth.get(_CALLBACK))


def _frame(function: Function) -> int:
    assert function.frame_bytes is not None
    if not function.is_static:
        raise PatchcError(
            f"no stack bound: {function.name} has a frame whose size depends on its arguments"
        )
    return function.frame_bytes


def _callee(site: CallSite, caller: Function, is_callback: Callable[[str], bool]) -> str:
    if site.callee != INDIRECT:
        return site.callee
    if not is_callback(site.place):
        raise PatchcError(
            f"no stack bound: {caller.name} calls through a pointer at {site.place}, which is not "
            "a callback of the caller"
        )
    return _CALLBACK


def _name(title: str) -> str:
    return title.rpartition(":")[2]


def _merge(graphs: Iterable[CallGraph]) -> CallGraph:
    every = tuple(graphs)
    return CallGraph(
        tuple(f for graph in every for f in graph.functions),
        tuple(c for graph in every for c in graph.calls),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PatchcError(
            f"{path} is missing: compile with gcc 10 or later and {' '.join(FLAGS)}"
        ) from error


def _aliases(elf: Path) -> dict[str, list[str]]:
    """Symbol -> all symbols at its address: objdump names the code there by one of them.

    Raises PatchcError for a stripped image.
    """
    places: dict[int, list[str]] = {}
    with elf.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        if not isinstance(symbols, SymbolTableSection):
            raise PatchcError(
                f"no stack bound: {elf} is stripped of its symbols; link it with them"
            )
        for symbol in symbols.iter_symbols():
            if symbol["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE") and symbol.name[:1] != "$":
                places.setdefault(symbol["st_value"] & ~1, []).append(symbol.name)
    return {name: names for names in places.values() for name in names}
