"""What units cost and need, by hand."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from patchc.ir import Graph
from patchc.plan.types import StepPlan
from patchc.planner.cut_columns import CutColumns
from patchc.planner.machine import ANY_CORE
from patchc.planner.price import Prices
from patchc.planner.step_cost import StepParts, computed_rows, step_parts
from patchc.planner.unit_prices import Pricing
from patchc.planner.units import GROUP_ROWS, Unit, find_units
from tests.graphs import NetworkBuilder


def bottleneck() -> Graph:
    """Of 6 x 8 pixels: 3 channels, 12 in between, 2."""
    net = NetworkBuilder()
    e = net.conv(net.input(6, 8, 3), 12, name="e")
    return net.build(net.conv(net.depthwise(e, 3, name="d"), 2, name="p"))


def parts(graph: Graph, units: Iterable[Unit]) -> dict[StepPlan, StepParts]:
    """Of all steps in which the units may run."""
    found = {}
    for unit in units:
        aliased = {operand for _, operand in unit.in_place}
        for step in (step for steps in unit.options for step in steps):
            found[step] = step_parts(graph, step, ANY_CORE, aliased)
    return found


def prices(graph: Graph, *counts: int) -> Prices:
    units = find_units(graph, graph.nodes)
    starts = [0, *accumulate(len(unit.nodes) for unit in units)]
    by_position = dict(zip(starts, units, strict=False))
    pricing = Pricing(by_position, ANY_CORE, parts(graph, units))
    return Prices(CutColumns(graph, graph.nodes, graph.outputs, counts), pricing)


def test_rows_are_computed_again_where_pieces_overlap():
    """Pieces of 2 rows read rows 0 .. 2, 1 .. 4 and 3 .. 5; of 4 rows 0 .. 4 and 3 .. 5."""
    graph, nodes = bottleneck(), ("e.node", "d.node", "p.node")
    assert computed_rows(graph, StepPlan(nodes, group=8, rows=2)) == [3 + 4 + 3, 6, 6]
    assert computed_rows(graph, StepPlan(nodes, group=8, rows=4)) == [5 + 3, 6, 6]
    assert computed_rows(graph, StepPlan(nodes, tile=4)) == [6, 6, 6]


def test_a_bottleneck_with_a_ring_and_in_groups():
    found = prices(bottleneck(), 1, 2)
    ring, *groups = found.options(0)
    # Two stripes of 4 columns expand 5 each: 2 more in each of 6 rows, 3 * 12 products a pixel.
    plain = 48 * (3 * 12 + 9 * 12 + 12 * 2)
    assert ring.cost == [plain, plain + 2 * 6 * 36]
    # The depthwise rows of a tile: as wide as the stripe, 12 channels.
    assert ring.scratch == [8 * 12, 4 * 12]
    assert len(groups) == sum(rows <= 6 for rows in GROUP_ROWS)
    one = groups[GROUP_ROWS.index(1)]
    # Six pieces of one row expand 2 + 4 * 3 + 2 rows instead of 6.
    assert one.cost == [plain + (16 - 6) * 8 * 36, plain + (16 * 10 - 6 * 8) * 36]
    # Sums of 2 channels, 3 expanded rows and a depthwise one of 8 channels; wider by the halo.
    assert one.scratch == [8 * 2 * 4 + 3 * 8 * 8 + 8 * 8, 4 * 2 * 4 + 3 * 5 * 8 + 4 * 8]
    assert found.least_cost(0).tolist() == [plain, plain + 432]


def test_rings_and_images():
    found = prices(bottleneck(), 1, 2)
    found.options(0)
    assert found.widest("e") == [8, 5]
    assert found.row_bytes("e", 1) == 5 * 12
    assert found.narrow(0, 3) == {}


def test_a_streamed_image_comes_to_the_last_pixel():
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(6, 8, 3), 2, 3, 2, pad=0, name="x"))
    units = {0: find_units(graph, graph.nodes)[0]}
    for streamed, widest in (((), [7]), (("image",), [8])):
        pricing = Pricing(units, ANY_CORE, parts(graph, units.values()))
        columns = CutColumns(graph, graph.nodes, graph.outputs, (1,), streamed)
        found = Prices(columns, pricing)
        assert found.options(0)[0].cost == [6 * 27 * 2]
        assert found.widest("image") == widest
