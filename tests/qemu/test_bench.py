"""patchc bench: instruction counts, reproducible and complete."""

from __future__ import annotations

import json

import click.testing
import pytest
from elftools.elf.elffile import ELFFile

import patchc
from patchc.cli import main
from patchc.errors import PatchcError
from patchc.measure import counting
from patchc.programs.firmware import build
from tests.c.emitted import GOLDEN, images, write
from tests.onnx_float import quantized_cnn
from tests.qemu.boards import require_arm
from tests.tools import require_tool

pytestmark = pytest.mark.qemu


@pytest.fixture
def out(tmp_path):
    require_arm()
    require_tool("gcc")
    patchc.compile(quantized_cnn(tmp_path / "tiny.onnx"), tmp_path / "out", target="cortex-m3")
    return tmp_path / "out"


def test_counts_are_the_same_every_time_and_add_up(out):
    first, second = patchc.bench(out), patchc.bench(out)
    assert first == second
    assert (first.target, first.board) == ("cortex-m3", "mps2-an385")
    report = json.loads((out / "report.json").read_text())
    assert first.macs == report["cost"]["macs_executed"]
    assert sum(kernel.instructions for kernel in first.kernels) == first.instructions
    blocks = sum(block.instructions for block in first.blocks)
    assert 0 < first.instructions - blocks < 200  # NAME_run's own
    nodes = [node for block in first.blocks for step in block.steps for node in step.nodes]
    assert set(nodes) == {layer["node"] for layer in report["layers"] if layer["op"] != "Load"}
    assert first.instructions > first.macs
    assert json.loads((out / "bench.json").read_text())["instructions"] == first.instructions


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33"])
def test_cycles_add_up_and_are_no_fewer_than_instructions(out, core):
    """True of cores that begin one instruction at a time; the Cortex-M7 begins two, and loops of
    the Cortex-M55 cost nothing on their way back."""
    found = patchc.bench(out, target=core)
    assert sum(kernel.cycles for kernel in found.kernels) == found.cycles
    assert 0 < found.cycles - sum(block.cycles for block in found.blocks) < 400
    parts = [*found.kernels, *found.blocks, *(step for b in found.blocks for step in b.steps)]
    assert all(part.cycles >= part.instructions for part in (found, *parts))


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m55"])
def test_cycles_are_the_same_every_time(out, core):
    first, second = patchc.bench(out, target=core), patchc.bench(out, target=core)
    assert first == second
    assert 0.4 * first.instructions < first.cycles < 2 * first.instructions


def test_wait_states_and_clock(out):
    found = patchc.bench(out, clock_mhz=100)
    slower = patchc.bench(out, clock_mhz=100, wait_states=5)
    assert found.milliseconds == found.cycles / 100_000
    waits, rest = divmod(slower.cycles - found.cycles, 5)
    assert rest == 0
    assert 0 < waits < found.instructions
    assert json.loads((out / "bench.json").read_text())["part"]["wait_states"] == 5


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"clock_mhz": 0.0}, "a clock of 0.0 MHz: more than 0 expected"),
        ({"wait_states": -1}, "-1 wait states: at least 0"),
    ],
)
def test_parts_that_there_are_not(tmp_path, option, message):
    with pytest.raises(PatchcError, match=message):
        patchc.bench(tmp_path, **option)


def test_the_command_prints_a_table_or_json(out):
    table = click.testing.CliRunner().invoke(
        main, ["bench", str(out), "--target", "cortex-m0", "--clock", "48"]
    )
    assert table.exit_code == 0, table.output
    assert "on cortex-m0" in table.output
    assert "ms at 48 MHz" in table.output
    assert max(map(len, table.output.splitlines())) <= 80
    text = click.testing.CliRunner().invoke(main, ["bench", str(out), "--opt", "-Os", "--json"])
    found = json.loads(text.output)
    assert (found["target"], found["opt"]) == ("cortex-m3", "-Os")
    assert f"{found['instructions']:,}" not in table.output  # another core, another level


def test_flags_change_no_instruction(tmp_path):
    """What is counted is what the test image runs."""
    require_arm()
    out = write(GOLDEN["upwards_extern"].schedule(), tmp_path)
    texts = []
    for flags in ((), counting.FLAGS):
        with build(out, "cortex-m4", extra_flags=flags).elf.open("rb") as file:
            texts.append(ELFFile(file).get_section_by_name(".network_text").data())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m33", "cortex-m55"])
def test_tunnels(tmp_path, core):
    """Every function of NAME.c that network.json names has its instructions, inlined or not; those
    of the test program and its callbacks are apart."""
    require_arm()
    schedule = GOLDEN["streamed_in_two_stripes"].schedule()
    image = build(write(schedule, tmp_path), core, extra_flags=counting.FLAGS)
    inputs = {name: values[:1] for name, values in images(schedule.graph).items()}
    found = counting.count(image, inputs)
    steps = [step.function for block in image.interface.blocks for step in block.steps]
    sums = found.instructions()
    assert all(sums.owners[name] > 0 for name in steps)
    assert sums.total == sum(sums.owners.values()) == sum(sums.files.values())
    assert found.callers > sums.total / 100


def test_without_debug_info_inlined_code_has_no_owner(tmp_path):
    require_arm()
    schedule = GOLDEN["upwards_extern"].schedule()
    out = write(schedule, tmp_path)
    (header,) = out.rglob("patchc_kernels.h")  # as compilers see it that know no noinline
    text = header.read_text(encoding="utf-8")
    header.write_text(text.replace("__attribute__((noinline))", ""), encoding="utf-8")
    image = build(out, "cortex-m4")
    with pytest.raises(PatchcError, match=r"shows no function .*: build with -g"):
        counting.count(image, {n: v[:1] for n, v in images(schedule.graph).items()})
