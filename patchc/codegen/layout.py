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
    lines = packed(items, COLUMNS - len(start) - len(tail))
    return start + ("\n" + " " * len(start)).join(lines) + ")" + tail


def made(ctype: str, name: str, function: str, items: list[str], indent: int) -> str:
    """`ctype name = function(items);`, broken between items, or before the call where even the
    longest item does not fit behind it."""
    head = f"{ctype} {name} = {function}"
    if indent + len(head) + max(map(len, items)) + len("();") <= COLUMNS:
        return arguments(head, items, ";", indent)
    call = arguments(function, items, ";", indent + 4)
    return f"{' ' * indent}{ctype} {name} =\n{call}"


def pieces(table: str, stripe: str, indent: int) -> str:
    """The head of a loop over the pieces of a step."""
    start = " " * indent + "for ("
    first, rest = f"p = patchc_first(&{table}, {stripe}, t); p.more;", "patchc_next(&p)) {"
    if len(start) + len(first) + 1 + len(rest) <= COLUMNS:
        return f"{start}{first} {rest}"
    return f"{start}{first}\n{' ' * len(start)}{rest}"


def initialiser(head: str, lines: list[str], indent: str) -> str:
    """`head = {lines};`, on one line where it fits."""
    if len(lines) == 1 and len(indent) + len(head) + len(" = {};") + len(lines[0]) <= COLUMNS:
        return f"{indent}{head} = {{{lines[0]}}};"
    return f"{indent}{head} = {{" + "".join(f"\n{indent}    {line}" for line in lines) + "};"


def packed(items: list[str], columns: int) -> list[str]:
    """`items` with commas between them, as many to a line as `columns` hold; each stays whole."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(", ") + len(item) < columns:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return [f"{line}," for line in lines[:-1]] + lines[-1:]
