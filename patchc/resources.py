"""Where the files lie that are not Python: C templates and the kernels' sources.

A wheel carries them inside the package; a checkout and an editable install keep them beside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def templates_dir() -> Path:
    """The folder of the jinja2 templates. Raises FileNotFoundError on a broken install."""
    return _find("templates", marker="network.c.j2")


def runtime_dir() -> Path:
    """The folder of the kernels: include/, portable/. Raises FileNotFoundError likewise."""
    return _find("runtime_c", marker="include/patchc_kernels.h")


def _find(folder: str, marker: str) -> Path:
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / folder / marker).is_file():
            return parent / folder
    raise FileNotFoundError(f"{folder}/{marker} is missing: install patchc again")
