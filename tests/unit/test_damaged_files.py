"""A slice of `python -m benchmarks.fuzz_files`: what is damaged is refused, or verified."""

from __future__ import annotations

import pytest

from benchmarks.fuzz_files import GOOD, outcome
from benchmarks.fuzzing.bases import BASES
from benchmarks.fuzzing.limited import Limits, tried
from benchmarks.fuzzing.mutations import KINDS, mutant
from patchc.errors import PatchcError
from patchc.frontend import import_model

EACH = 3  # mutants of a kind


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(kind, tmp_path):
    for index in range(EACH):
        folder = tmp_path / str(index)
        folder.mkdir()
        found = mutant(7, index, (kind,))
        budget = "3k" if index else None
        assert outcome(found, folder, budget, False, Limits()) in GOOD, found.words


@pytest.mark.parametrize("name", BASES)
def test_what_is_damaged_was_sound(name):
    assert import_model(BASES[name]()).graph.nodes


def test_a_mutant_is_the_same_every_time():
    assert [mutant(3, index) for index in range(9)] == [mutant(3, index) for index in range(9)]


def crash() -> None:
    raise KeyError("nothing")


def grow() -> None:
    bytearray(3 << 30)


def spin() -> None:
    while True:
        pass


def refuse() -> None:
    raise PatchcError("no")


@pytest.mark.parametrize(
    ("call", "wanted"), [(crash, "KeyError"), (grow, "MemoryError"), (refuse, "PatchcError: no")]
)
def test_what_a_call_dies_of_is_seen(call, wanted, tmp_path):
    assert wanted in tried(call, tmp_path, Limits()).err


def test_a_call_without_an_end_is_ended(tmp_path):
    assert tried(spin, tmp_path, Limits(seconds=1)).timed_out
