"""Text that a program writes into a page of Markdown, between two comments."""

from __future__ import annotations


def placed(page: str, name: str, text: str) -> str:
    """The page with `text` at `name`'s place. Raises ValueError where it has none."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page has no place for {name!r}")
    return f"{before}{begin}{text}{end}{after}"
