"""How numbers and names are written, on a terminal and on the page alike."""

from __future__ import annotations

from collections.abc import Iterable

WIDTH = 80  # letters of a terminal


def shorten(name: str, width: int) -> str:
    """`name` in at most `width` characters, cut in the middle: both ends tell nodes apart."""
    if len(name) <= width:
        return name
    head = (width - 1) // 2
    return f"{name[:head]}~{name[len(name) - (width - 1 - head) :]}"


def count(number: int) -> str:
    """1234567 -> "1,234,567"."""
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes."""
    return f"{number:,} B"


def overhead(factor: float) -> str:
    """F: multiply-accumulates executed / those of the plain network."""
    return f"{factor:.3f}"


def shape(sizes: Iterable[int]) -> str:
    """(56, 56, 24) -> "56x56x24"."""
    return "x".join(str(one) for one in sizes)


def several(number: int, word: str) -> str:
    """ "1 stripe", "2 stripes"."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
