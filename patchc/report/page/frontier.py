"""The frontier of RAM against cost, as a page and as a picture by itself."""

from __future__ import annotations

from patchc.report.exploration import Exploration, FrontierPoint, more_words, times_of
from patchc.report.page.axis import LEFT, RIGHT
from patchc.report.page.picture import (
    WIDTH,
    Column,
    Figure,
    Key,
    Line,
    Mark,
    Page,
    Picture,
    Section,
    Table,
    Tile,
    Words,
    table,
)
from patchc.report.page.render import render_page, render_picture
from patchc.report.plot import along, marks, more_at, reach, upwards
from patchc.report.words import count, several, size
from patchc.version import __version__

_TOP, _HIGH = 30.0, 330.0
_POINT = 9.0
_STEPS = 5  # of the upward axis


def exploration_html(found: Exploration) -> str:
    """The page."""
    return render_page(_page(found))


def exploration_svg(found: Exploration) -> str:
    """The picture, a file of its own."""
    return render_picture(_picture(found))


def _page(found: Exploration) -> Page:
    whole, fastest = found.layer_by_layer, found.least_cost
    least = min((point for _, point in found.plans), key=lambda point: point.total_bytes)
    tiles = (
        Tile("layer by layer", count(whole.total_bytes), "B", _cost(found, whole)),
        Tile("least RAM", count(least.total_bytes), "B", _cost(found, least)),
        Tile(f"fastest, {found.unit}", count(fastest), "", f"on {found.target}"),
        Tile("plans", count(len(found.points)), "", "that no other one beats in both"),
    )
    return Page(
        brand="patchc explore",
        title=found.model,
        subtitle=f"{found.target}, --input {found.input_mode}, --outputs {found.output_mode}",
        lead=f"From {size(whole.total_bytes)} layer by layer down to {size(least.total_bytes)}, "
        f"stack and statics included, at {_cost(found, least)}.",
        tiles=tiles,
        sections=(Section("frontier", "RAM against time", (_figure(found),)),),
        made_by=f"patchc {__version__}",
    )


def _cost(found: Exploration, point: FrontierPoint) -> str:
    return f"{more_words(found.more(point))} {found.unit}"


def _figure(found: Exploration) -> Figure:
    return Figure(
        "Every plan that no other one beats",
        f"RAM in total to the right, {found.unit} above the fastest plan's upwards, both on "
        "logarithmic scales; the marks below are what common parts have. Under a budget patchc "
        "compile takes the leanest plan within 1 % of the fastest that fits.",
        (_picture(found),),
        (Key("point", "a plan in tunnels"), Key("point whole", "layer by layer")),
        _table(found),
    )


def _title(found: Exploration, name: str, point: FrontierPoint) -> str:
    words = name or several(point.tunnels, "tunnel")
    return (
        f"{size(point.total_bytes)}, {words}: arena {size(point.arena_bytes)}, "
        f"{_cost(found, point)}, F = {point.macs_overhead:.4f}, up to "
        f"{several(point.stripes, 'stripe')}"
    )


def _picture(found: Exploration) -> Picture:
    least, most = reach([max(point.total_bytes, 2) for _, point in found.plans])
    top = max(0.01, *(found.more(point) for _, point in found.plans)) * 1.05
    bottom = _TOP + _HIGH

    def across(total: int) -> float:
        return LEFT + along(max(total, 2), least, most) * (WIDTH - LEFT - RIGHT)

    def up(more: float) -> float:
        return bottom - _HIGH * upwards(more, top)

    lines, words = [], []
    for step in range(_STEPS + 1):
        more = more_at(step / _STEPS, top)
        lines.append(Line(((LEFT, up(more)), (WIDTH - RIGHT, up(more))), "grid"))
        words.append(Words(LEFT - 8, up(more) + 4, more_words(more), "note", "end"))
    for total, name in marks(least, most):
        x = across(total)
        lines.append(Line(((x, _TOP), (x, bottom + 6)), "common"))
        words.append(Words(x, bottom + 20, name, "strong", "middle"))
    words.append(Words(LEFT, _TOP - 12, f"{found.unit}, above the fastest plan's", "strong"))
    curve: list[tuple[float, float]] = []
    for point in sorted(found.points, key=lambda point: point.total_bytes):
        x, y = across(point.total_bytes), up(found.more(point))
        curve += [(x, curve[-1][1]), (x, y)] if curve else [(x, y)]
    dots = []
    for name, point in reversed(found.plans):
        x, y = across(point.total_bytes) - _POINT / 2, up(found.more(point)) - _POINT / 2
        kind = "point whole" if name else "point"
        dots.append(Mark(x, y, _POINT, _POINT, kind, _title(found, name, point)))
    x, y = across(found.layer_by_layer.total_bytes), up(found.more(found.layer_by_layer))
    words.append(Words(x, y - 10, "layer by layer", "strong", "end"))
    return Picture(
        f"{found.model}: RAM against {found.unit}, {several(len(found.points), 'plan')} from "
        f"{size(min(point.total_bytes for _, point in found.plans))} on",
        WIDTH,
        bottom + 30,
        marks=tuple(dots),
        lines=(*lines, Line(tuple(curve), "curve")),
        words=tuple(words),
    )


def _table(found: Exploration) -> Table:
    columns = (
        Column("plan"),
        Column("total B", numeric=True),
        Column("arena B", numeric=True),
        Column("F", numeric=True),
        Column(found.unit, numeric=True),
        Column("above the fastest", numeric=True),
        Column("tunnels", numeric=True),
        Column("stripes", numeric=True),
        *(() if found.clock_mhz is None else (Column(f"ms at {found.clock_mhz:g} MHz", True),)),
    )
    rows = [
        (
            name or "frontier",
            count(point.total_bytes),
            count(point.arena_bytes),
            f"{point.macs_overhead:.4f}",
            count(point.cost),
            more_words(found.more(point)),
            "" if name else count(point.tunnels),
            "" if name else count(point.stripes),
            *times_of(found, point),
        )
        for name, point in found.plans
    ]
    return table("Plans, by falling RAM", columns, rows)
