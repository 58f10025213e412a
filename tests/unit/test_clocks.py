"""Row clocks: which rows are finished after each tick, by hand."""

from __future__ import annotations

import pytest

from patchc.geometry.axis import AxisMap
from patchc.geometry.clocks import (
    GeometryError,
    RowClock,
    advance,
    at_ticks,
    chunk_by_chunk,
    earlier,
    every,
    first_clock,
    from_zero,
    last_tick,
    paced,
)


def rows(clock: RowClock) -> list[int]:
    """Rows finished after tick 0, 1, ... until all are."""
    return at_ticks(clock, last_tick(clock) + 1)[1:].tolist()


CONV = AxisMap(1, 1, -1, 1)  # 3 rows, padded by one
STRIDED = AxisMap(2, 1, -1, 1)


def test_the_first_operand_brings_a_row_per_tick():
    assert rows(first_clock(4)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("height", "down", "out", "table"),
    [
        (5, CONV, 5, [0, 1, 2, 3, 4, 5]),  # the last one once the padding has come
        (5, AxisMap(1, 1, 0, 2), 3, [0, 0, 1, 2, 3]),  # no pads
        (6, STRIDED, 3, [0, 1, 1, 2, 2, 3]),
        (5, AxisMap(1, 1, -2, 2), 5, [0, 0, 1, 2, 3, 4, 5]),  # dilated by 2
        (6, AxisMap(2, 1, 0, 1), 3, [0, 1, 1, 2, 2, 3]),  # a pool of 2
        (3, AxisMap(up=2), 6, [2, 4, 6]),  # Upsample
        (4, AxisMap(1, 1, 1, 1), 3, [0, 1, 2, 3]),  # a crop at the top
        (4, AxisMap(), 4, [1, 2, 3, 4]),
        (4, AxisMap(), 6, [1, 2, 3, 4, 5, 6]),  # 1x1, padded by two at the bottom
        (3, AxisMap(1, 1, -1, -1), 4, [2, 3, 4]),  # 1x1, padded by one at the top
        (4, AxisMap(last=3), 1, [0, 0, 0, 1]),  # a mean
    ],
)
def test_one_operator(height, down, out, table):
    assert rows(advance(first_clock(height), down, out)) == table


def test_operators_behind_each_other():
    twice = advance(first_clock(3), AxisMap(up=2), 6)
    assert rows(advance(twice, CONV, 6)) == [1, 3, 5, 6]
    assert rows(advance(twice, STRIDED, 3)) == [1, 2, 3]
    halved = advance(first_clock(8), STRIDED, 4)
    assert rows(advance(halved, CONV, 4)) == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_three_rows_at_a_time_do_not_halve():
    thrice = advance(first_clock(2), AxisMap(up=3), 6)
    with pytest.raises(GeometryError, match="3 rows at a time do not divide by the stride 2"):
        advance(thrice, STRIDED, 3)


def test_a_resize_by_two_thirds_is_never_ahead():
    """Rows i * 3 // 2 up to that and one more: exactly 0, 1, 2 of them after 1, 3, 4 rows."""
    smaller = rows(advance(first_clock(6), AxisMap(3, 2, 0, 2), 4))
    needed = [min(4, sum((3 * i + 2) // 2 < made for i in range(4))) for made in range(1, 7)]
    assert all(found <= most for found, most in zip(smaller, needed, strict=False))
    assert smaller[-1] == 4


def test_the_last_tick_of_a_clock_that_brings_rows_by_halves():
    faster = advance(paced(6, first_clock(4)), CONV, 6)  # (3 t + 1) // 2 rows
    assert rows(faster) == [0, 2, 3, 5, 6]


@pytest.mark.parametrize(
    ("height", "table"),
    [(8, [2, 4, 6, 8]), (6, [1, 3, 4, 6]), (4, [1, 2, 3, 4]), (2, [0, 1, 1, 2])],
)
def test_another_map_comes_as_fast_for_its_height(height, table):
    assert rows(paced(height, first_clock(4))) == table


def test_steps_of_several_rows():
    assert rows(every(first_clock(5), 2)) == [0, 2, 2, 4, 4, 5]
    assert every(first_clock(5), 1) == first_clock(5)
    with pytest.raises(GeometryError, match="two steps of several rows follow each other"):
        every(every(first_clock(5), 2), 2)


def test_the_slower_of_two_operands():
    direct, around = first_clock(4), advance(first_clock(4), CONV, 4)
    assert earlier(direct, around) == earlier(around, direct) == around
    twos = every(first_clock(4), 2)  # 0, 2, 2, 4: as fast, in larger steps
    assert rows(earlier(direct, twos)) == [0, 1, 2, 3, 4]
    late = advance(first_clock(4), AxisMap(1, 1, 0, 2), 4)  # 0, 0, 1, 2, 3, 4
    held = earlier(twos, late)
    both = zip(at_ticks(held, 8), at_ticks(twos, 8), at_ticks(late, 8), strict=True)
    assert all(found <= min(one, other) for found, one, other in both)
    assert rows(held)[-1] == 4


def test_chunks_from_the_first_tick_on():
    assert rows(chunk_by_chunk(advance(first_clock(5), CONV, 5))) == [1, 2, 3, 4, 5]
    assert rows(chunk_by_chunk(advance(first_clock(8), STRIDED, 4))) == [1, 2, 3, 4]
    assert rows(chunk_by_chunk(every(first_clock(6), 2))) == [2, 4, 6]


def test_offsets_for_division_towards_zero():
    clock = RowClock(3, 7, -6, 9)
    assert from_zero(clock) == RowClock(3, 7, 1, 9, 1, -1)
    assert rows(from_zero(clock)) == rows(clock)
    assert from_zero(first_clock(4)) == first_clock(4)
