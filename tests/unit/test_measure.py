"""What is read from linked images, where they are not what they should be."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from patchc.errors import PatchcError
from patchc.measure import measure
from patchc.measure.stack import stack_bound
from patchc.measure.symbols import read_section
from tests.tools import require_tool


def test_a_run_that_takes_more_stack_than_its_bound(tmp_path, monkeypatch):
    board = SimpleNamespace(machine="mps2-an386")
    run = SimpleNamespace(stack_high_water_bytes=501, outputs={})
    firmware = SimpleNamespace(board=board, run=lambda inputs: run)
    monkeypatch.setattr(measure, "build", lambda *args, **kwargs: firmware)
    monkeypatch.setattr(measure, "firmware_bound", lambda *args: SimpleNamespace(bytes=500))
    monkeypatch.setattr(measure, "_stack_of", lambda *args: None)
    monkeypatch.setattr(measure, "_figures", lambda *args: "figures")
    message = "on cortex-m4 took 501 B of stack, more than the 500 B that its call graph allows"
    with pytest.raises(PatchcError, match=message):
        measure.measure(tmp_path, "cortex-m4", {}, lambda text: None)
    run.stack_high_water_bytes = 500
    assert measure.measure(tmp_path, "cortex-m4", {}, lambda text: None) == ("figures", run)


@pytest.fixture(scope="module")
def stripped(tmp_path_factory) -> Path:
    """An image for a Cortex-M without symbols."""
    require_tool("arm-none-eabi-gcc")
    folder = tmp_path_factory.mktemp("elf")
    (folder / "a.c").write_text("int entry(void) { return 1; }\n")
    flags = ["-mcpu=cortex-m4", "-fcallgraph-info=su", "-nostartfiles", "-Wl,-e,entry", "-s"]
    compiler = "arm-none-eabi-gcc"
    # ccache does not keep call graphs.
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    command = [compiler, *flags[:2], "-c", "a.c", "-o", "a.o"]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    subprocess.run([compiler, *flags, "a.o", "-o", "a.elf"], cwd=folder, check=True)
    return folder / "a.elf"


def test_no_bound_of_a_stripped_image(stripped):
    objects = [stripped.with_suffix(".o")]
    with pytest.raises(PatchcError, match=r"a.elf is stripped of its symbols"):
        stack_bound(objects, stripped, "entry", lambda place: False)


def test_a_section_that_is_not_there(stripped):
    assert read_section(stripped, ".text").high > read_section(stripped, ".text").low
    with pytest.raises(PatchcError, match=r"a.elf has no section .harness_text: compile and"):
        read_section(stripped, ".harness_text")
