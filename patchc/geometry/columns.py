"""Columns that stripes demand, for many numbers of stripes at once.

The columns that a node computes do not depend on how nodes are grouped into steps, nor on rows:
every stripe of every count is one entry of an array, and going back through the windows is a
handful of array operations per node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from patchc.geometry.axis import SAME, AxisMap, axis_maps
from patchc.ir import GlobalAveragePool, Graph, Node, needs_whole

# Where columns of a stripe may end: the members of patchc_cols, in the tables of tunnels, are
# uint16_t.
MAX_COLUMN = 2**16 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of one tensor, or the rows: int64 (stripes of all counts together,), or of pieces
    one below the other."""

    start: np.ndarray
    stop: np.ndarray

    def hull(self, other: Columns) -> Columns:
        """The smallest columns that hold both; empty ones hold nothing."""
        empty, other_empty = self.start >= self.stop, other.start >= other.stop
        start = np.where(
            empty,
            other.start,
            np.where(other_empty, self.start, np.minimum(self.start, other.start)),
        )
        stop = np.where(
            empty,
            other.stop,
            np.where(other_empty, self.stop, np.maximum(self.stop, other.stop)),
        )
        return Columns(start, stop)


@dataclass(frozen=True, slots=True, eq=False)
class Stripes:
    """Column stripes for several counts, one after the other."""

    counts: tuple[int, ...]
    index: np.ndarray  # of each stripe within its count
    count: np.ndarray  # its count
    first: np.ndarray  # where each count begins

    def share(self, width: int) -> Columns:
        """Stripe q of n owns columns q * width // n .. (q + 1) * width // n."""
        return Columns(self.index * width // self.count, (self.index + 1) * width // self.count)

    def widest(self, columns: Columns) -> np.ndarray:
        """Per count: the width of the widest stripe."""
        return np.maximum.reduceat(columns.stop - columns.start, self.first)

    def total(self, columns: Columns) -> np.ndarray:
        """Per count: the sum of all widths."""
        return self.sum(columns.stop - columns.start)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Per count: the sum of a value per stripe."""
        return np.add.reduceat(values, self.first)

    def present(self, columns: Columns) -> np.ndarray:
        """Per count: the stripes that have any of them."""
        return np.add.reduceat((columns.stop > columns.start).astype(np.int64), self.first)

    def last(self, columns: Columns) -> np.ndarray:
        """Per count: the column behind the last one of all stripes."""
        return np.maximum.reduceat(columns.stop, self.first)


def stripes(counts: Sequence[int]) -> Stripes:
    """All stripes of the given counts."""
    index = np.concatenate([np.arange(count, dtype=np.int64) for count in counts])
    count = np.repeat(np.array(counts, dtype=np.int64), counts)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    return Stripes(tuple(counts), index, count, first)


class Demand:
    """The columns computed of each tensor (read of it, when made outside), per stripe, in any run
    of nodes that ends at one cut.

    Outputs are the tensors that nodes behind the cut read, and each stripe owns its share of each
    of them. A mean adds up its share of its input. What a tensor's readers demand does not depend
    on where the run starts, so the nodes before the cut are looked at once, the last one first.
    """

    def __init__(
        self, graph: Graph, nodes: Sequence[Node], outputs: Sequence[str], cut: Stripes
    ) -> None:
        """`nodes`: all nodes before the cut. `outputs`: what leaves of the maps they make."""
        self.graph, self.nodes, self.cut = graph, nodes, cut
        self.start = len(nodes)  # from here on the nodes have been looked at
        # Those of which, in the first number of stripes, not all columns are computed.
        self.narrow: dict[int, int] = {}  # position -> columns
        self._found = {name: cut.share(graph.tensors[name].shape[1]) for name in outputs}

    def columns(self, tensor: str) -> Columns:
        """Of a tensor all of whose readers have been looked at."""
        return self._found[tensor]

    def down_to(self, start: int) -> None:
        """Look at the nodes from position `start` on."""
        while self.start > start:
            self.start -= 1
            node = self.nodes[self.start]
            made = self._found[node.output]
            width = int(made.stop[0] - made.start[0])
            if width != self.graph.tensors[node.output].shape[1]:
                self.narrow[self.start] = width
            self._visit(node)

    def _visit(self, node: Node) -> None:
        found = self._found
        for name in dict.fromkeys(node.inputs):
            width = self.graph.tensors[name].shape[1]
            if isinstance(node.op, GlobalAveragePool):
                need = self.cut.share(width)
            else:
                within = self.graph.tensors[node.output].shape[1] <= width
                need = _behind(node, found[node.output], width, within)
                if needs_whole(self.graph, node, name):  # each stripe reads all there is
                    need = Columns(np.zeros_like(need.start), np.full_like(need.stop, width))
            found[name] = need.hull(found[name]) if name in found else need


def _behind(node: Node, out: Columns, width: int, within: bool) -> Columns:
    """Columns of an operand behind columns of the output. `within`: the output is no wider than the
    operand, so that the same columns are all there."""
    _, across = axis_maps(node.op)
    return out if within and across == SAME else behind(across, out, width)


def behind(along: AxisMap, out: Columns, size: int) -> Columns:
    """What an axis of `size` is read for positions of the output: AxisMap.behind, on arrays."""
    start = (out.start * along.stride + along.first) // along.up
    stop = ((out.stop - 1) * along.stride + along.last) // along.up + 1
    start, stop = _within(start, size), _within(stop, size)
    stop = np.where((out.start >= out.stop) | (start >= stop), start, stop)
    return Columns(start, stop)


def _within(positions: np.ndarray, size: int) -> np.ndarray:
    """Cut off at the ends of an axis. np.clip takes several times as long on short arrays."""
    return np.minimum(np.maximum(positions, 0), size)
