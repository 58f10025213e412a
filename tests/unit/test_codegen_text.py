"""Identifiers, comments, broken lines, numbers and constant files of the emitted C."""

from __future__ import annotations

import re

import numpy as np
import pytest

from patchc.codegen.constants import ConstantArray, Field, ParamStruct, value_lines
from patchc.codegen.layout import arguments, comment_block, cut, packed
from patchc.codegen.names import MAX_STEM, Names, comment_text
from patchc.codegen.ports import _float_literal
from patchc.codegen.weights import HEADROOM_BYTES, MAX_FILE_BYTES, pack


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("image", "image"),
        ("/features/features.0/Conv", "features_features_0_Conv"),
        ("_x__y_", "x_y"),
        ("7up", "t_7up"),
        ("int", "t_int"),
        ("class", "t_class"),
        ("été:0", "t_0"),
        ("", "t"),
        ("//", "t"),
        ("model/stage_one/block_two/conv_three/Conv2D", "one_block_two_conv_three_Conv2D"),
        ("x" * 50, "x" * MAX_STEM),
    ],
)
def test_identifiers(text, identifier):
    assert Names().identifier(text) == identifier


def test_identifiers_that_collide_are_numbered():
    """Also with one that carries such a number by itself."""
    names = Names()
    assert [names.identifier(t) for t in ("a.b", "a_b_2", "a/b", "a_b")] == [
        "a_b",
        "a_b_2",
        "a_b_3",
        "a_b_4",
    ]


def test_nothing_ends_a_comment_early():
    text = comment_text("a */ b /* c ??/ d\ne\\")
    assert "*/" not in text
    assert "/*" not in text
    assert "??" not in text
    assert "\n" not in text


def test_long_comments_are_wrapped():
    lines = comment_block("word " * 60).split("\n")
    assert len(lines) > 3
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("/* word")
    assert lines[-1].endswith("word */")


def test_cut_at_the_limit_and_one_past_it():
    assert cut("x" * 10, 10) == "x" * 10
    assert cut("x" * 11, 10) == "x" * 7 + "..."


def test_arguments_break_one_past_column_100():
    fits = arguments("f", ["a" * 48, "b" * 46], ";")
    assert len(fits) == 100
    assert arguments("f", ["a" * 48, "b" * 47], ";") == f"f({'a' * 48},\n  {'b' * 47});"


def test_packed_lines_keep_items_whole():
    assert packed(["aa", "bb", "cc", "dd"], 9) == ["aa, bb,", "cc, dd"]
    assert packed(["long item", "b"], 4) == ["long item,", "b"]


def test_structs_are_designated_initialisers():
    window = Field("window", (Field("kernel_h", "3"), Field("kernel_w", "1")))
    struct = ParamStruct("p", "t", (window, Field("lo", "-128")), local=False)
    assert struct.lines == [".window = {.kernel_h = 3, .kernel_w = 1}, .lo = -128"]


def numbers(lines: list[str]) -> list[int]:
    text = " ".join(lines).replace("INT32_MIN", str(-(2**31)))
    return [int(word) for word in re.findall(r"-?\d+", text)]


@pytest.mark.parametrize(
    ("ctype", "values"),
    [
        ("int8_t", np.arange(-128, 128).astype(np.int8)),
        ("int8_t", np.full(57, -128, np.int8)),
        ("int32_t", np.array([0, -1, 2**31 - 1, -(2**31)] * 9, np.int32)),
        ("patchc_form", np.array([(2**31 - 1, -(2**31)), (-1, 0)] * 7, np.int64)),
        ("patchc_rare", np.array([(-(2**31), 2**24 - 1, -105, 7, 30)] * 5, np.int64)),
    ],
)
def test_values_are_all_there_and_lines_stay_short(ctype, values):
    lines = value_lines(ConstantArray("a", ctype, values))
    assert numbers(lines) == values.reshape(-1).tolist()
    assert max(map(len, lines)) <= 100


def array(name: str, length: int) -> ConstantArray:
    return ConstantArray(name, "int8_t", np.full(length, -100, np.int8))  # 5 characters each


def test_files_are_filled_in_order_up_to_the_limit():
    found = pack("net", [array(name, 90_000) for name in "abcde"])
    assert [[d.array.name for d in file.definitions] for file in found.sources] == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]
    assert [file.name for file in found.sources] == [f"net_weights_{i}.c" for i in range(3)]
    assert found.parts == ()


def test_an_array_larger_than_a_file_is_cut_into_parts():
    values = np.random.default_rng(0).integers(-128, 128, 500_000).astype(np.int8)
    found = pack("net", [ConstantArray("big", "int8_t", values), array("small", 10)])
    assert len(found.parts) > 1
    assert max(len(text) for _, text in found.parts) <= MAX_FILE_BYTES - HEADROOM_BYTES
    assert numbers([text for _, text in found.parts]) == values.tolist()
    (source,) = found.sources
    assert source.definitions[0].includes == tuple(name for name, _ in found.parts)
    assert source.definitions[1].includes == ()


@pytest.mark.parametrize("value", [0.02, 1.0, 2.0**-30, 1e-5, 123456.0, 3.4e38])
def test_float_literals_name_the_float32(value):
    text = _float_literal(float(np.float32(value)))
    assert re.fullmatch(r"\d[\d.]*(e[+-]?\d+)?f", text)
    assert "." in text or "e" in text
    assert np.float32(text[:-1]) == np.float32(value)
