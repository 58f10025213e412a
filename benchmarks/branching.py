"""Networks that branch, under half of what they need layer by layer and at their floor.

    python -m benchmarks.branching [--only NAME] [--json FILE]

Per network and budget: compile; run the schedule over shadow memory, and the C on random inputs
under the address and undefined-behaviour sanitizers; compare with onnxruntime's integer kernels.
`half` is half of the arena layer by layer, for arena and reserve together; the floor is the least
total that the search finds. Weights are random (tests/branching.py).
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.table import Table

import patchc
from benchmarks.frontier import PRICED_IN_MACS
from examples.common import say
from patchc.frontend import import_model
from patchc.passes import run_passes
from patchc.pipeline import schedule_graph
from patchc.plan.types import InputMode, Plan
from patchc.planner.kinds import reserve_of
from patchc.report.text import plain
from patchc.targets.cores import core
from tests.branching import NETWORKS, quantized

CASES = 2  # random inputs per row
TARGET = PRICED_IN_MACS.name


@dataclass(frozen=True, slots=True)
class Run:
    """A network under a budget, compiled and compared."""

    budget_bytes: int
    arena_bytes: int
    total_bytes: int  # arena and reserve
    overhead: float  # F
    bytes_compared: int
    bytes_different: int
    failures: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.total_bytes <= self.budget_bytes and not self.failures


@dataclass(frozen=True, slots=True)
class Result:
    """One network."""

    network: str
    layers: int
    layerwise_bytes: int  # arena
    half: Run
    floor: Run

    @property
    def runs(self) -> tuple[Run, Run]:
        return self.half, self.floor


def measure(name: str, folder: Path) -> Result:
    """Both budgets."""
    model = quantized(name, folder)
    imported = import_model(model)
    graph = run_passes(imported.graph)
    layerwise = schedule_graph(imported, graph, InputMode.TILES).placement.arena_bytes
    reserve = core(TARGET).reserve
    least = schedule_graph(imported, graph, InputMode.TILES, 0, reserve)
    total = least.placement.arena_bytes + reserve_of(reserve, least.graph, least.plan)
    return Result(
        network=name,
        layers=len(graph.nodes),
        layerwise_bytes=layerwise,
        half=run(model, folder / f"{name}-half", layerwise // 2, None),
        floor=run(model, folder / f"{name}-floor", total, least.plan),
    )


def run(model: Path, out: Path, budget: int, plan: Plan | None) -> Run:
    """Compile within `budget`, by `plan` where there is one, and compare."""
    report = patchc.compile(
        model, out, target=TARGET, budget=budget, prefer="speed", plan=plan
    ).report
    verification = patchc.verify(out, cases=CASES, sanitize=True)
    compared = verification.golden.integer
    return Run(
        budget_bytes=budget,
        arena_bytes=report.ram.arena_bytes,
        total_bytes=report.ram.total_bytes,
        overhead=report.cost.macs_overhead,
        bytes_compared=sum(d.values for d in compared),
        bytes_different=sum(d.differing for d in compared),
        failures=verification.failures,
    )


def render(results: list[Result]) -> str:
    """The table, 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    for heading in ("by layer B", "half B", "total B", "F", "floor B", "F", "differ", "holds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in results:
        table.add_row(
            r.network,
            str(r.layerwise_bytes),
            str(r.half.budget_bytes),
            str(r.half.total_bytes),
            f"{r.half.overhead:.3f}",
            str(r.floor.total_bytes),
            f"{r.floor.overhead:.3f}",
            str(sum(run.bytes_different for run in r.runs)),
            "yes" if all(run.holds for run in r.runs) else "NO",
        )
    return plain(table)


@click.command()
@click.option("--only", type=click.Choice(list(NETWORKS)), multiple=True, help="Some networks.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
def main(only: tuple[str, ...], json_file: Path | None) -> None:
    """Networks that branch, in little RAM; exit code 1 when a row does not hold."""
    results: list[Result] = []
    for name in only or NETWORKS:
        say(name)
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(name, Path(folder)))
    click.echo(render(results), nl=False)
    if json_file:
        json_file.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    sys.exit(0 if all(run.holds for result in results for run in result.runs) else 1)


if __name__ == "__main__":
    main()
