"""Placement block by block, in an arena of a given size, with directions where they are open.

Maps written over those before them drift down, and up where their block runs in reverse. In a long
chain each has little choice: it lies against an end of the arena, against a neighbour, or as far
over the map before it as its block allows. So a few arrangements of what is alive are carried from
block to block, in time that grows with the number of blocks only. All that are carried hold the
same buffers, so they are rows of one array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from patchc.schedule.types import Buffer, Overlap

# Arrangements carried on from each block, and looked at within one.
ARRANGEMENTS = 12
WITHIN = 120
NOWHERE = -1  # a place that is none

Overlaps = Mapping[tuple[str, str], Sequence[Overlap]]


@dataclass(frozen=True, slots=True, eq=False)
class Arrangements:
    """Where the buffers lie that are alive, in several ways: an entry, or a row, for each."""

    buffers: tuple[Buffer, ...]
    offsets: np.ndarray  # int64 (ways, buffers)
    reversed: np.ndarray  # blocks so far
    turned: np.ndarray  # bool: the block now runs in reverse
    before: np.ndarray  # which one of the block before it comes from

    def __len__(self) -> int:
        return len(self.offsets)

    def taking(self, ways: np.ndarray) -> Arrangements:
        return Arrangements(
            self.buffers,
            self.offsets[ways],
            self.reversed[ways],
            self.turned[ways],
            self.before[ways],
        )

    def with_buffer(self, buffer: Buffer, ways: np.ndarray, places: np.ndarray) -> Arrangements:
        """One for each of the `places` in one of the `ways`."""
        found = self.taking(ways)
        return Arrangements(
            (*self.buffers, buffer),
            np.column_stack((found.offsets, places)),
            found.reversed,
            found.turned,
            found.before,
        )


def partners(overlaps: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Buffer -> those that it may share bytes with, where there are any."""
    found: dict[str, set[str]] = {}
    for target, source in overlaps:
        found.setdefault(target, set()).add(source)
        found.setdefault(source, set()).add(target)
    return found


