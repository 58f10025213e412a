"""verify --on qemu, and what a person calls by hand."""

from __future__ import annotations

import json
import re
import subprocess

import click.testing
import pytest

import patchc
from patchc.cli import main
from patchc.errors import PatchcError
from patchc.programs import firmware
from patchc.targets.cores import CORES
from tests.c.emitted import GOLDEN
from tests.onnx_float import CLASSES, quantized_cnn
from tests.qemu.boards import emitted, require_arm
from tests.tools import require_tool

pytestmark = pytest.mark.qemu


@pytest.fixture
def out(tmp_path):
    require_arm()
    patchc.compile(
        quantized_cnn(tmp_path / "tiny.onnx"), tmp_path / "out", budget="20k", target="cortex-m3"
    )
    return tmp_path / "out"


def report(out):
    return json.loads((out / "report.json").read_text())


def test_the_report_gets_what_was_measured(out):
    before = report(out)
    found = patchc.verify(out, on="qemu", cases=2)
    assert found.passed
    (one,) = found.firmware
    assert (found.on, one.core, one.machine) == ("qemu", "cortex-m3", "mps2-an385")
    assert one.ram_bytes == 20 * 1024
    assert one.mpu
    ram, flash = report(out)["ram"], report(out)["flash"]
    assert ram["source"] == "measured on mps2-an385 under QEMU, gcc -O2"
    assert ram["stack_bytes"] == one.stack_bytes < before["ram"]["stack_bytes"]
    assert ram["total_bytes"] == ram["arena_bytes"] + ram["stack_bytes"] == one.total_bytes
    assert ram["total_with_input_bytes"] - ram["total_bytes"] == before["ram"]["input_bytes"]
    assert flash["code_bytes"] == one.code_bytes > 1000
    saved = json.loads((out / "verify.json").read_text())
    assert saved["passed"] is True
    assert saved["firmware"][0]["stack_bytes"] == one.stack_bytes
    assert patchc.verify(out, on="qemu", cases=2).firmware == found.firmware


def test_all_cores_at_once(out):
    """The report is about its own target; the others leave it alone."""
    ran = click.testing.CliRunner().invoke(
        main, ["verify", str(out), "--on", "qemu", "--target", "all", "--cases", "2"]
    )
    assert ran.exit_code == 0, ran.output
    assert "all comparisons hold" in ran.output
    saved = json.loads((out / "verify.json").read_text())
    assert [one["core"] for one in saved["firmware"]] == list(CORES)
    compared = {e["name"]: e["bytes_compared"] for e in saved["equalities"]}
    assert compared["C on cortex-m55 = C on cortex-m0"] == 2 * CLASSES
    m3 = next(one for one in saved["firmware"] if one["core"] == "cortex-m3")
    assert report(out)["ram"]["stack_bytes"] == m3["stack_bytes"]


def test_a_mismatch_is_found_and_not_reported(out):
    """One channel's offset changed: exit code 1, and report.json stays."""
    (weights,) = out.glob("src/tiny_weights_*.c")
    text = weights.read_text()
    form = re.compile(r"(tiny_classifier_form\[\d+\] = \{\s*\{\d+, )-?\d+")
    changed, found = form.subn(r"\g<1>500000000", text)
    assert found == 1
    weights.write_text(changed)
    before = report(out)
    ran = click.testing.CliRunner().invoke(
        main, ["verify", str(out), "--on", "qemu", "--cases", "2"]
    )
    assert ran.exit_code == 1
    assert "MISMATCH: C = graph in numpy: " in ran.output
    assert report(out) == before


def test_make_run_by_hand(out):
    """The golden vectors, compared by cmp."""
    words = ["-C", out / "test/firmware", "run", "CORE=cortex-m4", "RAM_BYTES=20480"]
    done = subprocess.run([require_tool("make"), *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "golden vectors on mps2-an386: equal" in done.stdout
    assert "stack_high_water_bytes " in done.stdout


def test_cores_and_boards_that_there_are_not(tmp_path):
    schedule = GOLDEN["pointwise_tiles"].schedule()
    out = emitted(schedule, tmp_path)
    with pytest.raises(PatchcError, match="no board 'nano' for cortex-m0: there are mps2-an385, "):
        firmware.build(out, "cortex-m0", board="nano")
    done = subprocess.run(
        [require_tool("make"), "-C", out / "test/firmware", "CORE=cortex-a9"],
        capture_output=True,
        text=True,
    )
    assert "CORE=cortex-a9: there are cortex-m0 " in done.stderr


@pytest.mark.parametrize(
    ("tool", "packages"),
    [
        ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
        ("qemu-system-arm", "qemu-system-arm"),
    ],
)
def test_a_missing_tool_is_named_with_its_packages(tool, packages, out, monkeypatch):
    from patchc.programs import program

    which = program.shutil.which
    monkeypatch.setattr(program.shutil, "which", lambda name: None if name == tool else which(name))
    with pytest.raises(PatchcError, match=f"{tool} not found: .*apt-get install {packages}"):
        patchc.verify(out, on="qemu", cases=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on": "moon"}, "--on 'moon': choose one of host, qemu"),
        ({"target": "cortex-m4"}, "--target: only with --on qemu"),
        ({"on": "qemu", "sanitize": True}, "--sanitize: only with --on host"),
        ({"on": "qemu", "target": "cortex-m5"}, "no target 'cortex-m5'"),
    ],
)
def test_options_that_do_not_go_together(options, message, out):
    with pytest.raises(PatchcError, match=message):
        patchc.verify(out, **options)
