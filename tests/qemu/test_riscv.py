"""rv32imac under QEMU: the network in user mode, where the PMP opens nothing but its memory."""

from __future__ import annotations

import io
import json
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import patchc
from patchc.errors import PatchcError
from patchc.kernel_options import KernelOptions
from patchc.measure.stack import FLAGS, firmware_bound
from patchc.programs.firmware import build
from patchc.report.bench import render_bench
from patchc.schedule.types import Schedule
from patchc.targets.cores import core
from tests.c.emitted import GOLDEN, images, write
from tests.cmsis_nn import library as cmsis_nn_library
from tests.onnx_float import quantized_cnn
from tests.qemu.boards import SLICES, run, run_in_slices
from tests.tools import require_tool

pytestmark = pytest.mark.qemu

CORE, BOARD = "rv32imac", "riscv-virt"
CLOSE = 64  # bytes that the bound may lie above the painted high-water
ALIGN = 16  # of the stack
SCHEDULE = GOLDEN["classifier_tiles"].schedule()
BEGIN = "    int8_t *const base = (int8_t *)arena;\n"
STORE_FAULT = "failed with status 99:\nfault: mcause 7"


@pytest.fixture(autouse=True)
def tools() -> None:
    require_tool(core(CORE).toolchain.compiler)
    require_tool(core(CORE).toolchain.qemu)


@pytest.mark.parametrize("name", GOLDEN)
def test_every_golden_network_is_equal(name: str, tmp_path: Path):
    """To the byte, in its arena as linked, on a stack that the bound bounds."""
    schedule = GOLDEN[name].schedule()
    out = write(schedule, tmp_path, GOLDEN[name].weights)
    found = run(out, schedule, CORE, BOARD, extra_flags=FLAGS)
    firmware = build(out, CORE, extra_flags=FLAGS)
    bound = firmware_bound(out, firmware)
    assert bound.bytes - CLOSE <= found.stack_high_water_bytes <= bound.bytes
    assert firmware.static_bytes == 0
    assert (found.arena_first_written, found.arena_last_written) == (0, firmware.arena_bytes - 1)


@pytest.mark.parametrize(("name", "size"), list(zip(GOLDEN, cycle(SLICES), strict=False)))
def test_slices(name: str, size: str, tmp_path: Path):
    """`python -m benchmarks.slices --golden` runs every network by every size."""
    run_in_slices(name, size, tmp_path, CORE, BOARD)


@pytest.mark.parametrize("opt", ["-O0", "-Os", "-O3"])
def test_no_flag_changes_a_byte(opt: str, tmp_path: Path):
    schedule = GOLDEN["rows_in_two_stripes"].schedule()
    run(write(schedule, tmp_path), schedule, CORE, BOARD, opt=opt, stack_bytes=4096)


