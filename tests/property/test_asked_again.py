"""One Chooser that is asked several times answers as new ones do: what it keeps changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from patchc.choices import InputMode
from patchc.ir import Graph
from patchc.planner.choose import Choice, Chooser, choose, explore, leanest
from patchc.targets.cores import core
from tests.property.example_counts import some
from tests.property.networks import chains, dags, waiting

SHARES = (0.0, 0.4, 0.6, 0.8, 0.98, 1.1)  # of the RAM layer by layer


def figures(choice: Choice) -> tuple[int, int, int]:
    return choice.total_bytes, choice.cost, choice.cost_bound


@some(12)
@given(
    dags(),
    st.sampled_from(InputMode),
    st.lists(st.sampled_from(SHARES), min_size=2, max_size=4),
    st.sampled_from((0.0, 0.02)),
)
def test_its_plans_are_those_of_new_ones(
    graph: Graph, mode: InputMode, shares: list[float], slack: float
):
    chooser = Chooser(graph, mode)
    whole = chooser.whole().total_bytes
    for share in shares:
        limit = int(share * whole)
        found = chooser.choose(limit, slack=slack)
        assert figures(found) == figures(choose(graph, mode, limit, slack=slack))
        assert chooser.priced((limit,)) == Chooser(graph, mode).priced((limit,))
    assert figures(chooser.leanest()) == figures(leanest(graph, mode))
    ours, theirs = chooser.explore(), explore(graph, mode)
    assert [figures(one) for one in ours] == [figures(one) for one in theirs]


@some(12)
@given(dags(), st.sampled_from(InputMode), st.floats(0.1, 1.1))
def test_it_reaches_what_it_can_price(graph: Graph, mode: InputMode, share: float):
    chooser = Chooser(graph, mode)
    limit = int(share * chooser.whole().total_bytes)
    assert chooser.reaches(limit) == (Chooser(graph, mode).priced((limit,)) != (None,))


@some(24)
@given(st.one_of(chains(), waiting(max_blocks=3)), st.sampled_from(InputMode))
def test_the_least_total_costs_no_more_than_on_the_frontier(graph: Graph, mode: InputMode):
    """With a reserve that differs by the kind of plan, too."""
    reserve = core("cortex-m4").reserve
    floor, last = choose(graph, mode, 0, reserve), explore(graph, mode, reserve)[-1]
    assert (floor.total_bytes, floor.cost) <= (last.total_bytes, last.cost)
