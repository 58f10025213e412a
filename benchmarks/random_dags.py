"""Random networks that branch x budgets: every byte of what is planned, and how long that takes.

    python -m benchmarks.random_dags [--first N] [--seeds N] [--processes N] [-o FILE]
    python -m benchmarks.random_dags --times

A seed is GRAPHS random graphs: U-Net, Inception and SSD in small (`dags`, even seeds), or with maps
that wait for long (`waiting`, odd ones), each with a random way for image and outputs to come and
go, and each under four budgets: 98 % and 70 % of the RAM layer by layer, the least that the search
reaches, and 5 % more than that. Each plan is checked for overlaps and run over shadow memory, and
as C with the sanitizers; numpy on the network says what every byte has to be. `-o` keeps a line per
seed: seeds that are in the file are not run again, but for those that failed. Exit code 1:
something differs or fails; the line says how to run that seed again.

`--times`: processor time of the search, by budget.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import cached_cc, compile_time
from benchmarks.fuzz import OPTIONS
from benchmarks.generated import generated
from patchc.choices import InputMode, OutputMode
from patchc.codegen import emit
from patchc.ir import Graph
from patchc.memory import check_placement
from patchc.outdir import write_files
from patchc.pipeline import random_maps
from patchc.planner.again import choose_again
from patchc.planner.choose import Choice, layer_by_layer
from patchc.programs.host import FLAVOURS, Flavour, build, compiler
from patchc.reference import run_graph, run_schedule
from tests.property.networks import dags, waiting

GRAPHS = 5  # of a seed
SHARES = (0.98, 0.7)  # of the RAM layer by layer
NEAR = 1.05  # of the least
CASES = 2  # that the C runs
# Seeds name the same graphs for as long as these are the same.
OUTPUTS = (OutputMode.ARENA, OutputMode.ROWS)
TIMED, NODES, MOST_BLOCKS = 100, (20, 40), 8  # of --times


def plans(graph: Graph, mode: InputMode, outputs: OutputMode) -> Iterator[tuple[str, Choice]]:
    """A plan for each budget, called by it."""
    whole = layer_by_layer(graph, mode, outputs=outputs).total_bytes
    for share in SHARES:
        limit = int(share * whole)
        yield f"{share:.0%}", choose_again(graph, mode, limit, outputs=outputs)
    least = choose_again(graph, mode, 0, outputs=outputs)
    yield "near", choose_again(graph, mode, int(NEAR * least.total_bytes), outputs=outputs)
    yield "floor", least


def differences(graph: Graph, choice: Choice, flavour: Flavour | None) -> Counter[str]:
    """Bytes compared, and those that differ: shadow memory and C, beside numpy on the network."""
    check_placement(choice.schedule, choice.placement)
    maps = random_maps(graph, CASES, seed=0)
    cases = [{name: values[i] for name, values in maps.items()} for i in range(CASES)]
    expected = [run_graph(graph, case) for case in cases]
    shadow = run_schedule(choice.schedule, choice.placement, cases[0])
    counts = Counter(compared=0, different=0)

    def compare(found: np.ndarray, wanted: np.ndarray) -> None:
        counts.update(compared=wanted.size, different=int(np.sum(found != wanted)))

    for name in graph.outputs:
        compare(shadow[name], expected[0][name])
    if flavour is not None:
        with tempfile.TemporaryDirectory(prefix="patchc-dags-") as folder:
            write_files(Path(folder), emit(choice.schedule, choice.placement, OPTIONS))
            found = build(Path(folder), flavour).run(maps)
        for name in graph.outputs:
            for values, one in zip(found[name], expected, strict=True):
                compare(values, one[name])
        counts["as C"] += 1
    return counts


def run_seed(task: tuple[int, int, str]) -> dict[str, int | str]:
    """The counts of a seed; `error` where it fails."""
    number, c_every, cache = task
    begun, counts = time.monotonic(), Counter[str]()
    flavour = FLAVOURS["sanitize"]
    command = (sys.executable, "-S", cached_cc.__file__, cache, compiler(flavour))
    flavour = Flavour(flavour.name, flavour.cflags, " ".join(command))

    @generated(GRAPHS, number)
    @given(
        waiting(max_blocks=3) if number % 2 else dags(),
        st.sampled_from(InputMode),
        st.sampled_from(OUTPUTS),
    )
    def check(graph: Graph, mode: InputMode, outputs: OutputMode) -> None:
        counts["graphs"] += 1
        counts["nodes"] += len(graph.nodes)
        for budget, choice in plans(graph, mode, outputs):
            in_c = c_every and (counts["pairs"] + number) % c_every == 0
            found = differences(graph, choice, flavour if in_c else None)
            assert not found["different"], (
                f"{budget} of {len(graph.nodes)} nodes, {mode}, {outputs}"
            )
            again = bool(choice.plan.again)
            counts.update(found)
            counts.update({"pairs": 1, "made twice": again, f"made twice, {budget}": again})
            counts["made twice, as C"] += again * found["as C"]

    result: dict[str, int | str] = {"seed": number}
    try:
        check()
    except Exception:  # whatever it is, the other seeds go on
        result["error"] = traceback.format_exc()
    return result | counts | {"seconds": round(time.monotonic() - begun)}


def totals(lines: list[dict[str, int | str]]) -> Counter[str]:
    """Of all seeds."""
    found: Counter[str] = Counter()
    for line in lines:
        found.update({key: n for key, n in line.items() if key != "seed" and isinstance(n, int)})
    return found


def timed(graph: Graph, mode: InputMode) -> dict[str, float]:
    """Processor seconds for each budget."""
    whole = layer_by_layer(graph, mode).total_bytes
    found = {}
    for name, share in (*((f"{share:.0%}", share) for share in SHARES), ("floor", 0.0)):
        begun = time.process_time()
        choose_again(graph, mode, int(share * whole))
        found[name] = time.process_time() - begun
    return found


def print_times(number: int, count: int) -> None:
    """Of random graphs, and of one of 300 nodes."""
    rows: list[dict[str, float]] = []

    @generated(count, number)
    @given(
        dags(max_blocks=MOST_BLOCKS, least_blocks=4).filter(
            lambda graph: NODES[0] <= len(graph.nodes) <= NODES[1]
        ),
        st.sampled_from(InputMode),
    )
    def measure(graph: Graph, mode: InputMode) -> None:
        rows.append(timed(graph, mode))
        seconds = ", ".join(f"{name} {value:.2f}" for name, value in rows[-1].items())
        click.echo(f"{len(rows)}: {len(graph.nodes)} nodes, {mode.value}: {seconds}", err=True)

    measure()
    large = timed(compile_time.branching(300), InputMode.TILES)
    click.echo(f"{len(rows)} graphs of {NODES[0]} to {NODES[1]} nodes; s of processor time")
    click.echo("budget  median  worst  300 nodes")
    for name, seconds in large.items():
        column = [row[name] for row in rows]
        click.echo(f"{name:6}  {np.median(column):6.2f}  {max(column):5.1f}  {seconds:9.1f}")


@click.command()
@click.option("--first", default=0, show_default=True, help="The first seed.")
@click.option("--seeds", default=100, show_default=True)
@click.option("--processes", default=1, show_default=True)
@click.option("--c-every", default=1, show_default=True, help="Plans per one run as C; 0: no C.")
@click.option("-o", "output", type=click.Path(path_type=Path), help="A line per seed.")
@click.option("--times", is_flag=True, help="Processor time of the search instead.")
@click.option("--timed", "count", default=TIMED, show_default=True, help="Graphs of --times.")
def main(
    first: int,
    seeds: int,
    processes: int,
    c_every: int,
    output: Path | None,
    times: bool,
    count: int,
) -> None:
    """Run the seeds and print the counts."""
    if times:
        print_times(first, count)
        return
    lines: list[dict[str, int | str]] = []
    if output is not None and output.exists():
        known = map(json.loads, output.read_text(encoding="utf-8").splitlines())
        wanted = range(first, first + seeds)
        lines = [line for line in known if line["seed"] in wanted and "error" not in line]
    done = {line["seed"] for line in lines}
    with tempfile.TemporaryDirectory(prefix="patchc-cc-") as cache:
        tasks = [(n, c_every, cache) for n in range(first, first + seeds) if n not in done]
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            for line in pool.imap_unordered(run_seed, tasks):
                lines.append(line)
                if output is not None:
                    with output.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")
                click.echo(f"{len(lines)}/{seeds}: {json.dumps(line)}", err=True)
    for name, number in totals(lines).items():
        click.echo(f"{number:12,} {name}")
    failed = [line for line in lines if "error" in line]
    for line in failed:
        click.echo(f"--first {line['seed']} --seeds 1:\n{line['error']}")
    click.echo(f"{len(failed)} of {len(lines)} seeds failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
