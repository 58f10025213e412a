"""Where each buffer lies in the arena: the smallest arena, or a proof of how near it is.

A buffer is a rectangle: blocks first..last wide, bytes high. Rectangles must not overlap, except
that a map may grow over one whose rows are consumed while it grows (schedule.Overlap): then it
only has to start a given distance below. The highest top is the arena. The liveness peak is a
lower bound, and on networks that people deploy a first fit over a few sensible orders meets it;
only when none does is the CP-SAT solver asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from patchc.memory.liveness import arena_buffers, liveness_peak
from patchc.tunnels.schedule import Buffer, Overlap, Schedule

# The solver stops after this much deterministic work (about as many seconds on one core): a limit
# on wall-clock time would make the emitted C depend on the machine's load.
SOLVER_WORK = 10.0


@dataclass(frozen=True)
class Placement:
    """Offsets of the arena's buffers, and how good they are proved to be."""

    offsets: Mapping[str, int]  # buffer name -> byte offset; extern buffers have none
    arena_bytes: int
    lower_bound_bytes: int  # no placement of these buffers does better
    method: str  # for the report: which method, and whether it is proved optimal


def place(schedule: Schedule) -> Placement:
    """The placement of least arena bytes that first fit or the solver finds. Deterministic."""
    problem = Problem.of(schedule)
    peak = liveness_peak(schedule)
    tries = [_first_fit(problem, order) for order in _orders(problem.buffers)]
    offsets = min(tries, key=problem.top)
    top = problem.top(offsets)
    if top == peak:
        return Placement(offsets, top, peak, "first fit, meets the liveness peak")
    return _solve(problem, offsets, peak)


@dataclass(frozen=True)
class Problem:
    """Buffers, and which pairs of them may share bytes."""

    buffers: tuple[Buffer, ...]
    overlaps: Mapping[tuple[str, str], Overlap]  # by (target, source)

    @staticmethod
    def of(schedule: Schedule) -> Problem:
        overlaps = {(o.target, o.source): o for o in schedule.overlaps}
        return Problem(arena_buffers(schedule), overlaps)

    def top(self, offsets: Mapping[str, int]) -> int:
        """The arena that these offsets need."""
        return max((offsets[b.name] + b.bytes for b in self.buffers), default=0)

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
            overlap = self.overlaps.get((target.name, source.name))
            if overlap is not None and overlap.allows(target, at, source, base):
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


def _first_fit(problem: Problem, order: Sequence[Buffer]) -> dict[str, int]:
    """Each buffer at the lowest offset where it collides with none placed before."""
    placed: dict[str, tuple[Buffer, int]] = {}
    for buffer in order:
        candidates = {0}
        for other, low in placed.values():
            candidates.add(_align(low + other.bytes, buffer.align))
            over = problem.overlaps.get((buffer.name, other.name))
            if over is not None:
                candidates.add(low + over.shift(buffer, other))
            under = problem.overlaps.get((other.name, buffer.name))
            if under is not None:
                candidates.add(low - under.shift(other, buffer))
        for offset in sorted(c for c in candidates if c >= 0 and c % buffer.align == 0):
            if not any(
                problem.collide(buffer, offset, other, low) for other, low in placed.values()
            ):
                placed[buffer.name] = (buffer, offset)
                break
    return {name: offset for name, (_, offset) in placed.items()}


def _solve(problem: Problem, hint: Mapping[str, int], peak: int) -> Placement:
    """CP-SAT: rectangles that do not overlap, least top. Starts from `hint`."""
    from ortools.sat.python import cp_model  # slow to import, seldom needed

    buffers, best = problem.buffers, problem.top(hint)
    model = cp_model.CpModel()
    top = model.new_int_var(peak, best, "top")
    offset = {}
    lives, spans = [], []
    shared = {source for _, source in problem.overlaps}
    for b in buffers:
        units = model.new_int_var(0, (best - b.bytes) // b.align, b.name)
        model.add_hint(units, hint[b.name] // b.align)
        offset[b.name] = units * b.align
        # A map that may be written over in its last block meets that block's buffers one by one.
        life = b.last - b.first + (0 if b.name in shared else 1)
        if life:
            spans.append(
                model.new_fixed_size_interval_var(offset[b.name], b.bytes, f"{b.name}.bytes")
            )
            lives.append(model.new_fixed_size_interval_var(b.first, life, f"{b.name}.life"))
        model.add(offset[b.name] + b.bytes <= top)
    model.add_no_overlap_2d(lives, spans)
    for source in (b for b in buffers if b.name in shared):
        for other in buffers:
            meets = other.first <= source.last <= other.last
            if (
                other is source
                or not meets
                or (other.name in shared and other.name < source.name and other.last == source.last)
            ):
                continue
            ways = [
                (offset[other.name] + other.bytes, offset[source.name]),
                (offset[source.name] + source.bytes, offset[other.name]),
            ]
            overlap = problem.overlaps.get((other.name, source.name))
            if overlap is not None:
                shifted = offset[source.name] + overlap.shift(other, source)
                way = (offset[other.name], shifted)
                ways.append(way[::-1] if overlap.reverse else way)
            choices = []
            for low, high in ways:
                choice = model.new_bool_var("")
                model.add(low <= high).only_enforce_if(choice)
                choices.append(choice)
            model.add_bool_or(choices)
    model.minimize(top)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = SOLVER_WORK
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Placement(hint, best, peak, f"first fit, within {best - peak} B of the bound")
    offsets = {b.name: int(solver.value(offset[b.name])) for b in buffers}
    found, bound = problem.top(offsets), round(solver.best_objective_bound)
    if status == cp_model.OPTIMAL:
        return Placement(offsets, found, found, "CP-SAT, proved optimal")
    return Placement(offsets, found, bound, f"CP-SAT, within {found - bound} B of its bound")
