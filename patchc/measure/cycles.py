"""An estimate of the cycles that a core takes for what an image executed.

A block of straight code is timed once, instruction after instruction, by the core's Timing and by
what stands right before; how often it ran, and how often its last jump was taken, is counted. Left
out: what memories, caches and buses make a core wait (but for `wait_states`), branches that are
predicted wrongly, the alignment of code, values that decide how long a division takes, and whatever
depends on more than two neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patchc.measure.counting import Counts, Executed, Sums
from patchc.measure.listing import JUMPS, VECTORS, Instruction, Kind, Listing
from patchc.measure.trace import Block
from patchc.targets.timing import Timing

_MEMORY = frozenset((Kind.LOAD, Kind.STORE))
_MULTIPLIES = frozenset((Kind.MULTIPLY, Kind.MULTIPLY_ADD, Kind.LONG_MULTIPLY, Kind.DSP))
# What a core that issues two at a time does alone.
_ALONE = frozenset(
    (Kind.DIVIDE, Kind.MULTIPLE, Kind.RETURN, Kind.LOAD_JUMP, Kind.TABLE_JUMP, Kind.SYSTEM)
)

Group = tuple[Instruction, ...]  # that start in one cycle


@dataclass(frozen=True, slots=True)
class BlockCycles:
    """Of one run of a block."""

    straight: int  # what is behind it comes next
    taken: int  # it ends with a jump that is taken


def estimate(counts: Counts, listing: Listing, timing: Timing, wait_states: int = 0) -> Sums:
    """Cycles of one call of NAME_run.

    wait_states: of the memory that holds code and constants, which gives lines of 16 bytes and
    reads code ahead, but has no cache: the core waits at each jump that is taken, and for each line
    of constants (`counts` has them where they were asked for). Raises PatchcError where `listing`
    is of another image.
    """
    return counts.sums(lambda one: cycles_of(one, listing, timing, wait_states))


def cycles_of(one: Executed | Block, listing: Listing, timing: Timing, wait_states: int = 0) -> int:
    """Cycles of all runs of a block, likewise."""
    code = listing.block(one.address, one.instructions)
    found = block_cycles(code, timing)
    taken = one.runs - one.straight if code[-1].kind in JUMPS else 0
    waits = wait_states * (taken + one.lines)
    return found.straight * (one.runs - taken) + found.taken * taken + waits


def block_cycles(code: Sequence[Instruction], timing: Timing) -> BlockCycles:
    """A block's cycles. `code`: straight, a jump at its end only."""
    *before, last = _groups(code, timing)
    cycles = 0
    previous: Group = ()
    for group in before:
        cycles += _cycles(group[0], previous, timing) + _waits(group, previous, timing)
        previous = group
    cycles += _waits(last, previous, timing)
    if code[-1].kind not in JUMPS:
        cycles += _cycles(last[0], previous, timing)
        return BlockCycles(cycles, cycles)
    return BlockCycles(cycles + 1, cycles + _jump(code[-1], timing))


def _groups(code: Sequence[Instruction], timing: Timing) -> list[Group]:
    """What starts in one cycle: an instruction or, on a core that issues two, a pair."""
    groups: list[Group] = []
    for one in code:
        if timing.issues_two and groups and len(groups[-1]) == 1 and _pairs(groups[-1][0], one):
            groups[-1] = (groups[-1][0], one)
        else:
            groups.append((one,))
    return groups


def _pairs(first: Instruction, second: Instruction) -> bool:
    """Whether two instructions start in one cycle: they do not depend on each other, and no more
    than one of them shifts an operand, multiplies or stores; the DSP instructions come first."""
    kinds = (first.kind, second.kind)
    return not (
        any(kind in _ALONE for kind in kinds)
        or first.writes & (second.reads | second.writes)
        or (first.shifts and second.shifts)
        or second.kind is Kind.DSP
        or all(kind in _MULTIPLIES for kind in kinds)
        or (Kind.STORE in kinds and all(kind in _MEMORY for kind in kinds))
    )


def _cycles(one: Instruction, previous: Group, timing: Timing) -> int:
    """Of an instruction that is no jump, or of the pair that it begins."""
    before = previous[-1] if previous else None
    if one.kind in VECTORS:
        overlaps = before is not None and before.kind in VECTORS and before.kind != one.kind
        return timing.vector - 1 if overlaps else timing.vector
    if one.kind is Kind.MULTIPLE:
        return timing.multiple + one.registers
    by_register = len(one.by) > 1
    own = {
        Kind.LOAD: timing.load,
        Kind.STORE: timing.store_by_register if by_register else timing.store,
        Kind.MULTIPLY: timing.multiply,
        Kind.MULTIPLY_ADD: timing.multiply_add,
        Kind.LONG_MULTIPLY: timing.long_multiply,
        Kind.LONG_MULTIPLY_ADD: timing.long_multiply_add,
        Kind.DIVIDE: timing.divide,
        Kind.SYSTEM: timing.system,
    }.get(one.kind, 1)
    follows_load = before is not None and before.kind is Kind.LOAD and not before.writes & one.by
    pipelines = timing.loads_pipeline and one.kind in _MEMORY and follows_load
    return max(1, own - 1) if pipelines else own


def _waits(group: Group, previous: Group, timing: Timing) -> int:
    """Cycles until what was begun right before is there."""
    wait = 0
    for before, one in ((before, one) for before in previous for one in group):
        if before.kind is Kind.LOAD:
            wait = max(wait, timing.load_use if before.writes & one.reads else 0)
        elif before.kind not in (Kind.STORE, Kind.MULTIPLE):
            wait = max(wait, timing.address_use if before.writes & one.by else 0)
    return wait


def _jump(one: Instruction, timing: Timing) -> int:
    return {
        Kind.JUMP: timing.jump,
        Kind.CALL: timing.call,
        Kind.TABLE_JUMP: timing.table_jump,
        Kind.LOAD_JUMP: timing.load_jump,
        Kind.RETURN: timing.return_ + one.registers,
        Kind.LOOP: timing.loop,
    }[one.kind]
