"""What starting a command loads: `patchc --help` is to answer at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import patchc
from patchc.cli import main

# Each takes a tenth of a second or more to import.
HEAVY = ("PIL", "elftools", "jinja2", "networkx", "numpy", "onnx", "onnxruntime", "ortools", "rich")

HELPS = [["--help"], ["--version"], [], *([name, "--help"] for name in main.commands)]


def loaded(program: str) -> set[str]:
    """The heavy packages that a process has loaded at the end of a program."""
    told = "import sys; print(*[name for name in sys.modules if '.' not in name], file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{told}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(HEAVY).intersection(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_loads_nothing_that_it_does_not_use(words: list[str]):
    program = f"""
from patchc.cli import main
try:
    main({words!r})
except SystemExit as end:
    assert not end.code, end.code
"""
    assert loaded(program) == set()


@pytest.mark.slow
def test_the_package_loads_its_calls_when_one_is_called():
    assert loaded("import patchc; patchc.__version__, patchc.PatchcError, dir(patchc)") == set()
    assert {"onnx", "onnxruntime"} <= loaded("import patchc; patchc.compile")


@pytest.mark.slow
def test_the_solver_of_placements_is_loaded_where_first_fit_does_not_do():
    assert "ortools" not in loaded("import patchc; patchc.compile")


@pytest.mark.slow
def test_the_calls_are_those_of_the_api_also_behind_the_packages_of_their_names():
    program = """
import patchc.verify.cases, patchc.align.align, patchc.quantize.quantize
import patchc
from patchc import api, compile, quantize
assert patchc.api is api and quantize is api.quantize and compile is api.compile
assert patchc.verify is api.verify and patchc.align is api.align
assert patchc.verify.__module__ == "patchc.api"
"""
    loaded(program)


def test_every_name_is_there_and_no_other():
    assert {name for name in patchc.__all__ if getattr(patchc, name) is not None} <= set(
        dir(patchc)
    )
    with pytest.raises(AttributeError, match="module 'patchc' has no attribute 'comple'"):
        patchc.comple  # noqa: B018
