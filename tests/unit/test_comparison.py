"""benchmarks.comparison: its tables, and what it reads of other tools."""

import numpy as np
import pytest

from benchmarks.comparing import foreign, table
from benchmarks.comparing.contenders import BAKENN, EMX, PATCHC, TFLM, Row, listed_by_bakenn
from benchmarks.comparing.files import Tools, as_int8, first_error, shifted
from benchmarks.comparing.foreign import Measured, Source
from benchmarks.comparison import SECTIONS, is_exact, takes_tflite, text_of
from patchc.errors import PatchcError

EXPECTED = np.array([[1, 2], [3, 4]], np.int8)


def _row(tool: str, outputs: np.ndarray, **measured: int) -> Row:
    return Row(tool, "as it is", 1000, 1.25, Measured(outputs=outputs, **measured))


ROWS = (
    _row(
        PATCHC,
        EXPECTED,
        ram_bytes=5432,
        flash_bytes=40984,
        instructions=8_050_000,
        cycles=11_400_000,
    ),
    _row(
        BAKENN,
        np.array([[1, 2], [3, 5]], np.int8),
        ram_bytes=16356,
        flash_bytes=32232,
        instructions=72_600_000,
        cycles=97_700_000,
    ),
    Row(TFLM, "interpreter", 0, None, Measured(ram_bytes=24176, outputs=EXPECTED), arena_only=True),
    Row(EMX, "QDQ", 0, error="it cannot"),
)
RESULT = table.Result("net", EXPECTED, ROWS)


def test_a_row_says_what_was_measured():
    lines = table.table([RESULT], beside=True)
    assert lines[0].startswith("| network | tool | RAM B | with input |")
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert lines[2] == (
        "| net | patchc, as it is | 5,432 | 6,432 | 40,984 | 8.1 | 11.4 | 1.2 | 0 of 4 | 0 of 4 |"
    )
    assert lines[3].endswith("| 1 of 4 | 1 of 4 |")


def test_what_cannot_be_had_is_a_dash():
    lines = table.table([RESULT], beside=False)
    assert lines[4].startswith("| net | tflite-micro, interpreter | 24,176 (arena) |")
    assert lines[4].endswith("| - | - | - | - | 0 of 4 |")
    assert lines[5].startswith("| net | emx-onnx-cgen, QDQ: `it cannot` | - |")


def test_the_best_are_of_those_that_were_measured_whole():
    (line,) = table.by_figures([RESULT])
    assert "least RAM patchc, as it is (5,432)" in line
    assert "least flash bakenn, as it is (32,232)" in line
    assert "fewest cycles patchc, as it is (11.4 M)" in line


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Traceback\n  line 1\nValueError: no\n", "ValueError: no"),
        ("plain words\nmore\n", "plain words"),
        ("", "it printed nothing"),
    ],
)
def test_the_error_of_a_tool_is_one_line(text, first):
    assert first_error(text) == first


def test_bytes_of_either_sign_are_compared_as_int8():
    values = np.array([[-128, 0], [5, 127]], np.int8)
    raised = shifted(values, np.dtype(np.uint8))
    assert raised.dtype == np.uint8
    assert raised.tolist() == [[0, 128], [133, 255]]
    assert as_int8(raised).tolist() == values.ravel().tolist()
    assert as_int8(values).tolist() == values.ravel().tolist()


def test_a_package_that_is_missing_is_named_with_its_installation():
    with pytest.raises(PatchcError, match=r"-m pip install 'no-such-thing==1'"):
        Tools().version("no-such-thing", "no-such-thing==1")


def test_what_bakenn_lists_is_what_is_built(tmp_path):
    text = (
        'set(BAKENN_MODEL_SOURCES\n  "${CMAKE_CURRENT_LIST_DIR}/bknn_net.c"\n'
        '  "${CMAKE_CURRENT_LIST_DIR}/third_party/a/b.c"\n)\n'
        'set(BAKENN_MODEL_INCLUDE_DIRS\n  "${CMAKE_CURRENT_LIST_DIR}/."\n)\n'
        "set(BAKENN_MODEL_COMPILE_DEFINITIONS\n  ONE\n  TWO\n)\n"
    )
    files, includes, flags = listed_by_bakenn(text, tmp_path)
    assert files == [tmp_path / "bknn_net.c", tmp_path / "third_party/a/b.c"]
    assert includes == [tmp_path / "."]
    assert flags == "-DONE -DTWO"


def test_foreign_c_is_a_folder_as_patchc_writes_them(tmp_path):
    template, out = tmp_path / "template", tmp_path / "out"
    (template / foreign.FIRMWARE).mkdir(parents=True)
    (template / foreign.FIRMWARE / "boards.mk").write_text("CORES = cortex-m4\n")
    out.mkdir()
    source = Source([tmp_path / "a.c", tmp_path / "lib.c"], "int x;\n", 64, 10)
    foreign.write(source, 500, template, out)
    assert (out / foreign.NETWORK_FILE).is_file()
    assert "arena[74]" in (out / foreign.FIRMWARE / "main.c").read_text()
    makefile = (out / "Makefile").read_text()
    assert "$(BUILD)/a.o $(BUILD)/lib.o $(BUILD)/net.o" in makefile


def test_tensorflow_lite_is_asked_for_only_where_a_tool_reads_it():
    assert takes_tflite(("keywords_ds_cnn",), (PATCHC,))
    assert not takes_tflite(("keywords_ds_cnn",), (EMX,))
    assert not takes_tflite(("mobilenet_v2_035_144",), (PATCHC,))


def test_a_row_of_patchc_without_an_answer_is_not_exact():
    assert is_exact(ROWS[0], RESULT)
    assert not is_exact(ROWS[1], RESULT)
    assert not is_exact(ROWS[3], RESULT)


def test_a_section_without_networks_is_left_out():
    text = text_of("Measured.", dict(zip(SECTIONS, ([RESULT], []), strict=True)))
    first, second = SECTIONS
    assert first in text
    assert second not in text
