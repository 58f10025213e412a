"""Rearrange: the values of an output pixel as runs of values that lie side by side in the input."""

from __future__ import annotations

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import Rearrange, Tensor
from patchc.numerics.structs import RearrangeParams, WindowParams

# Rows, places and lengths are uint16_t.
MAX_PLACE = 2**16 - 1


def rearrange_params(op: Rearrange, window: WindowParams, x: Tensor, where: str) -> RearrangeParams:
    """The kernel's constants. Raises PatchcError where a place in a row exceeds its type."""
    channels, kernel_w = x.shape[2], op.window.kernel[1]
    taps, channel = np.divmod(op.source.astype(np.int64), channels)
    rows, columns = np.divmod(taps, kernel_w)
    rows = rows * window.dilation_h
    places = columns * window.dilation_w * channels + channel
    starts = np.flatnonzero(np.r_[True, (np.diff(places) != 1) | (np.diff(rows) != 0)])
    lengths = np.diff(np.r_[starts, len(places)])
    largest = int(max(rows.max(), places.max(), lengths.max()))
    if largest > MAX_PLACE:
        raise PatchcError(f"{where}: it copies from byte {largest} of a window; most {MAX_PLACE}")
    arrays = (array.astype(np.uint16) for array in (rows[starts], places[starts], lengths))
    return RearrangeParams(window, len(starts), *arrays)
