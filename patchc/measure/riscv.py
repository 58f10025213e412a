"""RISC-V instructions as objdump prints them: what they do to the stack, and where they lead."""

from __future__ import annotations

import re

_TARGET = re.compile(r"^(?:[a-z0-9]+,)*[0-9a-f]+ <(?P<name>[^>+]+)(?:\+0x[0-9a-f]+)?>")
_BY_NUMBER = re.compile(r"^sp,(?:sp,)?-?\d+$")
_TAKEN = re.compile(r"^sp,(?:sp,)?-(?P<bytes>\d+)$")
_CALLS = ("jal", "call")
_JUMPS = ("j", "tail")
_ADDITIONS = ("add", "addi", "c.addi", "c.addi16sp")
_STORES = ("sb", "sh", "sw")


def is_call(op: str) -> bool:
    return op in _CALLS


def target(op: str, rest: str) -> str | None:
    """The function that a branch leads to."""
    branches = op in (*_CALLS, *_JUMPS) or op.startswith("b")
    found = _TARGET.match(rest) if branches else None
    return found["name"] if found else None


def taken(op: str, rest: str) -> int:
    """Bytes that an instruction takes off the stack pointer; 0 where it gives some back."""
    found = _TAKEN.match(rest.strip()) if op in _ADDITIONS else None
    return int(found["bytes"]) if found else 0


def is_doubtful(op: str, rest: str) -> bool:
    """A call or jump through a register, or a stack pointer that moves by an unknown amount."""
    if op in ("jr", "jalr"):
        return True
    writes_sp = rest.split(",")[0].strip() == "sp" and op not in _STORES and not op.startswith("b")
    return writes_sp and not (op in _ADDITIONS and _BY_NUMBER.match(rest.strip()))


def ends(body: list[tuple[str, str]]) -> bool:
    """Is the last instruction one that leaves the function?"""
    code = [op for op, _ in body if op not in ("nop", "unimp")]
    return bool(code) and code[-1] in ("ret", "mret", *_JUMPS)
