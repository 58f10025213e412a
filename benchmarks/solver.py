"""What the solver of ortools is worth: the same networks and budgets with it and without.

    python -m benchmarks.solver MODEL...

Budgets are those of up to eight plans of the frontier, and the least there is. Without the solver
first fit and the sweep from block to block place buffers, and choose no direction by a proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from unittest.mock import patch

import click

import patchc
from patchc.choices import InputMode
from patchc.frontend import import_model
from patchc.memory import placement
from patchc.passes import run_passes
from patchc.pipeline import schedule_graph
from patchc.planner.machine import machine_of
from patchc.targets.cores import DEFAULT_CORE, core

BUDGETS = 8


class NoSolver:
    """In place of the solver: it finds nothing."""

    found = optimal = False

    def __init__(self, *_: object) -> None:
        pass

    def beats(self, top: int) -> bool:
        return False

    def reversed_blocks(self) -> frozenset[int]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Result:
    """A network planned for several budgets."""

    arenas: Mapping[int, int]  # budget -> bytes
    costs: Mapping[int, int]  # budget -> estimated cycles
    seconds: float  # of processor time, for all


def budgets(model: Path) -> list[int]:
    """Totals of plans, from the least on, evenly along the frontier; 0 for the least there is."""
    totals = sorted({point.total_bytes for point in patchc.explore(model).points})
    last = len(totals) - 1
    return [0, *sorted({totals[round(i * last / (BUDGETS - 1))] for i in range(BUDGETS)})]


def planned(model: Path, limits: list[int]) -> Result:
    """Arena and cycles within each budget; for 0, of the plan of least RAM."""
    begun, target = process_time(), core(DEFAULT_CORE)
    imported = import_model(model)
    graph, machine = run_passes(imported.graph), machine_of(target)
    arenas, costs = {}, {}
    for limit in limits:
        found = schedule_graph(
            imported, graph, InputMode.TILES, limit, target.reserve, machine=machine
        )
        arenas[limit], costs[limit] = found.placement.arena_bytes, found.cost or 0
    return Result(arenas, costs, process_time() - begun)


@click.command()
@click.argument("models", type=click.Path(path_type=Path), nargs=-1, required=True)
def main(models: tuple[Path, ...]) -> None:
    """Plans with and without the solver, one line per budget where they differ."""
    for model in models:
        limits = budgets(model)
        with_it = planned(model, limits)
        with patch.object(placement, "_Solver", NoSolver):
            without = planned(model, limits)
        equal = [
            limit
            for limit in limits
            if (with_it.arenas[limit], with_it.costs[limit])
            == (without.arenas[limit], without.costs[limit])
        ]
        click.echo(
            f"{model.stem}: {len(equal)} of {len(limits)} plans alike; "
            f"{with_it.seconds:.0f} s with, {without.seconds:.0f} s without"
        )
        for limit in limits:
            if limit not in equal:
                click.echo(
                    f"  budget {limit or 'least':>6}: arena {with_it.arenas[limit]} and "
                    f"{without.arenas[limit]}, cycles {with_it.costs[limit]:,} and "
                    f"{without.costs[limit]:,}"
                )


if __name__ == "__main__":
    main()
