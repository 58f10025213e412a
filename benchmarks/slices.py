"""What an inference in slices costs: instructions, code and stack, measured under QEMU.

    python -m benchmarks.slices [--only NETWORK] [--core CORE] [--clock MHZ] [--slice CYCLES]
    python -m benchmarks.slices --golden

Per network two rows: layer by layer, and under 64 KiB, each compiled without and with --step.
M instructions: of NAME_run without --step; whole: how many more it takes with it; sliced: likewise
in slices of so many estimated cycles (by default a millisecond). Code without and with it, stack as
painted memory shows it. longest: milliseconds of the longest piece, which nothing interrupts, by
the plan's prices; work: NAME_WORK over the cycles that `patchc bench` estimates. Exit code 1 where
bytes differ, arenas do, or slices take 2 % more instructions.

`--golden`: bytes that differ instead, of every golden network of tests/c in slices of every kind
that the tests know, on a Cortex-M4 and on RISC-V.
"""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

import patchc
from benchmarks.cores import BUDGETS
from examples.common import say
from examples.zoo import build_float, find
from patchc.measure.bench import Bench, bench_out
from patchc.targets.cores import CORES, DEFAULT_CORE
from tests.c.emitted import GOLDEN
from tests.qemu.boards import SLICES, run_in_slices

NETWORKS = ("resnet8_cifar10", "vww_mobilenet_v1_96", "mobilenet_v2_224")
MOST = 0.02  # more instructions
GOLDEN_ON = (("cortex-m4", "mps2-an386"), ("rv32imac", "riscv-virt"))


@dataclass(frozen=True, slots=True)
class Row:
    """A network under a budget, without and with --step."""

    network: str
    plan: str
    plain: Bench
    whole: Bench
    sliced: Bench
    work: int  # estimated cycles of an inference, as NAME_step counts
    longest: int  # likewise, of a piece
    arenas: tuple[int, int]  # bytes, without and with it

    @property
    def more(self) -> tuple[float, float]:
        """Shares of instructions, whole and in slices."""
        whole, sliced = self.whole.instructions, self.sliced.instructions
        return whole / self.plain.instructions - 1, sliced / self.plain.instructions - 1

    @property
    def is_right(self) -> bool:
        differ = (self.plain, self.whole, self.sliced)
        same = self.arenas[0] == self.arenas[1]
        return same and not any(b.bytes_different for b in differ) and max(self.more) <= MOST


def measure(network: str, model: Path, core: str, plan: str, cycles: int, folder: Path) -> Row:
    """`model`: quantised. Raises PatchcError."""
    outs = folder / "plain", folder / "step"
    reports = []
    for out in outs:
        reports.append(
            patchc.compile(
                model,
                out,
                budget=BUDGETS[plan],
                prefer="layers" if BUDGETS[plan] is None else "speed",
                target=core,
                name="net",
                step=out is outs[1],
            ).report
        )
    header = (outs[1] / "include/net.h").read_text()
    work, longest = (
        int(re.search(rf"#define NET_{word} (\d+)", header)[1])  # type: ignore[index]
        for word in ("WORK", "PIECE_WORK")
    )
    plain, whole = bench_out(outs[0]), bench_out(outs[1])
    sliced = bench_out(outs[1], flags=(f"-DNET_RUN_SLICE={cycles}u",))
    arenas = reports[0].ram.arena_bytes, reports[1].ram.arena_bytes
    return Row(network, plan, plain, whole, sliced, work, longest, arenas)


def markdown(rows: list[Row], clock: float) -> str:
    """The table."""
    lines = [
        "| network | plan | M instructions | whole | sliced | code B | with | stack B | with "
        "| longest ms | work | differ |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for r in rows:
        whole, sliced = r.more
        lines.append(
            f"| {r.network} | {r.plan} | {r.plain.instructions / 1e6:.1f} | {whole:+.2%} "
            f"| {sliced:+.2%} | {r.plain.code_bytes} | {r.whole.code_bytes} "
            f"| {r.plain.stack_high_water_bytes} | {r.sliced.stack_high_water_bytes} "
            f"| {r.longest / clock / 1000:.2f} | {r.work / r.whole.cycles:.2f} "
            f"| {r.sliced.bytes_different} |"
        )
    return "\n".join(lines)


def run_golden() -> bool:
    """Print what differs; False: something does."""
    right = True
    for name in GOLDEN:
        for core, board in GOLDEN_ON:
            for size in SLICES:
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        run_in_slices(name, size, Path(folder), core, board)
                    except AssertionError as error:
                        right = False
                        click.echo(f"{name}, {core}, slices of {size}: {error}")
        say(f"{name}: {len(GOLDEN_ON)} cores, {len(SLICES)} kinds of slices")
    count = len(GOLDEN) * len(GOLDEN_ON) * len(SLICES)
    click.echo(f"{count} programs ran{': 0 bytes differ' if right else ', some of them wrong'}")
    return right


@click.command()
@click.option("--only", multiple=True, type=click.Choice(NETWORKS), help="Some networks.")
@click.option("--core", default=DEFAULT_CORE, type=click.Choice(list(CORES)), help="The core.")
@click.option("--clock", default=168.0, help="Its clock in MHz.")
@click.option("--slice", "cycles", type=int, help="Cycles of a slice. [default: 1 ms]")
@click.option("--golden", is_flag=True, help="Bytes of the golden networks on two cores.")
def main(only: tuple[str, ...], core: str, clock: float, cycles: int | None, golden: bool) -> None:
    """Print the table as markdown."""
    if golden:
        sys.exit(0 if run_golden() else 1)
    rows = []
    for network in only or NETWORKS:
        with tempfile.TemporaryDirectory() as name:
            quantized = Path(name, f"{network}.onnx")
            say(f"{network}: quantising")
            calibration = find(network).calibration()
            patchc.quantize(build_float(network), quantized, calibration=calibration)
            for plan in BUDGETS:
                say(f"{network}, {plan}")
                size = cycles or int(clock * 1000)
                rows.append(measure(network, quantized, core, plan, size, Path(name)))
                click.echo(markdown(rows[-1:], clock).splitlines()[-1], err=True)
    click.echo(markdown(rows, clock))
    sys.exit(0 if all(row.is_right for row in rows) else 1)


if __name__ == "__main__":
    main()
