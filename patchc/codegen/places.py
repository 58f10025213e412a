"""Where in OUT the C is: folders that a build system takes whole."""

from __future__ import annotations

INCLUDE = "include"  # what firmware includes, unless a build system looks elsewhere
SOURCES = "src"  # what has to be compiled, and what only that includes
EXAMPLE = "example"


def header(name: str, folder: str = INCLUDE) -> str:
    """That declares the network `name`."""
    return f"{folder}/{name}.h"


def program(name: str) -> str:
    """That defines NAME_run."""
    return f"{SOURCES}/{name}.c"


def source(file: str) -> str:
    """A file that is compiled, or that one of those includes."""
    return f"{SOURCES}/{file}"
