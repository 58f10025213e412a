"""Sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchc.budget import UNITS, parse_budget
from patchc.errors import PatchcError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64k", 65536),
        ("64K", 65536),
        ("64KiB", 65536),
        ("63kB", 63000),
        ("63 kB", 63000),
        ("63.5kB", 63500),
        ("1.5k", 1536),
        ("1M", 1048576),
        ("2MB", 2000000),
        ("70000", 70000),
        ("70000B", 70000),
        (70000, 70000),
        ("0", 0),
    ],
)
def test_spellings(text: str | int, size: int) -> None:
    """k and M count in 1024s, kB and MB in 1000s, and a bare number is bytes."""
    assert parse_budget(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", -1, "64q", "6 4k", "1e3", "64 kb", "0x40", "६४"])
def test_nonsense_is_refused_with_the_way_to_write_it(text: str | int) -> None:
    with pytest.raises(PatchcError, match=r"is not a number of bytes: write 65536, 64k"):
        parse_budget(text)


def test_a_fraction_of_a_byte_is_refused() -> None:
    with pytest.raises(PatchcError, match="not a whole number of bytes"):
        parse_budget("0.3k")


@given(st.integers(0, 10**9), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_a_whole_number_of_any_unit(number: int, unit: str, space: str) -> None:
    assert parse_budget(f"{number}{space}{unit}") == number * UNITS[unit]


@given(st.integers(0, 10**6), st.integers(0, 9), st.sampled_from(["k", "M", "kB", "MB"]))
def test_decimals_are_exact_or_refused(whole: int, tenth: int, unit: str) -> None:
    """N.D units are (10 N + D) * unit / 10 bytes where that is a whole number."""
    tenths = (10 * whole + tenth) * UNITS[unit]
    if tenths % 10:
        with pytest.raises(PatchcError):
            parse_budget(f"{whole}.{tenth}{unit}")
    else:
        assert parse_budget(f"{whole}.{tenth}{unit}") * 10 == tenths


def bytes_or_message(text: str) -> int | str:
    try:
        return parse_budget(text)
    except PatchcError as error:
        return str(error)


@given(st.text(max_size=12))
def test_any_text_gives_bytes_or_a_clear_error(text: str) -> None:
    found = bytes_or_message(text)
    assert found >= 0 if isinstance(found, int) else repr(text) in found
