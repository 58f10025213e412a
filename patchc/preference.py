"""`--budget` and `--prefer`: which of the plans that fit a budget is wanted."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from patchc.budget import NO_LIMIT, parse_budget
from patchc.errors import PatchcError

LEAST = "least"  # as a budget: no number, but the least that the search reaches

_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%?")


@dataclass(frozen=True, slots=True)
class Preference:
    """The plan of least RAM among those that cost a share `slack` more than the cheapest that fits,
    at most; None: the plan layer by layer, whatever it needs."""

    text: str
    slack: float | None


SPEED = Preference("speed", 0.0)
RAM = Preference("ram", math.inf)
LAYERS = Preference("layers", None)
DEFAULT = Preference("1%", 0.01)

_WORDS = {one.text: one for one in (SPEED, RAM, LAYERS)}


def parse_preference(text: str | None) -> Preference:
    """ "ram", "speed", "layers" or a percentage, such as "1%" or "0.5"; None: the default, 1 %.

    Raises PatchcError.
    """
    if text is None:
        return DEFAULT
    word = text.strip()
    if word in _WORDS:
        return _WORDS[word]
    match = _PERCENT.fullmatch(word)
    if match is None:
        raise PatchcError(
            f"--prefer {text!r}: write ram, speed, layers, or how many percent slower than the "
            "fastest plan one of less RAM may be, such as 1%"
        )
    return Preference(f"{match[1]}%", float(match[1]) / 100)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the plan search."""

    budget: int | None  # bytes, to be met; None: none was given
    preference: Preference

    @property
    def limit(self) -> int | None:
        """Bytes for the search; None: layer by layer."""
        if self.preference.slack is None:
            return None
        return NO_LIMIT if self.budget is None else self.budget

    @property
    def slack(self) -> float:
        return self.preference.slack or 0.0


def wanted(budget: str | int | None, prefer: str | None) -> Wanted:
    """`--budget` and `--prefer`. Raises PatchcError."""
    if isinstance(budget, str) and budget.strip() == LEAST:
        if prefer not in (None, RAM.text):
            raise PatchcError(f"--budget {LEAST} takes the plan of least RAM: leave out --prefer")
        return Wanted(None, RAM)
    return Wanted(None if budget is None else parse_budget(budget), parse_preference(prefer))
