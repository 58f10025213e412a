"""The error for a budget that cannot be met: what sets the floor, and the ways down from it."""

from __future__ import annotations

from patchc.errors import BudgetError
from patchc.memory import Placement
from patchc.pipeline import Progress
from patchc.report.floor import find_peak, over_budget
from patchc.schedule.types import Schedule
from patchc.ways.find import Asked, find_ways


def missed(
    asked: Asked, schedule: Schedule, placement: Placement, reserve_bytes: int, progress: Progress
) -> BudgetError:
    """For a network whose plan of least RAM is `schedule`, placed; ways are looked for here, which
    may take as long as twenty seconds and once more the search for a plan."""
    total = placement.arena_bytes + reserve_bytes
    ways = find_ways(asked, total, find_peak(schedule).tensors, progress)
    return over_budget(
        schedule,
        placement,
        asked.budget_bytes,
        reserve_bytes,
        ways.found,
        ways.left_out,
        asked.budget_words,
    )
