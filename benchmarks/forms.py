"""Requantisation: how many channels have which integer form, and what each costs.

    python -m benchmarks.forms [--only NETWORK] [--json FILE] [--counts / --no-counts]

The first table has a row per network: channels of its convolutions and global pools, and how many
of them have a line ("high": by the high word of a product; "pieces": by 16-bit products, for cores
without a long multiply), are guarded, or emulated; and in how many layers every channel has a line.
Every form is proved by the checker; exit code 1 when one is not. The second table counts
instructions per output under QEMU.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.table import Table

import patchc
from examples.common import say
from examples.zoo import build_float, find
from patchc.frontend import import_model
from patchc.ir import Conv, GlobalAveragePool, Graph
from patchc.kernels.narrow import NARROW
from patchc.measure.trace import Range, trace
from patchc.numerics.form_check import proved
from patchc.numerics.forms import HIGH, PIECES_SHAPES, Shape, layer_forms
from patchc.numerics.thresholds import Channels, conv_channels, pool_channels
from patchc.passes import run_passes
from patchc.report.text import plain
from patchc.resources import runtime_dir
from patchc.targets.cores import CORES

NETWORKS = (
    "mobilenet_v2_224",
    "efficientnet_lite0_224",
    "mobilenet_v2_035_144",
    "resnet8_cifar10",
    "vww_mobilenet_v1_96",
    "keywords_ds_cnn",
    "blazeface_128",
)

# What the stores of the two flavours can compute.
CHOICES: dict[str, Sequence[Shape]] = {"high": (HIGH,), "pieces": PIECES_SHAPES}

COUNTED_CORES = ("cortex-m4", "cortex-m3", "cortex-m0")
LOOPS = ("emulated", "guarded", "high", "pieces")
SUMS = 1000
_BASELINE, _OTHERS = len(LOOPS), len(LOOPS) + 1
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A network on a class of cores. Channels, unless said otherwise."""

    network: str
    choice: str
    channels: int
    lines: int
    guarded: int
    emulated: int
    layers: int
    whole_layers: int  # all of whose channels have a line
    proved: int
    solve_seconds: float
    check_seconds: float


def layers_of(graph: Graph) -> list[Channels]:
    """All that is requantised with a factor of its own."""
    layers = []
    for node in graph.nodes:
        x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        if isinstance(node.op, Conv):
            layers.append(conv_channels(node.op, x, y))
        elif isinstance(node.op, GlobalAveragePool):
            layers.append(pool_channels(node.op, x, y))
    return layers


def quantized_graph(network: str) -> Graph:
    """The zoo's network, quantised on its own calibration samples, after all passes."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.onnx")
        patchc.quantize(build_float(network), model, calibration=find(network).calibration())
        return run_passes(import_model(model).graph)


def measure(network: str, choice: str, layers: list[Channels]) -> Row:
    begin = time.perf_counter()
    forms = [layer_forms(layer, CHOICES[choice], network) for layer in layers]
    solved = time.perf_counter()
    right = sum(int(proved(*pair).sum()) for pair in zip(layers, forms, strict=True))
    checked = time.perf_counter()
    return Row(
        network=network,
        choice=choice,
        channels=sum(map(len, layers)),
        lines=sum(one.lines for one in forms),
        guarded=sum(one.guarded for one in forms),
        emulated=sum(one.emulated for one in forms),
        layers=len(layers),
        whole_layers=sum(not one.rare for one in forms),
        proved=right,
        solve_seconds=solved - begin,
        check_seconds=checked - solved,
    )


def count(core: str, folder: Path) -> dict[str, float]:
    """Instructions per output of each loop, beside those of a loop that only stores."""
    elf = folder / f"{core}.elf"
    source = Path(__file__).with_name("forms_cost.c")
    flags = [f"-DSUMS={SUMS}", *(["-DNARROW"] if NARROW in CORES[core].flavours else [])]
    board = CORES[core].boards[0]
    at = ("--section-start=.vectors=0", "-Ttext=0x400", "-Tdata=0x20000000", "-Tbss=0x20001000")
    subprocess.run(
        [
            *("arm-none-eabi-gcc", "-O2", "-std=gnu99", *CORES[core].compile_flags, "-nostdlib"),
            *flags,
            *("-I", str(runtime_dir() / "include"), str(source), "-o", str(elf)),
            *(f"-Wl,{','.join((*at, '-e,start'))}", "-lgcc"),
        ],
        check=True,
    )
    symbols = subprocess.run(
        ["arm-none-eabi-nm", "-S", str(elf)], check=True, capture_output=True, text=True
    ).stdout
    owners = {**{name: i for i, name in enumerate(LOOPS)}, "copied": _BASELINE, "start": _OTHERS}
    ranges = []
    for address, size, _, name in (f for f in map(str.split, symbols.splitlines()) if len(f) == 4):
        if name in owners:
            low = int(address, 16) & ~1
            ranges.append(Range(low, low + int(size, 16), owners[name]))
    qemu = ("qemu-system-arm", "-M", board.machine, "-nographic", "-kernel", str(elf))
    qemu += ("-semihosting-config", "enable=on,target=native")
    found, _ = trace(
        ranges, lambda more: subprocess.run([*qemu, *more], check=True, timeout=_SECONDS)
    )
    base = found.instructions(_BASELINE)
    return {name: (found.instructions(owners[name]) - base) / SUMS for name in LOOPS}


def render(rows: list[Row]) -> str:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("network", no_wrap=True)
    table.add_column("word", no_wrap=True)
    for heading in ("channels", "lines", "%", "guarded", "emulated", "layers"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in rows:
        table.add_row(
            r.network,
            r.choice,
            *map(str, (r.channels, r.lines)),
            f"{100 * r.lines / r.channels:.1f}",
            *map(str, (r.guarded, r.emulated)),
            f"{r.whole_layers}/{r.layers}",
        )
    return plain(table)


def render_counts(counts: dict[str, dict[str, float]]) -> str:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("instructions", no_wrap=True)
    for name in LOOPS:
        table.add_column(name, justify="right", no_wrap=True)
    for core, loops in counts.items():
        table.add_row(core, *(f"{loops[name]:.1f}" for name in LOOPS))
    return plain(table)


@click.command()
@click.option("--only", multiple=True, help="Some networks.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
@click.option("--counts/--no-counts", default=True, help="Count instructions, too.")
def main(only: tuple[str, ...], json_file: Path | None, counts: bool) -> None:
    """Channels per form, and instructions per output; exit code 1 when a form is not proved."""
    rows = []
    for network in only or NETWORKS:
        say(network)
        layers = layers_of(quantized_graph(network))
        for choice in CHOICES:
            rows.append(measure(network, choice, layers))
            last = rows[-1]
            say(f"  {choice}: {last.solve_seconds:.2f} s, proved in {last.check_seconds:.2f} s")
    click.echo(render(rows), nl=False)
    counted = {}
    if counts:
        with tempfile.TemporaryDirectory() as folder:
            counted = {core: count(core, Path(folder)) for core in COUNTED_CORES}
        click.echo(render_counts(counted), nl=False)
    if json_file:
        figures = {"forms": [asdict(row) for row in rows], "instructions": counted}
        json_file.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(0 if all(row.proved == row.channels for row in rows) else 1)


if __name__ == "__main__":
    main()
