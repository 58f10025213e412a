"""The wall of files: a slice of its rows that needs no packages; its page has every row."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from benchmarks.wall import END, PAGE, START
from tests.zoo import built
from tests.zoo.rows import SOURCES, Row, read_rows
from tests.zoo.trial import REFUSED, WORKS, Outcome, attempt, in_time

# One row per network and per format; the others run by `python -m benchmarks.wall`.
SLICE = (
    "built:separable:float",
    "built:mobile:qdq-u8s8-channel-contrib",
    "built:residual:qop-u8u8-tensor",
    "built:hourglass:qdq-s8s8-channel",
    "built:shuffle:qop-u8s8-channel",
)


@pytest.mark.slow
@pytest.mark.parametrize("key", SLICE)
def test_rows_work(key: str, tmp_path: Path) -> None:
    outcome = _tried(key, tmp_path)
    assert outcome.status == WORKS, outcome
    assert len(outcome.fits) >= 2, "layer by layer, and in less"


def test_a_refusal_is_a_result_with_node_and_way_out(tmp_path: Path) -> None:
    outcome = _tried("built:unet:qop-s8s8-channel", tmp_path)
    assert outcome.status == REFUSED
    assert "(ConvTranspose)" in outcome.reason
    assert "patchc quantize" in outcome.reason
    assert Outcome.read(outcome.to_json()) == outcome


def test_a_row_that_does_not_end_is_a_hang(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATCHC_CACHE", str(tmp_path))
    assert in_time(read_rows()[0], limit=0.01).status == "hang"


def test_rows_are_told_apart() -> None:
    rows = read_rows()
    assert len({row.key for row in rows}) == len({row.stem for row in rows}) == len(rows)
    assert len(rows) >= 150
    assert {row.source for row in rows} <= set(SOURCES)


def test_the_page_has_every_row() -> None:
    table = PAGE.read_text(encoding="utf-8").split(START)[1].split(END)[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    found = [tuple(cell.strip() for cell in line.split("|")[1:4]) for line in lines]
    assert found == [(row.source, row.network, row.form) for row in read_rows()]


def _row(key: str) -> Row:
    return next(row for row in read_rows() if row.key == key)


def _tried(key: str, folder: Path) -> Outcome:
    onnx.save_model(built.make(_row(key)), folder / "model.onnx")
    return attempt(key, folder / "model.onnx", folder)
