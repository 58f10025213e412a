"""What a certificate claims, and what becomes of a claim that does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMAT = 1
INT32 = 2**31

Json = Mapping[str, Any]


class NotProvedError(Exception):
    """Something that the certificate claims does not follow. `str(error)` says what."""


def require(holds: object, claim: str) -> None:
    if not holds:
        raise NotProvedError(claim)
