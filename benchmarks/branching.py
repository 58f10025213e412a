"""Networks that branch, under half of what they need layer by layer and at their floor.

    python -m benchmarks.branching [--only NAME] [--json FILE]

Per network and budget: compile, the schedule over shadow memory included; run the C on random
inputs under the address and undefined-behaviour sanitizers; compare with onnxruntime's integer
kernels. `half` is half of the arena layer by layer, for arena and reserve together. The floor is
the least total that the search finds. Weights are random (tests/branching.py).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.table import Table

import patchc
from examples.common import say
from patchc.frontend import import_model
from patchc.passes import run_passes
from patchc.pipeline import schedule_graph
from patchc.report.text import plain
from patchc.targets.cores import DEFAULT_CORE, core
from patchc.targets.reserve import kind_of
from patchc.tunnels.plan import InputMode
from tests.branching import NETWORKS, quantized

CASES = 2  # random inputs per row


@dataclass(frozen=True, slots=True)
class Result:
    """One network under one budget."""

    network: str
    layers: int
    layerwise_bytes: int  # arena
    budget: str  # "half" or "floor"
    budget_bytes: int
    arena_bytes: int
    total_bytes: int  # arena and reserve
    overhead: float  # F
    bytes_compared: int
    bytes_different: int
    failures: tuple[str, ...]
    plan_seconds: float

    @property
    def holds(self) -> bool:
        return self.total_bytes <= self.budget_bytes and not self.failures


def measure(name: str, folder: Path) -> list[Result]:
    """A row for half, a row for the floor."""
    model = quantized(name, folder)
    imported = import_model(model)
    graph = run_passes(imported.graph)
    layerwise = schedule_graph(imported, graph, InputMode.TILES).placement.arena_bytes
    reserve = core(DEFAULT_CORE).reserve
    results = []
    for word, limit in (("half", layerwise // 2), ("floor", 0)):
        begin = time.perf_counter()
        stages = schedule_graph(imported, graph, InputMode.TILES, limit, reserve)
        seconds = time.perf_counter() - begin
        total = stages.placement.arena_bytes + reserve.of(kind_of(stages.plan))
        out = folder / f"{name}-{word}"
        compiled = patchc.compile(model, out, budget=limit or total, plan=stages.plan, check=True)
        verification = patchc.verify(out, cases=CASES, sanitize=True)
        report = compiled.report
        results.append(
            Result(
                network=name,
                layers=len(graph.nodes),
                layerwise_bytes=report.ram.layerwise_bytes,
                budget=word,
                budget_bytes=limit or total,
                arena_bytes=report.ram.arena_bytes,
                total_bytes=report.ram.total_bytes,
                overhead=report.cost.macs_overhead,
                bytes_compared=sum(d.values for d in verification.golden.integer),
                bytes_different=sum(d.differing for d in verification.golden.integer),
                failures=verification.failures,
                plan_seconds=seconds,
            )
        )
    return results


def render(results: list[Result]) -> str:
    """The table, 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    table.add_column("layers", justify="right", no_wrap=True)
    table.add_column("by layer B", justify="right", no_wrap=True)
    table.add_column("budget", no_wrap=True)
    for heading in ("arena B", "total B", "F", "plan s", "differ", "holds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in results:
        table.add_row(
            r.network,
            str(r.layers),
            str(r.layerwise_bytes),
            r.budget,
            str(r.arena_bytes),
            str(r.total_bytes),
            f"{r.overhead:.3f}",
            f"{r.plan_seconds:.1f}",
            str(r.bytes_different),
            "yes" if r.holds else "NO",
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
            results.extend(measure(name, Path(folder)))
    click.echo(render(results), nl=False)
    if json_file:
        json_file.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    sys.exit(0 if all(result.holds for result in results) else 1)


if __name__ == "__main__":
    main()
