"""Breaking C text at 100 columns: what the templates ask for line by line."""

from __future__ import annotations

import textwrap

from patchc.codegen.names import comment_text

COLUMNS = 100


def comment_lines(text: str) -> list[str]:
    """`text` wrapped for a block comment whose lines start with " * "."""
    return textwrap.wrap(comment_text(text), COLUMNS - 3) or [""]


def comment_block(text: str) -> str:
    """`text` as a block comment of as many lines as it needs."""
    wrapped = textwrap.wrap(comment_text(text), COLUMNS - 6) or [""]
    return "/* " + "\n * ".join(wrapped) + " */"


def cut(text: str, columns: int) -> str:
    """`text`, ended by dots where it is longer than `columns`."""
    return text if len(text) <= columns else text[: columns - 3] + "..."


def arguments(head: str, items: list[str], tail: str = "", indent: int = 0) -> str:
    """`head(items)tail` at an indentation, broken between items and aligned where it is long."""
    start = " " * indent + head + "("
    if len(start) + len(", ".join(items)) + 1 + len(tail) <= COLUMNS:
        return start + ", ".join(items) + ")" + tail
    return start + (",\n" + " " * len(start)).join(items) + ")" + tail


def packed(items: list[str], columns: int) -> list[str]:
    """`items` with commas between them, as many to a line as `columns` hold; each stays whole."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(", ") + len(item) < columns:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return [f"{line}," for line in lines[:-1]] + lines[-1:]
