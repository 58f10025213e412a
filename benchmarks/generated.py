"""Examples of hypothesis as a program wants them: some by a seed, none kept or shrunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, seed, settings

T = TypeVar("T", bound=Callable[..., object])


def generated(count: int, number: int) -> Callable[[T], T]:
    """For a function under `given`: `count` examples of the seed `number`."""

    def decorated(function: T) -> T:
        chosen = settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        return seed(number)(chosen(function))

    return decorated
