"""What a page is made of: pictures of rectangles, lines and words, tables, figures, sections.

Plain values: all geometry is computed before a template sees it. Lengths are in pixels of the
picture, y grows downwards. A `kind` is a class of the style sheet: it gives colour and pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from patchc.report.words import shorten

_PART = re.compile(r"[./:]+")  # what lies between the parts of a name
WIDTH = 1080.0  # of the page
CHARACTER = 6.7  # pixels that one takes at most, at the size of labels


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle; what it says when pointed at, and a word on it."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str = ""
    label: str = ""
    turned: bool = False  # the label reads from below
    label_at: float | None = None  # its middle; None: that of the rectangle

    @property
    def label_x(self) -> float:
        return self.x + self.width / 2 if self.label_at is None else self.label_at

    @property
    def label_y(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Words:
    """Text that stands by itself."""

    x: float
    y: float  # of the base line
    text: str
    kind: str = "note"
    anchor: str = "start"  # or "middle", "end"


@dataclass(frozen=True, slots=True)
class Line:
    """Points that are joined, and the face between them filled where `kind` says so."""

    points: tuple[tuple[float, float], ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """From the ground up: frames, lines, marks, the lines over them, words."""

    name: str  # what there is to see, for those who do not see it
    width: float
    height: float
    frames: tuple[Mark, ...] = ()
    marks: tuple[Mark, ...] = ()
    lines: tuple[Line, ...] = ()
    over: tuple[Line, ...] = ()
    words: tuple[Words, ...] = ()
    heading: str = ""  # above the picture

    @property
    def wide(self) -> bool:
        """Does it take the whole width of the page, whatever that is?"""
        return self.width == WIDTH and not self.heading


@dataclass(frozen=True, slots=True)
class Cell:
    """An entry of a table: its text, and all of it where that is cut."""

    text: str
    full: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how many letters an entry has at most before it is cut."""

    heading: str
    numeric: bool = False
    letters: int = 40


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a picture."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A line of a legend."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Pictures that say one thing, in words above them and in numbers behind them."""

    title: str
    text: str
    pictures: tuple[Picture, ...]
    keys: tuple[Key, ...]
    table: Table | None


@dataclass(frozen=True, slots=True)
class Fact:
    """A word, and what there is to say of it."""

    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    anchor: str
    title: str
    figures: tuple[Figure, ...] = ()
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the numbers at the top."""

    name: str
    value: str
    unit: str
    remark: str


@dataclass(frozen=True, slots=True)
class Page:
    """All of it."""

    brand: str  # the command that it is of
    title: str
    subtitle: str
    lead: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    made_by: str


def table(caption: str, columns: tuple[Column, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    """Long entries are cut in the middle, and whole in the title."""
    cells = [
        tuple(_cell(text, column) for text, column in zip(row, columns, strict=True))
        for row in rows
    ]
    return Table(caption, columns, tuple(cells))


def _cell(text: str, column: Column) -> Cell:
    short = shorten(text, column.letters)
    return Cell(short, "" if short == text else text)


def fitted(text: str, pixels: float, least: int = 4) -> str:
    """`text` as far as it fits; nothing where that is less than `least` letters. Of a name with
    parts the last ones are kept, which tell it from its neighbours."""
    letters = int((pixels - 6) / CHARACTER)
    if letters >= len(text):
        return text
    if letters < least:
        return ""
    tail = text
    while len(tail) >= letters and (found := _PART.search(tail)):
        tail = tail[found.end() :]
    return f"~{tail}" if least <= len(tail) < letters else shorten(text, letters)
