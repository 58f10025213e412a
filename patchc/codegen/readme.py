"""OUT/README.md: a page for whoever has the folder and not patchc's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchc.choices import InputMode

_WHERE = {
    InputMode.TILES.value: "brought by a callback, from memory that stays readable during the run",
    InputMode.STREAM.value: "brought by a callback, each line once: no frame is held",
    InputMode.EXTERN.value: "behind a pointer, outside the arena",
    InputMode.RESIDENT.value: "in the arena",
}


def readme_facts(mode: str, report: Mapping[str, Any]) -> dict[str, object]:
    """What templates/readme.md.j2 shows beside what the other templates do. `report` is the data of
    report.json."""
    return {
        "report": report,
        "where": _WHERE[mode],
        "by_callback": mode in (InputMode.TILES.value, InputMode.STREAM.value),
    }
