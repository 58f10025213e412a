"""Tools outside Python that tests need."""

from __future__ import annotations

import os
import shutil

import pytest


def require_tool(name: str) -> str:
    """The path of an executable. Without it the test is skipped on a developer's machine, and
    fails where the environment variable CI is set: there nothing may go untested."""
    path = shutil.which(name)
    if path is not None:
        return path
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed, and CI is set")
    pytest.skip(f"{name} is not installed")
