"""Graph and Plan, as text, and the text of the Schedule that the two are lowered to: pytest
--update-golden refreshes it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from patchc.geometry.clocks import RowClock, all_rows
from patchc.ir import format_graph
from patchc.memory import check_placement, place
from patchc.plan.printer import format_plan
from patchc.plan.types import InputMode
from patchc.planner.layer_by_layer import trivial_plan
from patchc.schedule.lower import lower
from patchc.schedule.printer import WIDTH, format_clock, format_schedule
from tests.flavours import WITH_TWINS
from tests.graphs import NetworkBuilder
from tests.lowerings import LOWERINGS
from tests.schedules import check
from tests.variants import variants

FOLDER = Path(__file__).parent.parent / "golden_text"


@pytest.mark.parametrize("name", LOWERINGS)
def test_what_a_plan_is_lowered_to(name, check_golden):
    graph, plan = LOWERINGS[name]()
    schedule = lower(graph, plan, WITH_TWINS)
    placement = place(schedule)
    check_placement(schedule, placement)
    check(schedule, placement)
    texts = (format_graph(graph), format_plan(plan), format_schedule(schedule, placement.offsets))
    check_golden(FOLDER / f"{name}.txt", "\n".join(texts))


def test_no_golden_file_is_left_over():
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.txt" for name in LOWERINGS}


@pytest.mark.parametrize("name", LOWERINGS)
def test_a_schedule_that_differs_in_one_place_has_another_text(name):
    schedule = lower(*LOWERINGS[name](), WITH_TWINS)
    changed = list(variants(schedule))
    texts = {format_schedule(schedule), *map(format_schedule, changed)}
    assert len(texts) == 1 + len(changed)
    assert all(len(line) <= WIDTH for text in texts for line in text.splitlines())


def test_offsets_are_part_of_the_text():
    schedule = lower(*LOWERINGS["chain"]())
    offsets = place(schedule).offsets
    changed = [None, offsets, *({**offsets, name: offsets[name] + 1} for name in offsets)]
    assert len({format_schedule(schedule, each) for each in changed}) == len(changed)


def test_a_long_line_goes_on_in_the_next_one_and_names_are_never_broken():
    """Some names have spaces."""
    net = NetworkBuilder()
    names = [f"branch {number} of the concatenation" for number in range(4)]
    x = net.input(4, 4, 2)
    graph = net.build(net.concat(*(net.conv(x, 2, name=name) for name in names), name="out"))
    text = format_schedule(lower(graph, trivial_plan(graph, InputMode.TILES)))
    assert text.endswith(
        """\
    step out.node: out rows 4, 4 at a time, cols 0:4
      out = concat("branch 0 of the concatenation", "branch 1 of the concatenation",
          "branch 2 of the concatenation", "branch 3 of the concatenation")  # out.node
"""
    )
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_row_clock_is_printed_as_what_it_computes():
    """The text, evaluated, is the clock at every tick; every number of the clock changes it."""
    numbers = itertools.product((1, 3), (1, 2), (-2, 0, 1), (9,), (1, 2), (-1, 0, 1))
    clocks = [RowClock(*each) for each in numbers]
    texts = [format_clock(clock) for clock in clocks]
    assert len(set(texts)) == len(texts)
    for clock, text in zip(clocks, texts, strict=True):
        rows, limit = re.sub(r"(\d)t", r"\1*t", text).split(" <= ")
        for tick in range(12):
            finished = eval(rows, {"t": tick})
            assert clock.at(tick) == min(max(finished, 0), int(limit))
    assert format_clock(all_rows(7)) == "7"
