"""Bottleneck reordering: RAM that does not grow with the channels in between."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.reordering import EXPANSIONS, measure

CHANNELS = 16


@pytest.mark.parametrize("size", [7, 14])
def test_ram_in_groups_is_the_same_whatever_the_expansion(size):
    """In rings it grows with it, and more so layer by layer."""
    rows = [measure(size, CHANNELS, expansion) for expansion in EXPANSIONS]
    assert len({row.groups for row in rows}) == len({row.least for row in rows}) == 1
    assert rows[0].least < rows[0].groups < rows[0].rings < rows[0].layers
    for one, other in pairwise(rows):
        more = other.expanded - one.expanded
        # Three rows of each channel: of the expanded map and one of the depthwise one.
        assert other.rings - one.rings == more * size * 4
        assert other.layers - one.layers == more * size * size * 2
