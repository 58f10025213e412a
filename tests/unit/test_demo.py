"""`make demo`: its words, and a small run of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from examples import demo
from patchc.report.words import WIDTH


def test_photos_beside_each_other():
    names = ("tench", "a name that is far too long for its column", "hen")
    lines = demo.photo_lines(names, (0, 1), [0, 2], [0, 2])
    assert lines[1].split() == ["0", "tench", "tench", "tench"]
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.slow
def test_it_runs_and_keeps_the_quantised_file(tmp_path: Path):
    """At 96 x 96, on this machine only: the figures of the page are those that are printed."""
    words = ["--size", "96", "--budget", "40k", "--photos", "1", "--no-qemu"]
    run = CliRunner().invoke(demo.main, [*words, "--output", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "0 of 1,000 scores differ from onnxruntime's" in run.stdout
    assert max(map(len, run.stdout.splitlines()[:-1])) <= WIDTH
    (model,) = tmp_path.glob("mobilenet_v2_96-*.onnx")
    page = (tmp_path / "mobilenet_v2_96" / "report.html").read_text(encoding="utf-8")
    total = next(line.split()[1] for line in run.stdout.splitlines() if line.startswith("patchc "))
    assert total in page
    made = model.stat().st_mtime_ns
    run = CliRunner().invoke(demo.main, [*words, "--output", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert model.stat().st_mtime_ns == made
