"""docs/tutorial.md: every command runs, and prints what stands below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from patchc.targets.toolchain import ARM
from tests.tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/tutorial.md"
# A command and its output; training has none here, as it needs PyTorch (see the page).
LINES = r"((?:[^`\n].*\n)*)"
PAIR = re.compile(rf"^```sh\n{LINES}```\n\n```text\n{LINES}```$", re.MULTILINE)
DECIMALS = re.compile(r"\d+\.\d+")  # of floats, which another processor may round otherwise


@pytest.mark.slow
@pytest.mark.qemu
def test_the_tutorial_prints_what_it_says(tmp_path: Path):
    require_tool(ARM.compiler)
    require_tool(ARM.qemu)
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/patchc"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m patchc.cli "$@"\n')
    script.chmod(0o755)
    for name in ("examples", "runtime_c", "templates"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    pairs = PAIR.findall(PAGE.read_text(encoding="utf-8"))
    assert len(pairs) == 7
    for command, expected in pairs:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert DECIMALS.sub("#", done.stdout) == DECIMALS.sub("#", expected), command
