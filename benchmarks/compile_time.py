"""How long the planner takes: seconds against the number of layers.

    python -m benchmarks.compile_time [--branching]

Random chains of bottlenecks with skips, or Inception blocks that branch, planned, lowered and
placed under half of what they need layer by layer. Seconds of processor time: read them as a
trend, not as figures.
"""

from __future__ import annotations

import platform
import time

import click
from rich.table import Table

from patchc.ir import Graph
from patchc.plan.types import InputMode
from patchc.planner.choose import choose, layer_by_layer
from patchc.report.text import plain
from tests.graphs import NetworkBuilder

LAYERS = (10, 30, 100, 300, 1000)
BRANCHING = (10, 30, 100, 300)
SHARE = 0.5  # of the arena layer by layer


def network(layers: int) -> Graph:
    """About `layers` nodes: bottlenecks on a 32 x 32 map."""
    net = NetworkBuilder()
    x = net.conv(net.input(64, 64, 3), 16, 3, 2)
    while len(net.nodes) < layers - 2:
        x = net.bottleneck(x, 16, 4, 3, 1)
    return net.build(net.dense(net.mean(x), 10))


def branching(layers: int) -> Graph:
    """About `layers` nodes: Inception blocks on a 32 x 32 map."""
    net = NetworkBuilder()
    x = net.conv(net.input(64, 64, 3), 16, 3, 2)
    while len(net.nodes) < layers - 2:
        branches = (
            net.conv(x, 8),
            net.conv(net.conv(x, 8), 8, 3),
            net.conv(net.depthwise(net.conv(x, 8), 5), 8),
            net.conv(net.max_pool(x, 3, 1, pad=1), 8),
        )
        x = net.conv(net.concat(*branches), 16)
    return net.build(net.dense(net.mean(x), 10))


@click.command()
@click.option("--branching", "branches", is_flag=True, help="Graphs that branch.")
def main(branches: bool) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False)
    for heading in ("layers", "layer by layer B", "arena B", "F", "seconds"):
        table.add_column(heading, justify="right")
    for layers in BRANCHING if branches else LAYERS:
        graph = branching(layers) if branches else network(layers)
        whole = layer_by_layer(graph, InputMode.TILES)
        begin = time.process_time()
        found = choose(graph, InputMode.TILES, int(whole.arena_bytes * SHARE))
        seconds = time.process_time() - begin
        table.add_row(
            str(len(graph.nodes)),
            str(whole.arena_bytes),
            str(found.arena_bytes),
            f"{found.cost / whole.cost:.3f}",
            f"{seconds:.1f}",
        )
    click.echo(plain(table), nl=False)
    click.echo(f"Python {platform.python_version()}, {platform.machine()}")


if __name__ == "__main__":
    main()
