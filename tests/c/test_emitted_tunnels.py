"""Emitted tunnels == the reference, byte for byte, and they do the work that the plan says."""

from __future__ import annotations

from functools import cache

import pytest

from patchc.codegen import EmitOptions, WeightsMode, emit
from patchc.errors import PatchcError
from patchc.geometry.columns import MAX_COLUMN
from patchc.ir import Graph
from patchc.memory import place
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.choose import choose, layer_by_layer, reversible
from patchc.planner.one_order import Point
from patchc.programs.host import Flavour, build
from patchc.schedule.types import Schedule
from tests.c.emitted import (
    bottlenecks,
    check_equal,
    images,
    layerwise,
    mobilenet_v2,
    options,
    placed,
    points,
    signal,
    write,
)
from tests.graphs import NetworkBuilder
from tests.plans import lower
from tests.tools import require_tool

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-pedantic", "-Wvla")


@cache
def network() -> Graph:
    return bottlenecks(24)


@cache
def found(mode: InputMode) -> tuple[Point, ...]:
    return points(network(), mode)


def turned(plan: Plan) -> Plan:
    """Every second tunnel from the last row to the first, where that is possible."""
    return plan.in_reverse(sorted(reversible(network(), plan))[1::2])


def modes(schedule: Schedule) -> set[str]:
    """What a schedule makes use of."""
    steps = [step for block in schedule.blocks for step in block.steps]
    words = {"stripes": any(block.stripes > 1 for block in schedule.blocks)}
    words |= {"tiles": any(step.tile for step in steps), "groups": any(s.group for s in steps)}
    words |= {"reverse": any(block.reverse for block in schedule.blocks)}
    return {word for word, used in words.items() if used}


@pytest.mark.parametrize("share", [0, 0.5, 1], ids=["fastest", "middle", "smallest"])
@pytest.mark.parametrize("mode", InputMode, ids=lambda mode: mode.value)
def test_plans_of_the_frontier(mode, share, tmp_path):
    """Also: the multiply-accumulates that the C counts are those that the search priced."""
    point = found(mode)[round(share * (len(found(mode)) - 1))]
    schedule = lower(network(), turned(point.plan(mode)))
    write(schedule, tmp_path)
    check_equal(tmp_path, network(), "count")
    counted = build(tmp_path, "count").macs(images(network()))
    assert counted == point.cost == sum(tunnel.cost for tunnel in point.tunnels)


def test_the_frontier_is_worth_testing():
    """Between them those plans use everything that tunnels can do."""
    schedules = [
        lower(network(), turned(found(InputMode.TILES)[i].plan(InputMode.TILES)))
        for i in (0, len(found(InputMode.TILES)) // 2, -1)
    ]
    used = set().union(*(modes(schedule) for schedule in schedules))
    assert used == {"stripes", "tiles", "groups", "reverse"}


def smallest() -> Schedule:
    point = found(InputMode.TILES)[-1]
    return lower(network(), turned(point.plan(InputMode.TILES)))


@pytest.mark.parametrize("weights", WeightsMode, ids=lambda weights: weights.value)
def test_the_smallest_under_the_sanitizers(weights, tmp_path):
    schedule = smallest()
    assert {"stripes", "tiles", "groups"} <= modes(schedule)
    write(schedule, tmp_path, weights)
    check_equal(tmp_path, network(), "sanitize")


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("gcc", "-O0"),
        ("gcc", "-O3 -march=native"),
        ("gcc", "-Os"),
        ("clang", "-O0"),
        ("clang", "-O3 -ffast-math"),
        ("clang", "-Os"),
    ],
)
def test_no_flag_changes_a_byte(compiler, flags, tmp_path):
    """And no warning either."""
    require_tool(compiler)
    write(smallest(), tmp_path)
    check_equal(tmp_path, network(), Flavour("flags", (*STRICT, *flags.split()), compiler))


def test_a_stream_whose_last_column_nobody_reads(tmp_path):
    """A stride leaves it out; the camera sends it all the same."""
    net = NetworkBuilder(3)
    graph = net.build(net.conv(net.conv(net.input(8, 8, 2), 4, 3, 2, pad=0), 5, 3))
    tunnel = TunnelPlan(tuple(StepPlan((node.name,)) for node in graph.nodes))
    schedule = lower(graph, Plan(InputMode.STREAM, (tunnel,)))
    write(schedule, tmp_path)
    check_equal(tmp_path, graph, "sanitize")


def test_mobilenet_v2_in_64_kb(tmp_path):
    """At 224 x 224, image from a callback, arena at most 64 000 bytes."""
    graph = mobilenet_v2(224)
    point = points(graph, InputMode.TILES, 64_000)[0]
    schedule = lower(graph, point.plan(InputMode.TILES))
    assert place(schedule).arena_bytes <= 64_000
    write(schedule, tmp_path)
    check_equal(tmp_path, graph, "count", cases=2)
    assert build(tmp_path, "count").macs(images(graph, 2)) == point.cost


