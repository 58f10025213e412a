"""The reserve per core, measured: stack bound + .data + .bss of emitted networks.

    python -m benchmarks.reserve [--network NAME] [--random N] [--core CORE] [--json FILE]

--network takes some of the zoo and of those that branch for all of them; with --random 0 there are
no others.

Networks of the zoo (layer by layer and under budgets) and those that branch (layer by layer and in
half of that) with the kernels of each core, the small ones of the golden tests and random chains
under random budgets with portable kernels are cross-compiled for each core at -O2 and -Os. Per core
and kind of plan it prints the smallest and the largest figure, and whether the reserve in
patchc/targets covers all of them by at most 512 B or 2 % of the total. Exit code 1 if not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import click
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

import patchc
from benchmarks.fuzz import plan_for
from benchmarks.generated import generated
from examples.common import say
from examples.zoo import build_float, find
from patchc.codegen import EmitOptions, emit
from patchc.ir import Graph
from patchc.measure.stack import FLAGS, firmware_bound
from patchc.outdir import write_files
from patchc.plan.types import InputMode, OutputMode
from patchc.planner.kinds import kind_of
from patchc.programs.firmware import build
from patchc.report.text import plain
from patchc.targets.cores import CORES
from patchc.targets.reserve import Kind
from tests import branching
from tests.c.emitted import GOLDEN, placed
from tests.property.networks import chains

OPTS = ("-O2", "-Os")
ALLOWED_BYTES, ALLOWED_SHARE = 512, 0.02  # the reserve above the measured figure, of the total
ZOO = (
    "resnet8_cifar10",
    "vww_mobilenet_v1_96",
    "mcunet_vww5_80",
    "mobilenet_v2_035_144",
    "mcunet_320k_176",
    "mobilenet_v2_224",
    "efficientnet_lite0_224",
)
NAMES = (*ZOO, *branching.NETWORKS)
BUDGETS = (None, 65536)  # bytes; the first: layer by layer
ENOUGH = 2**21 - 2**10  # bytes of RAM: the image is linked, not run
TIGHT = 1.05  # a third budget: this much above the floor's total


@dataclass(frozen=True, slots=True)
class Sample:
    """A network, emitted."""

    name: str
    kind: Kind
    arena_bytes: int
    out: Path
    cores: tuple[str, ...] = tuple(CORES)  # that its kernels are for


@dataclass(frozen=True, slots=True)
class Measured:
    """A network on a core; bytes."""

    network: str
    kind: str
    core: str
    opt: str
    stack_bytes: int
    static_bytes: int
    arena_bytes: int
    reserve_bytes: int
    path: str  # who uses the stack

    @property
    def above(self) -> int:
        """Bytes that the reserve keeps and nobody uses."""
        return self.reserve_bytes - self.stack_bytes - self.static_bytes

    @property
    def holds(self) -> bool:
        total = self.arena_bytes + self.reserve_bytes
        return 0 <= self.above <= max(ALLOWED_BYTES, int(ALLOWED_SHARE * total))


def alike(cores: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Cores that run kernels of the same flavours, together."""
    found: dict[tuple[str, ...], list[str]] = {}
    for core in cores:
        found.setdefault(CORES[core].flavours, []).append(core)
    return [tuple(group) for group in found.values()]


def compiled(model: Path, out: Path, budget: int | None, target: str) -> patchc.CompileResult:
    """Layer by layer without a budget, else at its fastest. Raises PatchcError."""
    prefer = "layers" if budget is None else "speed"
    return patchc.compile(model, out, budget=budget, prefer=prefer, name="net", target=target)


def zoo_samples(names: tuple[str, ...], cores: tuple[str, ...], folder: Path) -> Iterator[Sample]:
    """Layer by layer, under 64 KiB, and close to the floor."""
    for name in names:
        say(f"{name}: quantising")
        quantized = folder / f"{name}.onnx"
        patchc.quantize(build_float(name), quantized, calibration=find(name).calibration())
        yield from samples_of(name, quantized, BUDGETS, cores, folder)


def branching_samples(
    names: tuple[str, ...], cores: tuple[str, ...], folder: Path
) -> Iterator[Sample]:
    """Layer by layer, in half of that, and close to the floor."""
    for name in names:
        say(f"{name}: quantising")
        quantized = branching.quantized(name, folder)
        half = patchc.inspect(quantized).layerwise_bytes // 2
        yield from samples_of(name, quantized, (None, half), cores, folder)


def samples_of(
    name: str,
    quantized: Path,
    budgets: tuple[int | None, ...],
    cores: tuple[str, ...],
    folder: Path,
) -> Iterator[Sample]:
    """Under these budgets and close to the floor, with the kernels of each core. Where the reserve
    of a core is too large for a budget, there is none."""
    least = min(point.total_bytes for point in patchc.explore(quantized).points)
    for budget, group in product((*budgets, int(least * TIGHT)), alike(cores)):
        out = folder / f"{name}-{budget or 'layer'}-{group[0]}"
        try:
            result = compiled(quantized, out, budget, group[0])
        except patchc.BudgetError as error:
            say(f"  {group[0]}: least is {error.least_bytes} B, budget {budget} B")
            continue
        arena = result.report.ram.arena_bytes
        yield Sample(out.name, kind_of(result.stages.plan), arena, out, group)


