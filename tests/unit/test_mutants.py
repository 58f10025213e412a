"""The runner of seeded faults: only a fault that its own test sees counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import mutants
from benchmarks.faults import Fault

SOURCE = "def double(number):\n    return 2 * number\n"
TESTS = """
import pytest
from source import double

def test_that_sees():
    assert double(3) == 6

def test_whose_check_was_removed():
    double(3)

def test_that_fails_anyway():
    assert double(3) == 7

@pytest.mark.skip
def test_that_is_skipped():
    assert double(3) == 6
"""


pytestmark = pytest.mark.slow  # each try starts pytest twice


@pytest.fixture(autouse=True)
def small_tree(monkeypatch):
    """Two files in the place of the whole tree."""

    def copy(folder: Path) -> None:
        (folder / "source.py").write_text(SOURCE, encoding="utf-8")
        (folder / "test_source.py").write_text(TESTS, encoding="utf-8")

    monkeypatch.setattr(mutants, "copy_tree", copy)


def fault(test: str, text: str = "2 * number") -> Fault:
    return Fault("a fault", "source.py", text, "3 * number", f"test_source.py::{test}")


def test_a_fault_that_its_test_sees():
    assert mutants.caught([fault("test_that_sees")]) == (1, [])


@pytest.mark.parametrize(
    ("seeded", "wrong"),
    [
        (fault("test_whose_check_was_removed"), "does not see it"),
        (fault("test_that_fails_anyway"), "does not pass without a fault"),
        (fault("test_that_is_skipped"), "does not pass without a fault"),
        (fault("test_that_is_not_there"), "does not pass without a fault"),
        (fault("test_that_sees", "4 * number"), "gives no verdict"),
    ],
    ids=["blind", "red", "skipped", "missing", "another text"],
)
def test_what_does_not_count(seeded: Fault, wrong: str):
    count, lines = mutants.caught([seeded])
    assert count == 0
    assert len(lines) == 1
    assert wrong in lines[0]
