"""Equal branches in equal places: so that what computes them is the same code.

Branches that run one after the other have buffers that correspond. Those that live inside of a
branch get the offsets that they have in the first one; what lives longer, results and what they are
merged to, is put around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from patchc.ir.branches import find_branches
from patchc.schedule.types import Accumulate, Buffer, Call, Finish, KernelCall, Schedule

Solve = Callable[[Sequence[Buffer]], dict[str, int]]  # offsets of buffers on their own
Collide = Callable[[Buffer, int, Buffer, int], bool]


def alike_offsets(schedule: Schedule, solve: Solve, collide: Collide) -> dict[str, int] | None:
    """Offsets of all buffers in the arena, or None: there are no equal branches, or they do not run
    one after the other in the same way."""
    pairs = _pairs(schedule)
    if pairs is None:
        return None
    arena = {name for name, b in schedule.buffers.items() if b.kind.value != "extern"}
    first = [schedule.buffers[name] for name in pairs if name in arena]
    offsets = solve(first)
    for name, others in pairs.items():
        if name in arena:
            offsets |= dict.fromkeys(others, offsets[name])
    placed = [schedule.buffers[name] for name in offsets]
    rest = [schedule.buffers[name] for name in arena - set(offsets)]
    for buffer in sorted(rest, key=lambda b: (b.first, -b.bytes, b.name)):
        offsets[buffer.name] = _lowest(buffer, placed, offsets, collide)
        placed.append(buffer)
    return offsets


def _lowest(
    buffer: Buffer, placed: Sequence[Buffer], offsets: dict[str, int], collide: Collide
) -> int:
    ends = (offsets[other.name] + other.bytes for other in placed)
    places = {-(-end // buffer.align) * buffer.align for end in ends} | {0}
    near = [b for b in placed if b.first <= buffer.last and buffer.first <= b.last]
    return next(
        place
        for place in sorted(places)
        if not any(collide(buffer, place, other, offsets[other.name]) for other in near)
    )


def _pairs(schedule: Schedule) -> dict[str, list[str]] | None:
    """Buffers inside of the first branch -> those that correspond to it."""
    branches = find_branches(schedule.graph)
    if branches is None:
        return None
    branch_of = {name: i for i, nodes in enumerate(branches.nodes) for name in nodes}
    blocks: list[list[int]] = [[] for _ in branches.nodes]
    for index, block in enumerate(schedule.blocks):
        owners = {branch_of.get(name) for step in block.steps for name in step.nodes}
        if len(owners) == 1:
            (owner,) = owners
            if owner is not None:
                blocks[owner].append(index)
        elif owners & set(range(branches.count)):
            return None  # several branches in one tunnel
    together = all(b and b[-1] - b[0] == len(b) - 1 and len(b) == len(blocks[0]) for b in blocks)
    if not together:
        return None
    found: dict[str, list[str]] = {}
    for other in blocks[1:]:
        for one, two in zip(blocks[0], other, strict=True):
            calls = [
                [call for step in schedule.blocks[at].steps for call in step.all_calls]
                for at in (one, two)
            ]
            if [type(call) for call in calls[0]] != [type(call) for call in calls[1]]:
                return None
            for a, b in zip(*calls, strict=True):
                for left, right in zip(_used(schedule, a), _used(schedule, b), strict=True):
                    found.setdefault(left, [])
                    if right not in found[left]:
                        found[left].append(right)
    inner = {
        name
        for name in found
        if schedule.buffers[name].first >= blocks[0][0]
        and schedule.buffers[name].last <= blocks[0][-1]
    }
    kept = {name: found[name] for name in found if name in inner}
    names = [name for others in kept.values() for name in others]
    alike = all(
        len(others) == len(blocks) - 1
        and all(
            schedule.buffers[o].bytes == schedule.buffers[name].bytes
            and schedule.buffers[o].first - blocks[i][0]
            == schedule.buffers[name].first - blocks[0][0]
            and schedule.buffers[o].last - blocks[i][0]
            == schedule.buffers[name].last - blocks[0][0]
            for i, o in enumerate(others, 1)
        )
        for name, others in kept.items()
    )
    return kept if alike and len(set(names)) == len(names) else None


def _used(schedule: Schedule, call: Call) -> Iterator[str]:
    """The buffers that a call touches, in an order."""
    for tensor in (*call.reads, call.tensor):
        if tensor in schedule.storages:
            yield schedule.storages[tensor].buffer
    if isinstance(call, Accumulate | Finish):
        yield schedule.sums[call.tensor].buffer
    if isinstance(call, KernelCall) and call.scratch is not None:
        yield call.scratch.buffer
