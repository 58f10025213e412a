"""Concat: each input is copied, or looked up in a table where it is requantised or clamped."""

from __future__ import annotations

import numpy as np

from patchc.ir import Concat, Tensor
from patchc.numerics.linear import ALL_VALUES, quantize, requantization
from patchc.numerics.structs import ConcatParams


def concat_params(op: Concat, inputs: list[Tensor], y: Tensor) -> ConcatParams:
    """The kernel's constants; inputs that need the same table share it."""
    tables: list[bytes] = []
    places = []
    for tensor in inputs:
        entries = np.clip(requantization(tensor.quant, y.quant), op.clamp.lo, op.clamp.hi)
        table = entries.astype(np.int8).tobytes()
        if np.array_equal(entries, ALL_VALUES):
            places.append(-1)
            continue
        if table not in tables:
            tables.append(table)
        places.append(256 * tables.index(table))
    covered = sum(tensor.shape[2] for tensor in inputs)
    background = np.clip(quantize(op.background, y.quant), op.clamp.lo, op.clamp.hi)
    return ConcatParams(
        count=len(inputs),
        starts=np.array(op.starts, np.int32),
        tables_at=np.array(places, np.int32),
        tables=np.frombuffer(b"".join(tables), np.int8) if tables else None,
        background=background.astype(np.int8) if covered < op.channels_out else None,
    )
