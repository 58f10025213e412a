"""The frontier of RAM against work (`patchc explore`): data, JSON, CSV, a plot and a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, fields

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.planner.choose import Choice
from patchc.report.plot import plotted
from patchc.report.words import CLOCK_NOTE, count, milliseconds, ms_words
from patchc.schedule.work import executed_work

BAR_WIDTH = 12  # characters of the longest bar
CYCLES, MACS = "cycles", "MACs"


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One plan; of the frontier, one that no other plan of the search beats in RAM and cost."""

    total_bytes: int  # arena + reserve
    arena_bytes: int
    macs_executed: int
    macs_overhead: float  # F
    cost: int  # what plans are compared by: see `Exploration.unit`
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
    unit: str  # of costs: cycles, or MACs where the target has no cost table
    layer_by_layer: FrontierPoint
    points: tuple[FrontierPoint, ...]
    clock_mhz: float | None = None  # for milliseconds
    notes: tuple[str, ...] = ()  # what to know of how the file was read

    def __repr__(self) -> str:
        """On one line: `points` has the plans."""
        totals = [point.total_bytes for _, point in self.plans]
        return (
            f"Exploration({self.model!r}, target={self.target!r}, {len(self.points)} plans of "
            f"{min(totals)} to {max(totals)} B)"
        )

    @property
    def least_cost(self) -> int:
        """Of the fastest plan."""
        return min(point.cost for point in (self.layer_by_layer, *self.points))

    def more(self, point: FrontierPoint) -> float:
        """How much more than the fastest plan a plan costs: 0.1 is a tenth more."""
        return point.cost / self.least_cost - 1 if self.least_cost else 0.0

    def milliseconds(self, point: FrontierPoint) -> float | None:
        """Estimated, as costs are; None without a clock."""
        return None if self.clock_mhz is None else milliseconds(point.cost, self.clock_mhz)

    @property
    def plans(self) -> tuple[tuple[str, FrontierPoint], ...]:
        """Layer by layer, and the frontier without it."""
        others = (point for point in self.points if point != self.layer_by_layer)
        return (("layer by layer", self.layer_by_layer), *(("", point) for point in others))

    def to_json(self) -> str:
        """The text of the JSON form."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def to_csv(self) -> str:
        """A line per plan, layer by layer first."""
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        clock = () if self.clock_mhz is None else ("milliseconds",)
        names = [field.name for field in fields(FrontierPoint)]
        lines.writerow(["plan", *names, "unit", *clock])
        for name, point in self.plans:
            time = self.milliseconds(point)
            times = () if time is None else (f"{time:.3f}",)
            lines.writerow([name or "frontier", *astuple(point), self.unit, *times])
        return text.getvalue()


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
            cost=choice.cost,
            tunnels=len(choice.plan.tunnels),
            stripes=max((tunnel.stripes for tunnel in choice.plan.tunnels), default=1),
        )
        for choice, executed in zip(choices, work, strict=True)
    )


def render_exploration(found: Exploration) -> RenderableType:
    """A plot, and a table of 80 columns with a bar per plan."""
    table = Table(
        title=f"{found.model}: RAM against {found.unit}, --input {found.input_mode}, "
        f"--outputs {found.output_mode}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for heading in ("total B", "arena B", "F", found.unit, "tunnels", "stripes"):
        table.add_column(heading, justify="right", no_wrap=True)
    if found.clock_mhz is not None:
        table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("RAM", no_wrap=True)
    most = max(point.total_bytes for _, point in found.plans)
    for name, point in found.plans:
        table.add_row(
            count(point.total_bytes),
            count(point.arena_bytes),
            f"{point.macs_overhead:.4f}",
            more_words(found.more(point)),
            "-" if name else str(point.tunnels),
            "-" if name else str(point.stripes),
            *times_of(found, point),
            name or "#" * max(1, round(BAR_WIDTH * point.total_bytes / most)),
        )
    plot = plotted(
        [(p.total_bytes, found.more(p), "L" if name else "*") for name, p in found.plans]
    )
    notes = (
        f"{found.unit} are above the fastest plan's {count(found.least_cost)}; L is layer by "
        "layer. total = arena + the reserve for a plan of its kind; "
        f"F = MACs executed / {count(found.macs)} of the plain network"
    )
    words = [notes]
    if found.clock_mhz is not None:
        words.append(f"ms: {found.unit} / {found.clock_mhz:g} MHz; {CLOCK_NOTE}")
    words += [f"note: {note}" for note in found.notes]
    return Group(Text(plot), Text(), table, Text(), *(Text(word) for word in words))


def times_of(found: Exploration, point: FrontierPoint) -> tuple[str, ...]:
    """A cell where there is a clock."""
    time = found.milliseconds(point)
    return () if time is None else (ms_words(time),)


def more_words(more: float) -> str:
    """0.043 -> "+4.3%"."""
    return f"+{more:.1%}"