def text_of(side: int) -> str:
    """NET.c of the network at a size, by the smallest plan of the size 24."""
    plan = found(InputMode.TILES)[-1].plan(InputMode.TILES)
    return str(emit(*placed(lower(bottlenecks(side), plan)), options())["src/net.c"])


def test_the_size_of_the_text_does_not_depend_on_the_size_of_the_image():
    """Numbers grow by a digit, nothing else does."""
    small, large = text_of(24), text_of(384)
    assert small.count("\n") <= large.count("\n") <= small.count("\n") + 10
    assert len(small) < len(large) < 1.02 * len(small)


def test_more_stripes_add_to_the_tables_only():
    tunnels = found(InputMode.TILES)[-1].plan(InputMode.TILES)
    lines = []
    for stripes in (2, 6):
        plan = Plan(
            tunnels.input_mode,
            tuple(
                TunnelPlan(t.steps, stripes if t.stripes > 1 else 1, t.whole, t.reverse)
                for t in tunnels.tunnels
            ),
            tunnels.in_place,
        )
        text = str(emit(*placed(lower(network(), plan)), options())["src/net.c"])
        lines.append(len([line for line in text.splitlines() if "{0, " not in line]))
    assert lines[0] <= lines[1] <= lines[0] + 10


def test_programs_that_do_not_count_say_so(tmp_path):
    graph = bottlenecks()
    write(layerwise(graph, InputMode.TILES), tmp_path)
    with pytest.raises(PatchcError, match="does not count: build it with the flavour 'count'"):
        build(tmp_path).macs(images(graph))


def test_a_normal_build_holds_no_trace_of_the_counter(tmp_path):
    write(smallest(), tmp_path)
    build(tmp_path)
    for path in (tmp_path / "test" / "build" / "release").glob("*.o"):
        assert b"patchc_macs" not in path.read_bytes()


@pytest.mark.parametrize(
    "runs",
    [
        (("e.node", "d.node", "p.node", "r.node", "q.node"),),  # two projections
        (("e.node",), ("d.node", "p.node"), ("r.node",), ("q.node",)),  # nothing expands
    ],
    ids=["two projections", "no expansion"],
)
def test_groups_that_kernels_cannot_run(runs):
    """A plan by hand may ask for them."""
    net = NetworkBuilder(5)
    x = net.conv(net.input(4, 4, 3), 8, name="e")
    x = net.conv(net.depthwise(x, name="d"), 4, name="p")
    graph = net.build(net.conv(net.relu(x, name="r"), 5, name="q"))
    tunnels = tuple(
        TunnelPlan((StepPlan(run, group=4 if len(run) > 1 else 0),), whole=len(run) == 1)
        for run in runs
    )
    with pytest.raises(PatchcError, match=r"in groups of 4 channels.*change the plan"):
        emit(*placed(lower(graph, Plan(InputMode.TILES, tunnels))), options())


def test_the_widest_maps_of_a_tunnel(tmp_path):
    """Their columns end where a uint16_t does; tests/unit/test_limits.py has what is wider."""
    net = NetworkBuilder(6)
    x = net.relu(net.input(1, MAX_COLUMN, 1), name="a")
    graph = net.build(net.relu(x, name="b"))
    steps = (StepPlan(("a.node",)), StepPlan(("b.node",)))
    schedule = lower(graph, Plan(InputMode.TILES, (TunnelPlan(steps, stripes=2),)))
    assert "{{0, 32767}, {32767, 65535}}" in str(emit(*placed(schedule), options())["src/net.c"])
    write(schedule, tmp_path)
    check_equal(tmp_path, graph, "sanitize")


def test_a_signal_too_wide_for_tunnels_under_a_budget(tmp_path):
    """Its first layer runs over whole maps, what follows in stripes; all flags that warn are on."""
    graph = signal(70_000)
    limit = layer_by_layer(graph, InputMode.EXTERN).arena_bytes * 4 // 5
    choice = choose(graph, InputMode.EXTERN, limit)
    assert choice.arena_bytes <= limit
    assert any(not tunnel.whole for tunnel in choice.plan.tunnels)
    write(choice.schedule, tmp_path)
    check_equal(tmp_path, graph, Flavour("strict", STRICT), cases=2)


def test_static_names_do_not_meet_the_exported_ones():
    """A network called `step` exports step_run; so may the step of a tensor `run` be called."""
    net = NetworkBuilder(7)
    x = net.conv(net.input(9, 9, 1), 1, 3, 2, name="run")
    graph = net.build(net.conv(x, 1, 3, name="inputs"))
    steps = (StepPlan(("run.node",)), StepPlan(("inputs.node",)))
    schedule = lower(graph, Plan(InputMode.TILES, (TunnelPlan(steps),)))
    named: EmitOptions = options("step")
    text = str(emit(*placed(schedule), named)["src/step.c"])
    assert "static const patchc_step step_run_2 =" in text
    assert "static const patchc_step step_inputs_2 =" in text
    assert text.count("int step_run(") == 1
