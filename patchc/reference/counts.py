"""Bookkeeping of a run that bytes cannot carry: what was fetched, and what a mean has added up."""

from __future__ import annotations

import numpy as np

from patchc.geometry.span import Span
from patchc.reference.rectangles import length
from patchc.reference.shadow import ShadowMemoryError


class Fetches:
    """How often each pixel of a graph input was fetched, or of an output handed over, and in which
    order."""

    def __init__(self, height: int, width: int) -> None:
        self._times = np.zeros((height, width), dtype=np.int64)
        self._next = 0  # the first pixel, in raster order, behind all that were fetched
        self.raster_order = True

    def add(self, rows: Span, cols: Span) -> None:
        width = self._times.shape[1]
        self._times[rows.start : rows.stop, cols.start : cols.stop] += 1
        first = rows.start * width + cols.start
        in_one_run = length(rows) == 1 or length(cols) == width
        self.raster_order = self.raster_order and in_one_run and first >= self._next
        self._next = (rows.stop - 1) * width + cols.stop

    @property
    def pixels(self) -> int:
        """Fetched pixels, each as often as it was fetched."""
        return int(self._times.sum())

    @property
    def reread(self) -> int:
        """Pixels fetched more than once."""
        return int((self._times > 1).sum())

    @property
    def unread(self) -> int:
        """Pixels never fetched."""
        return int((self._times == 0).sum())


class MeanPixels:
    """Which pixels of a map a mean has added up."""

    def __init__(self, name: str, height: int, width: int) -> None:
        self._name = name  # of the map
        self._added = np.zeros((height, width), dtype=np.bool_)

    @property
    def done(self) -> int:
        """Pixels added so far."""
        return int(self._added.sum())

    def add(self, rows: Span, cols: Span) -> None:
        """Raises ShadowMemoryError for a pixel that was added before."""
        part = self._added[rows.start : rows.stop, cols.start : cols.stop]
        if part.any():
            row, col = np.argwhere(part)[0].tolist()
            raise ShadowMemoryError(
                f"adds row {rows.start + row}, column {cols.start + col} of {self._name!r} to the "
                "mean a second time"
            )
        part[:] = True

    def check_complete(self) -> None:
        """Raises ShadowMemoryError when a pixel is missing."""
        if not self._added.all():
            row, col = np.argwhere(~self._added)[0].tolist()
            raise ShadowMemoryError(
                f"finishes the mean of {self._name!r} without its row {row}, column {col}"
            )
