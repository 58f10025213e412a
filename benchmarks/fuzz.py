"""Random networks under random budgets: everything byte-equal, with a count per feature.

    python -m benchmarks.fuzz --examples 2000 --seed 1 [--networks chains|dags] [--c-every 10]

Random chains with skips, or graphs that branch (tests/property/networks.py) x the four input modes
x outputs in the arena or handed over x budgets up to layer by layer (the floor's plan where nothing
fits). Each chosen plan is lowered, placed, checked for overlaps and run over shadow memory; every
so many also as C, built with gcc. All must equal the network in numpy.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generated import generated
from patchc.codegen import EmitOptions, emit
from patchc.ir import RESIZES, Add, Concat, Graph, MaxPool, Upsample, macs
from patchc.memory import check_placement
from patchc.outdir import write_files
from patchc.pipeline import random_maps
from patchc.plan.types import InputMode, OutputMode, TunnelPlan
from patchc.planner.choose import Choice, choose, layer_by_layer
from patchc.programs.host import build
from patchc.reference import run_graph, run_schedule
from patchc.version import __version__
from tests.property.networks import chains, dags

NETWORKS = {"chains": chains, "dags": dags}
OPTIONS = EmitOptions(
    name="net",
    patchc_version=__version__,
    model_file="random",
    model_sha256="",
    command_line="",
    target="cortex-m4",
    stack_bytes=0,
)


def plan_for(graph: Graph, mode: InputMode, outputs: OutputMode, share: float) -> Choice:
    """The plan for a budget of `share` of the arena layer by layer; the floor where none fits."""
    whole = layer_by_layer(graph, mode, outputs=outputs)
    return choose(graph, mode, round(share * whole.arena_bytes), outputs=outputs)


def features(graph: Graph, choice: Choice, mode: InputMode) -> Counter[str]:
    """What a plan makes use of, each counted once."""
    tunnels = [tunnel for tunnel in choice.plan.tunnels if not tunnel.whole]
    steps = [step for tunnel in tunnels for step in tunnel.steps]
    present = {
        "layer by layer only": not tunnels,
        "tunnels": bool(tunnels),
        "several tunnels": len(tunnels) > 1,
        "stripes > 1": any(tunnel.stripes > 1 for tunnel in tunnels),
        "ring mode": any(len(tunnel.steps) > 1 for tunnel in tunnels),
        "group mode": any(step.group for step in steps),
        "several rows at a time": any(step.rows > 1 for step in steps),
        "tiles": any(step.tile for step in steps),
        "in place": bool(choice.schedule.overlaps or choice.plan.in_place),
        "reverse": any(tunnel.reverse for tunnel in tunnels),
        "recomputation": choice.cost > sum(macs(graph, node) for node in graph.nodes),
        f"--input {mode.value}": True,
        "concat": any(isinstance(node.op, Concat) for node in graph.nodes),
        "upsample": any(isinstance(node.op, Upsample) for node in graph.nodes),
        "resize": any(isinstance(node.op, RESIZES) for node in graph.nodes),
        "pool": any(isinstance(node.op, MaxPool) for node in graph.nodes),
        "outputs handed over": bool(choice.schedule.handed),
        "outputs handed over in stripes": any(
            choice.schedule.blocks[block].stripes > 1 for block in choice.schedule.handed.values()
        ),
        "several inputs": len(graph.inputs) > 1,
        "several outputs": len(graph.outputs) > 1,
        "an output that is read inside": any(graph.consumers[name] for name in graph.outputs),
        "shared tensors": any(len(readers) > 2 for readers in graph.consumers.values()),
        "branches inside a tunnel": any(branches(graph, tunnel) for tunnel in tunnels),
    }
    return Counter(name for name, there in present.items() if there)


def branches(graph: Graph, tunnel: TunnelPlan) -> bool:
    """Does a tensor made in the tunnel have two readers in it, other than a sum over it?"""
    inside = set(tunnel.nodes)
    for name in tunnel.nodes:
        readers = [node for node in graph.consumers[graph.node(name).output] if node.name in inside]
        if len([node for node in readers if not isinstance(node.op, Add)]) > 1:
            return True
    return False


def c_outputs(choice: Choice, maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the emitted C makes of the cases in `maps`."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), emit(choice.schedule, choice.placement, OPTIONS))
        return build(Path(folder), "sanitize").run(maps)


@click.command()
@click.option("--examples", default=2000, show_default=True)
@click.option("--seed", "number", default=1, show_default=True)
@click.option(
    "--networks",
    type=click.Choice(list(NETWORKS)),
    default="chains",
    show_default=True,
    help="Chains with skips, or graphs that branch.",
)
@click.option("--c-every", default=10, show_default=True, help="0: no C.")
def main(examples: int, number: int, networks: str, c_every: int) -> None:
    """Run the examples and print the counts; a difference ends it with the example."""
    counts: Counter[str] = Counter()

    @generated(examples, number)
    @given(
        NETWORKS[networks](),
        st.sampled_from(list(InputMode)),
        st.sampled_from(list(OutputMode)),
        st.floats(0, 1),
    )
    def check(graph: Graph, mode: InputMode, outputs: OutputMode, share: float) -> None:
        choice = plan_for(graph, mode, outputs, share)
        check_placement(choice.schedule, choice.placement)
        maps = random_maps(graph, 1, seed=counts["cases"])
        image = {name: values[0] for name, values in maps.items()}
        expected = run_graph(graph, image)
        for name, found in run_schedule(choice.schedule, choice.placement, image).items():
            assert np.array_equal(found, expected[name]), f"shadow memory: {name} differs"
        if c_every and counts["cases"] % c_every == 0:
            for name, values in c_outputs(choice, maps).items():
                assert np.array_equal(values[0], expected[name]), f"C: {name} differs"
            counts["as C, sanitized"] += 1
        counts["cases"] += 1
        counts.update(features(graph, choice, mode))
        if counts["cases"] % 100 == 0:
            print(f"{counts['cases']} cases", file=sys.stderr, flush=True)

    check()
    click.echo(f"seed {number}: 0 differing bytes")
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        click.echo(f"{count:7,} {name}")


if __name__ == "__main__":
    main()
