"""benchmarks/faults.py speaks of the code as it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.faults import FAULTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_text_is_there_once_and_the_test_exists(fault):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.text) == 1
    assert fault.replacement != fault.text
    file, _, name = fault.test.partition("::")
    assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text(encoding="utf-8")


def test_there_are_enough_and_each_once():
    assert len(FAULTS) >= 40
    assert max(Counter(fault.name for fault in FAULTS).values()) == 1
