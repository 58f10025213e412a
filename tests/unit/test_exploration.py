"""What `patchc explore` shows: the same numbers as plot, table, JSON, CSV, page and picture."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

import patchc
from patchc.report.exploration import Exploration, FrontierPoint, render_exploration
from patchc.report.page.frontier import exploration_html, exploration_svg
from patchc.report.plot import along, marks, more_at, plotted, reach, upwards
from patchc.report.text import plain
from patchc.report.words import WIDTH
from tests.onnx_float import quantized_cnn

WHOLE = FrontierPoint(50_720, 50_016, 1000, 1.0, 2020, 14, 1)
POINTS = (
    FrontierPoint(51_072, 50_016, 1000, 1.0, 2000, 13, 1),
    FrontierPoint(17_920, 16_864, 1000, 1.0, 2010, 2, 1),
    FrontierPoint(11_377, 10_321, 3200, 3.2, 17_000, 2, 8),
)
FOUND = Exploration("net.onnx", "cortex-m4", "tiles", "arena", 1000, "cycles", WHOLE, POINTS)


def test_layer_by_layer_comes_first_everywhere():
    text = plain(render_exploration(FOUND)).splitlines()
    rows = text[next(i for i, line in enumerate(text) if line.startswith("total B")) + 1 :]
    assert " ".join(rows[0].split()) == "50,720 50,016 1.0000 +1.0% - - layer by layer"
    assert rows[3].startswith(" 11,377")
    assert "+750.0%" in rows[3]
    lines = list(csv.DictReader(FOUND.to_csv().splitlines()))
    assert [line["plan"] for line in lines] == ["layer by layer", *["frontier"] * 3]
    assert [int(line["total_bytes"]) for line in lines] == [50_720, 51_072, 17_920, 11_377]
    assert json.loads(FOUND.to_json())["layer_by_layer"]["total_bytes"] == 50_720


def test_layer_by_layer_is_not_shown_twice():
    """Where nothing beats it, it is on the frontier, too."""
    found = Exploration("n", "cortex-m4", "tiles", "arena", 1000, "MACs", WHOLE, (WHOLE, POINTS[2]))
    assert [name for name, _ in found.plans] == ["layer by layer", ""]


def test_everything_fits_the_terminal():
    assert max(map(len, plain(render_exploration(FOUND)).splitlines())) <= WIDTH


def test_pages_and_pictures_have_the_numbers():
    page, picture = exploration_html(FOUND), exploration_svg(FOUND)
    for point in (WHOLE, *POINTS):
        assert f'<td class="number">{point.total_bytes:,}</td>' in page
        assert f'<td class="number">{point.cost:,}</td>' in page
        assert f"{point.total_bytes:,} B" in picture
    root = ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    titles = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 4
    assert titles[-1].startswith("50,720 B, layer by layer: arena 50,016 B, +1.0% cycles")


def test_names_of_files_are_text():
    hostile = '"><script>x</script>&'
    found = Exploration(hostile, "cortex-m4", "tiles", "arena", 1000, "cycles", WHOLE, POINTS)
    assert hostile not in exploration_html(found)
    ElementTree.fromstring(exploration_svg(found))


def test_a_plot_of_one_point_and_of_nothing_to_choose():
    lines = plotted([(1000, 0.0, "L")]).splitlines()
    assert sum(line.count("L") for line in lines) == 1
    assert max(map(len, lines)) <= WIDTH


def test_the_plot_puts_points_where_they_are():
    lines = plotted([(16 * 1024, 0.0, "L"), (64 * 1024, 1.0, "*")]).splitlines()
    high = next(line for line in lines if "*" in line)
    low = next(line for line in lines if "L" in line)
    assert lines.index(high) == 0
    assert high.index("*") > low.index("L")
    assert lines[-1].index("16k") - 1 <= low.index("L") <= lines[-1].index("16k") + 2


def test_axes():
    least, most = reach([10_000, 100_000])
    assert along(least, least, most) == 0
    assert along(most, least, most) == 1
    assert along(math.sqrt(least * most), least, most) == pytest.approx(0.5)
    assert marks(least, most) == [(16_384, "16k"), (32_768, "32k"), (65_536, "64k")]
    assert marks(1 << 20, 1 << 21) == [(1 << 20, "1M"), (1 << 21, "2M")]
    assert upwards(0.0, 3.0) == 0
    assert upwards(3.0, 3.0) == 1
    assert more_at(upwards(0.7, 3.0), 3.0) == pytest.approx(0.7)


def test_explore_writes_what_it_is_asked_for(tmp_path: Path):
    model = quantized_cnn(tmp_path / "tiny.onnx")
    files = [tmp_path / name for name in ("f.json", "f.html", "f.svg", "f.csv")]
    found = patchc.explore(model, files[0], html=files[1], svg=files[2], csv=files[3])
    texts = (found.to_json(), exploration_html(found), exploration_svg(found), found.to_csv())
    assert tuple(file.read_text(encoding="utf-8") for file in files) == texts
    assert found.unit == "cycles"
    whole = patchc.compile(model, tmp_path / "out", prefer="layers").report
    assert found.layer_by_layer.total_bytes == whole.ram.total_bytes
    assert found.layer_by_layer.cost == whole.cost.cycles_estimate
