"""The one kind of error that a user is shown: exit code 2, one message, no traceback."""

from __future__ import annotations


class PatchcError(Exception):
    """Something about the user's model, files or options. `str(error)` is the whole message:
    which node or file, what was expected, what to do about it."""


class BudgetError(PatchcError):
    """A budget below the least total that patchc reaches, as the message says and as data."""

    def __init__(
        self,
        message: str,
        budget_bytes: int,
        least_bytes: int,
        layer: str,
        buffers: tuple[str, ...],
    ) -> None:
        super().__init__(message)
        self.budget_bytes = budget_bytes
        self.least_bytes = least_bytes  # arena and reserve
        self.layer = layer  # at which most bytes are alive
        self.buffers = buffers  # alive then, the largest first

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """For other processes, whose results are pickled."""
        data = (self.budget_bytes, self.least_bytes, self.layer, self.buffers)
        return type(self), (str(self), *data)
