"""What is built for PyPI: the source distribution, and the wheel that is built from it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from patchc.version import __version__

ROOT = Path(__file__).resolve().parents[2]
LEAST_SETUPTOOLS = 77  # as pyproject.toml says
NAME = f"patchc-{__version__}"

# Beside the packages and what MANIFEST.in grafts; no environment, cache or build of a checkout.
TOP = ("CHANGELOG.md", "LICENSE", "LICENSE.0BSD", "MANIFEST.in", "Makefile", "NOTICE")
TOP += ("README.md", "pyproject.toml")
FOLDERS = (".ci", "benchmarks", "docs", "examples", "patchc", "runtime_c", "templates", "tests")

# A user's script: mypy must find the types of the calls in it.
SCRIPT = """
import patchc

result = patchc.compile("net.onnx", "out", budget="64k")
reveal_type(result)
reveal_type(patchc.verify("out").passed)
patchc.compile(3, "out")
"""


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables with which the build backend is at hand: the setuptools that
    `make setup` installs, or, in an older environment, one of its own as pip would fetch it."""
    try:
        major = int(version("setuptools").partition(".")[0])
    except PackageNotFoundError:
        major = 0
    if major >= LEAST_SETUPTOOLS:
        return {**os.environ}
    folder = tmp_path_factory.mktemp("backend")
    wanted = f"setuptools>={LEAST_SETUPTOOLS}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), wanted]
    subprocess.run(pip, check=True)
    return {**os.environ, "PYTHONPATH": str(folder)}


def call(hook: str, source: Path, target: Path, backend: dict[str, str]) -> Path:
    """A hook of the build backend, in a process of its own, as pip and build run it."""
    program = f"from setuptools.build_meta import {hook} as made; print(made({str(target)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=source,
        env=backend,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in links to the checkout, so that nothing is written there."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in (*TOP, *FOLDERS):
        (folder / name).symlink_to(ROOT / name)
    packed = call("build_sdist", folder, tmp_path_factory.mktemp("sdist"), backend)
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(packed) as archive:
        archive.extractall(unpacked, filter="data")
    return unpacked / NAME


@pytest.fixture(scope="module")
def wheel(sdist: Path, backend: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return call("build_wheel", sdist, tmp_path_factory.mktemp("wheel"), backend)


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"{NAME}.dist-info/METADATA").decode())


def files(folder: Path, *names: str) -> set[str]:
    """Those that git would have, below some of the folders: relative paths."""
    return {
        str(path.relative_to(folder))
        for name in names
        for path in (folder / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_the_source_distribution_holds_what_a_checkout_does(sdist: Path):
    assert files(sdist, *FOLDERS) == files(ROOT, *FOLDERS)
    for name in TOP:
        assert (sdist / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.slow
def test_the_wheel_holds_all_that_patchc_needs_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    package = {name for name in names if not name.startswith(f"{NAME}.dist-info/")}
    beside = files(ROOT, "runtime_c", "templates")
    assert package == files(ROOT, "patchc") | {f"patchc/{name}" for name in beside}
    assert "patchc/py.typed" in package
    kept = {name.rsplit("/", 1)[-1] for name in names - package}
    assert {"LICENSE", "LICENSE.0BSD", "NOTICE", "METADATA", "entry_points.txt"} <= kept


@pytest.mark.slow
def test_the_metadata_say_what_one_looks_for(metadata: Message):
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.10"
    assert "onnx" in metadata["Keywords"].split(",")
    classifiers = metadata.get_all("Classifier", [])
    assert "Typing :: Typed" in classifiers
    assert not [line for line in classifiers if line.startswith("License ::")]


@pytest.mark.slow
def test_a_users_script_sees_types(wheel: Path, tmp_path: Path):
    """mypy believes an installed package's types only where py.typed is beside them."""
    venv.create(tmp_path / "venv")
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache")),
            *("--python-executable", str(tmp_path / "venv" / "bin" / "python"), str(script)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert re.search(r'Revealed type is "patchc.api.CompileResult"', done.stdout), done.stdout
    assert re.search(r'Revealed type is "(builtins.)?bool"', done.stdout), done.stdout
    assert 'incompatible type "int"; expected "str | Path"' in done.stdout


def test_whatever_may_be_emitted_says_its_licence():
    """runtime_c, which is copied, in the first line; test_codegen_emit.py looks at the rest."""
    line = "/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */\n"
    for path in sorted((ROOT / "runtime_c").rglob("*.*")):
        assert path.read_text(encoding="utf-8").startswith(line), path
