"""`patchc.fits` and its table: many models, float or quantised, against one budget."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner

import patchc
from patchc import exploring, fitting
from patchc.cli import main
from patchc.exploring import smaller
from patchc.report.fit import Fit, fit_line, render_fits, to_csv, to_json
from patchc.report.text import plain
from patchc.report.words import CLOCK_NOTE, WIDTH, milliseconds, ms_words
from tests.onnx_float import quantized_cnn, tiny_cnn

FITS = Fit("a.onnx", None, 12_500_000, 77_360, 50_776, 17_920, 19_214_000, 0.003, 240.2, True, 3.2)
LARGE = replace(
    FITS,
    model="b" * 60 + ".onnx",
    fits=False,
    total_bytes=170_000,
    layerwise_bytes=1_573_880,
    macs=12_345_600_000,
    more=2.53,
    milliseconds=123_456.0,
)
REFUSED = Fit.of_refused("c.onnx", "c.onnx: 1 operator is not\n  supported: x (Einsum)", 0.1)


@pytest.fixture(scope="module")
def floating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("float") / "float.onnx"
    onnx.save_model(tiny_cnn(), file)
    return file


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized_cnn(tmp_path_factory.mktemp("int8") / "int8.onnx")


def test_a_float_file_has_the_plans_of_its_quantised_form(floating: Path, quantized: Path):
    """Weights, scales and samples are others; RAM and predicted time are not."""
    one, other = patchc.explore(floating), patchc.explore(quantized)
    assert one.points == other.points
    assert one.layer_by_layer == other.layer_by_layer
    assert "quantised here with noise" in one.notes[-1]
    assert other.notes == ()


def test_inspect_of_a_float_file(floating: Path, quantized: Path):
    one, other = patchc.inspect(floating), patchc.inspect(quantized)
    assert one.layerwise_bytes == other.layerwise_bytes
    assert [layer.shape for layer in one.layers] == [layer.shape for layer in other.layers]
    assert one.model == "float.onnx"
    assert "quantised here with noise" in one.notes[-1]


def test_fits_is_what_compile_does(tmp_path: Path, quantized: Path):
    whole = patchc.fits(quantized, budget="1M", clock_mhz=10)
    least = patchc.fits(quantized)
    assert least.fits is None
    assert least.total_bytes < whole.total_bytes
    compiled = patchc.compile(quantized, tmp_path / "out", budget="1M", clock_mhz=10).report
    assert whole.fits is True
    assert whole.total_bytes == compiled.ram.total_bytes
    assert whole.macs == compiled.model.macs
    assert whole.milliseconds == compiled.cost.milliseconds_estimate
    floor = patchc.compile(quantized, tmp_path / "out", budget="least").report
    assert least.total_bytes == floor.ram.total_bytes
    small = patchc.fits(quantized, budget=least.total_bytes - 1)
    assert small.fits is False
    assert small.total_bytes == least.total_bytes


def test_what_is_wrong_with_a_model_is_in_the_result(tmp_path: Path):
    file = tmp_path / "text.onnx"
    file.write_text("no model")
    found = patchc.fits(file, budget="64k")
    assert found.verdict == "refused"
    assert "not an ONNX file" in found.reason


def test_a_float_model_that_is_refused_is_named_itself(
    monkeypatch: pytest.MonkeyPatch, floating: Path
):
    """Not the file of its stand-in, which is gone by then."""

    def refuse(file: Path, *_: object) -> None:
        raise patchc.PatchcError(f"{file}: 1 operator is not supported")

    monkeypatch.setattr(exploring, "import_model", refuse)
    found = patchc.fits(floating, budget="64k")
    assert found.refused == f"{floating}: 1 operator is not supported"
    assert found.reason == "1 operator is not supported"


@pytest.mark.parametrize("options", [{"target": "z80"}, {"budget": "many"}, {"clock_mhz": 0}])
def test_what_is_wrong_with_the_options_is_raised(quantized: Path, options: dict[str, object]):
    with pytest.raises(patchc.PatchcError):
        patchc.fits(quantized, **options)  # type: ignore[arg-type]
    with pytest.raises(patchc.PatchcError):
        patchc.fits_all([quantized], jobs=1, **options)


def test_the_call_and_its_result_go_through_other_processes(quantized: Path):
    again = pickle.loads(pickle.dumps(partial(patchc.fits, quantized, budget="64k")))
    found = again()
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.slow
def test_many_models_in_their_order(tmp_path: Path, floating: Path, quantized: Path):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"\x00")
    told = []
    models = [floating, bad, quantized]
    found = patchc.fits_all(
        models, budget="64k", jobs=2, progress=lambda index, fit: told.append((index, fit))
    )
    assert [fit.model for fit in found] == ["float.onnx", "bad.onnx", "int8.onnx"]
    assert [fit.verdict for fit in found] == ["fits", "refused", "fits"]
    assert sorted(index for index, _ in told) == [0, 1, 2]
    assert all(found[index] == fit for index, fit in told)


def _dies_of(name: str, model: Path, **_: object) -> Fit:
    if model.name == name:
        os._exit(1)
    return replace(FITS, model=model.name)


@pytest.mark.slow
def test_a_process_that_dies_takes_no_other_model_with_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fitting, "fits", partial(_dies_of, "killer.onnx"))
    models = [Path(name) for name in ("a.onnx", "killer.onnx", "b.onnx", "c.onnx")]
    found = fitting.fits_all(models, jobs=2)
    assert [fit.verdict for fit in found] == ["fits", "refused", "fits", "fits"]
    assert "its process ended by itself" in found[1].reason


def _sleeps(model: Path, **_: object) -> Fit:
    time.sleep(60 if model.name == "slow.onnx" else 0)
    return replace(FITS, model=model.name)


@pytest.mark.slow
def test_who_ends_it_waits_for_no_model(monkeypatch: pytest.MonkeyPatch):
    def ended(_: int, fit: Fit) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "fits", _sleeps)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fitting.fits_all([Path("a.onnx"), *[Path("slow.onnx")] * 3], jobs=2, progress=ended)
    assert time.monotonic() - begun < 50


def test_the_table_fits_the_terminal_and_says_all():
    text = plain(render_fits([FITS, LARGE, REFUSED], "cortex-m4", 65536))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "3 models on a cortex-m4, within 65,536 B" in text
    assert "1 fit, 1 do not, 1 refused" in text
    assert "c.onnx: 1 operator is not supported: x (Einsum)" in text
    assert "too large" in text
    assert "12,345.6" in text  # no number is cut
    assert "1,573,880" in text
    assert "123,456" in text
    assert " ".join(CLOCK_NOTE.split()[:5]) in text
    for fit in (FITS, LARGE, REFUSED):
        assert len(fit_line(fit)) <= WIDTH


def test_json_and_csv_have_the_numbers():
    assert json.loads(to_json([FITS]))[0]["total_bytes"] == FITS.total_bytes
    (line, other) = csv.DictReader(io.StringIO(to_csv([FITS, REFUSED])))
    assert int(line["total_bytes"]) == FITS.total_bytes
    assert other["refused"] == REFUSED.refused


def test_milliseconds():
    assert milliseconds(16_000_000, 80.0) == 200.0
    assert [ms_words(time) for time in (0.12345, 12.345, 1234.5)] == ["0.123", "12.3", "1,234"]


def command(*words: object) -> tuple[int, str]:
    ran = CliRunner().invoke(main, [str(word) for word in words])
    return ran.exit_code, ran.output


@pytest.mark.slow
def test_explore_of_several_models(tmp_path: Path, floating: Path, quantized: Path):
    table, lines = tmp_path / "t.json", tmp_path / "t.csv"
    code, text = command(
        *("explore", floating, quantized, "--budget", "64k", "--jobs", 1),
        *("-o", table, "--csv", lines, "--clock", 80),
    )
    assert code == 0
    assert "[2/2]" in text
    assert "2 fit" in text
    assert [fit["model"] for fit in json.loads(table.read_text())] == ["float.onnx", "int8.onnx"]
    assert len(lines.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--html", "x.html", "--budget", "64k"], "--html: with one model and no --budget only"),
        (["--jobs", "2"], "--jobs: with several models only"),
        (["--plan", "x.json"], "--plan: only with --pick"),
        (["--clock", "-1"], "a clock of -1.0 MHz"),
    ],
)
def test_options_that_do_not_go_together(quantized: Path, words: list[str], message: str):
    code, text = command("explore", quantized, *words)
    assert code == 2
    assert message in text


def test_a_plan_is_picked_and_compiled(tmp_path: Path, quantized: Path):
    """The one that compile chooses for that budget, if both see the same frontier."""
    wanted = patchc.compile(quantized, tmp_path / "out", budget="3k").report
    plan = tmp_path / "picked.json"
    code, text = command("explore", quantized, "--pick", "3k", "--plan", plan)
    assert code == 0
    assert f"wrote {plan}" in text
    again = patchc.compile(quantized, tmp_path / "out", plan=plan).report
    assert again.ram.total_bytes == wanted.ram.total_bytes
    assert again.cost == wanted.cost


def test_a_plan_beside_the_model(tmp_path: Path):
    model = quantized_cnn(tmp_path / "net.onnx")
    assert command("explore", model, "--pick", "64k")[0] == 0
    assert (tmp_path / "net-64k.plan.json").exists()


def test_nothing_to_pick(tmp_path: Path, quantized: Path):
    with pytest.raises(patchc.BudgetError, match="budget 100 B not reachable") as caught:
        patchc.explore(quantized, pick=100, plan=tmp_path / "p.json")
    assert caught.value.least_bytes == patchc.fits(quantized).total_bytes
    assert not (tmp_path / "p.json").exists()


def test_compile_says_what_less_ram_would_cost(tmp_path: Path, quantized: Path):
    """The prices of the plans that explore finds there."""
    result = patchc.compile(quantized, tmp_path / "out")
    points = patchc.explore(quantized).points
    found = smaller(result.stages)
    total = result.report.ram.total_bytes
    assert found[-1].budget_bytes <= total // 2 < total
    assert total // 2 in [one.budget_bytes for one in found]
    assert all(one.budget_bytes < total for one in found)
    for one in found:
        costs = [point.cost for point in points if point.total_bytes <= one.budget_bytes]
        if one.more is None:
            assert costs == []
            assert "no plan is so small" in one.words("cycles")
        elif costs:  # a price may be met by no placement
            assert one.more <= min(costs) / result.stages.cost - 1 + 1e-9
    code, text = command("compile", quantized, "-o", tmp_path / "out")
    assert code == 0
    assert found[0].words("cycles") in text
    code, text = command("compile", quantized, "-o", tmp_path / "out", "--budget", "least")
    assert code == 0
    assert "\nsmaller " not in text


def test_the_clock_is_in_every_form(quantized: Path):
    found = patchc.explore(quantized, clock_mhz=80)
    time = found.milliseconds(found.layer_by_layer)
    assert time == found.layer_by_layer.cost / 80_000
    first = next(csv.DictReader(found.to_csv().splitlines()))
    assert float(first["milliseconds"]) == pytest.approx(time, abs=1e-3)
    code, text = command("explore", quantized, "--clock", 80)
    assert code == 0
    assert f" {ms_words(time)} " in text
