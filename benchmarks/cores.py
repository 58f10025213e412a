"""Networks on cores: RAM, flash and instructions, measured under QEMU.

    python -m benchmarks.cores [--only NETWORK] [--core CORE] [--json FILE]
                               [--kernels patchc|cmsis-nn|auto] [--cmsis-nn DIR]

Per network and core two rows: layer by layer, and under 64 KiB. arena as compiled; total = arena +
static + stack as painted memory shows it; code and weights as linked; instructions (not cycles) of
one inference on one random input; weight bytes that the kernels read, by the schedule. The big
networks take minutes per row. Kernels are patchc's own unless said otherwise; CMSIS-NN's come from
a checkout, or the pinned package, and `layers` counts those that it computes. Exit code 1 where
bytes differ.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click

import patchc
from benchmarks import cmsis_nn
from examples.common import say
from examples.zoo import build_float, find
from patchc.kernel_options import KernelOptions
from patchc.report import Report
from patchc.targets.cores import CORES, core

NETWORKS = (
    "resnet8_cifar10",
    "vww_mobilenet_v1_96",
    "keywords_ds_cnn",
    "mcunet_vww5_80",
    "mobilenet_v2_035_144",
    "blazeface_128",
    "mcunet_320k_176",
    "mobilenet_v2_96",
    "mobilenet_v2_224",
    "efficientnet_lite0_224",
)
BUDGETS = {"layers": None, "64k": 65536}  # bytes


@dataclass(frozen=True, slots=True)
class Row:
    """A network on a core under a budget; bytes."""

    network: str
    core: str
    plan: str  # of BUDGETS
    arena_bytes: int
    total_bytes: int
    code_bytes: int
    weights_bytes: int
    weight_bytes_read: int
    instructions: int
    macs: int
    overhead: float  # F
    bytes_different: int  # of the outputs, from the network in numpy
    library_layers: tuple[int, int]  # that CMSIS-NN computes, and that it does not


def measure(
    network: str, quantized: Path, target: str, plan: str, kernels: KernelOptions, folder: Path
) -> Row | str:
    """Compile for the core, run one input; or why not."""
    out = folder / f"{network}-{target}-{plan}"
    try:
        report: Report = patchc.compile(
            quantized,
            out,
            budget=BUDGETS[plan],
            prefer="layers" if BUDGETS[plan] is None else "speed",
            target=target,
            name="net",
            kernels=kernels,
        ).report
        if report.ram.total_bytes > core(target).boards[0].ram.bytes:
            return f"{report.ram.total_bytes} B are more than the board has"
        found = patchc.bench(out)
    except patchc.PatchcError as error:
        return str(error).splitlines()[0]
    return Row(
        network=network,
        core=target,
        plan=plan,
        arena_bytes=report.ram.arena_bytes,
        total_bytes=report.ram.arena_bytes + found.static_bytes + found.stack_high_water_bytes,
        code_bytes=found.code_bytes,
        weights_bytes=report.flash.weights_bytes,
        weight_bytes_read=report.weight_bytes_read,
        instructions=found.instructions,
        macs=found.macs,
        overhead=report.cost.macs_overhead,
        bytes_different=found.bytes_different,
        library_layers=library_layers(report),
    )


def library_layers(report: Report) -> tuple[int, int]:
    """That CMSIS-NN computes, and that it does not."""
    library = report.library
    return (0, 0) if library is None else (len(library.layers), len(library.elsewhere))


def markdown(rows: list[Row]) -> str:
    """The table."""
    lines = [
        "| network | core | plan | arena B | total B | code B | weights B | weights read B | F "
        "| M instructions | per MAC | CMSIS-NN layers | differ |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for r in rows:
        per_mac = r.instructions / r.macs if r.macs else 0
        theirs, others = r.library_layers
        lines.append(
            f"| {r.network} | {r.core} | {r.plan} | {r.arena_bytes} | {r.total_bytes} "
            f"| {r.code_bytes} | {r.weights_bytes} | {r.weight_bytes_read} | {r.overhead:.3f} "
            f"| {r.instructions / 1e6:.1f} | {per_mac:.2f} "
            f"| {theirs}/{theirs + others} | {r.bytes_different} |"
        )
    return "\n".join(lines)


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NETWORKS), help="Some networks.")
@click.option("--core", "cores", multiple=True, type=click.Choice(list(CORES)), help="Some cores.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures.")
@cmsis_nn.kernel_choice
def main(
    only: tuple[str, ...],
    cores: tuple[str, ...],
    json_file: Path | None,
    kernels: str,
    cmsis_dir: Path | None,
) -> None:
    """Print the table as markdown."""
    rows: list[Row] = []
    options = cmsis_nn.kernel_options(kernels, cmsis_dir)
    for network in only or NETWORKS:
        with tempfile.TemporaryDirectory() as name:
            quantized = Path(name, f"{network}.onnx")
            say(f"{network}: quantising")
            calibration = find(network).calibration()
            patchc.quantize(build_float(network), quantized, calibration=calibration)
            for target in cores or CORES:
                for plan in BUDGETS:
                    say(f"{network} on {target}, {plan}")
                    found = measure(network, quantized, target, plan, options, Path(name))
                    if isinstance(found, str):
                        say(f"  left out: {found}")
                    else:
                        rows.append(found)
    click.echo(markdown(rows))
    if json_file:
        json_file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    sys.exit(1 if any(row.bytes_different for row in rows) else 0)


if __name__ == "__main__":
    main()
