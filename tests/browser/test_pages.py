"""The pages in a real browser: what is there, what it says when pointed at, small screens, the
dark, the keyboard, paper."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import patchc
from patchc.report import Report
from patchc.report.page.read import read_out
from patchc.report.runs import runs_of
from tests.onnx_float import quantized_cnn
from tests.tools import BROWSERS, require_tool

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST = 4.5  # WCAG 2, AA, for text
WIDE, PHONE = 1200, 400
SECTIONS = ["RAM", "The arena", "The network", "Time and flash", "Exactness", "Details"]


@dataclass
class Shown:
    """A page that is open, and what went wrong in it."""

    page: Any
    faults: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = require_tool(*BROWSERS)
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with driver.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=path, args=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network in tunnels, verified."""
    folder = tmp_path_factory.mktemp("pages")
    model = quantized_cnn(folder / "tiny.onnx")
    patchc.compile(model, folder / "out", name="net", budget="least")
    patchc.verify(folder / "out", cases=2)
    patchc.report(folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def frontier(out: Path) -> Path:
    """The page of `patchc explore`."""
    page = out.parent / "frontier.html"
    patchc.explore(out.parent / "tiny.onnx", html=page, svg=page.with_suffix(".svg"))
    return page


@pytest.fixture(scope="module")
def report(out: Path) -> Report:
    return read_out(out)[0]


@pytest.fixture
def opened(browser: Any, out: Path) -> Iterator[Any]:
    """open(width, scheme, file): the report, or another page, in a window of that width. At the
    end nothing may have gone wrong, and nothing may have been asked for but the file."""
    contexts, shown = [], []

    def open_page(width: int = WIDE, scheme: str = "light", file: Path | None = None) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        one = Shown(context.new_page())
        shown.append(one)
        one.page.on("console", lambda message: one.faults.append(message.text))
        one.page.on("pageerror", lambda error: one.faults.append(str(error)))
        url = (file or out / "report.html").as_uri()
        one.page.on("request", lambda got: one.faults.append(got.url) if got.url != url else None)
        one.page.goto(url)
        return one.page

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for one in shown for fault in one.faults] == []


def test_all_of_it_is_there(opened: Any, report: Report):
    page = opened()
    assert page.title() == "net: patchc report"
    assert page.locator("h2").all_inner_texts() == SECTIONS
    arena = page.locator("#time .scroll svg").first
    assert arena.locator("rect").count() == len(report.arena) + len(report.blocks)
    assert page.locator("#network .picture").count() == len(runs_of(report.blocks))
    assert page.locator("#network rect.cell").count() == len(report.layers)
    for number in (report.ram.total_bytes, report.ram.layerwise_bytes):
        assert page.get_by_text(f"{number:,}").first.is_visible()


def test_a_rectangle_says_what_it_is_when_pointed_at(opened: Any, report: Report):
    page = opened()
    figure = page.locator("#time figure").first
    largest = max(report.arena, key=lambda one: one.bytes)
    mark = figure.locator("rect", has=page.locator("title", has_text=f"{largest.name}, ")).first
    title = mark.locator("title").text_content()
    assert f"{largest.bytes:,} B at {largest.offset:,}" in title
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    said = figure.locator(".readout").text_content()
    assert said == title


def test_the_keyboard_reaches_pictures_and_tables(opened: Any):
    page = opened()
    figure = page.locator("#network figure")
    figure.locator(".scroll").first.focus()
    titles = figure.locator(".scroll").first.locator("rect.cell title").all_text_contents()
    hint = figure.locator(".readout").text_content()
    for title in titles[:3]:
        page.keyboard.press("ArrowRight")
        assert figure.locator(".readout").text_content() == title
    page.keyboard.press("ArrowLeft")
    assert figure.locator(".readout").text_content() == titles[1]
    assert figure.locator("rect.here").count() == 1
    page.keyboard.press("Escape")
    assert figure.locator(".readout").text_content() == hint
    assert figure.locator("rect.here").count() == 0
    table = figure.locator("table")
    assert not table.is_visible()
    figure.locator("summary").focus()
    page.keyboard.press("Enter")
    assert table.is_visible()


@pytest.mark.parametrize("width", [PHONE, 320, 800, WIDE])
def test_the_page_does_not_scroll_sideways(opened: Any, width: int):
    """Pictures that are wider do, in their boxes; so do tables."""
    page = opened(width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#time .scroll").first
    inner, outer = box.evaluate("(one) => [one.scrollWidth, one.clientWidth]")
    assert (inner > outer) == (width < WIDE - 100)


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_the_frontier_is_shown(opened: Any, frontier: Path, width: int):
    page = opened(width, file=frontier)
    assert page.title() == "tiny.onnx: patchc explore"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    mark = page.locator("rect.point.whole").last
    mark.scroll_into_view_if_needed()
    mark.hover()
    assert "layer by layer" in page.locator(".readout").text_content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_stands_by_itself(opened: Any, frontier: Path, scheme: str):
    page = opened(scheme=scheme, file=frontier.with_suffix(".svg"))
    ink = page.locator("text.strong").first.evaluate("(one) => getComputedStyle(one).fill")
    ground = page.locator("svg").first.evaluate("(one) => getComputedStyle(one).backgroundColor")
    shades = [
        luminance([float(part) for part in re.findall(r"[0-9.]+", one)]) for one in (ink, ground)
    ]
    assert (shades[0] > shades[1]) == (scheme == "dark")


CHANNELS = """(one) => {
  const style = getComputedStyle(one);
  let below = one;
  const shade = (node) => getComputedStyle(node).backgroundColor;
  while (/, 0\\)$/.test(shade(below))) below = below.parentElement;
  return [style.color, shade(below)].map((text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number));
}"""


def luminance(channels: list[float]) -> float:
    parts = [value / 255 for value in channels]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_the_light_and_in_the_dark(opened: Any, scheme: str):
    page = opened(scheme=scheme)
    ground = page.locator("body").evaluate(CHANNELS)[1]
    assert (luminance(ground) < 0.1) == (scheme == "dark")
    for selector in ("h1", ".lead", ".value", ".remark", "figcaption p", "summary", "dd", "dt"):
        ink, below = map(luminance, page.locator(selector).first.evaluate(CHANNELS))
        contrast = (max(ink, below) + 0.05) / (min(ink, below) + 0.05)
        assert contrast >= CONTRAST, selector


def test_paper_is_white(opened: Any):
    """Also in the dark; what only screens can do is left out."""
    page = opened(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("body").evaluate(CHANNELS)[1] == [255, 255, 255]
    assert not page.locator("nav").is_visible()
    assert not page.locator(".readout").first.is_visible()


def test_without_scripts_titles_and_tables_are_left(browser: Any, out: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((out / "report.html").as_uri())
    assert page.locator("h2").all_inner_texts() == SECTIONS
    assert page.locator("rect title").count() > 0
    context.close()
