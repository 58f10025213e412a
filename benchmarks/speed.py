"""Instructions and cycles of one inference beside CMSIS-NN's, per network and core, under QEMU.

    python -m benchmarks.speed [--only NETWORK] [--core CORE] [--cmsis-nn DIR] [--kinds]
                               [--wait-states N] [--json FILE] [--flavours]

Ours: compiled for the core under 64 KiB, gcc -O2. CMSIS-NN: every layer by itself, with all the
RAM it likes, the same gcc at -Ofast; a checkout in DIR, or the subset of 4.0.0 in a pinned package.
What a CMSIS-NN has no function for (the subset has none for sums) counts as patchc computes it
layer by layer. `wanted` is what is aimed at, in instructions. `cycles` and `theirs` are estimates
for both (docs/figures.md), `predicted` the price of the plan, in cycles, too. All in millions. Big
networks take minutes per row. Exit code 1 where bytes of ours differ from the network in numpy, or
a row fails.

--flavours: instead, of the aligned file, instructions / cycles of CMSIS-NN layer by layer, and in
64 KiB of patchc's own kernels, of CMSIS-NN wherever it can run, and of what costs least.
Exit code 1 where that last one is slower than either.
"""

from __future__ import annotations

import json
import sys
import tempfile
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path

import click

import patchc
from benchmarks import cmsis_nn
from benchmarks.speed_flavours import LAYERS, Count, FlavourRow, budgeted, heading, line
from examples.common import say
from examples.zoo import build_float, find
from patchc.frontend import import_model
from patchc.ir.graph import Node
from patchc.measure.bench import Bench
from patchc.passes import run_passes
from patchc.report.words import WIDTH
from patchc.targets.cores import CORES, core

BUDGET = 65536  # bytes

# What is wanted of a Cortex-M4, in millions of instructions.
WANTED = {
    "vww_mobilenet_v1_96": 13.0,
    "resnet8_cifar10": 18.0,
    "keywords_ds_cnn": 5.2,
    "mcunet_vww5_80": 26.0,
    "mobilenet_v2_035_144": 58.0,
    "blazeface_128": 80.0,
    "mcunet_320k_176": 215.0,
    "mobilenet_v2_224": 470.0,
    "efficientnet_lite0_224": 640.0,
}
DSP_SLACK = 1.05  # of the Cortex-M7 and M33, over the Cortex-M4
# Of CMSIS-NN's instructions, where all networks have that in common.
WANTED_RATIO = {"cortex-m0": 0.75, "cortex-m3": 0.75, "cortex-m55": 1.0}


@dataclass(frozen=True, slots=True)
class Row:
    """A network on a core. Instructions of one inference, unless said otherwise."""

    network: str
    core: str
    instructions: int
    predicted: int | None  # cycles, by the plan; None: the core has no cost table
    cmsis_nn: int
    borrowed: int  # of `cmsis_nn`: patchc's, for what CMSIS-NN has no function for
    borrowed_operators: tuple[str, ...]
    wanted: float
    cycles: int
    cmsis_nn_cycles: int
    total_bytes: int  # of RAM
    bytes_different: int
    kernels: dict[str, int]  # ours, by file of kernels
    cmsis_nn_kinds: dict[str, int]


@dataclass(frozen=True, slots=True)
class Settings:
    """How all rows are measured."""

    library: cmsis_nn.Library
    wait_states: int = 0


