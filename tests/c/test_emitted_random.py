"""Random networks in random input modes: emitted C == the reference, byte for byte."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchc.codegen import WeightsMode
from patchc.tunnels.plan import InputMode
from patchc.verify.host import Flavour
from tests.c.emitted import check_equal, layerwise, write
from tests.property.strategies import graphs

QUICK = Flavour("quick", ("-std=c99", "-O0", "-fsanitize=undefined", "-fno-sanitize-recover"))


@given(graphs(), st.sampled_from(InputMode), st.sampled_from(WeightsMode))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_networks(graph, mode, weights):
    """Each example is compiled: few of them, small ones."""
    with tempfile.TemporaryDirectory() as folder:
        out = write(layerwise(graph, mode), Path(folder), weights)
        check_equal(out, graph, QUICK)
