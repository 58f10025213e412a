"""Instructions per multiply-accumulate of single kernels, measured under QEMU.

    python -m benchmarks.kernels [--core CORE] [--only KERNEL] [--portable]

Per kernel and shape: all instructions of one call on a map, borders and requantisation included.
Every channel has a line of requantisation, whose values are random.
The tests' program is what runs (tests/c/conv_driver.c), so results are compared with numpy, too.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import click

from patchc.measure.counting import build_plugin
from patchc.measure.symbols import read_symbols
from patchc.targets.cores import CORES, core
from tests.c.conv_calls import KERNELS, Call, call, check_outputs, write_calls
from tests.c.conv_program import Image, core_program, run_core

# Core -> the flavour of its own kernels.
FLAVOURS = {"cortex-m4": "dsp", "cortex-m7": "dsp", "cortex-m33": "dsp", "cortex-m55": "mve"}


def shapes() -> list[Call]:
    """Layers as networks have them; maps small enough to be quick."""
    found = [
        call("conv2d_pointwise", size, c_in, c_out, lines=1)
        for size, c_in, c_out in (
            ((6, 20), 8, 48),
            ((6, 20), 8, 16),
            ((6, 20), 16, 64),
            ((6, 20), 16, 96),
            ((6, 20), 64, 64),
            ((6, 20), 96, 16),
            ((7, 7), 192, 64),
            ((1, 7), 192, 64),
            ((7, 7), 336, 56),
        )
    ]
    same, window = (1, 1, 1, 1), (3, 3)
    found += [
        call("conv2d", (32, 32), 3, 16, window, lines=1, pads=(0, 0, 1, 1), stride=(2, 2)),
        call("conv2d", (24, 24), 3, 32, window, lines=1, pads=(0, 0, 1, 1), stride=(2, 2)),
        call("conv2d", (16, 16), 16, 16, window, lines=1, pads=same),
        call("conv2d", (8, 8), 64, 64, window, lines=1, pads=same),
        call("conv2d", (16, 16), 16, 32, lines=1, stride=(2, 2)),
        call("conv2d", (25, 5), 1, 64, (10, 4), lines=1, pads=(4, 1, 5, 1), stride=(2, 2)),
        call("dense", (1, 1), 64, 10, lines=1),
        call("dense", (1, 1), 320, 1000, lines=1),
    ]
    found.append(call("pointwise_parts", (6, 20), 96, 16, lines=1, part=8))
    for size, channels, kernel, stride in (
        (24, 8, 3, 1),
        (20, 48, 3, 1),
        (20, 48, 3, 2),
        (7, 192, 3, 1),
        (14, 96, 5, 1),
        (14, 96, 5, 2),
        (14, 96, 7, 1),
        (14, 96, 7, 2),
    ):
        side = kernel // 2
        options = {"pads": (side,) * 4, "stride": (stride, stride)}
        one = call("conv2d_depthwise", (size, size), channels, 0, (kernel,) * 2, lines=1, **options)
        found.append(one)
        if stride == 1:
            inside = (size + 2 * side,) * 2
            found.append(call("conv2d_depthwise", inside, channels, 0, (kernel,) * 2, lines=1))
    return [replace(one, lo=-128, hi=127) for one in found]


def instructions(image: Image, one: Call, folder: Path) -> int:
    """Of one call, which must give what numpy gives."""
    symbols = read_symbols(image.elf, image.objects)
    lines = [f"{s.low:x} {s.high:x} {0 if s.stem else -3}" for s in symbols if s.high > s.low]
    (folder / "map").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_calls(folder / "in", [one])
    run_core(image, folder, ("-plugin", f"{build_plugin()},map=map,out=counts"))
    check_outputs(folder / "out", [one])
    rows = (folder / "counts").read_text(encoding="utf-8").splitlines()
    return next(int(row.split()[2]) for row in rows if row.startswith("owner 0 "))


@click.command()
@click.option("--core", "core_name", type=click.Choice(list(FLAVOURS)), default="cortex-m4")
@click.option("--only", type=click.Choice(KERNELS), help="One kernel.")
@click.option("--portable", is_flag=True, help="The portable kernels beside.")
def main(core_name: str, only: str | None, portable: bool) -> None:
    """Print the table as markdown."""
    image = core_program(core(core_name))
    click.echo(f"| {core_name} | map | channels | window | per MAC | portable | scratch B |")
    click.echo("|---|---|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        for one in shapes():
            if only not in (None, one.kernel):
                continue
            own = one.of(FLAVOURS[core_name])
            found = instructions(image, own, Path(name)) / one.macs
            beside = "-"
            if portable:
                plain = instructions(image, one.of("portable"), Path(name))
                beside = f"{plain / one.macs:.2f}"
            rows, cols, c_in = one.x.shape
            kernel = "x".join(map(str, one.weights.shape[1:3]))
            click.echo(
                f"| {one.kernel} | {rows}x{cols} | {c_in} -> {len(one.weights)} "
                f"| {kernel} s{one.stride[0]} {'same' if any(one.pads) else ''} "
                f"| {found:.2f} | {beside} | {own.scratch_bytes} |"
            )


if __name__ == "__main__":
    assert set(FLAVOURS) <= set(CORES)
    main()
