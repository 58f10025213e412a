"""Parts by name: `--target nrf52840`."""

from __future__ import annotations

from pathlib import Path

import pytest

import patchc
from benchmarks import parts
from patchc.arguments import place_of
from patchc.targets.cores import CORES, core
from patchc.targets.parts import PARTS, Part, part_called
from tests.onnx_float import quantized_cnn


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized_cnn(tmp_path_factory.mktemp("parts") / "tiny.onnx")


def test_every_part_has_a_core_and_sizes():
    for name, part in PARTS.items():
        assert part.name == name == name.lower()
        assert part.core in CORES
        assert 4096 <= part.ram_bytes <= 1 << 20
        assert 0 <= part.flash_bytes <= 4 << 20
        assert part_called(name) == part
        assert core(name) is CORES[part.core]


def test_case_and_what_stands_behind_do_not_matter():
    assert part_called("STM32F411RET6") == PARTS["stm32f411re"]
    assert part_called("nRF52840-QIAA") == PARTS["nrf52840"]
    assert part_called("stm32f4") is None


def test_no_core_is_a_part():
    for name in CORES:
        assert place_of(name, 1000).part is None
        assert place_of(name, 1000).budget == 1000


def test_the_ram_of_a_part_is_the_budget(model: Path, tmp_path: Path):
    report = patchc.compile(model, tmp_path / "out", target="nrf52840").report
    assert report.target == "cortex-m4"
    assert report.budget_bytes == 256 * 1024
    assert any(note.startswith("nrf52840: a cortex-m4 with 262,144 B") for note in report.notes)
    assert "--target cortex-m4" in (tmp_path / "out" / "src/tiny.c").read_text()
    report = patchc.compile(model, tmp_path / "out", target="nrf52840", budget="32k").report
    assert report.budget_bytes == 32 * 1024


def test_a_plan_needs_no_budget(model: Path, tmp_path: Path):
    patchc.compile(model, tmp_path / "out")
    plan = tmp_path / "out" / "plan.json"
    report = patchc.compile(model, tmp_path / "again", target="rp2350", plan=plan).report
    assert report.budget_bytes is None


def test_a_network_that_does_not_fit_a_part(model: Path, monkeypatch: pytest.MonkeyPatch):
    small = Part("tiny1", "cortex-m0", 1024, 100)
    monkeypatch.setitem(PARTS, "tiny1", small)
    with pytest.raises(patchc.BudgetError, match="budget 1024 B not reachable"):
        patchc.dump(model, "plan", target="tiny1")
    assert patchc.fits(model, target="tiny1").fits is False
    assert "more than the flash of tiny1" in place_of("tiny1").too_much(101)[0]
    assert place_of("tiny1").too_much(100) == ()
    assert place_of("rp2040").too_much(1 << 30) == ()


def test_explore_knows_parts(model: Path):
    found = patchc.explore(model, target="stm32f411re")
    assert found.target == "cortex-m4"
    assert any("stm32f411re" in note for note in found.notes)


def test_a_name_that_is_close():
    with pytest.raises(patchc.PatchcError, match="did you mean nrf52840"):
        core("nrf52480")


def test_the_page_has_every_part():
    page = parts.PAGE.read_text("utf-8")
    assert parts.updated(page) == page, "run python -m benchmarks.parts"
