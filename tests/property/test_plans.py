"""Plans as JSON and as text, and what becomes of plans that somebody changed."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from patchc.codegen import emit
from patchc.errors import PatchcError
from patchc.plan.json import from_json, to_json
from patchc.plan.printer import format_plan
from patchc.schedule.lower import lower
from patchc.schedule.printer import format_schedule
from tests.c.emitted import options
from tests.flavours import WITH_TWINS
from tests.lowerings import LOWERINGS, Lowering
from tests.property.networks import chains, dags
from tests.property.plans import plans
from tests.schedules import check, pack
from tests.variants import variants

T = TypeVar("T")
NETWORKS = [case() for case in LOWERINGS.values()]

slow = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def planned(draw: st.DrawFn) -> Lowering:
    graph = draw(st.one_of(chains(max_blocks=3), dags(max_blocks=2)))
    return graph, draw(plans(graph))


def _some(random: Random, found: Iterable[T]) -> list[T]:
    """Twenty of them, or all."""
    known = list(found)
    return random.sample(known, min(20, len(known)))


@slow
@given(planned(), st.randoms(use_true_random=False))
def test_a_plan_survives_json_and_another_one_has_another_text(lowering: Lowering, random: Random):
    graph, plan = lowering
    assert from_json(to_json(plan)) == plan
    changed = _some(random, variants(plan))
    assert len({format_plan(plan), *map(format_plan, changed)}) == 1 + len(changed)
    assert len({to_json(plan), *map(to_json, changed)}) == 1 + len(changed)
    assert format_schedule(lower(graph, plan, WITH_TWINS)) == format_schedule(
        lower(graph, plan, WITH_TWINS)
    )


@slow
@given(planned(), st.randoms(use_true_random=False))
def test_a_schedule_that_differs_in_one_place_has_another_text(lowering: Lowering, random: Random):
    schedule = lower(*lowering, WITH_TWINS)
    text = format_schedule(schedule)
    assert all(format_schedule(other) != text for other in _some(random, variants(schedule)))


@slow
@given(st.one_of(planned(), st.sampled_from(NETWORKS)), st.data())
def test_a_changed_plan_is_refused_or_computes_the_same(lowering: Lowering, data: st.DataObject):
    """And what lowering takes, codegen prints."""
    graph, plan = lowering
    changed = data.draw(st.sampled_from(list(variants(plan))))
    try:
        schedule = lower(graph, changed, WITH_TWINS)
    except PatchcError:
        event("refused")
        return
    check(schedule)
    assert emit(schedule, pack(schedule.buffers), options())
