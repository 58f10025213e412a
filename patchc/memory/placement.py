"""Where each buffer lies in the arena: the smallest arena, or a proof of how near it is.

A buffer is a rectangle: blocks first..last wide, bytes high. Rectangles must not overlap, except
that a map may grow over one whose rows are consumed while it grows (schedule.Overlap): then it
only has to start a given distance below. The highest top is the arena. The liveness peak is a
lower bound, and on networks that people deploy a first fit over a few sensible orders meets it;
only when none does is the CP-SAT solver asked, or, where that would take too long (many maps, each
written over the one before it), a sweep from block to block.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from patchc.errors import PatchcError
from patchc.memory.alike import alike_offsets
from patchc.memory.liveness import arena_buffers, liveness_peak, overlapping_bytes
from patchc.memory.sweep import Sweep, partners
from patchc.schedule.types import Buffer, Overlap, Schedule

# The solver stops after this much deterministic work (its own unit: 5 to 10 seconds on one core): a
# limit on wall-clock time would make the emitted C depend on the machine's load. What it proves of
# the networks that branch takes it a tenth of that.
SOLVER_WORK = 1.0
DIRECTIONS_WORK = 1.0  # likewise, for a choice of directions
# Up to so many buffers, and open directions, the solver is asked first; what it proves is kept.
SOLVED_BUFFERS = 600
SOLVED_DIRECTIONS = 32
# Of more buffers a sweep may find the least arena in a fraction of the time.
SOLVED_FIRST = 100
# With more directions it gets nowhere in that time that a sweep does not.
MOST_DIRECTIONS = 100
# With more pairs of buffers that are alive together only first fit is tried: dozens of maps side by
# side, all of which one node reads. Solver and sweep take 15 s with as many, and find nothing.
MOST_PAIRS = 2_000
SWEEPS = 12  # sizes of the arena that are tried, at most
# What equal branches may need more so that they lie in equal places, and share their code.
ALIKE_SHARE = 0.03


@dataclass(frozen=True)
class Placement:
    """Offsets of the arena's buffers, and how good they are proved to be."""

    offsets: Mapping[str, int]  # buffer name -> byte offset; extern buffers have none
    arena_bytes: int
    lower_bound_bytes: int  # no placement of these buffers does better
    method: str  # for the report: which method, and whether it is proved optimal


def place(schedule: Schedule) -> Placement:
    """The placement of least arena bytes that first fit or the solver finds; equal branches in
    equal places where that takes hardly more. Deterministic."""
    found = _place(schedule)
    problem = Problem.of(schedule)

    def solve(buffers: Sequence[Buffer]) -> dict[str, int]:
        names = {buffer.name for buffer in buffers}
        part = Problem(
            tuple(buffers),
            {pair: over for pair, over in problem.overlaps.items() if names.issuperset(pair)},
        )
        return dict(_solve_part(part))

    alike = alike_offsets(schedule, solve, problem.collide)
    if alike is None or problem.top(alike) > found.arena_bytes * (1 + ALIKE_SHARE):
        return found
    top, least = problem.top(alike), found.lower_bound_bytes
    how = "meets the lower bound" if top == least else f"within {top - least} B of the bound"
    return Placement(alike, top, least, f"equal branches in equal places, {how}")


def _solve_part(problem: Problem) -> Mapping[str, int]:
    peak = problem.peak()
    offsets = _best_first_fit(problem, peak)
    if problem.top(offsets) == peak or len(problem.buffers) > SOLVED_BUFFERS:
        return offsets
    return _solve(problem, offsets, peak).offsets


def _place(schedule: Schedule) -> Placement:
    problem = Problem.of(schedule)
    peak = liveness_peak(schedule)
    offsets = _best_first_fit(problem, peak)
    top = problem.top(offsets)
    if top == peak:
        return Placement(offsets, top, peak, "first fit, meets the liveness peak")
    if problem.pairs() > MOST_PAIRS:
        return Placement(offsets, top, peak, f"first fit, within {top - peak} B of the bound")
    solved = None
    if len(problem.buffers) <= SOLVED_BUFFERS:
        solved = _solve(problem, offsets, peak)
        peak, top = solved.lower_bound_bytes, solved.arena_bytes
        if top == peak:
            return solved
    swept = _sweep(problem, peak, top - 1)
    if swept is None:
        return solved or _solve(problem, offsets, peak)
    top = problem.top(swept[0])
    how = "meets the lower bound" if top == peak else f"within {top - peak} B of the bound"
    return Placement(swept[0], top, peak, f"block by block, {how}")


