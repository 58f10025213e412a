"""Stack frames and calls of functions that come without call-graph info, from objdump's text.

Those of the C library and of libgcc are assembly or were compiled by others. A frame is taken as
the sum of everything that the function ever takes off the stack pointer, whatever it gives back in
between: never too small, and these functions hardly branch around their pushes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from patchc.errors import PatchcError
from patchc.measure import riscv

_HEADER = re.compile(r"^[0-9a-f]+ <(?P<name>[^>]+)>:$")
_LINE = re.compile(r"^\s*[0-9a-f]+:\s+(?P<op>[a-z][a-z0-9.]*)\s*(?P<rest>[^;@]*)")
_TARGET = re.compile(r"^(?:[0-9a-z]+, )?[0-9a-f]+ <(?P<name>[^>+]+)(?:\+0x[0-9a-f]+)?>")
_LIST = re.compile(r"\{(?P<registers>[^}]*)\}")
_TAKEN = re.compile(r"^(?:sp, )?sp, #(?P<bytes>\d+)")
_BELOW = re.compile(r"\[sp, #-(?P<bytes>\d+)\]!")  # str r4, [sp, #-8]!
_CONDITION = "(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)"
_BRANCH = re.compile(rf"^(?:bl|blx|b|cbz|cbnz){_CONDITION}?(?:\.[nw])?$")
_PADDING = ("nop", "udf")  # behind the end of a function
_REGISTER_BYTES = {"s": 4, "d": 8, "q": 16}  # of the FPU; all others hold 4


@dataclass(frozen=True, slots=True)
class Code:
    """A function in machine code."""

    name: str
    frame_bytes: int  # at most
    calls: frozenset[str]  # names of functions, tail calls included
    runs_on: str | None  # the function after it, which assembly may run on into
    doubt: str  # an instruction whose effect on stack or calls is not known; "" where none is


def parse(text: str, family: str = "arm") -> Mapping[str, Code]:
    """`objdump -d --no-show-raw-insn` -> function -> what is known of it. `family`: of cores.

    Static functions of one name in several objects count as one, with all that any of them does.
    """
    bodies: list[tuple[str, list[tuple[str, str]]]] = []
    for line in text.splitlines():
        if header := _HEADER.match(line):
            bodies.append((header["name"], []))
        elif bodies and (found := _LINE.match(line)):
            bodies[-1][1].append((found["op"], found["rest"].strip()))
    codes: dict[str, Code] = {}
    for index, (name, body) in enumerate(bodies):
        after = bodies[index + 1][0] if index + 1 < len(bodies) else None
        code = _code(name, body, after, _SYNTAXES[family])
        codes[name] = _together(codes[name], code) if name in codes else code
    return codes


def check(code: Code) -> None:
    """Raises PatchcError when no bound follows from the text."""
    if code.doubt:
        raise PatchcError(
            f"no stack bound: {code.name} has no call-graph info, and its machine code has "
            f"'{code.doubt}'"
        )


@dataclass(frozen=True, slots=True)
class _Syntax:
    """How instructions of a family of cores are read."""

    target: Callable[[str, str], str | None]
    taken: Callable[[str, str], int]
    is_doubtful: Callable[[str, str], bool]
    is_call: Callable[[str], bool]
    ends: Callable[[list[tuple[str, str]]], bool]


def _code(name: str, body: list[tuple[str, str]], after: str | None, syntax: _Syntax) -> Code:
    targets = [(op, rest, syntax.target(op, rest)) for op, rest in body]
    calls = {target for _, _, target in targets if target and target != name}
    doubts = [
        f"{op} {rest}"
        for op, rest, target in targets
        if syntax.is_doubtful(op, rest) or (syntax.is_call(op) and target == name)
    ]
    taken = sum(syntax.taken(op, rest) for op, rest in body)
    next_one = None if syntax.ends(body) else after
    return Code(name, taken, frozenset(calls), next_one, doubts[0] if doubts else "")


def _together(a: Code, b: Code) -> Code:
    taken = max(a.frame_bytes, b.frame_bytes)
    return Code(a.name, taken, a.calls | b.calls, a.runs_on or b.runs_on, a.doubt or b.doubt)


def _ends(body: list[tuple[str, str]]) -> bool:
    """Is the last instruction one that leaves the function?"""
    code = [(op.split(".")[0], rest) for op, rest in body if op.split(".")[0] not in _PADDING]
    if not code:
        return False
    op, rest = code[-1]
    return op in ("b", "bx") or (op in ("pop", "ldmia", "ldm", "mov", "ldr") and "pc" in rest)


def _target(op: str, rest: str) -> str | None:
    """The function that a branch leads to."""
    found = _TARGET.match(rest) if _BRANCH.match(op) else None
    return found["name"] if found else None


def _taken(op: str, rest: str) -> int:
    """Bytes that an instruction takes off the stack pointer; 0 where it gives some back."""
    stem = op.split(".")[0]
    if stem in ("push", "vpush") or (stem in ("stmdb", "stmfd", "vstmdb") and "sp!" in rest):
        return _bytes_of(_LIST.search(rest))
    if stem in ("sub", "subw") and (found := _TAKEN.match(rest)):
        return int(found["bytes"])
    below = _BELOW.search(rest)
    return int(below["bytes"]) if below else 0


def _bytes_of(registers: re.Match[str] | None) -> int:
    """Of a register list such as "r4, r5-r7, lr"."""
    total = 0
    for item in registers["registers"].split(",") if registers else ():
        first, _, last = item.strip().partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        total += count * _REGISTER_BYTES.get(first[0] if first[1:].isdigit() else "", 4)
    return total


def _is_doubtful(op: str, rest: str) -> bool:
    """A call or jump through a register, or a stack pointer that moves by an unknown amount."""
    stem, first = op.split(".")[0], rest.split(",")[0].strip()
    if stem == "blx" and not _TARGET.match(rest):
        return True
    if stem == "bx":
        return first != "lr"
    writes_sp = first == "sp" and stem in ("mov", "add", "addw", "sub", "subw", "ldr", "msr")
    by_number = re.match(r"^(?:sp, )?sp, #\d+", rest) is not None
    return writes_sp and not by_number


def _is_call(op: str) -> bool:
    return op.split(".")[0] == "bl"


_SYNTAXES = {
    "arm": _Syntax(_target, _taken, _is_doubtful, _is_call, _ends),
    "riscv": _Syntax(riscv.target, riscv.taken, riscv.is_doubtful, riscv.is_call, riscv.ends),
}
