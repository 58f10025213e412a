"""Networks cut into patches, on a Cortex-M4 in guarded RAM: 0 differing bytes."""

from __future__ import annotations

import pytest

import patchc
from tests.independent import COMBINATIONS, quantized

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_rewritten_file_on_a_core(name, tmp_path):
    model = quantized(name, tmp_path, before=False)
    patchc.compile(model, tmp_path / "out", target="cortex-m4")
    found = patchc.verify(tmp_path / "out", on="qemu", cases=1)
    assert found.passed, found.failures
