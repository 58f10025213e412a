"""What making tensors twice buys: plans without it beside plans with it.

    python -m benchmarks.again [--only NAME] [--core CORE] [--host]

Per network and budget: the least total that the search finds, or that of the cheapest plan within
the budget, with every tensor made once and with some made twice; F, and estimated cycles beside
layer by layer. The plan with some made twice is compiled and verified on the host, and in guarded
RAM on the core under QEMU: linked are the bytes that arena, statics and stack take there. Weights
are random (tests/branching.py) but those of the selfie network, which is of the zoo. Exit code 1: a
comparison fails.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

import patchc
from examples.common import say
from examples.zoo import build_float, find
from patchc.choices import InputMode
from patchc.frontend import import_model
from patchc.ir import Graph, macs
from patchc.passes import run_passes
from patchc.planner.again import choose_again
from patchc.planner.choose import Choice, choose
from patchc.planner.layer_by_layer import priced_plan
from patchc.planner.machine import machine_of
from patchc.schedule.work import executed_work
from patchc.targets.cores import CORES, core
from tests.branching import NETWORKS, quantized

SELFIE = "selfie_segmentation_256"
LEAST = 0  # as a budget: no plan fits, and the smallest is found
# Network, how its image comes, bytes in total.
ROWS = (
    ("unet", InputMode.RESIDENT, 196_000),
    ("unet", InputMode.TILES, 150_000),
    ("unet", InputMode.TILES, LEAST),
    ("mobilenet_v3_small", InputMode.TILES, 60_000),
    ("mobilenet_v3_small", InputMode.TILES, 46_080),
    ("mobilenet_v3_small", InputMode.TILES, LEAST),
    (SELFIE, InputMode.RESIDENT, 345_000),
    (SELFIE, InputMode.TILES, 345_000),
    (SELFIE, InputMode.TILES, 160_000),
)
HEADING = (
    "| network | image | budget B | once: total B | F | twice: total B | F | cycles | made twice |"
    " linked B |"
)


def overhead(graph: Graph, choice: Choice) -> float:
    """F: multiply-accumulates executed, per one of the network's."""
    executed = sum(work.macs for work in executed_work(choice.schedule).values())
    return executed / sum(macs(graph, node) for node in graph.nodes)


def network(name: str, folder: Path) -> Path:
    """The quantised file of a network."""
    if name in NETWORKS:
        return quantized(name, folder)
    samples = find(name).calibration()
    return patchc.quantize(build_float(name), folder / f"{name}.onnx", calibration=samples)


def row(
    model: Path, name: str, mode: InputMode, budget: int, target: str, folder: Path, host: bool
) -> tuple[str, bool]:
    """A line of the table, and whether every comparison holds."""
    graph, machine = run_passes(import_model(model).graph), machine_of(core(target))
    reserve = core(target).reserve
    once = choose(graph, mode, budget, reserve, machine=machine, slack=0.01)
    twice = choose_again(graph, mode, budget, reserve, machine=machine, slack=0.01)
    layers = priced_plan(graph, mode, machine=machine)[1]
    out = folder / f"{name}-{mode.value}-{budget}"
    patchc.compile(model, out, plan=twice.plan, target=target, name="net")
    found = [patchc.verify(out, cases=2, sanitize=True)]
    found += [] if host else [patchc.verify(out, cases=1, on="qemu", target=target)]
    cells = [
        name,
        mode.value,
        f"{budget:,}" if budget else "least",
        f"{once.total_bytes:,}" + ("" if not budget or once.total_bytes <= budget else " (least)"),
        f"{overhead(graph, once):.2f}",
        f"{twice.total_bytes:,}",
        f"{overhead(graph, twice):.2f}",
        f"{twice.cost / layers - 1:+.0%}",
        str(len(twice.plan.again)),
    ]
    linked = [f"{image.total_bytes:,}" for one in found for image in one.firmware]
    cells += linked or ["-"]
    for one in found:
        for failure in one.failures:
            say(failure)
    return "| " + " | ".join(cells) + " |", all(one.passed for one in found)


@click.command()
@click.option("--only", help="One network.")
@click.option("--core", "target", type=click.Choice(tuple(CORES)), default="cortex-m4")
@click.option("--host", is_flag=True, help="Not under QEMU.")
def main(only: str | None, target: str, host: bool) -> None:
    """Print the table."""
    click.echo(HEADING)
    click.echo("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    holds = True
    rows = [one for one in ROWS if only in (None, one[0])]
    with tempfile.TemporaryDirectory(prefix="patchc-again-") as scratch:
        folder = Path(scratch)
        models = {name: network(name, folder) for name in {one[0] for one in rows}}
        for name, mode, budget in rows:
            line, passed = row(models[name], name, mode, budget, target, folder, host)
            holds = holds and passed
            click.echo(line)
            sys.stdout.flush()
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
