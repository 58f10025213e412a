"""Parts by name: `--target nrf52840`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import patchc
from benchmarks import parts
from patchc.arguments import place_of
from patchc.cli import main
from patchc.targets.cores import CORES, core
from patchc.targets.part_table import TABLE, USUAL
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
        assert 10 <= part.clock_mhz <= 1000
        assert part.source
        assert part_called(name) == part
        assert core(name) is CORES[part.core]


def test_the_table_names_each_part_once_and_no_core():
    assert len(PARTS) == len(TABLE)
    for name in (*PARTS, *USUAL):
        assert not name.startswith(tuple(CORES))
    for family, member in USUAL.items():
        assert family not in PARTS
        assert part_called(family) == PARTS[member]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("STM32F411RET6", "stm32f411"),
        ("stm32f411re", "stm32f411"),
        ("nRF52840-QIAA", "nrf52840"),
        ("SAMD21", "samd21g18"),
        ("samd21g18a", "samd21g18"),
        ("ATSAMD21G18A-AU", "samd21g18"),
        ("MIMXRT1062DVL6A", "imxrt1062"),
        ("MKL25Z128VLK4", "kl25z128"),
        ("RP2350", "rp2350"),
        ("rp2350-riscv", "rp2350riscv"),
        ("apollo3p", "apollo3p"),
        ("ESP32-C3-MINI-1", "esp32c3"),
        ("stm32f4", None),
        ("samd21e15", None),
        ("esp32c61", None),  # other parts
        ("apollo330", None),
        ("", None),
    ],
)
def test_case_and_what_stands_behind_do_not_matter(name: str, part: str | None):
    assert part_called(name) == (None if part is None else PARTS[part])


def test_parts_with_cores_of_risc_v_are_compiled_for_as_one():
    assert {PARTS[name].core for name in ("esp32c3", "esp32c6", "ch32v307")} == {"rv32imac"}


def test_no_core_is_a_part():
    for name in CORES:
        assert place_of(name, 1000).part is None
        assert place_of(name, 1000).budget == 1000


def test_the_ram_of_a_part_is_the_budget(model: Path, tmp_path: Path):
    report = patchc.compile(model, tmp_path / "out", target="nrf52840").report
    assert report.target == "cortex-m4"
    assert report.budget_bytes == 256 * 1024
    assert any(note.startswith("nrf52840: a cortex-m4 with 262,144 B") for note in report.notes)
    assert json.loads(report.to_json())["part"] == {
        "name": "nrf52840",
        "core": "cortex-m4",
        "ram_bytes": 256 * 1024,
        "flash_bytes": 1024 * 1024,
        "clock_mhz": 64,
        "source": "nRF52840 Product Specification",
    }
    assert "--target cortex-m4" in (tmp_path / "out" / "src/tiny.c").read_text()
    report = patchc.compile(model, tmp_path / "out", target="nrf52840", budget="32k").report
    assert report.budget_bytes == 32 * 1024


def test_the_clock_of_a_part(model: Path, tmp_path: Path):
    """A clock that is given counts more, and a core alone has none."""
    cost = patchc.compile(model, tmp_path / "out", target="nrf52840").report.cost
    assert cost.clock_mhz == 64
    assert cost.milliseconds_estimate == pytest.approx(cost.cycles_estimate / 64000)
    cost = patchc.compile(model, tmp_path / "out", target="nrf52840", clock_mhz=32).report.cost
    assert cost.clock_mhz == 32
    report = patchc.compile(model, tmp_path / "out", target="cortex-m4").report
    assert (report.part, report.cost.clock_mhz) == (None, None)
    report = patchc.compile(model, tmp_path / "out", target="esp32c3").report
    assert (report.target, report.cost.clock_mhz) == ("rv32imac", None)
    assert patchc.explore(model, target="rp2040").clock_mhz == 133
    assert patchc.fits(model, target="rp2040").milliseconds is not None


def test_a_plan_needs_no_budget(model: Path, tmp_path: Path):
    patchc.compile(model, tmp_path / "out")
    plan = tmp_path / "out" / "plan.json"
    report = patchc.compile(model, tmp_path / "again", target="rp2350", plan=plan).report
    assert report.budget_bytes is None


def test_a_network_that_does_not_fit_a_part(model: Path, monkeypatch: pytest.MonkeyPatch):
    small = Part("tiny1", "cortex-m0", 1024, 100, 16, "nowhere")
    monkeypatch.setitem(PARTS, "tiny1", small)
    with pytest.raises(patchc.BudgetError, match="budget 1024 B, the RAM of tiny1, not reachable"):
        patchc.dump(model, "plan", target="tiny1")
    with pytest.raises(patchc.BudgetError, match="budget 900 B on tiny1 not reachable"):
        patchc.dump(model, "plan", target="tiny1", budget=900)
    with pytest.raises(patchc.BudgetError, match="budget 900 B on tiny1 not reachable"):
        patchc.explore(model, target="tiny1", pick=900, plan="plan.json")
    with pytest.raises(patchc.BudgetError, match="budget 900 B not reachable"):
        patchc.dump(model, "plan", target="cortex-m0", budget=900)
    assert patchc.fits(model, target="tiny1").fits is False
    assert "more than the flash of tiny1" in place_of("tiny1").too_much(101)[0]
    assert place_of("tiny1").too_much(100) == ()
    assert place_of("rp2040").too_much(1 << 30) == ()


def test_explore_knows_parts(model: Path):
    found = patchc.explore(model, target="stm32f411re")
    assert found.target == "cortex-m4"
    assert any(note.startswith("stm32f411: ") for note in found.notes)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nrf52480", "did you mean nrf52840 or "),
        ("stm32l4", "did you mean stm32l432 or stm32l476 or stm32l4r5[?]"),
        ("cortexm4", "did you mean cortex-m4"),
        ("z80", "no target 'z80': there are cortex-m0, .* patchc targets lists them"),
    ],
)
def test_a_name_that_is_close(name: str, hint: str):
    with pytest.raises(patchc.PatchcError, match=hint):
        core(name)


def test_the_command_lists_cores_and_parts():
    def told(*words: str) -> str:
        done = CliRunner().invoke(main, ["targets", *words])
        assert done.exit_code == 0
        return done.output

    lines = told().splitlines()
    assert {line.split()[0] for line in lines if line} == {*CORES, *PARTS, "part"}
    assert max(map(len, lines)) <= 80
    assert told("NRF5284").splitlines()[1:] == [
        "nrf52840       cortex-m4      262,144 1,048,576   64"
    ]
    found = json.loads(told("rp2040", "--json"))
    assert found["cores"] == []
    assert [part["ram_bytes"] for part in found["parts"]] == [264 * 1024]
    done = CliRunner().invoke(main, ["targets", "nrf52480"])
    assert done.exit_code == 2
    assert "did you mean nrf52840" in done.output


def test_the_page_has_every_part():
    page = parts.PAGE.read_text("utf-8")
    assert parts.updated(page) == page, "run python -m benchmarks.parts"
