"""How many examples a property test runs, and how many of them meet what it is for."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, event, settings

FULL = 100  # examples by default under the profiles that leave none out (tests/conftest.py)


def some(examples: int) -> settings:
    """So many examples; a fifth of them under the profile "quick"."""
    count = -(-examples * settings.default.max_examples // FULL)
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))


CHANCE = 1e-4  # of a run that fails although its strategies keep their promise


class Met:
    """Counts what the examples of a test meet, and fails the test where that is too rare.

        met = Met(ring=0.9, stripes=0.2)

        @met.enough
        @given(...)
        def test(case):
            ...
            met(ring=found_a_ring, stripes=tunnel.stripes > 1)

    A share is what the strategies promise at least. Fewer examples may meet it by chance, so the
    test fails where the count lies below `least_count`. A fifth of the examples says too little,
    as many of them vary an earlier one: under the profile "quick" no share is judged.
    """

    def __init__(self, **least: float) -> None:
        self.least = least
        self._examples = 0
        self._counts: Counter[str] = Counter()

    def __call__(self, **there: bool) -> None:
        """To be called once at the end of each example, with a truth for every share."""
        if there.keys() != self.least.keys():
            raise TypeError(f"shares of {sorted(self.least)}, met {sorted(there)}")
        self._examples += 1
        for tag, met in there.items():
            if met:
                self._counts[tag] += 1
                event(tag)

    def enough(self, test: Callable[[], None]) -> Callable[[], None]:
        """The same test, which counts anew in every run."""

        @functools.wraps(test)
        def run() -> None:
            self._examples = 0
            self._counts.clear()
            test()
            if settings.default.max_examples >= FULL:
                self.check()

        return run

    def check(self) -> None:
        """Raises AssertionError for the shares that were not met."""
        total = self._examples
        rare = [
            f"{tag}: {self._counts[tag]} of {total} examples, expected {share:.0%}"
            for tag, share in self.least.items()
            if self._counts[tag] < least_count(total, share)
        ]
        assert not rare, "; ".join(rare)


def least_count(examples: int, share: float) -> int:
    """A count that examples which meet something with a probability of `share` or more fall short
    of in one run of ten thousand at most: four standard deviations below the mean; one, where
    none at all is as unlikely."""
    deviation = (examples * share * (1 - share)) ** 0.5
    some = int((1 - share) ** examples < CHANCE)
    return max(some, int(examples * share - 4 * deviation))
