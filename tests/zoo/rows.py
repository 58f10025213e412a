"""The rows of the wall of files: one line of rows.txt each.

A row is a network (or a file that somebody else made) in one form. Its ONNX file is made once, by
what `SOURCES` names, and kept in a cache outside of the repository. A row is never left out: one
whose file cannot be made says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from examples.zoo.fetch import cache_root

TABLE = Path(__file__).with_name("rows.txt")

# Who makes the file of a row, by the first column; the modules are imported when they are needed.
SOURCES = {
    "built": "tests.zoo.built",
    "torchvision": "tests.zoo.torch_networks",
    "timm": "tests.zoo.torch_networks",
    "torch": "tests.zoo.torch_quantised",
    "keras": "tests.zoo.keras_networks",
    "package": "tests.zoo.shipped",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A network in one form."""

    source: str  # of SOURCES
    network: str
    form: str  # how it was exported or quantised
    shape: tuple[int, ...]  # of the image; (): as the file has it

    @property
    def key(self) -> str:
        return f"{self.source}:{self.network}:{self.form}"

    @property
    def stem(self) -> str:
        """A file name."""
        return self.key.replace(":", "-").replace("/", "_")

    @property
    def file(self) -> Path:
        return wall_folder() / "files" / f"{self.stem}.onnx"

    @property
    def failed(self) -> Path:
        """Where there is no file: what the exporter said."""
        return self.file.with_suffix(".failed.txt")


def wall_folder() -> Path:
    """In the cache: files, and what came of them."""
    return cache_root() / "wall"


def read_rows(table: Path = TABLE) -> tuple[Row, ...]:
    """All rows, in the order of the table."""
    found = []
    for line in table.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if words:
            source, network, form, *shape = words
            dims = tuple(int(size) for size in shape[0].split("x")) if shape else ()
            found.append(Row(source, network, form, dims))
    return tuple(found)
