"""C identifiers for tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable


def identifiers(tensors: Iterable[str]) -> dict[str, str]:
    """Tensor -> an identifier, unique whatever the case, made from its ONNX name."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for tensor in tensors:
        stem = re.sub(r"\W+", "_", tensor, flags=re.ASCII).strip("_") or "t"
        stem = f"t_{stem}" if stem[0].isdigit() else stem
        name, number = stem, 2
        while name.lower() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.lower())
        names[tensor] = name
    return names
