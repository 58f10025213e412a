"""Options and fixtures of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run of CI, so that a change is judged by itself; a developer's runs and
# benchmarks/fuzz.py look for new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
# A fifth of the examples, for daily work: pytest --hypothesis-profile quick. Tests that say how
# many they want say it through tests/property/example_counts.py.
settings.register_profile("quick", max_examples=20, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

# `make setup` brings CMSIS-NN, and what is compiled would depend on it: tests that are about it say
# where it is.
os.environ.setdefault("CMSIS_NN_DIR", "")

# Most of the C that tests build is the same kernels again. Where ccache is installed, the folder of
# its compilers comes first, as its manual says; objects do not depend on the folder of a test.
for folder in ("/usr/lib/ccache", "/usr/lib64/ccache"):
    if Path(folder).is_dir():
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        os.environ.setdefault("CCACHE_NOHASHDIR", "1")
        break


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what tests compare with golden files, instead of comparing",
    )


@pytest.fixture
def check_golden(request: pytest.FixtureRequest):
    """check_golden(path, text): `path` holds exactly `text`; --update-golden makes it so."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: run pytest --update-golden and read the diff"
        assert text == path.read_text(encoding="utf-8"), (
            "run pytest --update-golden if this is meant"
        )

    return check
