"""A bottleneck's RAM against the channels that it is expanded to.

    python -m benchmarks.reordering [--size N] [--channels N]

Arena bytes of a bottleneck with stride 1 and its skip, planned four ways: layer by layer, its rows
in rings, its expanded channels in groups whose projections add up (bottleneck reordering), and the
plan with the least. Only the last two do not grow.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import click

from patchc.ir import Graph
from patchc.memory import place
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.choose import choose
from patchc.planner.machine import ANY_CORE
from patchc.schedule.lower import lower
from tests.graphs import NetworkBuilder

EXPANSIONS = (2, 4, 6, 12, 24)
GROUP = 8  # channels


@dataclass(frozen=True)
class Row:
    """Bytes of the arena."""

    expanded: int  # channels
    layers: int
    rings: int
    groups: int
    least: int


def measure(size: int, channels: int, expansion: int) -> Row:
    """On a map of size x size pixels."""
    net = NetworkBuilder()
    x = net.input(size, size, channels)
    graph = net.build(net.bottleneck(x, channels, expansion, 3, 1))
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    expand, depthwise, project, add = (node.name for node in graph.nodes)
    reordered = StepPlan((expand, depthwise, project), group=GROUP)
    return Row(
        expansion * channels,
        _arena(graph, *(TunnelPlan((step,), whole=True) for step in steps)),
        _arena(graph, TunnelPlan(steps)),
        _arena(graph, TunnelPlan((reordered, StepPlan((add,))))),
        choose(graph, InputMode.TILES, 1).arena_bytes,
    )


def _arena(graph: Graph, *tunnels: TunnelPlan) -> int:
    plan = assigned(graph, Plan(InputMode.TILES, tunnels), ANY_CORE)
    return place(lower(graph, plan)).arena_bytes


@click.command()
@click.option("--size", default=14, show_default=True, help="Rows and columns of the map.")
@click.option("--channels", default=16, show_default=True, help="In front and behind.")
def main(size: int, channels: int) -> None:
    """Print a line per number of expanded channels."""
    click.echo(f"| expanded channels | layer by layer | rings | groups of {GROUP} | least plan |")
    click.echo("|---|---|---|---|---|")
    for expansion in EXPANSIONS:
        click.echo(f"| {' | '.join(map(str, astuple(measure(size, channels, expansion))))} |")


if __name__ == "__main__":
    main()
