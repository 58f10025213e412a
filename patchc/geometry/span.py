"""A run of rows or columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Positions start .. stop - 1."""

    start: int
    stop: int
