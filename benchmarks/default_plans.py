"""What `patchc compile` takes where it is given no budget: docs/figures.md.

    python -m benchmarks.default_plans [--only NETWORK]...

Networks of the zoo, float: RAM does not depend on weights, and time hardly. Arena and reserve
layer by layer and of the plan of least RAM that is at most 1 % slower than the fastest; how much
slower that is predicted to be than layer by layer; then the next smaller plan that there is, and
what it costs beside layer by layer.
"""

from __future__ import annotations

import click

import patchc
from examples.common import OneMessage, say
from examples.zoo import DETECTORS, KEYWORDS, NETWORKS, RANDOM_NETWORKS, build_float
from patchc.preference import DEFAULT
from patchc.report.exploration import Exploration

ZOO = (*NETWORKS, *RANDOM_NETWORKS, *DETECTORS, *KEYWORDS)


def line(name: str, found: Exploration) -> str:
    """A line of the table."""
    whole = found.layer_by_layer
    most = min(point.cost for point in (whole, *found.points)) * (1 + (DEFAULT.slack or 0.0))
    lean = [point for point in (whole, *found.points) if point.cost <= most]
    chosen = min(lean, key=lambda point: (point.total_bytes, point.cost))
    smaller = [point for point in found.points if point.total_bytes < chosen.total_bytes]
    words = f"{name:24} {whole.total_bytes:>9} {chosen.total_bytes:>8}"
    words += (
        f" {whole.total_bytes / chosen.total_bytes:>5.1f}x {chosen.cost / whole.cost - 1:>+6.1%}"
    )
    if smaller:
        then = max(smaller, key=lambda point: point.total_bytes)
        words += f" {then.total_bytes:>8} {then.cost / whole.cost - 1:>+6.1%}"
    return words


@click.command(cls=OneMessage)
@click.option("--only", type=click.Choice(ZOO), multiple=True, help="Some networks.")
def main(only: tuple[str, ...]) -> None:
    """Print the table."""
    say(f"{'network':24} {'by layer':>9} {'total B':>8} {'less':>6} {'more':>6} {'next B':>8} more")
    for name in only or ZOO:
        say(line(name, patchc.explore(build_float(name))))


if __name__ == "__main__":
    main()
