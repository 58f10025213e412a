"""Placement block by block, in an arena of a given size, with directions where they are open.

Maps written over those before them drift down, and up where their block runs in reverse. In a long
chain each has little choice: it lies against an end of the arena, against a neighbour, or as far
over the map before it as its block allows. So a few arrangements of what is alive are carried from
block to block, in time that grows with the number of blocks only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from patchc.schedule.types import Buffer, Overlap

# Arrangements carried on from each block, and looked at within one.
ARRANGEMENTS = 12
WITHIN = 120

Overlaps = Mapping[tuple[str, str], Sequence[Overlap]]


class Arrangement(NamedTuple):  # tuples are made several times as fast: there are very many
    """Where the buffers lie that are alive."""

    placed: tuple[tuple[Buffer, int], ...]
    reversed: int  # blocks so far
    turned: bool  # the block now runs in reverse
    before: Arrangement | None  # at the end of the block before


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
        kept = [Arrangement((), 0, False, None)]
        for block, begin in enumerate(self._begin):
            found = self._through(block, begin, kept, arena)
            kept = _best(found, block, arena)
            if not kept:
                return None
        return self._unwind(min(kept, key=lambda one: one.reversed))

    def _through(
        self, block: int, begin: Sequence[Buffer], kept: Sequence[Arrangement], arena: int
    ) -> list[Arrangement]:
        """All arrangements in a block; nothing that ended before it is in them any more."""
        briefly = sum(_align(b.bytes, b.align) for b in begin if b.last == block)
        found = [
            Arrangement(
                tuple((b, at) for b, at in one.placed if b.last >= block),
                one.reversed + turned,
                turned,
                one,
            )
            for turned in sorted(self._directions[block] or {False})
            for one in kept
        ]
        for buffer in begin:
            found = [
                Arrangement((*one.placed, (buffer, at)), one.reversed, one.turned, one.before)
                for one in found
                for at in self._places(buffer, one, arena, briefly)
            ]
            if len(found) > WITHIN:
                found = _best(found, block, arena, WITHIN)
        return found

    def _places(self, buffer: Buffer, one: Arrangement, arena: int, briefly: int) -> Iterator[int]:
        """Where a buffer can lie beside those that are there."""
        size, align = buffer.bytes, buffer.align
        top = arena - size
        related = self._partners.get(buffer.name, ())
        ends = [(0, 1), (top, -1)]
        for other, low in one.placed:
            ends += [(low + other.bytes, 1), (low - size, -1)]
            if other.name in related:
                for overlap in self._between(buffer, other, one.turned):
                    shifted = low + overlap.shift(buffer, other)
                    ends += [(shifted, 1 if overlap.reverse else -1)]
                for overlap in self._between(other, buffer, one.turned):
                    shifted = low - overlap.shift(other, buffer)
                    ends += [(shifted, -1 if overlap.reverse else 1)]
        tried = {at for at, _ in ends}
        if briefly and buffer.last > buffer.first:
            # Room for what lives in this block only is left below, or above.
            tried |= {at + sign * briefly for at, sign in ends}
        if align > 1:
            tried = {at - at % align for at in tried} | {_align(at, align) for at in tried}
        for at in sorted(at for at in tried if 0 <= at <= top):
            if self._fits(buffer, at, one):
                yield at

    def _between(self, target: Buffer, source: Buffer, turned: bool) -> list[Overlap]:
        overlaps = self._overlaps.get((target.name, source.name), ())
        return [overlap for overlap in overlaps if overlap.reverse == turned]

    def _fits(self, buffer: Buffer, at: int, one: Arrangement) -> bool:
        end, related = at + buffer.bytes, self._partners.get(buffer.name, ())
        for other, low in one.placed:
            if end <= low or low + other.bytes <= at:
                continue
            if other.name not in related:
                return False
            over = self._between(buffer, other, one.turned)
            under = self._between(other, buffer, one.turned)
            if not any(overlap.allows(buffer, at, other, low) for overlap in over) and not any(
                overlap.allows(other, low, buffer, at) for overlap in under
            ):
                return False
        return True

    def _unwind(self, last: Arrangement) -> tuple[dict[str, int], frozenset[int]]:
        offsets: dict[str, int] = {}
        turned = []
        block, one = len(self._begin) - 1, last
        while one.before is not None:
            offsets.update((buffer.name, at) for buffer, at in one.placed)
            turned += [block] if one.turned else []
            block, one = block - 1, one.before
        return offsets, frozenset(turned)


def _best(
    found: Sequence[Arrangement], block: int, arena: int, count: int = ARRANGEMENTS
) -> list[Arrangement]:
    """Of those that leave the same for the blocks to come one, with the fewest in reverse; and of
    these the ones whose maps lie nearest to the ends of the arena."""
    distinct: dict[tuple[bool | tuple[str, int], ...], Arrangement] = {}
    for one in found:
        key: tuple[bool | tuple[str, int], ...] = tuple(
            (b.name, at) for b, at in one.placed if b.last > block or count > ARRANGEMENTS
        )
        key = (*key, count > ARRANGEMENTS and one.turned)
        if key not in distinct or one.reversed < distinct[key].reversed:
            distinct[key] = one
    if len(distinct) <= count:
        return list(distinct.values())

    def inside(one: Arrangement) -> tuple[int, int]:
        lasting = [(b, at) for b, at in one.placed if b.last > block]
        return sum(min(at, arena - at - b.bytes) for b, at in lasting), one.reversed

    return sorted(distinct.values(), key=inside)[:count]


def _align(offset: int, align: int) -> int:
    return -(-offset // align) * align
