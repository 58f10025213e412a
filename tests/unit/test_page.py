"""report.html: its numbers are those of report.json and of the terminal, names from models are
text, and what is damaged is one error."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import click.testing
import pytest

import patchc
from patchc.cli import main
from patchc.errors import PatchcError
from patchc.measure.bench import Bench, BlockCount, Part, StepCount
from patchc.report import Report, to_text
from patchc.report.page.axis import ticks
from patchc.report.page.build import build_page
from patchc.report.page.picture import fitted
from patchc.report.page.read import read_out
from patchc.report.page.render import render_page
from patchc.report.page.work import work
from patchc.report.runs import runs_of
from patchc.verify.difference import Difference
from tests.onnx_float import quantized_cnn

HOSTILE = "</title><script>alert('x')</script>\"'&<b>"


class Elements(HTMLParser):
    """Every element with its attributes and its own text, and whether tags close as they open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[int] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}, []))
        if tag not in {"meta", "link"}:
            self.open.append(len(self.found) - 1)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.found[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.found[self.open[-1]][2].append(data)

    def texts(self, tag: str, kind: str = "") -> list[str]:
        return [
            "".join(data).strip()
            for name, attributes, data in self.found
            if name == tag and kind in [*attributes.get("class", "").split(), ""]
        ]

    def tables(self) -> dict[str, list[list[str]]]:
        """Caption -> rows of what stands in the cells, cut entries whole."""
        found: dict[str, list[list[str]]] = {}
        for tag, attributes, data in self.found:
            text = "".join(data).strip()
            if tag == "caption":
                rows = found.setdefault(text, [])
            elif tag == "tr":
                rows.append([])
            elif tag == "td":
                rows[-1].append(attributes.get("title", text))
        return {caption: [row for row in rows if row] for caption, rows in found.items()}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network in tunnels, verified."""
    folder = tmp_path_factory.mktemp("page")
    model = quantized_cnn(folder / "tiny.onnx")
    patchc.compile(model, folder / "out", name="net", budget="least")
    patchc.verify(folder / "out", cases=2)
    patchc.report(folder / "out")
    return folder / "out"


def page_of(out: Path) -> Elements:
    return Elements((out / "report.html").read_text(encoding="utf-8"))


def bench_of(report: Report) -> Bench:
    """As many cycles of each step as it has letters, and 5 for the loops."""
    blocks = []
    for index, block in enumerate(report.blocks):
        names = {layer.step: [] for layer in report.layers if layer.tunnel == index}
        for layer in report.layers:
            if layer.tunnel == index and layer.node in block.nodes:
                names[layer.step].append(layer.node)
        steps = tuple(
            StepCount(step, tuple(nodes), 10, len(step), 1) for step, nodes in names.items()
        )
        cycles = 5 + sum(step.cycles for step in steps)
        blocks.append(BlockCount(f"f{index}", 10, cycles, 1, steps))
    total = sum(block.cycles for block in blocks)
    return Bench(
        *("0", "net", "cortex-m4", "board", "cortex-m4", "-O2", (), {}, "random, seed 1"),
        *(1234, total, Part(120.0, 2), "a manual", 99, 0, 100, 0, 5, 6, (), tuple(blocks)),
    )


def test_compile_writes_the_page_of_its_report(tmp_path: Path):
    model = quantized_cnn(tmp_path / "tiny.onnx")
    result = patchc.compile(model, tmp_path / "out")
    text = (tmp_path / "out/report.html").read_bytes()
    assert text == render_page(build_page(result.report)).encode()
    assert read_out(tmp_path / "out") == (result.report, None, None)
    assert patchc.report(tmp_path / "out").read_bytes() == text


@pytest.mark.slow
def test_numbers_are_those_of_report_json_and_of_the_terminal(out: Path):
    """Table by table, and tile by tile."""
    report = json.loads((out / "report.json").read_text())
    terminal = to_text(read_out(out)[0])
    page = page_of(out)
    tables = page.tables()
    assert tables["Buffers of the arena, by address"] == [
        [
            *(one["name"], one["kind"], row[2], f"{one['offset']:,}", f"{one['bytes']:,}"),
            f"{one['first']}..{one['last']}",
        ]
        for one, row in zip(
            report["arena"], tables["Buffers of the arena, by address"], strict=True
        )
    ]
    assert tables["Blocks, in the order in which they run"] == [
        [
            *(str(index), one["name"], str(len(one["nodes"])), str(one["stripes"])),
            *(str(one["ticks"]), f"{one['bytes']:,}"),
        ]
        for index, one in enumerate(report["blocks"])
    ]
    layers = tables["Layers, in the order in which they run"]
    assert [(row[1], row[7]) for row in layers] == [
        (one["node"], f"{one['macs']:,}" if one["macs"] else "") for one in report["layers"]
    ]
    shares = tables["Layers, or steps that run together"]
    assert [row[2] for row in shares] == [f"{one['cycles_estimate']:,}" for one in report["layers"]]
    ram = dict(row[:2] for row in tables["RAM"])
    assert ram["layer by layer"] == f"{report['ram']['layerwise_bytes']:,}"
    assert ram["this plan"] == f"{report['ram']['total_bytes']:,}"
    assert ram["this plan: arena"] == f"{report['ram']['arena_bytes']:,}"
    assert ram["lower bound"] == f"{report['ram']['lower_bound_bytes']:,}"
    assert ram["element peak"] == f"{report['ram']['element_peak_bytes']:,}"
    alive = tables["Bytes alive, in the order in which layers run"]
    assert alive == [
        [*(str(one["tunnel"]), one["node"]), *(f"{one[n]:,}" for n in ("layerwise_bytes", "bytes"))]
        for one in report["layers"]
        if one["op"] not in ("Load", "Store")
    ]
    largest = max(one["layerwise_bytes"] or 0 for one in report["layers"])
    assert largest <= report["ram"]["layerwise_bytes"]
    tiles = page.texts("span", "value")
    assert tiles[:3] == [
        f"{report['ram']['total_bytes']:,}",
        f"{report['ram']['layerwise_bytes']:,}",
        f"{report['cost']['macs_overhead']:.3f}",
    ]
    assert tiles[3] == f"{report['cost']['cycles_estimate']:,}"
    for number in (*tiles[:3], *(ram[name] for name in ("layer by layer", "this plan: arena"))):
        assert number in terminal
    words = " ".join(terminal.split())
    for fact, line in zip(page.texts("dt"), page.texts("dd"), strict=True):
        assert line in words or fact == "arena"


def test_what_verify_found_is_there(out: Path):
    found = json.loads((out / "verify.json").read_text())
    page = page_of(out)
    rows = page.tables()["Comparisons of patchc verify"]
    assert rows[0][2:] == [f"{found['equalities'][0]['bytes_compared']:,}", "0"]
    assert page.texts("span", "value")[-1] == "0"
    assert any("all comparisons hold" in text for text in page.texts("p"))
    titles = page.texts("title")
    for one in found["golden"]["file"]:
        for steps, number in one["histogram"]:
            words = f"{number:,} of {one['values']:,} values "
            assert any(title.startswith(words) for title in titles), steps


def test_every_buffer_says_what_it_is(out: Path):
    """Name, kind, tensors, bytes and lifetime, when pointed at."""
    report = read_out(out)[0]
    titles = page_of(out).texts("title")
    for buffer in report.arena:
        title = next(title for title in titles if title.startswith(f"{buffer.name}, "))
        assert f"{buffer.kind}, {buffer.bytes:,} B at {buffer.offset:,}" in title
        assert report.blocks[buffer.last].name in title
        assert all(held.tensor in title for held in buffer.holds)


def test_buffers_are_as_high_and_as_wide_as_they_are(out: Path):
    """Rectangles keep the proportions of bytes and blocks."""
    report = read_out(out)[0]
    section = next(one for one in build_page(report).sections if one.anchor == "time")
    (picture,) = section.figures[0].pictures
    marks = {mark.title.split(",")[0]: mark for mark in picture.marks}
    arena = max(mark.height for mark in marks.values())
    largest = max(report.arena, key=lambda one: one.bytes)
    for one in report.arena:
        mark = marks[one.name]
        assert mark.height == pytest.approx(arena * one.bytes / largest.bytes)
        blocks = one.last - one.first + 1
        wide = marks[largest.name].width + 1
        assert (mark.width + 1) / blocks == pytest.approx(wide / (largest.last - largest.first + 1))


def test_bench_gives_the_time_per_step_and_its_loops(out: Path):
    report, _, _ = read_out(out)
    bench = bench_of(report)
    found = work(report, bench)
    assert sum(share.amount for share in found.shares) == found.total == bench.cycles
    assert sum(share.constants for share in found.shares) == sum(
        layer.constant_bytes for layer in report.layers
    )
    text = render_page(build_page(report, None, bench))
    assert f"{bench.cycles:,} cycles in all" in text
    assert f"{bench.cycles / 120000:.1f} ms at 120 MHz" in text
    assert "2 wait states" in text


def test_a_target_without_prices_shows_multiply_accumulates(out: Path):
    report, _, _ = read_out(out)
    plain = replace(report, cost=replace(report.cost, cycles_estimate=None))
    found = work(plain, None)
    assert (found.unit, found.total) == ("MACs", report.cost.macs_executed)
    assert sum(share.amount for share in found.shares) == found.total


def test_report_json_is_read_back_whole(out: Path):
    """The dataclass, the file and the dataclass again."""
    report, verification, _ = read_out(out)
    assert report.to_json() == (out / "report.json").read_text()
    assert verification is not None
    assert verification.to_json() == (out / "verify.json").read_text()


def test_results_are_one_line_in_a_shell(tmp_path: Path, out: Path):
    model = quantized_cnn(tmp_path / "tiny.onnx")
    report, verification, _ = read_out(out)
    results = (
        patchc.compile(model, tmp_path / "out"),
        patchc.explore(model),
        patchc.inspect(model),
        *(report, verification, bench_of(report)),
    )
    for result in results:
        text = repr(result)
        assert text.startswith(f"{type(result).__name__}(")
        assert len(text.replace(str(tmp_path), "")) <= 160
        assert "\n" not in text


def hostile(report: Report) -> Report:
    """Every name is one that would break a page."""

    names = {
        "model": replace(report.model, name=HOSTILE),
        "blocks": tuple(replace(one, name=one.name + HOSTILE) for one in report.blocks),
        "arena": tuple(
            replace(
                one,
                name=one.name + HOSTILE,
                holds=tuple(replace(held, tensor=held.tensor + HOSTILE) for held in one.holds),
            )
            for one in report.arena
        ),
        "layers": tuple(
            replace(one, node=one.node + HOSTILE, tensor=one.tensor + HOSTILE)
            for one in report.layers
        ),
        "notes": (HOSTILE,),
        "host": replace(report.host, leading=(HOSTILE,), trailing=(HOSTILE,)),
    }
    return replace(report, **names)


def test_what_was_measured_takes_the_place_of_the_reserve(out: Path):
    report, _, _ = read_out(out)
    ram = replace(report.ram, static_bytes=24, stack_bytes=488, source="measured on a board")
    flash = replace(report.flash, code_bytes=12_345)
    page = Elements(render_page(build_page(replace(report, ram=ram, flash=flash))))
    rows = [row[:2] for row in page.tables()["RAM"]]
    assert ["this plan: static", "24"] in rows
    assert ["this plan: stack, measured", "488"] in rows
    keys = page.texts("li")
    assert {"this plan: static", "this plan: stack, measured", "code"} <= set(keys)
    assert ["code", "12,345"] in page.tables()["Flash"]


def test_names_from_models_are_text(out: Path):
    report, verification, _ = read_out(out)
    assert verification is not None
    named = tuple(replace(one, name=HOSTILE) for one in verification.golden.file)
    verification = replace(verification, golden=replace(verification.golden, file=named))
    plain, other = (
        Elements(render_page(build_page(one, verification))) for one in (report, hostile(report))
    )
    assert [tag for tag, _, _ in other.found].count("script") == 1
    assert {tag for tag, _, _ in other.found} == {tag for tag, _, _ in plain.found}
    assert HOSTILE in other.texts("h1")
    allowed = {"rect", "svg", "div", "td", "text", "polyline"}
    for tag, attributes, _ in other.found:
        if tag in allowed:
            assert not any(name.startswith("on") for name in attributes)


def test_the_page_needs_no_network(out: Path):
    text = (out / "report.html").read_text(encoding="utf-8")
    names = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\((?!#)|@import|src=\"", names)
    for tag, attributes, _ in page_of(out).found:
        assert attributes.get("href", "#").startswith(("#", "data:")), tag


def test_pictures_can_be_read_without_seeing_them(out: Path):
    page = page_of(out)
    drawn = [attributes for tag, attributes, _ in page.found if tag == "svg"]
    for attributes in drawn:
        hidden = attributes.get("aria-hidden") == "true"
        assert hidden or (attributes["role"] == "img" and attributes["aria-label"])
    figures = sum(tag == "figure" for tag, _, _ in page.found)
    assert len(page.texts("details")) == figures == len(page.tables())
    assert page.found[0][1]["lang"] == "en"


def test_large_networks_stay_small_pages(out: Path):
    """Five hundred layers in two megabytes."""
    report, _, _ = read_out(out)
    times = -(-500 // len(report.layers))
    many = replace(report, layers=report.layers * times, arena=report.arena * times)
    assert len(render_page(build_page(many)).encode()) < 2_000_000


def test_long_names_are_cut_and_whole_when_pointed_at(out: Path):
    report, _, _ = read_out(out)
    long = "a_very_long_module_name/" * 8
    first = replace(report.layers[0], node=long)
    page = Elements(render_page(build_page(replace(report, layers=(first, *report.layers[1:])))))
    assert any(title.startswith(long) for title in page.texts("title"))
    assert all(len(text) < len(long) for text in page.texts("td"))
    assert long in [row[1] for row in page.tables()["Layers, in the order in which they run"]]


@pytest.mark.parametrize(
    ("name", "pixels", "cut"),
    [
        ("short", 100, "short"),
        ("features.12.conv.2", 84, "~12.conv.2"),
        ("/backbone/stage/block/Conv", 92, "~block/Conv"),
        ("an_unbroken_name_of_a_node", 65, "an_~node"),
        ("anything", 20, ""),
    ],
)
def test_labels_keep_what_tells_names_apart(name: str, pixels: float, cut: str):
    assert fitted(name, pixels) == cut


@pytest.mark.parametrize(
    ("top", "found"),
    [(0.5, [0]), (3, [0, 1, 2, 3]), (56683, list(range(0, 50001, 10000))), (9, [0, 2, 4, 6, 8])],
)
def test_axes_have_round_numbers(top: float, found: list[int]):
    assert ticks(top) == found


def test_far_differences_are_counted_together(out: Path):
    report, verification, _ = read_out(out)
    assert verification is not None
    steps = tuple((n, 1) for n in range(-100, 101))
    far = Difference("y", 201, 200, 100, 1.0, steps, 3.0)
    golden = replace(verification.golden, file=(far,))
    titles = Elements(render_page(build_page(report, replace(verification, golden=golden)))).texts(
        "title"
    )
    assert "89 of 201 values +12 or more steps off" in titles
    assert "1 of 201 values equal" in titles


# patchc report


def test_the_command_brings_the_page_up_to_date(tmp_path: Path, out: Path):
    shutil.copytree(out, tmp_path / "out")
    (tmp_path / "out/report.html").unlink()
    ran = click.testing.CliRunner().invoke(main, ["report", str(tmp_path / "out")])
    assert ran.exit_code == 0
    assert (tmp_path / "out/report.html").read_bytes() == (out / "report.html").read_bytes()


def changed(text: str, *path: str | int, value: object) -> str:
    data = json.loads(text)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(data)


DAMAGES = {
    "no JSON": ("report.json", lambda text: text[:99], "not what this patchc writes"),
    "a list": ("report.json", lambda _: "[]", "report is no object"),
    "an older file": (
        "report.json",
        lambda text: text.replace('"blocks"', '"blobs"'),
        "report has no 'blocks'",
    ),
    "text for a number": (
        "report.json",
        lambda text: changed(text, "ram", "arena_bytes", value="many"),
        "report.ram.arena_bytes is no int",
    ),
    "true for a number": (
        "report.json",
        lambda text: changed(text, "arena", 0, "bytes", value=True),
        "report.arena[0].bytes is no int",
    ),
    "a shape of two": (
        "report.json",
        lambda text: changed(text, "layers", 0, "shape", value=[1, 2]),
        "report.layers[0].shape has 2 entries, not 3",
    ),
    "a block that there is not": (
        "report.json",
        lambda text: changed(text, "arena", 0, "last", value=99),
        "does not go with the rest",
    ),
    "another layer's block": (
        "report.json",
        lambda text: changed(text, "layers", 0, "tunnel", value=-1),
        "does not go with the rest",
    ),
    "verify.json": ("verify.json", lambda _: "{}", "run patchc verify again"),
    "bench.json": ("bench.json", lambda _: "\0", "run patchc bench again"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_one_error(damage: str, tmp_path: Path, out: Path):
    """And the page is as it was."""
    name, damaged, words = DAMAGES[damage]
    shutil.copytree(out, tmp_path / "out")
    file = tmp_path / "out" / name
    file.write_text(damaged(file.read_text() if file.exists() else ""))
    ran = click.testing.CliRunner().invoke(main, ["report", str(tmp_path / "out")])
    assert ran.exit_code == 2
    assert words in ran.stderr
    assert name in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert (tmp_path / "out/report.html").read_bytes() == (out / "report.html").read_bytes()


def test_a_folder_of_others_is_refused(tmp_path: Path):
    with pytest.raises(PatchcError, match="is not a folder that patchc compile wrote"):
        patchc.report(tmp_path)
    assert not list(tmp_path.iterdir())


def test_bench_json_is_read(tmp_path: Path, out: Path):
    shutil.copytree(out, tmp_path / "out")
    report, _, _ = read_out(out)
    bench = bench_of(report)
    (tmp_path / "out/bench.json").write_text(bench.to_json())
    assert read_out(tmp_path / "out")[2] == bench
    assert asdict(bench)["blocks"]
    patchc.report(tmp_path / "out")
    assert page_of(tmp_path / "out").texts("span", "value")[3] == f"{bench.cycles:,}"


def test_layers_between_tunnels_share_a_picture(out: Path):
    block = read_out(out)[0].blocks[0]
    layer, tunnel = replace(block, ticks=1, stripes=1), replace(block, ticks=9)
    chain = (layer, layer, tunnel, tunnel, layer, tunnel, layer, layer, layer)
    assert [(run.start, run.stop) for run in runs_of(chain)] == [
        (0, 2),
        (2, 3),
        (3, 4),
        (4, 5),
        (5, 6),
        (6, 9),
    ]