def _sweep(problem: Problem, least: int, most: int) -> tuple[dict[str, int], frozenset[int]] | None:
    """The smallest arena from `least` to `most` bytes that a sweep is found to do with: offsets,
    and blocks in reverse."""
    sweep = Sweep(problem.buffers, problem.overlaps)
    best = None
    arena = least
    for _ in range(SWEEPS):
        if least > most:
            break
        found = sweep.run(arena)
        if found is not None:
            best, most = found, problem.top(found[0]) - 1
        else:
            least = arena + 1
        arena = (least + most) // 2
    return best


def reversed_blocks(forwards: Schedule, backwards: Schedule) -> frozenset[int]:
    """Blocks to run from the last row to the first, so that the arena is smallest.

    The two schedules lower one plan, `backwards` with every tunnel in reverse that may be. The
    solver chooses a direction per block together with the offsets, every buffer as large as it is
    in the larger of the two.
    """
    problem = Problem.of(forwards)
    if problem.pairs() > MOST_PAIRS:
        return frozenset()
    both = dict(problem.overlaps)
    for pair, overlaps in Problem.of(backwards).overlaps.items():
        known = both.get(pair, ())
        both[pair] = (*known, *(o for o in overlaps if o not in known))
    buffers = tuple(
        replace(b, bytes=max(b.bytes, backwards.buffers[b.name].bytes)) for b in problem.buffers
    )
    turned = Problem(buffers, both)
    least = turned.peak()
    hint = _best_first_fit(Problem(buffers, problem.overlaps), least)
    count, solved = len(turned.open()), None
    if count <= SOLVED_DIRECTIONS and len(buffers) <= SOLVED_FIRST:
        solved = _Solver(turned, hint, 0, DIRECTIONS_WORK)
        if solved.optimal:
            return solved.reversed_blocks()
    swept = _sweep(turned, least, turned.top(hint) - 1)
    if swept is not None and (turned.top(swept[0]) == least or count > MOST_DIRECTIONS):
        return swept[1]
    solved = solved or _Solver(turned, hint, 0, DIRECTIONS_WORK)
    if solved.optimal:
        return solved.reversed_blocks()
    if swept is not None and not solved.beats(turned.top(swept[0])):
        return swept[1]
    return solved.reversed_blocks()


@dataclass(frozen=True)
class Problem:
    """Buffers, and which pairs of them may share bytes."""

    buffers: tuple[Buffer, ...]
    # By (target, source). One, or where the direction of the block is open, one for each.
    overlaps: Mapping[tuple[str, str], tuple[Overlap, ...]]

    @staticmethod
    def of(schedule: Schedule) -> Problem:
        overlaps = {(o.target, o.source): (o,) for o in schedule.overlaps}
        return Problem(arena_buffers(schedule), overlaps)

    @cached_property
    def partners(self) -> dict[str, set[str]]:
        """Buffer -> those that it may share bytes with, where there are any."""
        return partners(self.overlaps)

    def top(self, offsets: Mapping[str, int]) -> int:
        """The arena that these offsets need."""
        return max((offsets[b.name] + b.bytes for b in self.buffers), default=0)

    def peak(self) -> int:
        """No offsets need less, whatever the directions."""
        return max(overlapping_bytes(self.buffers, chain(*self.overlaps.values())), default=0)

    def pairs(self) -> int:
        """Pairs of buffers that are alive together."""
        begin = sorted(buffer.first for buffer in self.buffers)
        ended = sorted(buffer.last for buffer in self.buffers)
        # Each buffer meets those that began before it and have not ended.
        return sum(at - bisect_left(ended, first) for at, first in enumerate(begin))

    def open(self) -> tuple[int, ...]:
        """Blocks whose direction is open."""
        return tuple(
            dict.fromkeys(
                overlap.block
                for overlaps in self.overlaps.values()
                if len({overlap.reverse for overlap in overlaps}) > 1
                for overlap in overlaps
            )
        )

    def collide(self, one: Buffer, low: int, two: Buffer, other: int) -> bool:
        """Would `one` at `low` and `two` at `other` share a byte that both still need?"""
        if one.last < two.first or two.last < one.first:
            return False
        if low + one.bytes <= other or other + two.bytes <= low:
            return False
        for (target, at), (source, base) in (
            ((one, low), (two, other)),
            ((two, other), (one, low)),
        ):
            overlaps = self.overlaps.get((target.name, source.name), ())
            if any(overlap.allows(target, at, source, base) for overlap in overlaps):
                return False
        return True