def measure(network: str, model: Path, name: str, settings: Settings, folder: Path) -> Row:
    """`model`: quantised. Raises PatchcError."""
    target = core(name)
    say(f"{network} on {name}: ours")
    out = folder / "ours"
    report = patchc.compile(
        model, out, budget=BUDGET, prefer="speed", target=name, name="net"
    ).report
    ours = patchc.bench(out, wait_states=settings.wait_states)
    say(f"{network} on {name}: CMSIS-NN")
    graph = run_passes(import_model(model, None).graph)
    layers, left = cmsis_nn.layers(graph, settings.library)
    theirs = cmsis_nn.count(layers, settings.library, target, folder, settings.wait_states)
    instructions = sum(layer.instructions for layer in theirs)
    cycles = sum(layer.cycles for layer in theirs)
    borrowed, borrowed_cycles = _borrowed(left, model, name, settings.wait_states, folder)
    return Row(
        network=network,
        core=name,
        instructions=ours.instructions,
        predicted=report.cost.cycles_estimate,
        cmsis_nn=instructions + borrowed,
        borrowed=borrowed,
        borrowed_operators=tuple(sorted({node.op.kind for node in left})),
        wanted=wanted(network, name, instructions + borrowed),
        cycles=ours.cycles,
        cmsis_nn_cycles=cycles + borrowed_cycles,
        total_bytes=report.ram.arena_bytes + ours.static_bytes + ours.stack_high_water_bytes,
        bytes_different=ours.bytes_different,
        kernels={kernel.kernel: kernel.instructions for kernel in ours.kernels},
        cmsis_nn_kinds=cmsis_nn.by_kind(theirs),
    )


def measure_flavours(
    network: str, model: Path, name: str, settings: Settings, folder: Path
) -> FlavourRow:
    """`model`: quantised. Raises PatchcError."""
    target, aligned = core(name), folder / "aligned.onnx"
    patchc.align(model, aligned)
    say(f"{network} on {name}: CMSIS-NN layer by layer")
    graph = run_passes(import_model(aligned, None).graph)
    layers, left = cmsis_nn.layers(graph, settings.library)
    theirs = cmsis_nn.count(layers, settings.library, target, folder, settings.wait_states)
    borrowed, borrowed_cycles = _borrowed(left, aligned, name, settings.wait_states, folder)
    total = Count(
        sum(layer.instructions for layer in theirs) + borrowed,
        sum(layer.cycles for layer in theirs) + borrowed_cycles,
        0,
    )
    say(f"{network} on {name}: in 64 KiB")
    found = budgeted(aligned, name, settings.library, settings.wait_states, folder)
    return FlavourRow(network, name, {LAYERS: total} | found, bool(left))


def _borrowed(
    left: list[Node], model: Path, name: str, wait_states: int, folder: Path
) -> tuple[int, int]:
    """Instructions and cycles that patchc takes for some nodes, layer by layer."""
    if not left:
        return 0, 0
    out = folder / "layers"
    patchc.compile(model, out, target=name, prefer="layers", name="net")
    found: Bench = patchc.bench(out, wait_states=wait_states)
    names = {node.name for node in left}
    steps = [s for block in found.blocks for s in block.steps if names & set(s.nodes)]
    assert {node for step in steps for node in step.nodes} == names
    return sum(step.instructions for step in steps), sum(step.cycles for step in steps)


def wanted(network: str, name: str, cmsis_nn: int) -> float:
    if name in WANTED_RATIO:
        return WANTED_RATIO[name] * cmsis_nn
    return 1e6 * WANTED[network] * (1 if name == "cortex-m4" else DSP_SLACK)


HEADINGS = (
    ("network", -22),
    ("core", -4),
    ("ours", 6),
    ("CMSIS-NN", 8),
    ("ratio", 5),
    ("wanted", 6),
    ("cycles", 6),
    ("predicted", 9),
    ("theirs", 6),
)


def _line(*cells: str) -> str:
    pairs = zip(cells, HEADINGS, strict=True)
    return " ".join(
        cell.ljust(-width) if width < 0 else cell.rjust(width) for cell, (_, width) in pairs
    )


def millions(value: float | None) -> str:
    """With one decimal, but where that would not fit."""
    if value is None:
        return "-"
    return f"{value / 1e6:.1f}" if value < 1e9 else f"{value / 1e6:.0f}"


