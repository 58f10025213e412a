"""Seeded faults, each caught by the test that is named beside it.

    python -m benchmarks.mutants [--only NAME ...] [--list]

Each fault of benchmarks/faults.py is put into a copy of the tree, where only its test runs. A fault
that its test does not see, and a test that fails without it, end this with exit code 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import click

from benchmarks.faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("benchmarks", "docs", "examples", "patchc", "runtime_c", "templates", "tests")
SECONDS = 600  # for one test
PASSED, FAILED = 0, 1  # exit codes of pytest; others: it did not come to a verdict


def copy_tree(folder: Path) -> None:
    """The files that tests need."""
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__", "build")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "Makefile", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder / name)


def verdict(folder: Path, test: str) -> int:
    """pytest's exit code for one test in the copy; a skipped test gives no verdict."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, "-p", "no:xdist", test],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return FAILED  # a fault may make a loop endless
    ran = any(word in done.stdout for word in ("passed", "failed", "error"))
    return done.returncode if ran else -1


def seeded(folder: Path, fault: Fault) -> int:
    """The verdict with the fault in the copy, which is mended afterwards."""
    path = folder / fault.file
    text = path.read_text(encoding="utf-8")
    if text.count(fault.text) != 1:
        return -1
    path.write_text(text.replace(fault.text, fault.replacement), encoding="utf-8")
    try:
        return verdict(folder, fault.test)
    finally:
        path.write_text(text, encoding="utf-8")


def caught(faults: Iterable[Fault]) -> tuple[int, list[str]]:
    """How many, and one line for each that is not."""
    count, wrong, sound = 0, [], {}
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        copy_tree(folder)
        for fault in faults:
            if fault.test not in sound:
                sound[fault.test] = verdict(folder, fault.test)
            if sound[fault.test] != PASSED:
                wrong.append(f"{fault.name}: {fault.test} does not pass without a fault")
                continue
            found = seeded(folder, fault)
            if found == FAILED:
                count += 1
            else:
                what = "does not see it" if found == PASSED else "gives no verdict"
                wrong.append(f"{fault.name}: {fault.test} {what}")
            print(f"{'caught' if found == FAILED else 'NOT CAUGHT'}  {fault.name}", flush=True)
    return count, wrong


@click.command()
@click.option("--only", multiple=True, help="A word in the names of the faults to try.")
@click.option("--list", "listed", is_flag=True, help="Names, files and tests.")
def main(only: tuple[str, ...], listed: bool) -> None:
    """Try the faults."""
    chosen = [f for f in FAULTS if not only or any(word in f.name for word in only)]
    if listed:
        for fault in chosen:
            click.echo(f"{fault.name}: {fault.file} -> {fault.test}")
        return
    count, wrong = caught(chosen)
    for line in wrong:
        click.echo(line)
    click.echo(f"{len(chosen)} faults, {count} caught")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
