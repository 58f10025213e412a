"""Random networks by random plans: emitted C == the reference, byte for byte."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchc.codegen import WeightsMode
from patchc.ir import Graph
from patchc.plan.types import Plan
from patchc.programs.host import Flavour
from patchc.schedule.lower import lower
from tests.c.emitted import check_equal, write
from tests.property.plans import plans
from tests.property.strategies import graphs, mobile_networks

QUICK = Flavour("quick", ("-std=c99", "-O0", "-fsanitize=undefined", "-fno-sanitize-recover"))


@st.composite
def planned(draw: st.DrawFn) -> tuple[Graph, Plan]:
    graph = draw(st.one_of(mobile_networks(), graphs()))
    return graph, draw(plans(graph))


@given(planned(), st.sampled_from(WeightsMode))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_networks(case, weights):
    """Each example is compiled: few of them, small ones."""
    graph, plan = case
    with tempfile.TemporaryDirectory() as folder:
        out = write(lower(graph, plan), Path(folder), weights)
        check_equal(out, graph, QUICK)
