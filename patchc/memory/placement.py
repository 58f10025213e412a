"""Where each buffer lies in the arena: the smallest arena, or a proof of how near it is.

A buffer is a rectangle: blocks first..last wide, bytes high. Rectangles must not overlap, and the
highest top is the arena. The liveness peak is a lower bound, and on networks that people deploy a
first-fit over a few sensible orders meets it; only when none does is the CP-SAT solver asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from patchc.memory.liveness import arena_buffers, liveness_peak
from patchc.tunnels.schedule import Buffer, Schedule

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
    buffers = arena_buffers(schedule)
    peak = liveness_peak(schedule)
    offsets = min((_first_fit(order) for order in _orders(buffers)), key=_top(buffers))
    top = _top(buffers)(offsets)
    if top == peak:
        return Placement(offsets, top, peak, "first fit, meets the liveness peak")
    return _solve(buffers, offsets, peak)


def _top(buffers: Sequence[Buffer]) -> Callable[[Mapping[str, int]], int]:
    return lambda offsets: max((offsets[b.name] + b.bytes for b in buffers), default=0)


def _align(offset: int, align: int) -> int:
    return -(-offset // align) * align


def _orders(buffers: Sequence[Buffer]) -> Iterable[list[Buffer]]:
    """Orders in which first fit tends to do well. The name makes each total."""
    yield sorted(buffers, key=lambda b: (-b.bytes, b.first, b.name))
    yield sorted(buffers, key=lambda b: (b.first, -b.bytes, b.name))
    yield sorted(buffers, key=lambda b: (b.first - b.last, -b.bytes, b.name))
    yield sorted(buffers, key=lambda b: (-b.bytes * (b.last - b.first + 1), b.first, b.name))


def _first_fit(order: Sequence[Buffer]) -> dict[str, int]:
    """Each buffer at the lowest offset that is free during its life."""
    placed: list[tuple[int, Buffer]] = []
    for buffer in order:
        offset = 0
        for low, other in sorted(placed, key=lambda item: item[0]):
            meets = buffer.first <= other.last and other.first <= buffer.last
            if meets and low < offset + buffer.bytes and offset < low + other.bytes:
                offset = _align(low + other.bytes, buffer.align)
        placed.append((offset, buffer))
    return {buffer.name: offset for offset, buffer in placed}


def _solve(buffers: Sequence[Buffer], hint: Mapping[str, int], peak: int) -> Placement:
    """CP-SAT: rectangles that do not overlap, least top. Starts from `hint`."""
    from ortools.sat.python import cp_model  # slow to import, seldom needed

    best = _top(buffers)(hint)
    model = cp_model.CpModel()
    top = model.new_int_var(peak, best, "top")
    offset = {}
    lives, spans = [], []
    for b in buffers:
        units = model.new_int_var(0, (best - b.bytes) // b.align, b.name)
        model.add_hint(units, hint[b.name] // b.align)
        offset[b.name] = units * b.align
        spans.append(model.new_fixed_size_interval_var(offset[b.name], b.bytes, f"{b.name}.bytes"))
        lives.append(
            model.new_fixed_size_interval_var(b.first, b.last - b.first + 1, f"{b.name}.life")
        )
        model.add(offset[b.name] + b.bytes <= top)
    model.add_no_overlap_2d(lives, spans)
    model.minimize(top)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = SOLVER_WORK
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Placement(hint, best, peak, f"first fit, within {best - peak} B of the bound")
    offsets = {b.name: int(solver.value(offset[b.name])) for b in buffers}
    found, bound = _top(buffers)(offsets), round(solver.best_objective_bound)
    if status == cp_model.OPTIMAL:
        return Placement(offsets, found, found, "CP-SAT, proved optimal")
    return Placement(offsets, found, bound, f"CP-SAT, within {found - bound} B of its bound")
