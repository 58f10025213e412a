"""What units of tunnels that end at one cut need and cost, for many numbers of stripes at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from patchc.kernels.slide import SLIDE, slide_work
from patchc.planner.cut_columns import CutColumns
from patchc.planner.unit_prices import Pricing, UnitPrice, UnitPrices


class Prices:
    """The units before one cut, in tunnels that end there."""

    def __init__(
        self,
        columns: CutColumns,
        pricing: Pricing,
        may_be_narrow: Sequence[int] | None = None,
    ) -> None:
        """`columns`: those of the cut. `pricing`: of the units. `may_be_narrow`: rising positions
        of nodes that need not compute all columns; None: of all."""
        self.graph, self.counts, self.units = columns.graph, columns.counts, pricing.units
        self._stop = columns.stop
        self._columns, self._pricing = columns, pricing
        self._may_be_narrow = range(self._stop) if may_be_narrow is None else may_be_narrow
        self._found: dict[int, UnitPrices] = {}
        self._widest: dict[str, list[int]] = {}
        self._fewer: dict[int, np.ndarray] = {}  # from a unit to the last one
        self._takes_no_more: dict[int, np.ndarray] = {}

    def look_back(self, position: int) -> None:
        """From now on, tensors that are read from `position` on only have their columns."""
        self._columns.down_to(position)

    def widest(self, tensor: str) -> list[int]:
        """Columns of the widest stripe, per count of stripes."""
        if tensor not in self._widest:
            self._widest[tensor] = self._columns.widest(tensor).tolist()
        return self._widest[tensor]

    def row_bytes(self, tensor: str, k: int) -> int:
        """Bytes of one row of its ring, with the k-th number of stripes."""
        return self.widest(tensor)[k] * self.graph.tensors[tensor].shape[2]

    def move_cost(self, tensor: str, k: int, times: int, rows: int) -> int:
        """What moving the rows of its ring costs, with the k-th number of stripes: so many moves a
        stripe, of so many rows in all."""
        count = int(self._columns.present(tensor)[k])
        work = slide_work(times * count, rows * count, self.row_bytes(tensor, k))
        return int(self._pricing.machine.cost(SLIDE, work))

    def narrow(self, start: int, stop: int) -> dict[int, int]:
        """Nodes from `start` to `stop` that, in the first number of stripes, do not compute all
        columns: by position, those that they compute."""
        first = bisect_left(self._may_be_narrow, start)
        if first == bisect_left(self._may_be_narrow, stop):
            return {}
        return self._columns.narrow(self._may_be_narrow[first], stop)

    def options(self, position: int) -> tuple[UnitPrice, ...]:
        """Every way to run the unit at `position`."""
        return self._unit(position).ways

    def least_cost(self, position: int) -> np.ndarray:
        """The unit at `position` costs no less, per count of stripes: int64 (counts,)."""
        return self._unit(position).least_cost

    def _unit(self, position: int) -> UnitPrices:
        if position not in self._found:
            self._columns.down_to(position)
            self._found[position] = self._pricing.price(position, self._columns)
        return self._found[position]

    def no_more_bytes(self, start: int, end: int) -> np.ndarray:
        """Whatever way the units from `start` to `end` run: bool (counts, counts), [one, other]:
        one number of stripes takes no more bytes than the other."""
        at = start
        ahead: list[int] = []
        while at < end and (end < self._stop or at not in self._fewer):
            ahead.append(at)
            at += len(self.units[at].nodes)
        found = np.ones((len(self.counts),) * 2, dtype=bool)
        if at < end:
            found = self._fewer[at]
        for position in reversed(ahead):
            found = found & self._unit_takes_no_more(position)
            if end == self._stop:
                self._fewer[position] = found
        return found

    def _unit_takes_no_more(self, position: int) -> np.ndarray:
        """As `no_more_bytes`, of one unit."""
        if position not in self._takes_no_more:
            unit = self.units[position]
            scratch = np.array([way.scratch for way in self.options(position)])
            least = [scratch[list(group)].min(axis=0) for group in unit.alike]  # by rings
            made = [self.graph.node(name).output for name in unit.nodes]
            bytes_ = np.array([*map(self._columns.widest, made), *least])
            fewer: np.ndarray = np.all(bytes_[:, :, None] <= bytes_[:, None], axis=0)
            self._takes_no_more[position] = fewer
        return self._takes_no_more[position]