def small_samples(count: int, folder: Path) -> Iterator[Sample]:
    """The golden tests' networks, and `count` random ones under random budgets."""
    for name, case in GOLDEN.items():
        schedule, placement = placed(case.schedule())
        out = folder / name
        write_files(out, emit(schedule, placement, _options()))
        steps = [step for block in schedule.blocks for step in block.steps]
        streamed = any(block.ticks > 1 for block in schedule.blocks)
        kind = Kind.TUNNELS if streamed else Kind.LAYERS
        kind = Kind.GROUPS if any(step.group for step in steps) else kind
        yield Sample(name, kind, placement.arena_bytes, out)
    drawn: list[tuple[Graph, InputMode, OutputMode, float]] = []

    @generated(count, 1)
    @given(
        chains(),
        st.sampled_from(list(InputMode)),
        st.sampled_from(list(OutputMode)),
        st.floats(0, 1),
    )
    def draw(graph: Graph, mode: InputMode, outputs: OutputMode, share: float) -> None:
        drawn.append((graph, mode, outputs, share))

    draw()
    for index, (graph, mode, outputs, share) in enumerate(drawn):
        choice = plan_for(graph, mode, outputs, share)
        out = folder / f"random-{index}"
        write_files(out, emit(choice.schedule, choice.placement, _options()))
        yield Sample(out.name, kind_of(choice.plan), choice.arena_bytes, out)


def measure(sample: Sample, core: str, opt: str) -> Measured:
    """Cross-compile and bound."""
    image = build(sample.out, core, ram_bytes=ENOUGH, opt=opt, extra_flags=FLAGS)
    bound = firmware_bound(sample.out, image)
    return Measured(
        network=sample.name,
        kind=sample.kind.value,
        core=core,
        opt=opt,
        stack_bytes=bound.bytes,
        static_bytes=image.static_bytes,
        arena_bytes=sample.arena_bytes,
        reserve_bytes=CORES[core].reserve.of(sample.kind),
        path=str(bound),
    )


def _options() -> EmitOptions:
    return EmitOptions(
        name="net",
        patchc_version=patchc.__version__,
        model_file="random",
        model_sha256="",
        command_line="",
        target="cortex-m4",
        stack_bytes=0,
    )


def render(found: list[Measured]) -> str:
    """A line per core and kind of plan."""
    table = Table(box=None, pad_edge=False)
    table.add_column("core", no_wrap=True)
    table.add_column("plan", no_wrap=True)
    for heading in ("images", "least B", "most B", "reserve B", "at most above", "holds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for core in CORES:
        for kind in Kind:
            rows = [m for m in found if m.core == core and m.kind == kind.value]
            if not rows:
                continue
            used = [m.stack_bytes + m.static_bytes for m in rows]
            table.add_row(
                core,
                kind.value,
                str(len(rows)),
                str(min(used)),
                str(max(used)),
                str(rows[0].reserve_bytes),
                str(max(m.above for m in rows)),
                "yes" if all(m.holds for m in rows) else "NO",
            )
    return plain(table)


@click.command()
@click.option("--network", "names", multiple=True, type=click.Choice(NAMES), help="Some networks.")
@click.option("--random", "count", default=12, show_default=True, help="Random networks.")
@click.option("--core", "cores", multiple=True, type=click.Choice(list(CORES)), help="Some cores.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
def main(
    names: tuple[str, ...], count: int, cores: tuple[str, ...], json_file: Path | None
) -> None:
    """Measure what the reserve must hold."""
    found: list[Measured] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = small_samples(count, folder) if count else ()
        chosen = names or NAMES
        cores = cores or tuple(CORES)
        zoo = zoo_samples(tuple(name for name in ZOO if name in chosen), cores, folder)
        others = tuple(name for name in branching.NETWORKS if name in chosen)
        samples = [*small, *zoo, *branching_samples(others, cores, folder)]
        for sample in samples:
            rows = [
                measure(sample, core, opt) for core in cores if core in sample.cores for opt in OPTS
            ]
            used = [m.stack_bytes + m.static_bytes for m in rows]
            say(f"{sample.name} ({sample.kind.value}): {min(used)} to {max(used)} B")
            found += rows
    click.echo(render(found), nl=False)
    for m in found:
        if not m.holds:
            used = m.stack_bytes + m.static_bytes
            click.echo(f"{m.network} {m.kind} {m.core} {m.opt}: {used} B ({m.path})")
    if json_file:
        json_file.write_text(json.dumps([asdict(m) for m in found], indent=1) + "\n")
    sys.exit(0 if all(m.holds for m in found) else 1)


if __name__ == "__main__":
    main()