def test_what_was_measured_is_enough_and_less_is_not(tmp_path: Path):
    out = write(SCHEDULE, tmp_path)
    stack = -(-run(out, SCHEDULE, CORE, BOARD).stack_high_water_bytes // ALIGN) * ALIGN
    total = build(out, CORE).arena_bytes + stack
    run(out, SCHEDULE, CORE, BOARD, stack_bytes=stack, ram_bytes=total)
    with pytest.raises(PatchcError, match=r"region .RAM. overflowed by 16 bytes"):
        build(out, CORE, stack_bytes=stack, ram_bytes=total - 16)
    with pytest.raises(PatchcError, match=f"(?s){STORE_FAULT}.*the network's stack overflowed"):
        attempt(out, stack_bytes=stack - ALIGN, ram_bytes=total)


def attempt(out: Path, **options: int):
    return build(out, CORE, **options).run(images(SCHEDULE.graph, 2))


@pytest.mark.parametrize(
    ("address", "mcause"),
    [
        ("base - NET_STACK_BYTES - 1", 7),  # before the region
        ("base + ((NET_ARENA_BYTES + 3) / 4 * 4)", 7),  # the PMP counts in words
        ("in", 7),  # constants, which can be read
        ("(uintptr_t)net_run", 7),  # code
        ("0x82000000u", 7),  # the harness's variables
        ("0x10000000u", 7),  # a device
    ],
)
def test_nothing_else_can_be_written(address: str, mcause: int, tmp_path: Path):
    poke(tmp_path, f"*(volatile int8_t *)({address}) = 1;")
    with pytest.raises(PatchcError, match=f"status 99:\nfault: mcause {mcause},"):
        attempt(tmp_path)


def test_the_harness_cannot_be_read(tmp_path: Path):
    poke(tmp_path, "if (*(volatile int8_t *)0x82000000u == 1) { return 1; }")
    with pytest.raises(PatchcError, match="status 99:\nfault: mcause 5,"):
        attempt(tmp_path)


def test_what_lies_in_the_last_word_is_painted(tmp_path: Path):
    """Where the arena ends within it."""
    schedule = GOLDEN["rows_in_two_stripes"].schedule()
    poke(tmp_path, "base[NET_ARENA_BYTES] = 1;", schedule)
    assert build(tmp_path, CORE).arena_bytes % 4 != 0
    with pytest.raises(PatchcError, match="status 3:\na byte behind the arena was written"):
        build(tmp_path, CORE).run(images(schedule.graph, 2))


def poke(out: Path, statement: str, schedule: Schedule = SCHEDULE) -> None:
    """A network whose run begins with `statement`."""
    write(schedule, out)
    text = (out / "src/net.c").read_text()
    assert text.count(BEGIN) == 1
    (out / "src/net.c").write_text(text.replace(BEGIN, f"{BEGIN}    {statement}\n"))


def test_verify_measures_it(tmp_path: Path):
    out = tmp_path / "out"
    patchc.compile(quantized_cnn(tmp_path / "tiny.onnx"), out, target=CORE, budget="64k")
    found = patchc.verify(out, on="qemu", cases=2)
    assert found.passed, found.failures
    report = json.loads((out / "report.json").read_text())
    assert report["ram"]["source"].startswith("measured on virt under QEMU")
    assert report["ram"]["stack_bytes"] <= core(CORE).reserve.largest
    assert report["flash"]["code_bytes"] > 0


def test_bench_counts_its_instructions(tmp_path: Path):
    """Whose they are, to the last one; cycles are not known of it, which table and page say."""
    out = tmp_path / "out"
    patchc.compile(quantized_cnn(tmp_path / "tiny.onnx"), out, target=CORE, budget="64k")
    found = patchc.bench(out)
    assert (found.target, found.board, found.bytes_different) == (CORE, BOARD, 0)
    assert (found.cycles, found.milliseconds, found.timing) == (None, None, None)
    assert found.macs < found.instructions < 40 * found.macs
    assert sum(kernel.instructions for kernel in found.kernels) == found.instructions
    assert 0 < found.instructions - sum(block.instructions for block in found.blocks) < 400
    assert patchc.bench(out) == found
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render_bench(found))
    assert f"{found.instructions:,} instructions  " in console.export_text()
    patchc.report(out)
    assert f"{found.instructions:,} instructions in all, counted on {CORE}" in (
        (out / "report.html").read_text()
    )
    assert json.loads((out / "bench.json").read_text())["cycles"] is None


@pytest.mark.parametrize("options", [{"clock_mhz": 160.0}, {"wait_states": 2}])
def test_bench_says_that_it_knows_no_cycles_of_it(options: dict[str, Any], tmp_path: Path):
    out = tmp_path / "out"
    patchc.compile(quantized_cnn(tmp_path / "tiny.onnx"), out, target=CORE)
    with pytest.raises(PatchcError, match="patchc bench knows no cycles of rv32imac, but counts"):
        patchc.bench(out, **options)


def test_cmsis_nn_is_not_for_it(tmp_path: Path):
    model = quantized_cnn(tmp_path / "tiny.onnx")
    library = cmsis_nn_library()
    kernels = KernelOptions(kernels="cmsis-nn", cmsis_nn_dir=str(library.root))
    with pytest.raises(PatchcError, match="CMSIS-NN is for Arm's cores, not for rv32imac"):
        patchc.compile(model, tmp_path / "out", target=CORE, kernels=kernels)
