"""What kernels cost on a core: coefficients per kernel, and per flavour for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Thousandths of a cycle for each of what a kernel executes (kernels.features.Features).
    None of them is negative: a kernel that does more never costs less."""

    per_call: int = 0
    per_row: int = 0
    per_pixel: int = 0
    per_output: int = 0
    per_mac: int = 0
    per_weight_byte: int = 0
    per_tap: int = 0
    # Feature and coefficient, of those that cost something: the search prices by these.
    terms: tuple[tuple[str, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        prices = {
            "calls": self.per_call,
            "rows": self.per_row,
            "pixels": self.per_pixel,
            "outputs": self.per_output,
            "macs": self.per_mac,
            "weight_bytes": self.per_weight_byte,
            "taps": self.per_tap,
        }
        object.__setattr__(self, "terms", tuple((n, price) for n, price in prices.items() if price))


@dataclass(frozen=True, slots=True, eq=False)
class CostTable:
    """Cycles that kernels take on one core, estimated (measure/cycles.py)."""

    flavours: Mapping[str, Coefficients]  # flavour -> of its kernels that have no line of their own
    kernels: Mapping[str, Coefficients] = field(default_factory=dict)  # by name
