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


# How far `benchmarks.speed` found predicted cycles from those that it counted (docs/figures.md).
CLOCK_NOTE = (
    "cycles are predicted, within 9 % of those that patchc bench estimates from the instructions "
    "that run; caches, flash wait states and buses come on top"
)


def milliseconds(cycles: int, clock_mhz: float) -> float:
    """Of so many cycles."""
    return cycles / clock_mhz / 1000


def ms_words(time: float) -> str:
    """Three digits that count: "0.123", "12.3", "1,234"."""
    return f"{time:,.0f}" if time >= 100 else f"{time:.3g}"
