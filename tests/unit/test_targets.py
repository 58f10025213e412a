"""The data files of the cores."""

from __future__ import annotations

import pytest

from patchc.errors import PatchcError
from patchc.targets.cores import CORES, DEFAULT_CORE, core


def test_the_default_is_one_of_them():
    assert core(DEFAULT_CORE).name == "cortex-m4"


@pytest.mark.parametrize("name", CORES)
def test_every_core_selects_itself_and_reserves_ram(name: str):
    found = core(name)
    assert found.name == name
    assert f"-mcpu={name}" in found.compile_flags
    assert 0 < found.reserve.largest < 1024


def test_a_misspelt_core_gets_a_hint():
    with pytest.raises(PatchcError, match=r"no target 'cortexm33': did you mean cortex-m33\? "):
        core("cortexm33")
