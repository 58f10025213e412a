"""Where the image lies, names, and plans that do not fit. What plans are lowered to is in
test_schedule_text.py, as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchc.errors import PatchcError
from patchc.geometry.clocks import RowClock
from patchc.ir import Graph
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.layer_by_layer import trivial_plan
from patchc.schedule.lower import lower
from patchc.schedule.types import BufferKind
from tests.graphs import NetworkBuilder
from tests.lowerings import layer_by_layer, tiles
from tests.schedules import check


def residual() -> Graph:
    graph, _ = layer_by_layer()
    return graph


@pytest.mark.parametrize(
    ("mode", "kind", "loads"),
    [
        (InputMode.TILES, BufferKind.INPUT, True),
        (InputMode.STREAM, BufferKind.INPUT, True),
        (InputMode.EXTERN, BufferKind.EXTERN, False),
        (InputMode.RESIDENT, BufferKind.INPUT, False),
    ],
)
def test_where_the_image_is(mode, kind, loads):
    schedule = lower(residual(), trivial_plan(residual(), mode))
    assert schedule.buffers["image"].kind is kind
    assert any(block.name == "load_image" for block in schedule.blocks) is loads


def layers(*names: str) -> tuple[TunnelPlan, ...]:
    return tuple(TunnelPlan((StepPlan((f"{name}.node",)),), whole=True) for name in names)


REST = layers("y", "sum", "out")
X, Y = layers("x", "y")

# Case -> what is changed in the plan layer by layer of x, y = f(x), sum = x + y, out = g(sum), and
# the message.
REFUSED = {
    "too few": ({"tunnels": layers("x", "y")}, "leaves out out.node, sum.node"),
    "too many": ({"tunnels": layers("x", "y", "sum", "out", "z")}, "node 'z.node', which the mo"),
    "out of order": ({"tunnels": layers("y", "x", "sum", "out")}, "before its operand 'x' exists"),
    "twice": ({"tunnels": layers("x", "x", "y", "sum", "out")}, "runs a node twice"),
    "two nodes whole": (
        {"tunnels": (TunnelPlan((*X.steps, *Y.steps), whole=True), *REST[1:])},
        "runs x.node . y.node whole: one node only",
    ),
    "whole in stripes": ({"tunnels": (replace(X, stripes=2), *REST)}, "no other setting"),
    "whole in reverse": ({"tunnels": (replace(X, reverse=True), *REST)}, "no other setting"),
    "whole in rows": (
        {"tunnels": (TunnelPlan((replace(X.steps[0], rows=2),), whole=True), *REST)},
        "no other setting",
    ),
    "a tunnel in rows of a layer": (
        {"tunnels": (replace(X, whole=False, rows=2), *REST)},
        "in rows of a whole layer: it is a tunnel",
    ),
    "more rows than there are": (
        {"tunnels": (replace(X, rows=99), *REST)},
        "over 99 rows at a time: from 1 to",
    ),
    "no steps": ({"tunnels": (TunnelPlan(()), X, *REST)}, "a tunnel without steps"),
    "no nodes": ({"tunnels": (TunnelPlan((StepPlan(()),)), X, *REST)}, "a step without nodes"),
    "not in place": ({"in_place": (("y", "x"),)}, "writes 'y' over 'x': not allowed"),
    "nobody in place": ({"in_place": (("nobody", "x"),)}, "unknown tensors in place: nobody"),
    "an image in place": ({"in_place": (("image", "x"),)}, "unknown tensors in place: image"),
    "in place twice": ({"in_place": (("sum", "y"), ("sum", "x"))}, "a tensor in place twice"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_plan_that_does_not_fit_is_refused(case: str):
    change, message = REFUSED[case]
    graph, plan = layer_by_layer()
    with pytest.raises(PatchcError, match=message):
        lower(graph, replace(plan, **change))


# Settings of the tunnel a, d + p, the last two fused: on the left those that are taken, at the
# limit; on the right one past it, and the message.
LIMITS = [
    ({}, {"stripes": 8}, {}, {"stripes": 9}, "into 9 stripes: from 1 to 8, the columns"),
    ({}, {"stripes": 1}, {}, {"stripes": 0}, "into 0 stripes: from 1 to 8"),
    ({"rows": 1}, {}, {"rows": 0}, {}, "d.node . p.node over 0 rows at a time: from 1 to 4, the"),
    ({"rows": 4}, {}, {"rows": 5}, {}, "over 5 rows at a time: from 1 to 4, the rows"),
    ({"tile": 65535}, {}, {"tile": 65536}, {}, "65536 columns at a time: from 1 to 65535, or 0"),
    ({"tile": 1}, {}, {"tile": -1}, {}, "over -1 columns at a time"),
    ({}, {}, {"group": 65536}, {}, "over 65536 channels at a time"),
    ({"slide": 65535}, {}, {"slide": 65536}, {}, "over 65536 rows before its rings move"),
    ({"tile": 2}, {}, {"tile": 2, "group": 2}, {}, "in tiles and in groups"),
]


@pytest.mark.parametrize(("step", "tunnel", "bad_step", "bad_tunnel", "message"), LIMITS)
def test_settings_have_limits(step, tunnel, bad_step, bad_tunnel, message):
    graph, plan = tiles()

    def changed(step_changes: dict[str, int], tunnel_changes: dict[str, int]) -> Plan:
        (only,) = plan.tunnels
        first, last = only.steps
        steps = (first, replace(last, **step_changes))
        return replace(plan, tunnels=(replace(only, steps=steps, **tunnel_changes),))

    check(lower(graph, changed(step, tunnel)))
    with pytest.raises(PatchcError, match=message):
        lower(graph, changed(bad_step, bad_tunnel))


def test_a_layer_of_too_many_columns_is_not_cut():
    net = NetworkBuilder()
    graph = net.build(net.relu(net.input(2, 65536, 1)))
    plan = trivial_plan(graph, InputMode.EXTERN)
    (only,) = plan.tunnels
    with pytest.raises(PatchcError, match="it has 65536 columns, and only layers of at most 65535"):
        lower(graph, replace(plan, tunnels=(replace(only, rows=1),)))


def test_an_extern_image_is_never_written_over():
    net = NetworkBuilder()
    graph = net.build(net.relu(net.input(4, 4, 2)))
    assert trivial_plan(graph, InputMode.EXTERN).in_place == ()
    assert trivial_plan(graph, InputMode.TILES).in_place == (("lut0", "image"),)


def test_names_become_unique_identifiers():
    net = NetworkBuilder()
    x = net.conv(net.input(4, 4, 1, name="1/image:0"), 2, name="a.b")
    graph = net.build(net.conv(net.conv(x, 2, name="a/b"), 2, name="A_B"))
    assert list(lower(graph, trivial_plan(graph, InputMode.TILES)).buffers) == [
        "t_1_image_0",
        "a_b",
        "a_b_2",
        "A_B_3",
    ]


def test_a_row_clock_is_clamped():
    clock = RowClock(num=3, den=2, offset=-2, limit=5)
    assert [clock.at(t) for t in range(-1, 6)] == [0, 0, 0, 2, 3, 5, 5]
