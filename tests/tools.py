"""Tools outside Python that tests need."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def require_tool(*names: str) -> str:
    """The path of an executable, the first of these that is there. Without one the test is skipped
    on a developer's machine, and fails where the environment variable CI is set: there nothing may
    go untested."""
    paths = [path for path in map(shutil.which, names) if path is not None]
    if paths:
        return paths[0]
    not_installed(" or ".join(names))


def not_installed(what: str) -> NoReturn:
    """Skips the test, or fails it where CI is set."""
    missing = f"{what} is not installed"
    if os.environ.get("CI"):
        pytest.fail(f"{missing}, and CI is set")
    pytest.skip(missing)
