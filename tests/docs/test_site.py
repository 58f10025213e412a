"""The site of docs/: it builds without a warning, and what people ask first is two clicks away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from patchc.cli import main

ROOT = Path(__file__).resolve().parents[2]

# What a reader wants to find, and words that stand where it is.
ASKED = {
    "how little RAM": "RAM against recomputation",
    "how fast": "Beside CMSIS-NN",
    "how exact": "Requantisation",
    "how to feed a camera": "Rows of a camera",
}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.sources: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and (href := values.get("href")):
            self.found.add(href.split("#")[0])
        if tag in ("img", "script", "link") and (source := values.get("src") or values.get("href")):
            self.sources.add(source)


def read(page: Path) -> _Links:
    links = _Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("asked", ASKED)
def test_found_in_two_clicks(site: Path, asked: str) -> None:
    first = site / "index.html"
    pages = [first, *(first.parent / href for href in read(first).found if _is_page(href))]
    assert any(ASKED[asked] in page.read_text(encoding="utf-8") for page in pages[1:])


def _is_page(href: str) -> bool:
    return href.endswith(".html") and "://" not in href


def test_every_page_is_in_it(site: Path) -> None:
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / page.with_suffix(".html").name).is_file(), page.name


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        assert not [source for source in read(page).sources if "://" in source], page.name


def test_reference_is_made_of_the_code(site: Path) -> None:
    """Every command, with its options; every call, with its types."""
    commands = (site / "cli.html").read_text(encoding="utf-8")
    for name, command in main.commands.items():
        if not command.hidden:
            assert f'id="patchc-{name}"' in commands, name
            assert all(p.opts[0] in commands for p in command.params if p.opts[0][0] == "-"), name
    calls = (site / "python.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]*>", "", calls)
    for name in ("compile", "verify", "quantize", "explore", "BudgetError"):
        assert name in text
    assert "least_bytes" in text
