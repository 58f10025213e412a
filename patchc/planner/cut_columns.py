"""The columns of tensors in tunnels that end at one cut, for many numbers of stripes at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence

import numpy as np

from patchc.geometry.columns import MAX_COLUMN, Columns, Demand, stripes
from patchc.ir import Graph, Node
from patchc.schedule.extents import tile_count


class CutColumns:
    """Arrays are int64 (counts,): an entry per number of stripes. A tensor is asked for once all
    nodes before the cut that read it have been looked at (`down_to`)."""

    def __init__(
        self,
        graph: Graph,
        nodes: Sequence[Node],
        outputs: Sequence[str],
        counts: Sequence[int],
        streamed: Collection[str] = (),
    ) -> None:
        """`nodes`: all before the cut. `outputs`: the maps they make that are read behind it.
        `counts`: numbers of stripes. `streamed`: images of which every pixel comes, also those that
        nobody reads."""
        self.graph, self.counts, self.stop = graph, tuple(counts), len(nodes)
        self._demand = Demand(graph, nodes, outputs, stripes(counts))
        self._cut = self._demand.cut
        self._known: dict[Hashable, np.ndarray] = {
            ("widest", name): np.full(len(counts), graph.tensors[name].shape[1], dtype=np.int64)
            for name in streamed
        }

    def down_to(self, position: int) -> None:
        """Look at the nodes from `position` on."""
        self._demand.down_to(position)

    def narrow(self, start: int, stop: int) -> dict[int, int]:
        """Nodes from `start` to `stop` that, in the first number of stripes, do not compute all
        columns: by position, those that they compute."""
        self._demand.down_to(start)
        found = self._demand.narrow
        return {at: found[at] for at in found if start <= at < stop} if found else {}

    def widest(self, tensor: str) -> np.ndarray:
        """Columns of the widest stripe."""
        return self._of(("widest", tensor), lambda: self._cut.widest(self._columns(tensor)))

    def total(self, tensor: str) -> np.ndarray:
        """Columns that are computed, over all stripes."""
        return self._of(("total", tensor), lambda: self._cut.total(self._columns(tensor)))

    def tiles(self, tensor: str, tile: int) -> np.ndarray:
        """Pieces along the columns, over all stripes."""

        def found() -> np.ndarray:
            columns = self._columns(tensor)
            return self._cut.sum(tile_count(columns.stop - columns.start, tile))

        return self._of(("tiles", tensor, tile), found)

    def last(self, tensor: str) -> np.ndarray:
        """The column behind the last one of all stripes."""
        return self._of(("last", tensor), lambda: self._cut.last(self._columns(tensor)))

    def present(self, tensor: str) -> np.ndarray:
        """Stripes that have any."""
        return self._of(("present", tensor), lambda: self._cut.present(self._columns(tensor)))

    def too_wide(self, tensor: str, is_piece: bool) -> np.ndarray:
        """Does lowering refuse a step for the columns of a wide tensor? bool (counts,). Every step
        lists the columns of its pieces, and those of an inner tensor unless they are all there
        are."""
        far = self.last(tensor) > MAX_COLUMN
        if not is_piece:
            far &= self.widest(tensor) < self.graph.tensors[tensor].shape[1]
        return far

    def _columns(self, tensor: str) -> Columns:
        return self._demand.columns(tensor)

    def _of(self, key: Hashable, work_out: Callable[[], np.ndarray]) -> np.ndarray:
        if key not in self._known:
            self._known[key] = work_out()
        return self._known[key]
