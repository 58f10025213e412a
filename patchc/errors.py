"""The one kind of error that a user is shown: exit code 2, one message, no traceback."""

from __future__ import annotations


class PatchcError(Exception):
    """Something about the user's model, files or options. `str(error)` is the whole message:
    which node or file, what was expected, what to do about it."""