def _align(offset: int, align: int) -> int:
    return -(-offset // align) * align


def _orders(buffers: Sequence[Buffer]) -> Iterable[list[Buffer]]:
    """Orders in which first fit tends to do well. The name makes each total."""
    yield sorted(buffers, key=lambda b: (-b.bytes, b.first, b.name))
    yield sorted(buffers, key=lambda b: (b.first, -b.bytes, b.name))
    yield sorted(buffers, key=lambda b: (b.first - b.last, -b.bytes, b.name))
    yield sorted(buffers, key=lambda b: (-b.bytes * (b.last - b.first + 1), b.first, b.name))
    # Backwards in time: a map written over its predecessor lies below it, so the last one is
    # lowest. What lives for one block only is put around the maps afterwards.
    yield sorted(buffers, key=lambda b: (-b.last, -b.first, -b.bytes, b.name))
    yield sorted(buffers, key=lambda b: (b.first == b.last, -b.last, -b.first, b.name))


def _best_first_fit(problem: Problem, least: int) -> dict[str, int]:
    """The first of the best; none needs less than `least` bytes."""
    best: dict[str, int] | None = None
    for order in _orders(problem.buffers):
        found = _first_fit(problem, order)
        if best is None or problem.top(found) < problem.top(best):
            best = found
        if problem.top(best) == least:
            break
    return best or {}


def _first_fit(problem: Problem, order: Sequence[Buffer]) -> dict[str, int]:
    """Each buffer at the lowest offset where it collides with none placed before."""
    placed: dict[str, int] = {}
    blocks = max((buffer.last for buffer in order), default=-1) + 1
    # Of those that are placed: the ones alive in each block, and the ones that begin in it.
    alive: list[list[Buffer]] = [[] for _ in range(blocks)]
    begin: list[list[Buffer]] = [[] for _ in range(blocks)]
    for buffer in order:
        lives = range(buffer.first, buffer.last + 1)
        partners = problem.partners.get(buffer.name, ())
        candidates = {0}
        taken: list[tuple[int, int]] = []
        related: list[tuple[Buffer, int]] = []
        for other in chain(alive[buffer.first], *(begin[block] for block in lives[1:])):
            low = placed[other.name]
            high = low + other.bytes
            candidates.add(-(-high // buffer.align) * buffer.align)
            if other.name not in partners:
                taken.append((low, high))
                continue
            over = problem.overlaps.get((buffer.name, other.name), ())
            under = problem.overlaps.get((other.name, buffer.name), ())
            candidates.update(low + overlap.shift(buffer, other) for overlap in over)
            candidates.update(low - overlap.shift(other, buffer) for overlap in under)
            related.append((other, low))
        free = _Free(taken)
        for offset in sorted(c for c in candidates if c >= 0 and c % buffer.align == 0):
            if free.has(offset, buffer.bytes) and not any(
                problem.collide(buffer, offset, other, low) for other, low in related
            ):
                placed[buffer.name] = offset
                break
        begin[buffer.first].append(buffer)
        for block in lives:
            alive[block].append(buffer)
    return placed


class _Free:
    """What ranges of bytes leave free."""

    def __init__(self, taken: Sequence[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(taken):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            elif start < end:
                self._starts.append(start)
                self._ends.append(end)

    def has(self, offset: int, size: int) -> bool:
        """Is none of the bytes offset .. offset + size - 1 taken?"""
        before = bisect_right(self._starts, offset) - 1
        if before >= 0 and self._ends[before] > offset:
            return size == 0
        return before + 1 == len(self._starts) or self._starts[before + 1] >= offset + size


def _solve(problem: Problem, hint: Mapping[str, int], peak: int) -> Placement:
    """CP-SAT: rectangles that do not overlap, least top. Starts from `hint`."""
    solver = _Solver(problem, hint, peak)
    best = problem.top(hint)
    if not solver.found:
        return Placement(hint, best, peak, f"first fit, within {best - peak} B of the bound")
    offsets = solver.offsets()
    found = problem.top(offsets)
    if solver.optimal:
        return Placement(offsets, found, found, "CP-SAT, proved optimal")
    gap = found - solver.bound
    return Placement(offsets, found, solver.bound, f"CP-SAT, within {gap} B of its bound")


class _Solver:
    """The CP-SAT model of a problem, solved."""

    def __init__(
        self, problem: Problem, hint: Mapping[str, int], peak: int, work: float = SOLVER_WORK
    ) -> None:
        try:
            from ortools.sat.python import cp_model  # slow to import, seldom needed
        except ImportError as error:
            raise PatchcError(
                "placing this network's buffers takes the solver of ortools, which cannot be "
                f"imported ({error}): pip install ortools. Without it plans would be others"
            ) from error

        self._problem, self._model = problem, cp_model.CpModel()
        best = problem.top(hint)
        top = self._model.new_int_var(peak, best, "top")
        self._offset: dict[str, cp_model.LinearExprT] = {}
        # Blocks whose direction is open: true for those that run in reverse.
        self._reverse: dict[int, cp_model.IntVar] = {}
        for block in problem.open():
            self._reverse[block] = self._model.new_bool_var(f"reverse {block}")
        self._shared = {source for _, source in problem.overlaps}
        lives, spans = [], []
        for b in problem.buffers:
            units = self._model.new_int_var(0, (best - b.bytes) // b.align, b.name)
            self._model.add_hint(units, hint[b.name] // b.align)
            offset = self._offset[b.name] = units * b.align
            # A map that may be written over in its last block meets that block's buffers one by
            # one.
            life = b.last - b.first + (0 if b.name in self._shared else 1)
            if life:
                spans.append(self._model.new_fixed_size_interval_var(offset, b.bytes, ""))
                lives.append(self._model.new_fixed_size_interval_var(b.first, life, ""))
            self._model.add(offset + b.bytes <= top)
        self._model.add_no_overlap_2d(lives, spans)
        self._last_blocks()
        # The smallest arena; for that, as few blocks in reverse as possible.
        self._model.minimize(top * (len(self._reverse) + 1) + sum(self._reverse.values()))
        self._solver = cp_model.CpSolver()
        self._solver.parameters.num_workers = 1
        self._solver.parameters.random_seed = 0
        self._solver.parameters.max_deterministic_time = work
        status = self._solver.solve(self._model)
        self.optimal = status == cp_model.OPTIMAL
        self.found = self.optimal or status == cp_model.FEASIBLE

    def _last_blocks(self) -> None:
        """Maps that may be written over, against whatever else is there in their last block."""
        buffers = self._problem.buffers
        for source in (b for b in buffers if b.name in self._shared):
            for other in buffers:
                meets = other.first <= source.last <= other.last
                twice = (
                    other.name in self._shared
                    and other.name < source.name
                    and other.last == source.last
                )
                if other is not source and meets and not twice:
                    self._apart(source, other)

    def _apart(self, source: Buffer, other: Buffer) -> None:
        """`other` above, below, or as far over `source` as an overlap allows."""
        model, offset = self._model, self._offset
        choices = [model.new_bool_var(""), model.new_bool_var("")]
        above = offset[source.name] + source.bytes <= offset[other.name]
        below = offset[other.name] + other.bytes <= offset[source.name]
        model.add(above).only_enforce_if(choices[0])
        model.add(below).only_enforce_if(choices[1])
        for overlap in self._problem.overlaps.get((other.name, source.name), ()):
            choice = model.new_bool_var("")
            shifted = offset[source.name] + overlap.shift(other, source)
            grows = offset[other.name]
            allowed = shifted <= grows if overlap.reverse else grows <= shifted
            model.add(allowed).only_enforce_if(choice)
            direction = self._reverse.get(overlap.block)
            if direction is not None:
                model.add_implication(choice, direction if overlap.reverse else direction.negated())
            choices.append(choice)
        model.add_bool_or(choices)

    def offsets(self) -> dict[str, int]:
        """Bytes from the arena's start, by buffer."""
        return {
            b.name: int(self._solver.value(self._offset[b.name])) for b in self._problem.buffers
        }

    def beats(self, top: int) -> bool:
        """Was a smaller arena found?"""
        return self.found and self._problem.top(self.offsets()) < top

    def reversed_blocks(self) -> frozenset[int]:
        """Of those whose direction is open."""
        if not self.found:
            return frozenset()
        chosen = (block for block, var in self._reverse.items() if self._solver.value(var))
        return frozenset(chosen)

    @property
    def bound(self) -> int:
        """No placement has a smaller top. For problems whose directions are settled."""
        return round(self._solver.best_objective_bound)
