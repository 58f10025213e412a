"""The text form of a Plan."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest

from patchc.plan.printer import format_plan
from patchc.plan.types import InputMode, OutputMode, Plan, StepPlan, TunnelPlan
from tests.lowerings import LOWERINGS
from tests.variants import variants


def test_every_setting_has_its_word():
    plan = Plan(
        InputMode.STREAM,
        (
            TunnelPlan((StepPlan(("stem",), ("conv2d",)),), whole=True),
            TunnelPlan(
                (
                    StepPlan(("expand",), ("conv2d_pointwise",)),
                    StepPlan(("dw", "project"), ("conv2d_depthwise", "conv2d_pointwise"), tile=3),
                    StepPlan(("e", "d", "p"), ("one", "two", "three"), group=8, rows=2),
                    StepPlan(("last",), ("conv2d",), rows=4, slide=2),
                ),
                stripes=2,
                reverse=True,
            ),
        ),
        (("sum", "project out"), ("lut", "sum")),
        OutputMode.ROWS,
    )
    assert format_plan(plan) == dedent(
        """\
        plan: input stream, outputs rows
          layer stem by conv2d
          tunnel, stripes 2, reverse
            step: expand by conv2d_pointwise
            step, tile 3:
              dw by conv2d_depthwise
              project by conv2d_pointwise
            step, group 8, rows 2:
              e by one
              d by two
              p by three
            step, rows 4, slide 2: last by conv2d
          in place: sum over "project out"
          in place: lut over sum
        """
    )


@pytest.mark.parametrize("name", LOWERINGS)
def test_a_plan_that_differs_in_one_place_has_another_text(name):
    _, plan = LOWERINGS[name]()
    changed = list(variants(plan))
    assert len({format_plan(plan), *map(format_plan, changed)}) == 1 + len(changed)


STEPS = [
    StepPlan(()),
    StepPlan((), ("k",)),
    StepPlan(("by",)),
    StepPlan(("by",), ("k",)),
    StepPlan(("by k",)),
    StepPlan(("by", "k")),
    StepPlan(("n",), ("k", "k")),
    StepPlan(("n", "m"), ("k",)),
    StepPlan(("step:", "n")),
    StepPlan(("tunnel",)),
    StepPlan(("n\n      m",)),
    StepPlan(("n", "m")),
    StepPlan(("",), ("",)),
]


def test_plans_that_do_not_fit_and_names_like_words_of_the_text_are_told_apart():
    tunnels = [TunnelPlan(())]
    tunnels += [TunnelPlan((step,), whole=whole) for step in STEPS for whole in (True, False)]
    tunnels += [TunnelPlan((STEPS[2], step)) for step in STEPS]
    plan = Plan(InputMode.TILES, ())
    plans = [plan, *(replace(plan, tunnels=(tunnel,)) for tunnel in tunnels)]
    plans += [replace(plan, in_place=pairs) for pairs in ((("a over", "b"),), (("a", "over b"),))]
    assert len(set(map(format_plan, plans))) == len(plans)
