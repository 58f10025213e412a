"""Scales: blocks side by side, bytes upwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from patchc.report.page.picture import WIDTH, Line, Mark, Words
from patchc.report.words import count

LEFT = 84.0  # of a frame, for the numbers of its axis
RIGHT = 8.0
STRIP = 22.0  # the row of blocks below a frame
_LEAST_NUMBER = 20.0  # pixels that the number of a block takes


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns of equal width over an axis from 0 to `top`."""

    columns: int
    top: float  # value at the upper edge
    y: float  # of the upper edge
    height: float

    @property
    def column(self) -> float:
        """The width of one."""
        return (WIDTH - LEFT - RIGHT) / max(self.columns, 1)

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def at(self, column: float) -> float:
        """The left edge of a column."""
        return LEFT + column * self.column

    def up(self, value: float) -> float:
        """The y of a value."""
        return self.bottom - self.height * value / self.top

    def level(self, value: float, kind: str) -> Line:
        """A line across the frame."""
        y = self.up(value)
        return Line(((LEFT, y), (WIDTH - RIGHT, y)), kind)

    def grid(self) -> tuple[Line, ...]:
        """A thin line at each number of the axis."""
        return tuple(self.level(value, "grid") for value in ticks(self.top))

    def numbers(self) -> tuple[Words, ...]:
        """The numbers of the axis."""
        return tuple(
            Words(LEFT - 8, self.up(value) + 4, count(value), "note", "end")
            for value in ticks(self.top)
        )

    def strip(self, titles: list[str], peak: int) -> Iterator[Mark]:
        """The blocks, numbered, below the frame; the one that sets the peak stands out."""
        for index, title in enumerate(titles):
            kind = "block peak" if index == peak else "block"
            label = str(index) if self.column >= _LEAST_NUMBER or not index % 5 else ""
            yield Mark(
                self.at(index) + 0.5,
                self.bottom + 4,
                max(self.column - 1, 1),
                STRIP - 6,
                kind,
                title,
                label,
            )


def ticks(top: float, most: int = 6) -> list[int]:
    """Round numbers from 0 up to `top`, at most so many steps."""
    if top < 1:
        return [0]
    rough = top / most
    power = 10 ** math.floor(math.log10(rough)) if rough >= 1 else 1
    step = next(int(power * times) for times in (1, 2, 5, 10) if power * times >= rough)
    return list(range(0, int(top) + 1, step))
