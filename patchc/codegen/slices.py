"""The program as tables and one switch, for networks that also run in slices: NAME_step goes on in
the tables where it stopped, NAME_run goes through them from their beginning to their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patchc.codegen.calls import BlockFunction
from patchc.codegen.layout import arguments, cut
from patchc.codegen.ports import Port
from patchc.codegen.program import ARENA
from patchc.codegen.tunnels import TunnelFunction
from patchc.planner.slices import Prices

# Of what is computed in one go: its one piece, of runtime_c/portable/patchc_step.c.
_ONCE = "patchc_once"
_COMMENT = 60  # columns

# Cycles that copying a byte of an input or output takes at most.
_COPY_CYCLES = 2


@dataclass(frozen=True, slots=True)
class Case:
    """What a part's pieces are computed by: a statement, or a call that may fail."""

    number: int
    text: str
    can_fail: bool = False
    guard: str = ""  # the condition under which it runs


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of the table of parts."""

    pieces: str  # the patchc_step
    function: int  # the number of its case
    work: int
    comment: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the table of blocks."""

    first: int
    end: int
    stripes: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Sliced:
    """What the templates show of it."""

    cases: tuple[Case, ...]
    parts: tuple[Part, ...]
    entries: tuple[Entry, ...]
    total: int  # work of an inference
    takes: frozenset[str]  # of arena, inputs, outputs, piece: what the cases name

    @property
    def longest(self) -> int:
        """Work of a piece, at most."""
        return max(part.work for part in self.parts)

    @property
    def can_fail(self) -> bool:
        return any(case.can_fail for case in self.cases)


class _Maker:
    """Collects the tables."""

    def __init__(self) -> None:
        self.cases: dict[tuple[str, bool, str], Case] = {}
        self.parts: list[Part] = []
        self.entries: list[Entry] = []
        self.copies = 0  # work of copying inputs and outputs

    def part(
        self,
        pieces: str,
        text: str,
        work: int,
        comment: str,
        can_fail: bool = False,
        guard: str = "",
    ) -> None:
        """Equal functions have one case."""
        case = self.cases.setdefault(
            (text, can_fail, guard), Case(len(self.cases), text, can_fail, guard)
        )
        self.parts.append(Part(pieces, case.number, work, cut(comment, _COMMENT)))

    def entry(self, parts: int, stripes: int = 1, ticks: int = 1) -> None:
        """A block of the last parts."""
        end = len(self.parts)
        self.entries.append(Entry(end - parts, end, stripes, ticks))

    def once(self, text: str, work: int, comment: str, guard: str = "") -> None:
        self.part(_ONCE, text, work, comment, guard=guard)
        self.entry(1)

    def block(self, function: BlockFunction, price: int) -> None:
        call = f"{function.name}({', '.join(function.passed)})"
        self.part(_ONCE, call, price, function.call.comment, function.can_fail)
        self.entry(1)

    def tunnel(self, function: TunnelFunction, prices: Sequence[int]) -> None:
        for sums in function.sums:
            given = ", ".join(sums.given)
            self.once(f"{sums.function}({given})", 1, "sums begin at zero")
            self.copies += 1
        for step, price in zip(function.steps, prices, strict=True):
            call = f"{step.name}({', '.join((*step.passed, 'piece'))})"
            self.part(step.table, call, price, step.comment, step.can_fail)
        self.entry(len(function.steps), function.stripes, function.ticks)

    def copy(self, port: Port, macro: str, to: str, source: str, guard: str, comment: str) -> None:
        """An input into the arena, or an output out of it."""
        size = f"{macro}_{port.macro}_BYTES"
        work = max(port.bytes * _COPY_CYCLES, 1)
        text = arguments("memmove", [to, source, size], "", 8).lstrip()
        self.once(text, work, comment, guard)
        self.copies += work


def sliced(
    blocks: Sequence[BlockFunction | TunnelFunction],
    prices: Prices,
    macro: str,
    copied: Sequence[Port],
    left: Sequence[Port],
) -> Sliced:
    """`macro`: the prefix of macros. `copied`: inputs that the caller may give outside the arena
    that they belong into. `left`: outputs in the arena."""
    maker = _Maker()
    for port in copied:
        guard = f"inputs != NULL && inputs->{port.field} != NULL"
        place, source = f"{ARENA} + {macro}_{port.macro}_OFFSET", f"inputs->{port.field}"
        maker.copy(port, macro, place, source, guard, f"{port.macro}, where it is given")
    for function, costs in zip(blocks, prices.pieces, strict=True):
        if isinstance(function, TunnelFunction):
            maker.tunnel(function, costs)
        else:
            maker.block(function, costs[0])
    for port in left:
        guard = f"outputs != NULL && outputs->{port.field} != NULL"
        place, to = f"{ARENA} + {macro}_{port.macro}_OFFSET", f"outputs->{port.field}"
        maker.copy(port, macro, to, place, guard, f"{port.macro}, where it is asked for")
    cases = tuple(maker.cases.values())
    text = " ".join(f"{case.text} {case.guard}" for case in cases)
    named = (ARENA, "inputs", "outputs", "piece")
    return Sliced(
        cases,
        tuple(maker.parts),
        tuple(maker.entries),
        prices.total + maker.copies,
        frozenset(name for name in named if name in text),
    )
