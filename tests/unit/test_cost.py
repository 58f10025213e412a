"""What kernels cost: multiply-accumulates, instructions by a core's table, whole schedules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.kernels.features import Counted, Extent, Plain
from patchc.kernels.registry import KERNELS
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.choose import choose, layer_by_layer
from patchc.planner.cost import CoreCost, executed_cost, macs
from patchc.planner.layer_by_layer import layers
from patchc.planner.machine import ANY_CORE, Machine, machine_of
from patchc.planner.search import Search
from patchc.planner.units import find_units
from patchc.schedule.work import executed, executed_work
from patchc.targets.cores import core
from patchc.targets.cost_table import Coefficients, CostTable
from tests.flavours import TWIN
from tests.graphs import NetworkBuilder
from tests.machines import BOTH
from tests.plans import lower

POINTWISE, DEPTHWISE = KERNELS["conv2d_pointwise"], KERNELS["conv2d_depthwise"]
LINE = Coefficients(1000, 100, 10, 5, 3, 2)


def table(**kernels: Coefficients) -> CostTable:
    return CostTable({"portable": LINE, TWIN: LINE}, kernels)


def test_multiply_accumulates():
    assert macs(POINTWISE, Counted(calls=3, outputs=7, macs=12345)) == 12345


def test_a_line_of_coefficients_is_a_sum_of_thousandths_rounded():
    cost = CoreCost(table())
    assert cost(POINTWISE, Counted(1, 2, 3, 4, 5, 6)) == 1  # 1.277
    assert cost(POINTWISE, Counted(calls=1, rows=5)) == 2  # 1.5
    assert cost(POINTWISE, Counted(1000, 1000, 1000, 1000, 1000, 1000)) == 1120


def test_a_kernel_with_a_line_of_its_own():
    cost = CoreCost(table(conv2d_pointwise=Coefficients(per_mac=2000)))
    assert cost(POINTWISE, Counted(calls=9, macs=10)) == 20
    assert cost(DEPTHWISE, Counted(calls=9, macs=1000)) == 12


def test_arrays_are_priced_entry_by_entry():
    tiles, columns = np.array([1, 2, 5]), np.array([30, 32, 38])
    cost = CoreCost(table())
    found = cost(POINTWISE, Plain(Extent(7, 7, tiles, columns), 8, 64, False))
    one_by_one = [
        cost(POINTWISE, Plain(Extent(7, 7, int(t), int(c)), 8, 64, False))
        for t, c in zip(tiles, columns, strict=True)
    ]
    assert found.tolist() == one_by_one


def test_a_flavour_that_the_table_does_not_know_is_an_error():
    cost = CoreCost(CostTable({"portable": LINE}))
    with pytest.raises(
        PatchcError, match=r"no line for conv2d_pointwise\.twin or for flavour 'twin'"
    ):
        cost(BOTH["conv2d_pointwise.twin"], Counted())


# -- what a schedule executes ------------------------------------------------------------------


def bottleneck() -> Graph:
    net = NetworkBuilder()
    x = net.conv(net.input(8, 10, 3), 8, 3, 2, name="stem")
    return net.build(net.mean(net.bottleneck(x, 8, 4, 3, 1), name="mean"))


def in_groups(graph: Graph) -> Plan:
    stem, *block, mean = (node.name for node in graph.nodes)
    steps = (
        StepPlan((stem,)),
        StepPlan(tuple(block), group=8, rows=2),
        StepPlan((mean,)),
    )
    last = graph.node(block[-1])
    pairs = ((last.output, last.inputs[1]),)
    return Plan(InputMode.TILES, (TunnelPlan(steps),), pairs)


def test_work_of_channel_groups_by_hand():
    """A 4 x 5 map of 8 channels, expanded to 32, in 4 rounds, 2 rows at a time."""
    graph = bottleneck()
    found = {(e.node, e.kernel.name): e.features for e in executed(lower(graph, in_groups(graph)))}
    stem, expand, depthwise, project, add, mean = (node.name for node in graph.nodes)
    first = found[stem, "conv2d"]
    assert (first.calls, first.rows, first.pixels) == (4, 4, 20)  # a row at a time
    assert (first.outputs, first.macs) == (160, 20 * 27 * 8)
    one = found[expand, "conv2d_pointwise"]
    # Pieces of two rows and a halo, cut off at the borders: three rows each.
    assert (one.calls, one.rows, one.pixels) == (2 * 4, 6 * 4, 30 * 4)
    assert (one.outputs, one.macs, one.weight_bytes) == (30 * 32, 30 * 8 * 32, 2 * 8 * 32)
    two = found[depthwise, "conv2d_depthwise"]
    assert (two.calls, two.outputs, two.macs) == (2 * 4, 20 * 32, 20 * 9 * 32)
    adds = found[project, "pointwise_add"]
    assert (adds.calls, adds.outputs, adds.macs) == (2 * 4, 20 * 8 * 4, 20 * 32 * 8)
    ends = found[project, "pointwise_finish"]
    assert (ends.calls, ends.outputs, ends.macs, ends.weight_bytes) == (2, 20 * 8, 0, 0)
    assert found[add, "add"].outputs == 160
    assert (found[mean, "mean_add"].calls, found[mean, "mean_add"].outputs) == (4, 160)
    assert (found[mean, "mean_finish"].calls, found[mean, "mean_finish"].outputs) == (1, 8)


def test_passes_by_hand():
    """Of three pixels, or of two in one row."""
    row = {"row_pieces": 5, "row_sum": 5, "tiles": 1, "column_sum": 14}
    assert Extent(**row).passes(3, within_rows=False) == 5 * 5
    assert Extent(**row).passes(2, within_rows=True) == 5 * 7
    whole = Extent(1, 5, 1, 14)  # 70 pixels in one call
    assert whole.passes(3, within_rows=False) == 24
    assert whole.passes(4, within_rows=True) == 5 * 4
    # Tiles of 6, 6 and 2 columns; of 4, 4, 4 and 2; of one.
    assert Extent(5, 5, 3, 14, tile=6).passes(3, within_rows=False) == 5 * (2 + 2 + 1)
    assert Extent(5, 5, 4, 14, tile=4).passes(3, within_rows=False) == 5 * (2 + 2 + 2 + 1)
    assert Extent(5, 5, 14, 14, tile=1).passes(3, within_rows=True) == 5 * 14
    # Two stripes of 8 columns, and none at all.
    assert Extent(5, 5, 2, 16).passes(3, within_rows=False) == 5 * 2 * 3
    assert Extent(5, 5, 4, 16, tile=6).passes(3, within_rows=False) == 5 * (2 + 2 + 2)
    assert Extent(5, 5, 0, 0).passes(3, within_rows=False) == 0
    assert Extent(5, 5, 0, 0, tile=4).passes(3, within_rows=False) == 0


def test_passes_of_many_numbers_of_stripes_are_those_of_each():
    columns, tiles = np.array([0, 5, 14, 31, 56]), np.array([0, 1, 3, 9, 10])
    for tile in (0, 6):
        found = Extent(2, 6, tiles, columns, tile=tile).passes(3, within_rows=True)
        assert found.tolist() == [
            Extent(2, 6, int(t), int(c), tile=tile).passes(3, within_rows=True)
            for t, c in zip(tiles, columns, strict=True)
        ]


def test_a_mean_adds_up_as_much_at_once_as_row_by_row():
    graph = bottleneck()
    whole = {e.node: e.features for e in executed(layer_by_layer(graph, InputMode.TILES).schedule)}
    mean = whole[graph.nodes[-1].name]
    assert (mean.calls, mean.rows, mean.pixels, mean.outputs) == (1, 4, 20, 160)


def test_multiply_accumulates_of_a_schedule_are_its_cost():
    graph = bottleneck()
    schedule = lower(graph, in_groups(graph))
    total = sum(work.macs for work in executed_work(schedule).values())
    assert executed_cost(schedule, macs) == total


# -- which kernels are taken -------------------------------------------------------------------


def twin_machine(pointwise: int, depthwise: int) -> Machine:
    """A core with twins of two kernels, of so many thousandths per multiply-accumulate; that of the
    portable ones is 1000."""
    lines = {
        "conv2d_pointwise.twin": Coefficients(per_mac=pointwise),
        "conv2d_depthwise.twin": Coefficients(per_mac=depthwise),
    }
    flavours = dict.fromkeys(("portable", TWIN), Coefficients(per_mac=1000))
    return Machine(BOTH, ("portable", TWIN), CoreCost(CostTable(flavours, lines)))


def kernels_of(plan: Plan) -> set[str]:
    return {k for t in plan.tunnels for step in t.steps for k in step.kernels}


def test_layer_by_layer_takes_the_cheapest_kernel_of_each_node():
    graph = bottleneck()
    machine = twin_machine(pointwise=400, depthwise=2000)
    found = layer_by_layer(graph, InputMode.TILES, machine=machine)
    assert "conv2d_pointwise.twin" in kernels_of(found.plan)
    assert "conv2d_depthwise.twin" not in kernels_of(found.plan)
    assert found.cost == executed_cost(found.schedule, machine.cost)


def test_ways_to_compute_a_node_whole_trade_scratch_for_cost():
    graph = bottleneck()
    (node,) = (n for n in graph.nodes if n.name == graph.nodes[1].name)
    machine = twin_machine(pointwise=400, depthwise=400)
    ways = [(way.step.kernels[0], way.scratch) for way in layers(graph, node, machine)]
    assert ways == [("conv2d_pointwise.twin", 4 * 32), ("conv2d_pointwise", 0)]
    # One that costs as much or more and saves nothing falls away.
    dear = replace(machine, cost=twin_machine(1000, 1000).cost)
    assert [way.step.kernels for way in layers(graph, node, dear)] == [("conv2d_pointwise",)]


def test_units_offer_every_choice_of_kernels():
    graph = bottleneck()
    plain = find_units(graph, graph.nodes)
    twins = find_units(graph, graph.nodes, twin_machine(1, 1))
    (few,), (many,) = ([u for u in units if len(u.nodes) == 4] for units in (plain, twins))
    # Expansion, depthwise and projection. In groups only the expansion has a twin: no twin keeps
    # sums, and that of the depthwise convolution wants rows in order, which wrap inside of a step.
    # With that twin in a ring, the ring moves its rows whenever one comes, or once in three.
    rings = [option for option in many.options if not option[0].group]
    assert len(rings) == 4 + 2 * 4
    # Groups come in two sizes where a cost knows more than multiply-accumulates.
    assert len(many.options) == len(rings) + 2 * 2 * (len(few.options) - 1)
    assert set(few.options) <= set(many.options)


def test_a_plan_takes_the_kernel_that_is_cheaper_in_tunnels():
    graph = bottleneck()
    machine = twin_machine(pointwise=400, depthwise=2000)
    limit = layer_by_layer(graph, InputMode.TILES).arena_bytes // 2
    found = choose(graph, InputMode.TILES, limit, machine=machine)
    assert found.arena_bytes <= limit
    assert "conv2d_pointwise.twin" in kernels_of(found.plan)
    assert "conv2d_depthwise.twin" not in kernels_of(found.plan)


def test_a_tunnel_that_costs_less_than_layer_by_layer_is_taken_where_both_fit():
    """Where keeping sums is cheap, the cheapest plan runs the block in channel groups."""
    graph = bottleneck()
    lines = {"pointwise_add": Coefficients(), "conv2d_pointwise": Coefficients(per_mac=5000)}
    cost = CoreCost(CostTable({"portable": Coefficients(per_mac=1000)}, lines))
    machine = replace(ANY_CORE, cost=cost)
    whole = layer_by_layer(graph, InputMode.TILES, machine=machine)
    found = choose(graph, InputMode.TILES, whole.total_bytes, machine=machine)
    assert found.cost < whole.cost
    assert found.total_bytes <= whole.total_bytes
    assert any(step.group for tunnel in found.plan.tunnels for step in tunnel.steps)
    assert found.cost == executed_cost(found.schedule, cost)
    # Without a limit nothing is searched.
    assert choose(graph, InputMode.TILES, None, machine=machine).plan == whole.plan


def test_nothing_is_searched_where_layer_by_layer_costs_the_least_there_can_be():
    graph = bottleneck()
    search = Search(graph, InputMode.TILES)
    assert search.least_cost == search.plain == layer_by_layer(graph, InputMode.TILES).cost


# -- cores -------------------------------------------------------------------------------------


def test_a_core_without_a_table_counts_multiply_accumulates():
    assert machine_of(replace(core("cortex-m3"), cost_table=None)) == ANY_CORE


def test_a_core_with_a_table_is_priced_by_it():
    made_up = replace(core("cortex-m4"), name="made-up", cost_table=table())
    assert machine_of(made_up).cost == CoreCost(made_up.cost_table)
