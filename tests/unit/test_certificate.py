"""certificate.json: what is proved of it, and that one wrong number is noticed."""

from __future__ import annotations

import ast
import copy
import json
from pathlib import Path

import pytest

import patchc
from benchmarks.fuzzing.bases import BASES
from patchc.certificate import memory
from patchc.certificate.__main__ import check, check_out, main
from patchc.certificate.claims import NotProvedError
from patchc.outdir import CERTIFICATE

# Network, options: layer by layer and in tunnels, on cores with other words of requantisation.
NETWORKS = {
    "layers": ("residual_uint8", {}),
    "tunnels": ("residual_int8", {"budget": 1800}),
    "rows": ("integer_uint8", {"budget": 2000, "target": "cortex-m0", "output_mode": "rows"}),
    "stream": ("residual_uint8", {"budget": 3000, "input_mode": "stream", "target": "cortex-m55"}),
    "extern": ("residual_uint8", {"input_mode": "extern", "target": "cortex-m3"}),
    "branches": ("branching_uint8", {}),
    "branches_small": ("branching_uint8", {"budget": 6000, "output_mode": "rows"}),
    "dense": ("dense_uint8", {"budget": 3000}),
}


def compiled(name: str, folder: Path) -> Path:
    base, options = NETWORKS[name]
    (folder / "net.onnx").write_bytes(BASES[base]().SerializeToString())
    return patchc.compile(folder / "net.onnx", folder / "out", **options).output


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_certificates_are_proved(name, tmp_path):
    out = compiled(name, tmp_path)
    assert "every access holds" in check_out(out)
    assert main([str(out)]) == 0


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return compiled("tunnels", tmp_path_factory.mktemp("tunnels"))


def buffer(found, kind):
    return next(one for one in found["buffers"] if one["kind"] == kind)


def ring(found):
    """The storage of a ring."""
    held = {one["name"] for one in found["buffers"] if one["kind"] == "ring"}
    return next(one for one in found["storages"] if one["buffer"] in held)


def step(found, kind="Compute"):
    steps = (step for block in found["blocks"] for step in block["steps"])
    return next(s for s in steps if any(call["kind"] == kind for call in s["calls"]))


def layer(found):
    return next(e for e in found["requantisation"] if len(e["form"]) > 1)


def plus(record, key, by=1):
    record[key] += by


BREAKS = {
    "arena": lambda f: plus(f, "arena_bytes"),
    "offset of a ring": lambda f: plus(buffer(f, "ring"), "offset", 4),
    "offset of scratch": lambda f: plus(buffer(f, "scratch"), "offset", 4),
    "offset of an output": lambda f: plus(buffer(f, "output"), "offset"),
    "bytes of a ring": lambda f: plus(buffer(f, "ring"), "bytes", -1),
    "bytes of scratch": lambda f: plus(buffer(f, "scratch"), "bytes", -4),
    "first block": lambda f: plus(buffer(f, "output"), "first", -1),
    "last block": lambda f: plus(buffer(f, "output"), "last"),
    "slots": lambda f: plus(ring(f), "slots", -1),
    "more slots": lambda f: plus(ring(f), "slots"),
    "pitch": lambda f: plus(ring(f), "pitch", -1),
    "depth": lambda f: plus(ring(f), "depth", -1),
    "columns": lambda f: ring(f)["cols"].__setitem__(0, [0, ring(f)["cols"][0][1] - 1]),
    "place in a buffer": lambda f: plus(ring(f), "offset"),
    "ticks": lambda f: plus(f["blocks"][0], "ticks", -1),
    "stripes": lambda f: plus(f["blocks"][0], "stripes"),
    "clock": lambda f: plus(step(f)["rows"], 2),
    "clock behind": lambda f: plus(step(f)["rows"], 2, -1),
    "limit of a clock": lambda f: plus(step(f)["rows"], 5, -1),
    "rows of the image": lambda f: plus(step(f, "Load")["rows"], 2, -2),
    "tile": lambda f: plus(step(f), "tile"),
    "factor": lambda f: plus(layer(f)["form"][0], 0),
    "offset of a line": lambda f: plus(layer(f)["form"][-1], 1),
    "shift": lambda f: plus(layer(f), "drop"),
    "least sum": lambda f: plus(layer(f)["least_sum"], 0),
    "largest sum": lambda f: plus(layer(f)["largest_sum"], 0, -1),
    "first step": lambda f: plus(layer(f)["first_step"], 0),
    "last step": lambda f: plus(layer(f)["last_step"], 0, -1),
}


@pytest.mark.parametrize("name", BREAKS)
def test_one_wrong_number_is_noticed(name, out):
    found = json.loads((out / CERTIFICATE).read_text())
    BREAKS[name](found)
    with pytest.raises(NotProvedError):
        check_broken(found, out)


def check_broken(found: dict, out: Path) -> None:
    """As `check_out`, which takes what is no index for unproved, too."""
    try:
        check(found, out)
    except (IndexError, KeyError, ValueError) as error:
        raise NotProvedError from error


def test_a_form_that_is_wrong_in_the_c_too_is_noticed(out, monkeypatch):
    """Not the comparison with the C, the proof."""
    found = json.loads((out / CERTIFICATE).read_text())
    monkeypatch.setattr("patchc.certificate.__main__.arrays_of", lambda *_: {})
    for entry in found["requantisation"]:
        entry["symbols"] = {}
    check(copy.deepcopy(found), out)
    line = next(form for form in layer(found)["form"] if form[0] >= 0)
    line[1] += 20_000
    with pytest.raises(NotProvedError, match="differs from onnxruntime's formula"):
        check(found, out)


def test_a_file_that_changed_is_noticed(out, tmp_path, capsys):
    found = json.loads((out / CERTIFICATE).read_text())
    found["files"]["src/net.c"] = "0" * 64
    with pytest.raises(NotProvedError, match=r"net\.c is another file"):
        check(found, out)
    assert main([str(tmp_path)]) != 0
    assert capsys.readouterr().err.startswith("patchc: ")


def test_it_shares_nothing_with_what_it_checks():
    apart = ("planner", "schedule", "memory", "codegen", "geometry", "numerics", "reference")
    for path in Path(memory.__file__).parent.glob("*.py"):
        for statement in ast.walk(ast.parse(path.read_text())):
            if isinstance(statement, ast.ImportFrom) and statement.module:
                assert statement.module.split(".")[1:2] not in [[name] for name in apart]
