"""Plan: the decisions about how a Graph is run, small and JSON-serialisable."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum


class InputMode(str, Enum):
    """Where the image is (design.md, section 6)."""

    TILES = "tiles"  # re-readable through a callback
    STREAM = "stream"  # through a callback, raster order, each pixel exactly once
    EXTERN = "extern"  # a const pointer outside the arena
    RESIDENT = "resident"  # in the arena, counted


@dataclass(frozen=True, slots=True)
class TunnelPlan:
    """A run of nodes computed patch by patch. `stripes` = 1 and `rows_per_tick` = None is the
    trivial tunnel: everything in one patch."""

    nodes: tuple[str, ...]  # names, in execution order
    stripes: int = 1  # column stripes of the tunnel's outputs
    rows_per_tick: int | None = None  # rows of the last node per step; None = all of them


@dataclass(frozen=True, slots=True)
class Plan:
    """All decisions. The order of nodes is the concatenation of the tunnels."""

    input_mode: InputMode
    tunnels: tuple[TunnelPlan, ...]
    # tensor -> the operand whose memory its values overwrite, element by element
    in_place: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """The text of plan.json."""
        return json.dumps(asdict(self), indent=1, default=lambda mode: mode.value) + "\n"

    @staticmethod
    def from_json(text: str) -> Plan:
        """The inverse of `to_json`. Raises ValueError, KeyError or TypeError on other text."""
        data = json.loads(text)
        return Plan(
            input_mode=InputMode(data["input_mode"]),
            tunnels=tuple(
                TunnelPlan(tuple(t["nodes"]), t["stripes"], t["rows_per_tick"])
                for t in data["tunnels"]
            ),
            in_place=tuple((a, b) for a, b in data["in_place"]),
        )
