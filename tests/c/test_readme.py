"""OUT/README.md: its C compiles as it stands, its numbers are those of report.json."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from pathlib import Path

import onnx
import pytest

import patchc
from tests.c.test_helpers import NETWORKS
from tests.tools import require_tool
from tests.unit.frontend_models import Net

MODES = ("tiles", "stream", "extern", "resident")


def two_in_two_out() -> onnx.ModelProto:
    """Two images, a map and a vector, one of them called like what the page's C has."""
    net = Net()
    a = net.qdq(net.input("in", 1, 3, 12, 12), (0.02, 1))
    b = net.qdq(net.input("arena", 1, 2, 12, 12), (0.02, 1))
    x = net.qdq(net.op("Conv", a, net.weights(4, 3, 1, 1)), (0.1, 2))
    y = net.qdq(net.op("Conv", b, net.weights(4, 2, 3, 3), pads=[1, 1, 1, 1]), (0.1, 2))
    z = net.qdq(net.op("Add", x, y), (0.1, 3))
    mean = net.op("Flatten", net.qdq(net.op("GlobalAveragePool", z), (0.1, 3)))
    return net.model(net.op("Identity", z, name="i"), net.op("Identity", mean, name="rows"))


MODELS = {"camera": NETWORKS["normalised"], "grey": NETWORKS["grey"], "two": two_in_two_out()}


@pytest.mark.parametrize(
    ("name", "mode", "outputs", "weights"),
    [
        *((name, mode, "arena", "inline") for name, mode in itertools.product(MODELS, MODES)),
        *(("two", mode, "rows", "extern") for mode in MODES),
    ],
)
def test_the_c_compiles_as_it_stands(name, mode, outputs, weights, tmp_path: Path):
    onnx.save(MODELS[name], tmp_path / "net.onnx")
    out = tmp_path / "out"
    options = {"input_mode": mode, "output_mode": outputs, "weights": weights}
    patchc.compile(tmp_path / "net.onnx", out, name="net", **options)
    page = (out / "README.md").read_text()
    (block,) = re.findall(r"^```c\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert max(map(len, block.splitlines())) <= 100
    assert "\n\n\n" not in page
    (tmp_path / "example.c").write_text(block)
    warnings = ("-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{out}/include")
    for command in (["gcc", "-std=c99"], ["g++", "-std=c++17", "-xc++"]):
        require_tool(command[0])
        subprocess.run([*command, *warnings, str(tmp_path / "example.c")], check=True)


def test_its_numbers_are_those_of_the_report(tmp_path: Path):
    onnx.save(MODELS["camera"], tmp_path / "net.onnx")
    out = tmp_path / "out"
    patchc.compile(tmp_path / "net.onnx", out, budget="4k")
    page, report = (out / "README.md").read_text(), json.loads((out / "report.json").read_text())
    rows = dict(re.findall(r"^\| ([a-zA-Z ]+) \| (\d+) \|", page, re.MULTILINE))
    assert rows == {
        "arena": str(report["ram"]["arena_bytes"]),
        "stack": str(report["ram"]["stack_bytes"]),
        "RAM in all": str(report["ram"]["total_bytes"]),
        "inputs": str(report["ram"]["input_bytes"]),
        "constants": str(report["flash"]["weights_bytes"]),
    }
    assert f"{report['cost']['macs_executed']:,} multiply-accumulates" in page
    assert "sha256: " + report["model"]["sha256"] in page
