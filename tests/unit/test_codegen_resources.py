"""Templates and kernels are found, and pyproject.toml packs all there is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from patchc import resources
from patchc.kernels.registry import KERNELS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]


def setuptools_table() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_is_listed():
    """A new folder under patchc/ must be added to `packages` in pyproject.toml."""
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("patchc/**/__init__.py")
    }
    assert set(setuptools_table()["packages"]) == folders | {
        "patchc.runtime_c",
        "patchc.templates",
    }


@pytest.mark.parametrize("folder", ["templates", "runtime_c"])
def test_every_file_beside_the_package_is_packed(folder):
    table = setuptools_table()
    assert table["package-dir"][f"patchc.{folder}"] == folder
    packed = {
        path
        for pattern in table["package-data"][f"patchc.{folder}"]
        for path in (ROOT / folder).glob(pattern)
    }
    assert packed == {path for path in (ROOT / folder).glob("**/*") if path.is_file()}


def test_the_kernels_files_are_there():
    for kernel in KERNELS.values():
        for source in (kernel.source, *kernel.shared):
            assert (resources.runtime_dir() / source).is_file()
        for header in (kernel.header, *kernel.headers):
            assert (resources.runtime_dir() / "include" / header).is_file()


def test_a_wheel_carries_them_inside_the_package(monkeypatch, tmp_path):
    (tmp_path / "patchc" / "templates").mkdir(parents=True)
    (tmp_path / "patchc" / "templates" / "network.c.j2").touch()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "patchc")
    assert resources.templates_dir() == tmp_path / "patchc" / "templates"
    with pytest.raises(FileNotFoundError, match=r"patchc_kernels.h is missing: install patchc"):
        resources.runtime_dir()
