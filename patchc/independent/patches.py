"""Where the patches of an image lie. All are of one size, so that their paths are equal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from patchc.errors import PatchcError


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of the map that is cut, in its rows and columns."""

    row: int
    col: int
    rows: int
    cols: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows x columns of patches; neighbours share `overlap` rows or columns."""

    rows: int
    cols: int
    overlap: int = 0
    center: bool = False  # one more patch, in the middle

    def __post_init__(self) -> None:
        if min(self.rows, self.cols) < 1:
            raise PatchcError(f"--grid {self}: at least 1x1")
        if self.overlap < 0:
            raise PatchcError(f"--overlap {self.overlap}: at least 0")
        if self.rows * self.cols == 1 and not self.center:
            raise PatchcError(f"--grid {self}: a single patch cuts nothing")
        if self.center and self.rows % 2 and self.cols % 2:
            raise PatchcError(
                f"--center: the patch in the middle of --grid {self} is the central one already"
            )

    def __str__(self) -> str:
        return f"{self.rows}x{self.cols}"

    def patches(self, height: int, width: int) -> tuple[Patch, ...]:
        """Row by row, the central one last. Raises PatchcError where they do not fit."""
        rows = self._size(height, self.rows, "rows")
        cols = self._size(width, self.cols, "columns")
        found = list(self._grid(rows, cols))
        if self.center:
            found.append(Patch((height - rows) // 2, (width - cols) // 2, rows, cols))
        return tuple(found)

    def _grid(self, rows: int, cols: int) -> Iterator[Patch]:
        for row in range(self.rows):
            for col in range(self.cols):
                down, across = row * (rows - self.overlap), col * (cols - self.overlap)
                yield Patch(down, across, rows, cols)

    def _size(self, size: int, count: int, what: str) -> int:
        """Rows or columns of a patch: `count` of them, and what they share, make `size`."""
        if count > size:
            raise PatchcError(f"--grid {self}: more patches than the {size} {what} that are cut")
        if count > 1 and self.overlap > size // count:
            raise PatchcError(
                f"--overlap {self.overlap}: larger than a patch: --grid {self} divides {size} "
                f"{what} into {count} x {size // count}"
            )
        covered = size + (count - 1) * self.overlap
        if covered % count:
            fitting = [
                str(overlap)
                for overlap in range(size // count + 1)
                if (size + (count - 1) * overlap) % count == 0
            ]
            advice = f"; --overlap {' or '.join(fitting[:3])} does" if fitting else ""
            raise PatchcError(
                f"--grid {self} does not divide {size} {what} that overlap by {self.overlap} into "
                f"{count} patches of one size{advice}"
            )
        return covered // count


def parse_grid(text: str, overlap: int = 0, center: bool = False) -> Grid:
    """ "2x3": two rows, three columns. Raises PatchcError."""
    found = re.fullmatch(r"(\d{1,4})[xX](\d{1,4})", text)
    if found is None:
        raise PatchcError(f"--grid {text!r}: rows x columns expected, for example 2x2")
    rows, cols = map(int, found.groups())
    return Grid(rows, cols, overlap, center)
