"""Random tensors of random networks made twice, at random and by the search."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from patchc.choices import InputMode
from patchc.ir import Graph, verify
from patchc.ir.printer import format_graph
from patchc.plan.again import repeated
from patchc.plan.json import from_json, to_json
from patchc.plan.types import Again
from patchc.planner.again import choose_again
from patchc.reference import run_graph
from patchc.schedule.lower import lower as lower_plan
from patchc.schedule.types import Load
from tests.plans import lower
from tests.property.example_counts import some
from tests.property.networks import dags, waiting
from tests.property.plans import plans
from tests.property.strategies import images
from tests.schedules import check

slow = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def items(draw: st.DrawFn, graph: Graph) -> Again | None:
    """Some of the nodes that lead to a tensor of several readers, for the last of these."""
    place = {node.name: index for index, node in enumerate(graph.nodes)}
    found = [
        name
        for name, readers in graph.consumers.items()
        if name in graph.producer and len(readers) > 1
    ]
    if not found:
        return None
    name = draw(st.sampled_from(found))
    readers = [node.name for node in graph.consumers[name]]
    last = graph.producer[name]
    leading, behind = {last.name}, [last]
    for node in behind:
        for operand in node.inputs:
            made = graph.producer.get(operand)
            if made is not None and made.name not in leading and draw(st.booleans()):
                leading.add(made.name)
                behind.append(made)
    later = readers[draw(st.integers(1, len(readers) - 1)) :]
    return Again(tuple(sorted(leading, key=place.__getitem__)), tuple(later))


@pytest.mark.slow
@slow
@given(dags(max_blocks=3), st.sampled_from(InputMode), st.data())
def test_a_network_that_makes_tensors_again_is_the_same_network(
    graph: Graph, mode: InputMode, data: st.DataObject
):
    whole, again = graph, []
    for _ in range(data.draw(st.integers(1, 3))):
        item = data.draw(items(whole))
        if item is None:
            break
        whole = repeated(whole, (item,), mode)
        again.append(item)
    event(f"{len(again)} made twice")
    verify(whole)
    assert format_graph(repeated(graph, again, mode)) == format_graph(whole)
    maps = images(graph)
    values, found = run_graph(graph, maps), run_graph(whole, maps)
    assert all(np.array_equal(values[name], found[name]) for name in graph.outputs)
    plan = data.draw(plans(whole, modes=(mode,)))
    check(lower(whole, plan))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [dags, waiting])
@some(50)
@given(st.data(), st.sampled_from(InputMode), st.sampled_from((1.0, 0.9, 0.6, 0.0)))
def test_what_the_search_makes_twice_computes_the_same(
    kind: Callable[..., st.SearchStrategy[Graph]],
    data: st.DataObject,
    mode: InputMode,
    part: float,
):
    graph = data.draw(kind(max_blocks=3))
    least = choose_again(graph, mode, 0)
    found = choose_again(graph, mode, int(least.total_bytes / max(part, 0.01) if part else 0))
    event(f"{len(found.plan.again)} made twice")
    assert found.total_bytes >= least.total_bytes or part == 0
    check(found.schedule, found.placement)
    for block in found.schedule.blocks:  # rows of an image are asked for in ascending order
        calls = [call for step in block.steps for call in step.calls]
        brought = [call.image for call in calls if isinstance(call, Load)]
        assert len(set(brought)) == len(brought)
    plan = from_json(to_json(found.plan))
    assert plan == found.plan
    whole = repeated(graph, plan.again, mode)
    assert lower_plan(whole, plan).blocks == found.schedule.blocks
