"""Networks cut into patches, on a Cortex-M4 in guarded RAM: 0 differing bytes."""

from __future__ import annotations

import pytest

import patchc
from examples.tunnelnet import resident
from patchc.independent.patches import parse_grid
from tests.independent import COMBINATIONS, SIZE, quantized

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", COMBINATIONS)
def test_a_rewritten_file_on_a_core(name, tmp_path):
    model = quantized(name, tmp_path, before=False)
    patchc.compile(model, tmp_path / "out", target="cortex-m4")
    found = patchc.verify(tmp_path / "out", on="qemu", cases=1)
    assert found.passed, found.failures


def test_patch_by_patch_in_the_least_ram(tmp_path):
    model = quantized("central", tmp_path, before=False)
    with pytest.raises(patchc.BudgetError) as error:
        patchc.compile(model, tmp_path / "out", budget=1, target="cortex-m4")
    least = error.value.least_bytes
    patchc.compile(model, tmp_path / "out", budget=least, target="cortex-m4")
    found = patchc.verify(tmp_path / "out", on="qemu", cases=1)
    assert found.passed, found.failures
    counted = patchc.bench(tmp_path / "out")
    assert counted.bytes_different == 0
    assert sum(block.instructions for block in counted.blocks) <= counted.instructions


@pytest.mark.parametrize("budget", ["least", None])
def test_with_the_current_patch_in_the_same_ram(budget, tmp_path):
    """Columns in stripes ask for parts of the patch more than once; a whole patch is fetched once
    for each tunnel."""
    model, out = quantized("central", tmp_path, before=False), tmp_path / "out"
    made = patchc.compile(model, out, budget=budget, target="cortex-m4", name=resident.NAME)
    patch = parse_grid("2x2", center=True).patches(SIZE, SIZE)[0]
    pixels = patch.rows * patch.cols * resident.PIXEL
    enough = made.report.ram.total_bytes + pixels + resident.STACK_BYTES + 32
    found = resident.measure(out, tmp_path / "resident", "cortex-m4", patch, enough)
    assert pixels + made.report.ram.arena_bytes < found.total <= found.region == enough
    with pytest.raises(patchc.PatchcError, match="overflowed by"):
        resident.measure(out, tmp_path / "resident", "cortex-m4", patch, enough - pixels)
