"""A number for everything that a byte can hold.

Every element of every tensor has one, and so has every byte of every int32 sum at every stage of
its making: a sum of which 16 of 96 channels are in is not the same as one of which 24 are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from patchc.ir import Conv, Graph
from patchc.reference.rectangles import Rectangle, SumsRectangle, length
from patchc.schedule.scratch import SUM_BYTES

POISON = -1  # the number of a byte that holds nothing any more, or nothing yet


class Numbers:
    """The numbers of everything that a byte can hold."""

    def __init__(self, graph: Graph, sums: Sequence[str]) -> None:
        self._graph = graph
        self._firsts: list[int] = []
        self._ranges: list[tuple[str, bool]] = []  # (tensor, is it sums?), in step with _firsts
        self._element: dict[str, int] = {}
        self._sum: dict[str, int] = {}
        end = 0
        for name, tensor in graph.tensors.items():
            self._element[name] = end
            end = self._add(name, False, end, tensor.bytes)
        for name in sums:
            self._sum[name] = end
            end = self._add(name, True, end, self._stages(name) * SUM_BYTES)

    def parts(self, name: str) -> int:
        """What the sums of a tensor add up: input channels of a convolution, pixels of a mean."""
        node = self._graph.producer[name]
        if isinstance(node.op, Conv):
            return node.op.channels_in
        height, width, _ = self._graph.tensors[node.inputs[0]].shape
        return height * width

    def elements(self, rectangle: Rectangle) -> np.ndarray:
        """int64 (rows, columns, channels)."""
        _, width, depth = rectangle.tensor.shape
        first = self._element[rectangle.tensor.name]
        first += rectangle.cols.start * depth + rectangle.channels.start
        rows = np.arange(rectangle.rows.start, rectangle.rows.stop) * (width * depth)
        numbers: np.ndarray = (first + rows)[:, None, None] + _pattern(
            length(rectangle.cols), depth, length(rectangle.channels)
        )
        return numbers

    def sums(self, rectangle: SumsRectangle, done: int) -> np.ndarray:
        """int64 (rows, row bytes), once `done` parts are added."""
        _, width, depth = rectangle.tensor.shape
        name = rectangle.tensor.name
        rows = np.arange(rectangle.rows.start, rectangle.rows.stop)[:, None] * width
        cols = np.arange(rectangle.cols.start, rectangle.cols.stop)
        elements = (rows + cols)[:, :, None] * depth + np.arange(depth)
        stages = elements * (self.parts(name) + 1) + done
        numbers = self._sum[name] + stages[..., None] * SUM_BYTES + np.arange(SUM_BYTES)
        return numbers.reshape(len(rows), -1)

    def describe(self, number: int) -> str:
        """What a byte with this number holds, for people."""
        if number == POISON:
            return "nothing: it was never written"
        index = bisect_right(self._firsts, number) - 1
        name, is_sum = self._ranges[index]
        rest = number - self._firsts[index]
        if not is_sum:
            return f"{self._place(name, rest)} of {name!r}"
        element, done = divmod(rest // SUM_BYTES, self.parts(name) + 1)
        return f"the sum of {self._place(name, element)} of {name!r} after {self._done(name, done)}"

    def describe_sum(self, rectangle: SumsRectangle, row: int, within: int, done: int) -> str:
        """The sum at byte `within` of a row, counted from the rectangle's corner."""
        _, width, depth = rectangle.tensor.shape
        col, channel = divmod(within // SUM_BYTES, depth)
        element = (rectangle.rows.start + row) * width + rectangle.cols.start + col
        name = rectangle.tensor.name
        return (
            f"the sum of {self._place(name, element * depth + channel)} of {name!r} after "
            f"{self._done(name, done)}"
        )

    def _add(self, name: str, is_sum: bool, first: int, count: int) -> int:
        self._firsts.append(first)
        self._ranges.append((name, is_sum))
        return first + count

    def _stages(self, name: str) -> int:
        return self._graph.tensors[name].bytes * (self.parts(name) + 1)

    def _place(self, name: str, element: int) -> str:
        row, col, channel = np.unravel_index(element, self._graph.tensors[name].shape)
        return f"row {row}, column {col}, channel {channel}"

    def _done(self, name: str, done: int) -> str:
        what = "channels" if isinstance(self._graph.producer[name].op, Conv) else "pixels"
        return f"{done} of {self.parts(name)} {what}"


@lru_cache(maxsize=256)
def _pattern(cols: int, depth: int, channels: int) -> np.ndarray:
    """int64 (cols, channels): elements of a row, counted from its first, `depth` per column."""
    return np.arange(cols, dtype=np.int64)[:, None] * depth + np.arange(channels)