def render(row: Row, kinds: bool) -> list[str]:
    """The row's line, and what is to be said about it."""
    lines = [
        _line(
            row.network,
            row.core.removeprefix("cortex-"),
            millions(row.instructions),
            millions(row.cmsis_nn) + ("*" if row.borrowed else " "),
            f"{row.instructions / row.cmsis_nn:.2f}",
            millions(row.wanted),
            millions(row.cycles),
            millions(row.predicted),
            millions(row.cmsis_nn_cycles),
        ).rstrip()
    ]
    if row.bytes_different:
        lines.append(f"  {row.bytes_different} BYTES DIFFER from the network in numpy")
    if kinds:
        lines += [f"  {n:20} {millions(count):>9}" for n, count in row.kernels.items()]
        lines += [f"  CMSIS-NN {n:11} {millions(c):>9}" for n, c in row.cmsis_nn_kinds.items()]
    return lines


def footnotes(rows: list[Row], settings: Settings) -> list[str]:
    library = settings.library
    borrowed = sorted({kind for row in rows for kind in row.borrowed_operators})
    lines = [f"{cmsis_nn.version(library)}, {library.opt}"]
    if settings.wait_states:
        lines.append(f"cycles with {settings.wait_states} wait states")
    if borrowed:
        lines.append(f"* with patchc's own for what it has no function for: {', '.join(borrowed)}")
    return [part for line in lines for part in textwrap.wrap(line, WIDTH)]


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--only", multiple=True, type=click.Choice(list(WANTED)), help="Some networks.")
@click.option("--core", "cores", multiple=True, type=click.Choice(list(CORES)), help="Some cores.")
@cmsis_nn.checkout_option
@click.option("--cmsis-nn-opt", default="-Ofast", show_default=True, help="gcc's flags for it.")
@click.option("--wait-states", default=0, show_default=True, help="As of `patchc bench`.")
@click.option("--kinds", is_flag=True, help="Split by file of kernels and by kind of layer.")
@click.option("--flavours", is_flag=True, help="Whose kernels, beside each other.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
def main(
    only: tuple[str, ...],
    cores: tuple[str, ...],
    cmsis_dir: Path | None,
    cmsis_nn_opt: str,
    wait_states: int,
    kinds: bool,
    flavours: bool,
    json_file: Path | None,
) -> None:
    """Rows are printed as they come."""
    library = (
        cmsis_nn.checkout(cmsis_dir, cmsis_nn_opt) if cmsis_dir else cmsis_nn.vendored(cmsis_nn_opt)
    )
    settings = Settings(library, wait_states)
    rows: list[Row | FlavourRow] = []
    failed = False
    click.echo(heading() if flavours else _line(*(name for name, _ in HEADINGS)))
    one = measure_flavours if flavours else measure
    for network in only or WANTED:
        with tempfile.TemporaryDirectory() as name:
            model = Path(name, f"{network}.onnx")
            say(f"{network}: quantising")
            calibration = find(network).calibration()
            patchc.quantize(build_float(network), model, calibration=calibration)
            for target in cores or CORES:
                with tempfile.TemporaryDirectory(dir=name) as folder:
                    try:
                        row = one(network, model, target, settings, Path(folder))
                    except patchc.PatchcError as error:
                        say(f"  left out: {str(error).splitlines()[0]}")
                        failed = True
                        continue
                rows.append(row)
                failed |= _is_wrong(row)
                click.echo("\n".join(_lines(row, kinds)))
                if json_file:
                    json_file.write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
    plain = [row for row in rows if isinstance(row, Row)]
    click.echo("\n".join(footnotes(plain, settings)))
    sys.exit(1 if failed else 0)


def _lines(row: Row | FlavourRow, kinds: bool) -> list[str]:
    return render(row, kinds) if isinstance(row, Row) else line(row)


def _is_wrong(row: Row | FlavourRow) -> bool:
    if isinstance(row, Row):
        return bool(row.bytes_different)
    return row.auto_is_slower or any(one.bytes_different for one in row.counts.values())


if __name__ == "__main__":
    main()
