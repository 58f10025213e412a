"""README.md and docs/: commands exist with the options shown, links lead somewhere, and what is
marked as such runs as printed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module, util
from pathlib import Path

import click
import pytest

from benchmarks import operators
from patchc.cli import main
from patchc.frontend.ops import entries, handlers
from patchc.kernels.registry import KERNELS
from patchc.targets.toolchain import ARM
from tests.tools import require_tool

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"(<!-- runs -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^]]*\]\(([^)#\s]*)(#[^)\s]*)?\)")

ids = [str(page.relative_to(ROOT)) for page in PAGES]


def shell_lines(page: Path) -> Iterator[str]:
    """The commands in a page's ```sh blocks, comments and continued lines taken care of."""
    for _, language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            yield from (line for line in block.replace("\\\n", " ").splitlines() if line.strip())


def slug(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_and_option_exists(page: Path):
    for line in shell_lines(page):
        words = shlex.split(line, comments=True)
        if words[:1] == ["patchc"] and words[1:2] and not words[1].startswith("-"):
            check_options(main.commands[words[1]], words[2:], line)
        elif words[:3] == ["python", "-m", words[2] if len(words) > 2 else ""]:
            assert util.find_spec(words[2]), line
            if words[2].startswith("examples."):
                check_options(import_module(words[2]).main, words[3:], line)
        elif words[:1] == ["make"] and "-C" not in words:
            assert set(words[1:]) <= make_targets(), line


def check_options(command: click.Command, words: list[str], line: str) -> None:
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    used = {word for word in words if word.startswith("-")} - {"--help"}
    assert used <= known, line


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_link_leads_somewhere(page: Path):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target, anchor in LINK.findall(prose):
        if target.startswith("http"):
            continue
        found = page.parent / target if target else page
        assert found.exists(), target
        if anchor:
            text = found.read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            assert anchor[1:] in [slug(heading) for heading in headings], anchor


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_file_named_exists(page: Path):
    """`patchc/api.py` and the like, as code."""
    names = re.findall(
        r"`((?:patchc|runtime_c|templates|examples|tests|docs)/[\w./-]*)`", page.read_text()
    )
    for name in names:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_blocks_marked_as_such_run_as_printed(page: Path, tmp_path: Path):
    """In a folder of their own, with `patchc` and `python` those of this process."""
    blocks = [block for runs, _, block in FENCE.findall(page.read_text(encoding="utf-8")) if runs]
    if not blocks:
        return
    (tmp_path / "bin").mkdir()
    for name, words in (("python", ""), ("patchc", "-m patchc.cli")):
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        script.chmod(0o755)
    for name in ("examples", "patchc", "templates", "runtime_c"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for block in blocks:
        if "--on qemu" in block:
            require_tool(ARM.compiler)
            require_tool(ARM.qemu)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def test_the_tables_of_operators_are_those_of_the_code():
    """`python -m benchmarks.operators` writes them."""
    page = operators.PAGE.read_text(encoding="utf-8")
    assert operators.updated(page) == page, "run python -m benchmarks.operators"


def test_the_tables_of_operators_are_complete():
    """Every operator that the importer knows, in a row that has tests; every kernel."""
    rows = [line.split(" | ") for line in operators.onnx_table().splitlines()[2:]]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    assert named == {name for _, name in handlers()}
    assert all("test_" in row[-1] for row in rows)
    kernels = {
        name
        for line in operators.graph_table().splitlines()[2:]
        for name in line.split(" | ")[4].split(", ")
    }
    assert kernels == set(KERNELS)


def test_integer_forms_become_what_the_float_operators_do():
    made = {name: entries()[handler].makes for (_, name), handler in handlers().items()}
    for name in made:
        if name.startswith("QLinear"):
            assert set(made[name]) <= set(made[name.removeprefix("QLinear")]), name


def test_a_page_without_a_place_for_a_table_is_an_error():
    with pytest.raises(ValueError, match="the page has no place for 'onnx'"):
        operators.updated("# Operators\n")


def test_the_texts_that_are_explained_are_those_that_are_printed():
    text = (ROOT / "tests/golden_text/channel_groups.txt").read_text(encoding="utf-8")
    assert f"```text\n{text}```\n" in (ROOT / "docs/design.md").read_text(encoding="utf-8")


def test_make_and_the_makefile_agree():
    """Each target that `make` without arguments lists is there."""
    text = (ROOT / "Makefile").read_text()
    listed = re.findall(r"^# make (\w+)", text, re.MULTILINE)
    assert listed
    assert set(listed) <= make_targets()
