"""The emitted C of about ten tiny networks, as text: pytest --update-golden refreshes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchc.codegen import emit
from tests.c.emitted import GOLDEN, in_slices, options, placed

FOLDER = Path(__file__).parent.parent / "golden_c"
FOLDERS = ("include", "src", "example")

# Where they stand for all: they depend on the network in names only.
ONCE = (
    "Makefile",
    "CMakeLists.txt",
    "src/patchc_names.h",
    "test/network.json",
    "test/firmware/Makefile",
    "test/firmware/boards.mk",
    "test/firmware/boards/mps2-an386.ld",
    "test/firmware/boards/microbit.ld",
    "test/firmware/weights_section.h",
)
MAIN = "test/firmware/main.c"
SLICED = "in_slices"  # rows_in_two_stripes once more, with NAME_step


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name, check_golden):
    case = GOLDEN[name]
    files = emit(*placed(case.schedule()), options(weights=case.weights))
    for path, text in files.items():
        if Path(path).name.startswith("net") and path.split("/")[0] in FOLDERS:
            check_golden(FOLDER / name / path, text)
            assert max(map(len, text.splitlines())) <= 100, path


def test_golden_in_slices(check_golden):
    schedule = GOLDEN["rows_in_two_stripes"].schedule()
    files = emit(*placed(schedule), in_slices(schedule))
    for path in ("include/net.h", "src/net.c"):
        check_golden(FOLDER / SLICED / path, files[path])
        assert max(map(len, files[path].splitlines())) <= 100, path


@pytest.mark.parametrize("name", ["two_in_two_out_stream", "grouped_extern_weights"])
def test_golden_main_of_the_test_image(name, check_golden):
    case = GOLDEN[name]
    text = emit(*placed(case.schedule()), options(weights=case.weights))[MAIN]
    check_golden(FOLDER / name / MAIN, text)
    assert max(map(len, text.splitlines())) <= 100


def test_golden_build_files(check_golden):
    files = emit(*placed(GOLDEN["classifier_tiles"].schedule()), options())
    for path in ONCE:
        check_golden(FOLDER / "classifier_tiles" / path, files[path])


def test_no_golden_file_is_left_over():
    assert {path.name for path in FOLDER.iterdir()} == {*GOLDEN, SLICED}
