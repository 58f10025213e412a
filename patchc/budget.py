"""Sizes as people write them, and what a budget covers."""

from __future__ import annotations

import re

from patchc.errors import PatchcError

# More than any plan needs or costs.
NO_LIMIT = 2**62

# KB on a label is 1000 bytes, KiB 1024; linker scripts and data sheets write 64K for 65536.
UNITS = {
    "": 1,
    "B": 1,
    "k": 1024,
    "K": 1024,
    "M": 1024 * 1024,
    "KiB": 1024,
    "MiB": 1024 * 1024,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000 * 1000,
}

_SIZE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))? ?([A-Za-z]*)")


def parse_budget(text: str | int) -> int:
    """A number of bytes: "64k" = "64KiB" = 65536, "63kB" = 63000, "1M" = 1048576, "70000".

    Decimals are taken where they name a whole number of bytes ("1.5k"). Raises PatchcError.
    """
    if isinstance(text, int):
        text = str(text)
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[3] not in UNITS:
        raise PatchcError(
            f"{text!r} is not a number of bytes: write 65536, 64k (k = 1024) or 63kB (kB = 1000)"
        )
    decimals = match[2] or ""
    bytes_, rest = divmod(int(match[1] + decimals) * UNITS[match[3]], 10 ** len(decimals))
    if rest:
        raise PatchcError(f"{text!r} is not a whole number of bytes")
    return bytes_
