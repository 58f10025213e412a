"""The cost table of a core, from cycles estimated for what QEMU executes.

    python -m benchmarks.fit [--core CORE] [--flavour FLAVOUR] [--network N] [--cmsis-nn DIR]

Small networks of every kernel are compiled layer by layer and in tunnels, with the kernels of each
of the core's flavours that there are, and every step's cycles are estimated from the instructions
that it executes (patchc/measure/cycles.py). The coefficients are those, none of them negative,
whose prices deviate least from these cycles: least absolute deviations, each relative to its step.
Prints the table as the core's file in patchc/targets has it, and how far the prices are off.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import click
import numpy as np
from ortools.linear_solver import pywraplp

from benchmarks import cmsis_nn
from examples.common import say
from patchc.align.nudge import Layer, nudge
from patchc.codegen import emit
from patchc.errors import PatchcError
from patchc.ir import Conv, Graph, Op
from patchc.ir.graph import Node
from patchc.kernels.cmsis_nn import FLAVOURS, flavours_for
from patchc.kernels.narrow import NARROW
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import Registry
from patchc.measure import counting
from patchc.measure.cycles import estimate
from patchc.measure.listing import read_listing
from patchc.memory import place
from patchc.outdir import write_files
from patchc.pipeline import random_maps
from patchc.planner.cost import SCALE
from patchc.planner.machine import Machine
from patchc.programs.firmware import build
from patchc.schedule.lower import lower
from patchc.schedule.types import Schedule
from patchc.schedule.work import executed
from patchc.targets.cores import CORES
from patchc.targets.cost_table import Coefficients
from tests.c.emitted import options
from tests.c.flavour_plans import (
    MACHINES,
    flavour_machine,
    in_groups,
    in_tiles,
    layers_plan,
    library_machine,
    tunnel_plan,
)
from tests.graphs import NetworkBuilder

OF_FLAVOUR = {
    PORTABLE: Machine(),
    NARROW: flavour_machine(NARROW),
    **MACHINES,
    **{flavour: library_machine(flavour) for flavour in FLAVOURS},
}
# Kernels with a line of their own; all others share that of their flavour.
LISTED = (
    "dense",
    "conv2d_pointwise",
    "conv2d_depthwise",
    "conv2d",
    "conv2d_depthwise_basic",
    "conv2d_pointwise_few",
    "pointwise_add",
    "pointwise_finish",
    "add",
    "sub",
    "mul",
    "max_pool",
    "average_pool",
    "concat",
    "global_average_pool",
)
PRICES = tuple(one.name for one in fields(Coefficients) if one.init)
FEATURES = tuple(name.removeprefix("per_") + "s" for name in PRICES)
SEED = 1  # of the inputs: cycles depend on their values a little
STACK_BYTES, ROOM_BYTES = 4096, 8192  # nothing is judged here


@dataclass(frozen=True, slots=True)
class Measured:
    """One step of a program."""

    cycles: int
    features: Mapping[str, np.ndarray]  # line of the table -> [FEATURES], summed over its kernels


def networks() -> Iterator[tuple[Graph, tuple[int, ...]]]:
    """Layers as networks have them, on small maps; and the options of units in which all of them
    run in one tunnel."""
    net = NetworkBuilder(1)
    x = net.conv(net.input(32, 32, 3), 16, 3, 2)
    for channels, kernel, stride in ((24, 3, 1), (48, 3, 2), (64, 5, 1), (96, 3, 1), (128, 7, 2)):
        x = net.conv(net.depthwise(x, kernel, stride), channels)
    x = net.relu(net.dense(x, 10)) if net.tensors[x].shape[0] == 4 else x
    yield net.build(x), ()
    net = NetworkBuilder(2)
    x = net.conv(net.input(24, 24, 3), 8, 3)
    x = net.bottleneck(x, 8, 6, 3, 1)
    x = net.bottleneck(x, 16, 6, 3, 2)
    x = net.bottleneck(x, 16, 4, 5, 1)
    x = net.bottleneck(x, 24, 3, 7, 1)
    yield net.build(x), (0, 1)
    net = NetworkBuilder(3)
    x = net.conv(net.input(16, 16, 16), 16, 3)
    x = net.add(x, net.conv(x, 16, 3))
    x = net.add(net.conv(net.conv(x, 32, 3, 2), 32, 3), net.conv(x, 32, 1, 2))
    x = net.max_pool(net.relu(x))
    yield net.build(net.gate(x, 8)), ()
    net = NetworkBuilder(4)
    x = net.max_pool(net.conv(net.input(20, 20, 4), 40))
    x = net.concat(x, net.upsample(net.max_pool(x)))
    yield net.build(net.dense(net.mean(x), 100)), ()
    net = NetworkBuilder(11)
    x = net.conv(net.input(48, 48, 3), 12, 5, 2)
    for channels in (24, 40, 88):
        short = net.concat(net.max_pool(x), channels - net.tensors[x].shape[2])
        x = net.add(short, net.conv(net.depthwise(x, 3, 2), channels))
        more = net.concat(x, 6)
        x = net.add(more, net.conv(net.depthwise(x), channels + 6))
    yield net.build(x), (0, 1)
    net = NetworkBuilder(5)
    yield net.build(net.bottleneck(net.input(20, 20, 12), 12, 6, 3, 1)), (2,)
    net = NetworkBuilder(7)
    x = net.input(12, 20, 4)
    for channels in (24, 16, 40, 96):
        y = net.conv(x, channels)
        x = net.max_pool(net.mul(net.sub(y, net.conv(x, channels)), y), 2 if channels < 96 else 1)
    yield net.build(x), (0,)
    net = NetworkBuilder(8)
    x = net.input(12, 12, 128)
    for channels, stride in ((256, 2), (192, 1), (256, 2), (160, 1)):
        x = net.conv(net.depthwise(x, 3, stride), channels)
    yield net.build(net.conv(net.mean(x), 64)), ()
    net = NetworkBuilder(9)
    x = net.conv(net.conv(net.input(32, 24, 1), 64, 5, 2), 32, 3)
    for channels, stride in ((64, 2), (48, 1), (64, 2), (64, 1)):
        x = net.conv(x, channels, 3, stride)
    yield net.build(net.mean(x)), ()
    net = NetworkBuilder(10)
    x = net.input(25, 5, 64)
    for channels in (64, 72, 32):
        x = net.conv(net.depthwise(x), channels)
    yield net.build(net.conv(net.mean(x), 24)), (0,)
    net = NetworkBuilder(12)
    x = net.conv(net.input(24, 20, 3), 16, 3)
    means = []
    for channels, kernel, stride in ((16, 3, 1), (40, 2, 2), (24, 3, 2), (64, 3, 1), (8, 1, 1)):
        x = net.conv(x, channels)
        x = net.average_pool(net.add(x, net.mul(x, net.conv(x, channels))), kernel, stride)
        means.append(net.mean(x, rescaled=False))
    yield net.build(x, *means), ()


def bottlenecks() -> Graph:
    """Channels in many ratios, for steps in channel groups."""
    net = NetworkBuilder(6)
    x = net.input(14, 14, 8)
    for channels, expansion in ((8, 6), (40, 3), (12, 2), (48, 8), (16, 2), (16, 7), (64, 3)):
        x = net.bottleneck(x, channels, expansion, 3, 1)
    return net.build(x)


def aligned(graph: Graph) -> Graph:
    """The network with weight scales nudged as `patchc quantize` does, so that nearly all channels
    have a line (docs/exactness.md): others take longer. Weights are half as large again before, as
    that makes the share that cannot have one that of trained networks."""

    def nudged(node: Node) -> Op:
        op = node.op
        if not isinstance(op, Conv):
            return op
        op = replace(op, weight_scales=np.float32(1.5) * op.weight_scales)
        x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        layer = Layer(node.name, op, x, y)
        return replace(op, weight_scales=nudge([layer], op.weight_scales, lines=True))

    nodes = tuple(replace(node, op=nudged(node)) for node in graph.nodes)
    return replace(graph, nodes=nodes)


def schedules(machine: Machine, numbers: Collection[int]) -> Iterator[tuple[str, Schedule]]:
    """Programs of one flavour's kernels. `numbers`: of networks; empty: all."""
    for number, (found, in_tunnels) in enumerate(networks()):
        if numbers and number not in numbers:
            continue
        graph = aligned(found)
        yield f"{number}-layers", lower(graph, layers_plan(graph, machine), machine.registry)
        for option in in_tunnels:
            plan = tunnel_plan(graph, option, machine)
            yield f"{number}-tunnel{option}", lower(graph, plan, machine.registry)
    if numbers:
        return
    graph = aligned(bottlenecks())
    plan = tunnel_plan(graph, 0, machine)
    for tile in (1, 2, 3, 4, 6):
        yield f"tiles-{tile}", lower(graph, in_tiles(graph, plan, tile, machine), machine.registry)
    plan = tunnel_plan(graph, 1, machine)
    for group in (4, 8, 24):
        grouped = in_groups(graph, plan, group, machine)
        yield f"groups-{group}", lower(graph, grouped, machine.registry)


