"""The frontier of RAM against work (`patchc explore`): data, JSON and a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.planner.choose import Choice
from patchc.schedule.work import executed_work

BAR_WIDTH = 30  # characters of the longest bar


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One plan that no other plan of the search beats in both RAM and work."""

    total_bytes: int  # arena + reserve
    arena_bytes: int
    macs_executed: int
    macs_overhead: float  # F
    tunnels: int
    stripes: int  # of the tunnel with the most


@dataclass(frozen=True, slots=True)
class Exploration:
    """The frontier, by falling RAM."""

    model: str
    target: str
    input_mode: str
    output_mode: str
    macs: int  # of the plain network
    points: tuple[FrontierPoint, ...]

    def to_json(self) -> str:
        """The text of the JSON form."""
        return json.dumps(asdict(self), indent=1) + "\n"


def frontier_points(choices: Sequence[Choice], macs: int) -> tuple[FrontierPoint, ...]:
    """The points of placed plans."""
    work = [
        sum(node.macs for node in executed_work(choice.schedule).values()) for choice in choices
    ]
    return tuple(
        FrontierPoint(
            total_bytes=choice.total_bytes,
            arena_bytes=choice.arena_bytes,
            macs_executed=executed,
            macs_overhead=executed / macs if macs else 1.0,
            tunnels=len(choice.plan.tunnels),
            stripes=max((tunnel.stripes for tunnel in choice.plan.tunnels), default=1),
        )
        for choice, executed in zip(choices, work, strict=True)
    )


def render_exploration(found: Exploration) -> RenderableType:
    """A table of 80 columns with a bar per point."""
    table = Table(
        title=f"{found.model}: RAM against work, --input {found.input_mode}, "
        f"--outputs {found.output_mode}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for heading in ("total B", "arena B", "F", "tunnels", "stripes"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("RAM", no_wrap=True)
    most = max((point.total_bytes for point in found.points), default=1)
    for point in found.points:
        table.add_row(
            f"{point.total_bytes:,}",
            f"{point.arena_bytes:,}",
            f"{point.macs_overhead:.4f}",
            str(point.tunnels),
            str(point.stripes),
            "#" * max(1, round(BAR_WIDTH * point.total_bytes / most)),
        )
    notes = Text(
        "total = arena + the reserve for a plan of its kind; "
        f"F = MACs executed / {found.macs:,} of the plain network"
    )
    return Group(table, Text(), notes)
