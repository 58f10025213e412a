"""The one kind of error that a user is shown: exit code 2, one message, no traceback."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


class PatchcError(Exception):
    """Something about the user's model, files or options. `str(error)` is the whole message:
    which node or file, what was expected, what to do about it."""


@dataclass(frozen=True, slots=True)
class Way:
    """A change with which a network needs less RAM, and how much then: computed, not guessed."""

    change: str  # for people, on a line of a terminal
    least_bytes: int  # arena and reserve of the plan of least RAM
    fits: bool  # the budget that was missed
    # How to do it: one of these.
    options: tuple[str, ...] = ()  # of the command: "--input", "extern"
    image: tuple[int, int] | None = None  # height and width of the network's input
    layers: tuple[str, ...] = ()  # nodes whose outputs get fewer channels
    channels: tuple[int, int] | None = None  # of the first of these layers: fewer, as they are
    grid: str | None = None  # of `patchc tunnel --grid`


class BudgetError(PatchcError):
    """A budget below the least total that patchc reaches, as the message says and as data."""

    def __init__(
        self,
        message: str,
        budget_bytes: int,
        least_bytes: int,
        layer: str,
        buffers: tuple[str, ...],
        ways: tuple[Way, ...] = (),
    ) -> None:
        super().__init__(message)
        self.budget_bytes = budget_bytes
        self.least_bytes = least_bytes  # arena and reserve
        self.layer = layer  # at which most bytes are alive
        self.buffers = buffers  # alive then, the largest first
        self.ways = ways  # to need less

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """For other processes, whose results are pickled."""
        data = (self.budget_bytes, self.least_bytes, self.layer, self.buffers, self.ways)
        return type(self), (str(self), *data)

    def to_json(self) -> str:
        """An object with the field `error`, which no result has: message and data."""
        found = {
            "message": str(self),
            "budget_bytes": self.budget_bytes,
            "least_bytes": self.least_bytes,
            "layer": self.layer,
            "buffers": self.buffers,
            "ways": [asdict(way) for way in self.ways],
        }
        return json.dumps({"error": found}, indent=1) + "\n"