def measure(
    schedule: Schedule, core: str, out: Path, library: cmsis_nn.Library
) -> Iterator[Measured]:
    """Step by step. Raises PatchcError where the program cannot be built."""
    placement = place(schedule)
    chosen = replace(options(), cmsis_nn=library.library)
    write_files(out, emit(schedule, placement, chosen))
    ram = placement.arena_bytes + ROOM_BYTES
    image = build(
        out, core, ram_bytes=ram, stack_bytes=STACK_BYTES, extra_flags=counting.FLAGS, opt="-O2"
    )
    counts = counting.count(image, random_maps(schedule.graph, 1, SEED))
    assert image.core.timing is not None
    cycles = estimate(counts, read_listing(image.elf), image.core.timing)
    features: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for one in executed(schedule):
        line = line_of(one.kernel.name, one.kernel.flavour)
        row = np.array([int(getattr(one.features, name)) for name in FEATURES])
        features[one.node][line] = features[one.node].get(line, 0) + row
    for block in image.interface.blocks:
        for step in block.steps:
            total: dict[str, np.ndarray] = {}
            for node in step.nodes:
                for line, row in features[node].items():
                    total[line] = total.get(line, 0) + row
            if total:
                yield Measured(cycles.owners[step.function], total)


def _with(machine: Machine, functions: Collection[str]) -> Machine:
    """Without kernels that call other functions of CMSIS-NN."""
    entries = machine.registry.entries
    kept = tuple(kernel for kernel in entries if set(kernel.cmsis_nn) <= set(functions))
    return replace(machine, registry=Registry(kept))


