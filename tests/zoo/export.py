"""Makes the files of rows that are not in the cache yet.

    python -m tests.zoo.export [--only PATTERN]... [--again]

Each source needs its own packages (requirements.txt); a row whose packages are not installed is
left for another environment, a row that its exporter refuses is kept as that.
"""

from __future__ import annotations

import fnmatch
import importlib
import os
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

import click
import onnx

from tests.zoo.rows import SOURCES, Row, read_rows


def chosen(rows: Iterable[Row], patterns: tuple[str, ...]) -> list[Row]:
    """Those whose key one of the patterns fits; all, where there is none."""
    return [r for r in rows if not patterns or any(fnmatch.fnmatch(r.key, p) for p in patterns)]


def make(row: Row) -> str | None:
    """Make the file of `row`; None, or why there is none."""
    if row.file.is_file():
        return None
    try:
        module = importlib.import_module(SOURCES[row.source])
    except ImportError as error:
        return f"not exported: {error.name or error} is not installed here"
    row.file.parent.mkdir(parents=True, exist_ok=True)
    scratch = row.file.with_suffix(f".{os.getpid()}.tmp")
    try:
        found: onnx.ModelProto = module.make(row)
        scratch.write_bytes(found.SerializeToString())
        scratch.rename(row.file)
    except Exception as error:  # of other people's exporters: whatever they raise
        scratch.unlink(missing_ok=True)
        reason = f"not exported: {type(error).__name__}: {_line(str(error))}"
        row.failed.write_text(f"{reason}\n\n{traceback.format_exc()}", encoding="utf-8")
        return reason
    return None


def _line(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."


@click.command()
@click.option("--only", multiple=True, help="Rows whose key fits, e.g. 'timm:*:dynamo'.")
@click.option("--again", is_flag=True, help="Rows that were refused, once more.")
def main(only: tuple[str, ...], again: bool) -> None:
    """Make the files that are missing."""
    for row in chosen(read_rows(), only):
        if row.file.is_file() or (row.failed.is_file() and not again):
            continue
        Path(row.failed).unlink(missing_ok=True)
        start = time.monotonic()
        reason = make(row)
        click.echo(f"{time.monotonic() - start:6.1f} s  {row.key}  {reason or 'made'}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
