"""What moves the rows of a ring that slides: it computes no node, but has a price all the same."""

from __future__ import annotations

from patchc.ir import Op
from patchc.kernels.features import Count, Counted, Features
from patchc.kernels.kernel import Kernel
from patchc.kernels.portable import portable

SLIDE: Kernel = portable("slide", Op, struct=None, pack=None)


def slide_work(times: Count, rows: Count, row_bytes: Count) -> Features:
    """So many moves, of so many rows in all, of so many bytes each."""
    return Counted(calls=times, rows=rows, outputs=rows * row_bytes)