def line_of(kernel: str, flavour: str) -> str:
    """The line of the table that says what a kernel costs."""
    return kernel if kernel.removesuffix(f".{flavour}") in LISTED else flavour


def fit(found: Sequence[Measured]) -> dict[str, Coefficients]:
    """Line of the table -> coefficients. Raises PatchcError if the solver fails."""
    solver = pywraplp.Solver.CreateSolver("GLOP")
    infinity = solver.infinity()
    lines = sorted({line for one in found for line in one.features})
    unknown = {
        line: [solver.NumVar(0, infinity, f"{line} {name}") for name in FEATURES] for line in lines
    }
    off = []
    for one in found:
        price = sum(
            float(count) / one.cycles * value
            for line, row in one.features.items()
            for count, value in zip(row, unknown[line], strict=True)
        )
        error = solver.NumVar(0, infinity, "")
        solver.Add(price - 1 <= error)
        solver.Add(1 - price <= error)
        off.append(error)
    solver.Minimize(sum(off))
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        raise PatchcError("the solver found no coefficients")
    return {
        line: Coefficients(*(round(SCALE * value.solution_value()) for value in values))
        for line, values in unknown.items()
    }


def prices(line: Coefficients) -> np.ndarray:
    """In the order of PRICES."""
    return np.array([getattr(line, name) for name in PRICES])


def deviations(found: Sequence[Measured], table: Mapping[str, Coefficients]) -> np.ndarray:
    """Price over count - 1, per step."""
    return np.array(
        [
            sum(float(row @ prices(table[line])) for line, row in one.features.items())
            / SCALE
            / one.cycles
            - 1
            for one in found
        ]
    )


def render(table: Mapping[str, Coefficients]) -> str:
    """As Python has it."""

    def entry(line: str) -> str:
        values = (
            f"{name}={price:_}"
            for name, price in zip(PRICES, prices(table[line]), strict=True)
            if price
        )
        return f'    "{line}": Coefficients({", ".join(values)}),'

    flavours = [line for line in table if line in OF_FLAVOUR]
    kernels = [line for line in table if line not in OF_FLAVOUR]
    return "\n".join(
        ["flavours={", *map(entry, flavours), "},", "kernels={", *map(entry, kernels), "},"]
    )


@click.command()
@click.option("--core", type=click.Choice(list(CORES)), default="cortex-m4", show_default=True)
@click.option("--flavour", "flavours", type=click.Choice(list(OF_FLAVOUR)), multiple=True)
@click.option("--network", "numbers", type=int, multiple=True, help="Some of the networks.")
@cmsis_nn.checkout_option
def main(
    core: str, flavours: tuple[str, ...], numbers: tuple[int, ...], cmsis_dir: Path | None
) -> None:
    """Measure, fit, print."""
    library = cmsis_nn.checkout(cmsis_dir, "") if cmsis_dir else cmsis_nn.vendored("")
    there = library.library.functions
    found: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="patchc-fit-") as made:
        own = CORES[core].flavours
        for flavour in flavours or (*own, *flavours_for(own)):
            machine = _with(OF_FLAVOUR[flavour], there)
            for name, schedule in schedules(machine, numbers):
                say(f"{core} {flavour} {name}")
                out = Path(made, f"{flavour}-{name}")
                found += measure(schedule, core, out, library)
    table = fit(found)
    off = np.abs(deviations(found, table))
    click.echo(render(table))
    click.echo(f"{len(found)} steps; prices are off by {off.mean():.1%}, at most {off.max():.1%}")


if __name__ == "__main__":
    main()
