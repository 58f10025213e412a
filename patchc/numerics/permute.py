"""Permute: the digits of rows, columns and channels as arrays."""

from __future__ import annotations

import numpy as np

from patchc.ir import Permute
from patchc.ir.graph import Digits
from patchc.numerics.structs import PermuteParams


def permute_params(op: Permute) -> PermuteParams:
    """What the kernel takes."""
    return PermuteParams(
        _pairs(op.rows),
        _pairs(op.cols),
        _pairs(op.channels),
        len(op.rows),
        len(op.cols),
        len(op.channels),
    )


def _pairs(digits: Digits) -> np.ndarray | None:
    """int32: count and step of each digit; None where there is none."""
    return np.array(digits, np.int32).reshape(-1) if digits else None
