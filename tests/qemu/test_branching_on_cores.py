"""Networks that branch on a core, in guarded RAM of half of what layer by layer takes."""

from __future__ import annotations

import pytest

import patchc
from tests.branching import quantized

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "fpn"])
def test_half_of_the_ram_on_a_core(name, tmp_path):
    model = quantized(name, tmp_path)
    half = patchc.inspect(model).layerwise_bytes // 2
    predicted = patchc.compile(model, tmp_path / "out", budget=half).report.ram.total_bytes
    found = patchc.verify(tmp_path / "out", on="qemu", cases=1)
    assert found.passed, found.failures
    (figures,) = found.firmware
    assert figures.total_bytes <= predicted <= half
