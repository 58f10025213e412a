"""What property tests count at their end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.example_counts import Met, least_count, some


def test_enough_is_counted_anew_in_every_run():
    met = Met(even=0.3)

    @met.enough
    @some(50)
    @given(st.integers(0, 9))
    def test(number):
        met(even=number % 2 == 0)

    test()
    test()


def test_what_no_example_meets_fails_the_test():
    met = Met(small=0.1, negative=0.1)

    @met.enough
    @settings(max_examples=100, database=None)
    @given(st.integers(0, 99))
    def test(number):
        met(small=number < 90, negative=number < 0)

    def run():
        test()
        met.check()  # under the profile "quick" nobody has called it

    with pytest.raises(AssertionError, match=r"^negative: 0 of \d+ examples, expected 10%"):
        run()


def test_every_share_is_answered():
    with pytest.raises(TypeError, match=r"shares of \['even', 'odd'\], met \['even'\]"):
        Met(even=0.5, odd=0.5)(even=True)


@pytest.mark.parametrize(
    ("examples", "share", "least"),
    [(100, 1.0, 100), (100, 0.5, 30), (20, 0.1, 0), (100, 0.1, 1), (400, 0.1, 16)],
)
def test_four_standard_deviations_of_chance(examples, share, least):
    assert least_count(examples, share) == least
