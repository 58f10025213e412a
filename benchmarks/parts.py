"""The table of parts in docs/parts.md, from patchc/targets/part_table.py.

python -m benchmarks.parts
"""

from __future__ import annotations

from pathlib import Path

from examples.pages import placed
from patchc.targets.parts import PARTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "parts.md"


def table() -> str:
    """By core, then by name."""
    lines = [
        "| part | core | RAM B | flash B | MHz | source |",
        "|---|---|---:|---:|---:|---|",
    ]
    for part in sorted(PARTS.values(), key=lambda one: (one.core, one.name)):
        flash = f"{part.flash_bytes:,}" if part.flash_bytes else "outside"
        lines.append(
            f"| {part.name} | {part.core} | {part.ram_bytes:,} | {flash} | "
            f"{part.clock_mhz:g} | {part.source} |"
        )
    return "\n".join(lines) + "\n"


def updated(page: str) -> str:
    """The page with today's table."""
    return placed(page, "parts", table())


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text("utf-8")), "utf-8")
