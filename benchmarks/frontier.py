"""RAM against work, executed: every row compiles, builds, runs and counts.

    python -m benchmarks.frontier [--only NAME] [--json FILE]

Each row is a network under a budget. The emitted C runs on photos under the address and
undefined-behaviour sanitizers, and once in a build that counts multiply-accumulates. A row holds
when no output byte differs from onnxruntime's integer kernels, when both counts of F (schedule, C)
agree exactly, and when F is at most what is wanted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
from rich.table import Table

import patchc
from examples.common import say
from examples.zoo import build_float, find
from patchc.programs.host import build
from patchc.report.text import plain
from patchc.targets.cores import CORES, core
from patchc.verify.golden import compare_with_integer_form, graph_inputs
from patchc.verify.network import load

INPUTS = 5  # photos per row
# Without a table plans are priced in multiply-accumulates: they have the least F.
PRICED_IN_MACS = replace(core("cortex-m3"), name="cortex-m3-by-macs", cost_table=None)
CORES[PRICED_IN_MACS.name] = PRICED_IN_MACS
KIB = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """A network, a budget, and the overhead that is wanted at most."""

    network: str
    wanted: float  # F
    total_bytes: int | None = None  # arena + reserve
    arena_bytes: int | None = None
    input_mode: str = "tiles"

    @property
    def budget(self) -> int:
        return self.total_bytes or self.arena_bytes or 0

    @property
    def reserve(self) -> int | None:
        """None: the target's. A row for the arena alone has none."""
        return None if self.total_bytes else 0


ROWS = (
    Row("mobilenet_v2_224", 1.05, total_bytes=63_000),
    Row("mobilenet_v2_224", 1.10, arena_bytes=48 * KIB),
    Row("mobilenet_v2_224", 1.15, total_bytes=63_000, input_mode="stream"),
    Row("efficientnet_lite0_224", 1.25, total_bytes=63_000),
    Row("mobilenet_v2_035_144", 1.02, arena_bytes=18 * KIB),
    Row("mobilenet_v2_035_144", 1.18, arena_bytes=12 * KIB),
    Row("mcunet_320k_176", 1.01, arena_bytes=58 * KIB),
    Row("mcunet_320k_176", 1.10, arena_bytes=50 * KIB),
    Row("mcunet_vww5_80", 1.01, arena_bytes=15 * KIB),
    Row("mcunet_vww5_80", 1.05, arena_bytes=12 * KIB),
    Row("vww_mobilenet_v1_96", 1.04, arena_bytes=16 * KIB),
    Row("vww_mobilenet_v1_96", 1.10, arena_bytes=13 * KIB),
    Row("blazeface_128", 1.02, arena_bytes=40 * KIB),
    Row("blazeface_128", 1.12, arena_bytes=32 * KIB),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a row gave."""

    row: Row
    arena_bytes: int
    total_bytes: int
    overhead: float  # F by the schedule
    macs_schedule: int  # executed, by the schedule
    macs_counted: int  # executed, by the instrumented C
    bytes_compared: int
    bytes_different: int
    compile_seconds: float

    @property
    def holds(self) -> bool:
        return (
            self.overhead <= self.row.wanted
            and self.macs_schedule == self.macs_counted
            and not self.bytes_different
        )


def measure(row: Row, folder: Path) -> Result:
    """Quantise, compile, build twice, run and compare."""
    network = find(row.network)
    quantized, out = folder / f"{row.network}.onnx", folder / "out"
    patchc.quantize(build_float(row.network), quantized, calibration=network.calibration())
    begin = time.perf_counter()
    result = patchc.compile(
        quantized,
        out,
        target=PRICED_IN_MACS.name,
        budget=row.budget,
        prefer="speed",
        reserve=row.reserve,
        input_mode=row.input_mode,
        check=True,
    )
    seconds = time.perf_counter() - begin
    loaded = load(out, sanitize=True)
    imported, graph = loaded.stages.imported, loaded.stages.graph
    photos = {name: values[:INPUTS] for name, values in network.check_inputs().items()}
    cases = [{n: values[i : i + 1] for n, values in photos.items()} for i in range(INPUTS)]
    maps = graph_inputs(imported, cases)
    in_float, differences = compare_with_integer_form(graph, maps, loaded.run_c(maps))
    assert not in_float, in_float
    counted = build(out, "count").macs({name: maps[0][name][None] for name in graph.inputs})
    cost = result.report.cost
    return Result(
        row=row,
        arena_bytes=result.report.ram.arena_bytes,
        total_bytes=result.report.ram.total_bytes,
        overhead=cost.macs_overhead,
        macs_schedule=cost.macs_executed,
        macs_counted=counted,
        bytes_compared=sum(d.values for d in differences),
        bytes_different=sum(d.differing for d in differences),
        compile_seconds=seconds,
    )


def render(results: list[Result]) -> str:
    """The table, 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    table.add_column("input", no_wrap=True)
    for heading in ("arena B", "total B", "F", "wanted", "counted", "differ", "holds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in results:
        table.add_row(
            r.row.network,
            r.row.input_mode,
            str(r.arena_bytes),
            str(r.total_bytes),
            f"{r.overhead:.4f}",
            f"{r.row.wanted:.2f}",
            "same" if r.macs_counted == r.macs_schedule else str(r.macs_counted),
            f"{r.bytes_different}",
            "yes" if r.holds else "NO",
        )
    return plain(table)


@click.command()
@click.option("--only", multiple=True, help="Some networks.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
def main(only: tuple[str, ...], json_file: Path | None) -> None:
    """RAM against work, executed; exit code 1 when a row does not hold."""
    results = []
    for row in ROWS:
        if only and row.network not in only:
            continue
        say(f"{row.network} in {row.budget} B, --input {row.input_mode}")
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(row, Path(folder)))
        last = results[-1]
        verdict = "holds" if last.holds else "DOES NOT HOLD"
        say(f"  arena {last.arena_bytes} B, F {last.overhead:.4f}: {verdict}")
    click.echo(render(results), nl=False)
    if json_file:
        json_file.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    sys.exit(0 if all(result.holds for result in results) else 1)


if __name__ == "__main__":
    main()
