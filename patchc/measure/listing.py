"""The instructions of an image by address, from objdump's listing, as far as their timing goes."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from patchc.errors import PatchcError
from patchc.programs.program import run_command

_SECONDS = 60
# The architecture that knows all instructions of the others; by itself objdump takes those of MVE
# for a coprocessor's.
_OBJDUMP = ("arm-none-eabi-objdump", "-d", "--no-show-raw-insn", "-marmv8.1-m.main")


class Kind(Enum):
    """What an instruction is to a core's timing."""

    DATA = auto()
    DSP = auto()  # of ARMv7E-M: products of halves and high words, pairs of halves, saturating sums
    MULTIPLY = auto()
    MULTIPLY_ADD = auto()
    LONG_MULTIPLY = auto()
    LONG_MULTIPLY_ADD = auto()
    DIVIDE = auto()
    LOAD = auto()
    STORE = auto()
    MULTIPLE = auto()
    SYSTEM = auto()
    VECTOR = auto()
    VECTOR_MEMORY = auto()
    VECTOR_MULTIPLY = auto()
    # Jumps: each ends a block.
    JUMP = auto()
    CALL = auto()
    TABLE_JUMP = auto()
    LOAD_JUMP = auto()
    RETURN = auto()
    LOOP = auto()


JUMPS = frozenset((Kind.JUMP, Kind.CALL, Kind.TABLE_JUMP, Kind.LOAD_JUMP, Kind.RETURN, Kind.LOOP))
VECTORS = frozenset((Kind.VECTOR, Kind.VECTOR_MEMORY, Kind.VECTOR_MULTIPLY))


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of the listing. Registers by objdump's names."""

    address: int
    op: str  # its mnemonic
    kind: Kind
    writes: frozenset[str]
    reads: frozenset[str]
    by: frozenset[str]  # of `reads`: those that make the address of a load or store
    registers: int  # that a MULTIPLE or RETURN moves, in words
    shifts: bool  # an operand is shifted or extended


@dataclass(frozen=True, slots=True)
class Listing:
    """All instructions of an image, by address."""

    instructions: tuple[Instruction, ...]

    def block(self, address: int, count: int) -> Sequence[Instruction]:
        """`count` instructions from an address on. Raises PatchcError where there are none."""
        first = bisect_left(self.instructions, address, key=lambda one: one.address)
        found = self.instructions[first : first + count]
        if len(found) < count or found[0].address != address:
            raise PatchcError(f"objdump lists no instruction at {address:#x}")
        return found


def read_listing(elf: Path) -> Listing:
    """Raises PatchcError without objdump."""
    return parse(run_command([*_OBJDUMP, str(elf)], _SECONDS))


_LINE = re.compile(r"^\s*(?P<address>[0-9a-f]+):\t(?P<op>[a-z][a-z0-9_.]*)(?:\t(?P<rest>[^@;]*))?")


def parse(text: str) -> Listing:
    """`objdump -d --no-show-raw-insn`."""
    lines = (_LINE.match(line) for line in text.splitlines())
    found = (
        instruction(int(line["address"], 16), line["op"], (line["rest"] or "").strip())
        for line in lines
        if line
    )
    return Listing(tuple(sorted(found, key=lambda one: one.address)))