class Sweep:
    """The buffers of a problem, by the block that they begin in."""

    def __init__(self, buffers: Sequence[Buffer], overlaps: Overlaps) -> None:
        self._overlaps = overlaps
        blocks = max((buffer.last for buffer in buffers), default=-1) + 1
        self._begin: list[list[Buffer]] = [[] for _ in range(blocks)]
        for buffer in buffers:
            self._begin[buffer.first].append(buffer)
        for begin in self._begin:
            begin.sort(key=lambda b: (-b.last, -b.bytes, b.name))
        self._directions: list[set[bool]] = [set() for _ in range(blocks)]
        self._partners = partners(overlaps)
        for pair in overlaps.values():
            for overlap in pair:
                self._directions[overlap.block].add(overlap.reverse)

    def run(self, arena: int) -> tuple[dict[str, int], frozenset[int]] | None:
        """Offsets within `arena` bytes, and blocks to run in reverse; None: none was found."""
        none = np.zeros(1, np.int64)
        kept = Arrangements((), np.zeros((1, 0), np.int64), none, none > 0, none)
        passed = []
        for block, begin in enumerate(self._begin):
            found = self._through(block, begin, kept, arena)
            kept = _best(found, block, arena)
            if not len(kept):
                return None
            passed.append(kept)
        return _unwind(passed)

    def _through(
        self, block: int, begin: Sequence[Buffer], kept: Arrangements, arena: int
    ) -> Arrangements:
        """All arrangements in a block; nothing that ended before it is in them any more."""
        briefly = sum(_align(b.bytes, b.align) for b in begin if b.last == block)
        alive = [column for column, b in enumerate(kept.buffers) if b.last >= block]
        directions = sorted(self._directions[block] or {False})
        ways = np.tile(np.arange(len(kept)), len(directions))
        turned = np.repeat(np.array(directions), len(kept))
        found = Arrangements(
            tuple(kept.buffers[column] for column in alive),
            kept.offsets[:, alive][ways],
            kept.reversed[ways] + turned,
            turned,
            ways,
        )
        for buffer in begin:
            places = self._places(buffer, found, arena, briefly)
            places[~self._fits(buffer, places, found)] = NOWHERE
            ways, columns = np.nonzero(places != NOWHERE)
            found = found.with_buffer(buffer, ways, places[ways, columns])
            if len(found) > WITHIN:
                found = _best(found, block, arena, WITHIN)
        return found

    def _places(self, buffer: Buffer, found: Arrangements, arena: int, briefly: int) -> np.ndarray:
        """Where a buffer can lie beside those that are there, ascending: (ways, places)."""
        size, align = buffer.bytes, buffer.align
        top = arena - size
        ends = [(np.zeros(len(found), np.int64), 1), (np.full(len(found), top), -1)]
        related = self._partners.get(buffer.name, ())
        for other, low in zip(found.buffers, found.offsets.T, strict=True):
            ends += [(low + other.bytes, 1), (low - size, -1)]
            if other.name not in related:
                continue
            for overlap in self._between(buffer, other):
                shifted = low + overlap.shift(buffer, other)
                shifted = np.where(found.turned == overlap.reverse, shifted, NOWHERE)
                ends += [(shifted, 1 if overlap.reverse else -1)]
            for overlap in self._between(other, buffer):
                shifted = low - overlap.shift(other, buffer)
                shifted = np.where(found.turned == overlap.reverse, shifted, NOWHERE)
                ends += [(shifted, -1 if overlap.reverse else 1)]
        tried = [at for at, _ in ends]
        if briefly and buffer.last > buffer.first:
            # Room for what lives in this block only is left below, or above.
            tried += [np.where(at == NOWHERE, NOWHERE, at + sign * briefly) for at, sign in ends]
        places = np.stack(tried, axis=1)
        if align > 1:
            places = np.hstack((places - places % align, -(-places // align) * align))
        places.sort(axis=1)
        again = np.zeros_like(places, dtype=bool)
        again[:, 1:] = places[:, 1:] == places[:, :-1]
        places[again | (places < 0) | (places > top)] = NOWHERE
        return places

    def _between(self, target: Buffer, source: Buffer) -> Sequence[Overlap]:
        return self._overlaps.get((target.name, source.name), ())

    def _fits(self, buffer: Buffer, places: np.ndarray, found: Arrangements) -> np.ndarray:
        """Which of the places are free, or may be shared: bool (ways, places)."""
        low = found.offsets[:, None]
        end = low + np.array([other.bytes for other in found.buffers], np.int64)
        at = places[:, :, None]
        free = (at + buffer.bytes <= low) | (end <= at)
        related = self._partners.get(buffer.name, ())
        turned = found.turned[:, None]
        for column, other in enumerate(found.buffers):
            if other.name in related:
                base = found.offsets[:, column, None]
                for overlap in self._between(buffer, other):
                    allowed = overlap.allows(buffer, places, other, base)
                    free[:, :, column] |= np.asarray(allowed) & (turned == overlap.reverse)
                for overlap in self._between(other, buffer):
                    allowed = overlap.allows(other, base, buffer, places)
                    free[:, :, column] |= np.asarray(allowed) & (turned == overlap.reverse)
        return np.asarray(free.all(axis=2))


def _unwind(passed: Sequence[Arrangements]) -> tuple[dict[str, int], frozenset[int]]:
    """The arrangement with the fewest blocks in reverse, back to the first block."""
    offsets: dict[str, int] = {}
    turned = []
    way = int(np.argmin(passed[-1].reversed)) if passed else 0
    for block, found in reversed(list(enumerate(passed))):
        names = (buffer.name for buffer in found.buffers)
        offsets.update(zip(names, found.offsets[way].tolist(), strict=True))
        turned += [block] if found.turned[way] else []
        way = int(found.before[way])
    return offsets, frozenset(turned)


def _best(found: Arrangements, block: int, arena: int, count: int = ARRANGEMENTS) -> Arrangements:
    """Of those that leave the same for the blocks to come one, with the fewest in reverse; and of
    these the ones whose maps lie nearest to the ends of the arena."""
    if not len(found):
        return found
    lasting = [column for column, b in enumerate(found.buffers) if b.last > block]
    inside = count > ARRANGEMENTS  # the block goes on
    key = found.offsets if inside else found.offsets[:, lasting]
    key = np.column_stack((key, found.turned if inside else np.zeros(len(found), bool)))
    rows = np.ascontiguousarray(key).view(np.dtype((np.void, key.shape[1] * key.itemsize)))
    _, first, same = np.unique(rows[:, 0], return_index=True, return_inverse=True)
    # By the first of those that leave the same; of these the one with the fewest in reverse.
    by = np.lexsort((np.arange(len(found)), found.reversed, first[same]))
    kept = by[np.flatnonzero(np.diff(first[same][by], prepend=-1))]
    if len(kept) > count:
        sizes = np.array([found.buffers[column].bytes for column in lasting], np.int64)
        offsets = found.offsets[kept][:, lasting]
        ends = np.minimum(offsets, arena - offsets - sizes).sum(axis=1)
        kept = kept[np.lexsort((found.reversed[kept], ends))[:count]]
    return found.taking(kept)


def _align(offset: int, align: int) -> int:
    return -(-offset // align) * align