_CONDITION = "(?:eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
# The first that matches the mnemonic, without its width and types.
_KINDS = tuple(
    (re.compile(rf"(?:{pattern}){_CONDITION}"), kind)
    for pattern, kind in (
        ("b|bx|blx|bxns|blxns|cbz|cbnz|wls|wlstp", Kind.JUMP),
        ("bl", Kind.CALL),
        ("tbb|tbh", Kind.TABLE_JUMP),
        ("le|letp", Kind.LOOP),
        ("[su]div", Kind.DIVIDE),
        ("muls?", Kind.MULTIPLY),
        ("ml[as]", Kind.MULTIPLY_ADD),
        ("[su]mull", Kind.LONG_MULTIPLY),
        ("[su]mlal|umaal", Kind.LONG_MULTIPLY_ADD),
        ("ldm.*|stm.*|push|pop|ldrd|strd|vpush|vpop|vldm.*|vstm.*", Kind.MULTIPLE),
        ("v?ldr.*", Kind.LOAD),
        ("v?str.*", Kind.STORE),
        ("mrs|msr|dsb|dmb|isb|cps.*", Kind.SYSTEM),
        ("sm(?:la|ls|ml|mu|ul|ua|us).*", Kind.DSP),
        ("[su]xta?b16|[su]xta[bh]|pkh(?:bt|tb)|sel|[su]sat16|usada?8", Kind.DSP),
        ("(?:s|u|q|sh|uh|uq)(?:add|sub|asx|sax)(?:8|16)?|qd(?:add|sub)", Kind.DSP),
    )
)
_VECTOR_KINDS = (
    (re.compile(r"v(?:ld|st).*"), Kind.VECTOR_MEMORY),
    (re.compile(r"v(?:q|r|qr|qd|qrd)?m(?:ul|la|ls).*"), Kind.VECTOR_MULTIPLY),
    (re.compile(r".*"), Kind.VECTOR),
)
_PLACE = re.compile(r"\b[0-9a-f]+ <.*>")  # that a jump leads to
_REGISTER = re.compile(r"\b(?:r1?[0-9]|sp|lr|pc|ip|fp|sl|sb|s[0-9]+|d[0-9]+|q[0-7])\b")
_SPAN = re.compile(r"\b(?P<bank>[sd])(?P<first>\d+)-[sd](?P<last>\d+)\b")
_SHIFT = re.compile(r"\b(?:lsl|lsr|asr|ror|rrx)\b")
_SHIFTS = re.compile(r"(?:[su]xt[bh]|[su]bfx|bfi|bfc|ls[lr]|asr|ror)")
_COMPARES = re.compile(r"(?:cmp|cmn|tst|teq|cbz|cbnz)")
# Two operands, the first of which is only written.
_MOVES = re.compile(r"(?:movs?$|mov[^t]|movw|mvn|neg|clz|rbit|rev|[su]xt|adr|v)")
_TWO_RESULTS = re.compile(r"(?:[su]mull|[su]mlal|umaal|smlsld)")


def instruction(address: int, op: str, rest: str) -> Instruction:
    """One line of the listing; `rest`: its operands."""
    base = op.split(".")[0]
    kind = _kind(base, rest)
    writes, reads, by = _operands(base, kind, rest)
    if "pc" in writes:
        into_pc = {Kind.DATA: Kind.JUMP, Kind.LOAD: Kind.LOAD_JUMP, Kind.MULTIPLE: Kind.RETURN}
        kind = into_pc.get(kind, kind)
    return Instruction(
        address=address,
        op=op,
        kind=kind,
        writes=writes,
        reads=reads,
        by=by,
        registers=_words(base, rest) if kind in (Kind.MULTIPLE, Kind.RETURN) else 0,
        shifts=bool(_SHIFTS.match(base)) or (kind is Kind.DATA and bool(_SHIFT.search(rest))),
    )


def _kind(base: str, rest: str) -> Kind:
    vector = base.startswith("v") and re.search(r"\bq[0-7]\b", rest)
    kinds = _VECTOR_KINDS if vector else _KINDS
    return next((kind for pattern, kind in kinds if pattern.fullmatch(base)), Kind.DATA)


def _operands(
    base: str, kind: Kind, rest: str
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The registers that are written, read, and read for an address."""
    names = _REGISTER.findall(_PLACE.sub("", rest))
    if "[" in rest:
        values = frozenset(_REGISTER.findall(rest[: rest.index("[")]))
        by = frozenset(_REGISTER.findall(rest[rest.index("[") :]))
        moved = "]!" in rest or "]," in rest
        base_register = by if moved else frozenset()
        if base.startswith(("ld", "vld")):
            return values | base_register, by, by
        return base_register, values | by, by
    if kind is Kind.MULTIPLE:
        some = frozenset(names)
        return (some, some, some) if base.startswith(("ld", "pop")) else (frozenset(), some, some)
    if _COMPARES.match(base) or kind in JUMPS:
        return frozenset(), frozenset(names), frozenset()
    results = 2 if _TWO_RESULTS.match(base) else 1
    reads = names[results:]
    adds_up = kind in (Kind.LONG_MULTIPLY_ADD, Kind.DSP) and results == 2
    if adds_up or (rest.count(",") == 1 and not _MOVES.match(base)):
        reads = names
    return frozenset(names[:results]), frozenset(reads), frozenset()


def _words(base: str, rest: str) -> int:
    if "{" not in rest:
        return 2  # ldrd, strd
    inside = rest[rest.index("{") :]
    words = 0
    for span in _SPAN.finditer(inside):
        count = int(span["last"]) - int(span["first"]) + 1
        words += count * (2 if span["bank"] == "d" else 1)
    for name in _REGISTER.findall(_SPAN.sub("", inside)):
        words += 2 if name.startswith("d") else 1
    return words
