"""Small networks with a plan each, for the tests of what a plan is lowered to: between them every
kind of line that the texts of a Plan and of a Schedule have. Kernels are those of WITH_TWINS."""

from __future__ import annotations

from collections.abc import Callable

from patchc.ir import Graph
from patchc.kernels.portable import PORTABLE
from patchc.plan.types import InputMode, OutputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.machine import Machine
from tests.flavours import TWIN, WITH_TWINS
from tests.graphs import NetworkBuilder

Lowering = tuple[Graph, Plan]


def layer_by_layer() -> Lowering:
    """The image is fetched whole; the sum is written over y, the table's output over the sum."""
    net = NetworkBuilder()
    x = net.conv(net.input(5, 5, 3), 8, 3, name="x")
    graph = net.build(net.relu(net.add(x, net.conv(x, 8, 3, name="y"), name="sum"), name="out"))
    return graph, trivial_plan(graph, InputMode.TILES)


def chain() -> Lowering:
    """One tunnel: rings for the image and for a, b in full."""
    graph = _chain()
    return graph, _plan(graph, TunnelPlan((_step("a"), _step("b"))))


def stripes() -> Lowering:
    """The same in two stripes of columns, which overlap in the image and in a."""
    graph = _chain()
    return graph, _plan(graph, TunnelPlan((_step("a"), _step("b")), stripes=2))


def _chain() -> Graph:
    net = NetworkBuilder()
    a = net.conv(net.input(12, 10, 3), 4, 3, name="a")
    return net.build(net.conv(a, 5, 3, stride=2, name="b"))


def tiles() -> Lowering:
    """Depthwise and projection three columns at a time: d never exists as a row."""
    net = NetworkBuilder()
    d = net.depthwise(net.conv(net.input(8, 8, 2), 6, 3, name="a"), 3, 2, name="d")
    graph = net.build(net.conv(d, 4, name="p"))
    return graph, _plan(graph, TunnelPlan((_step("a"), _step("d", "p", tile=3))))


def channel_groups() -> Lowering:
    """A bottleneck 8 of its 12 expanded channels at a time, then 4, over two rows; the sum lies
    over the projection."""
    net = NetworkBuilder()
    x = net.input(7, 6, 3)
    d = net.depthwise(net.conv(x, 12, name="e"), name="d")
    graph = net.build(net.add(x, net.conv(d, 3, name="p"), name="out"))
    step = _step("e", "d", "p", "out", group=8, rows=2)
    return graph, _plan(graph, TunnelPlan((step,)), in_place=(("out", "p"),))


def mean() -> Lowering:
    """The sums of a mean outlive the pieces; it is finished behind the last row."""
    net = NetworkBuilder()
    m = net.mean(net.conv(net.input(6, 5, 2), 5, name="c"), name="m")
    graph = net.build(net.dense(m, 3, name="logits"))
    return graph, _plan(graph, TunnelPlan((_step("c", "m", tile=2), _step("logits"))))


def skip() -> Lowering:
    """The ring of x keeps the rows that the sum reads after two convolutions."""
    net = NetworkBuilder()
    x = net.conv(net.input(8, 8, 2), 4, name="x")
    y = net.conv(net.conv(x, 4, 3, name="y"), 4, 3, name="z")
    graph = net.build(net.conv(net.add(x, y, name="sum"), 2, name="out"))
    return graph, _plan(graph, TunnelPlan(tuple(map(_step, ("x", "y", "z", "sum", "out")))))


def reverse() -> Lowering:
    """The second tunnel runs from the last row to the first, and over the map that it reads."""
    net = NetworkBuilder()
    b = net.conv(net.conv(net.input(8, 6, 2), 4, 3, name="a"), 4, 3, name="b")
    graph = net.build(net.conv(net.conv(b, 4, 3, name="c"), 3, 3, name="d"))
    tunnels = (
        TunnelPlan((_step("a"), _step("b"))),
        TunnelPlan((_step("c"), _step("d")), reverse=True),
    )
    return graph, _plan(graph, *tunnels)


def in_place() -> Lowering:
    """In a tunnel, too, a table is written over what it reads."""
    net = NetworkBuilder()
    x = net.hard_swish(net.conv(net.input(8, 7, 3), 4, 3, 2, name="a"), name="ha")
    graph = net.build(net.hard_swish(net.depthwise(x, name="d"), name="hd"))
    tunnel = TunnelPlan((_step("a", "ha"), _step("d", "hd")))
    return graph, _plan(graph, tunnel, in_place=(("ha", "a"), ("hd", "d")))


def rows_handed_over() -> Lowering:
    """Two maps leave through a callback: one from a ring, one in one go."""
    net = NetworkBuilder()
    x = net.conv(net.input(6, 6, 2), 3, 3, name="x")
    graph = net.build(net.depthwise(x, name="y"), net.conv(x, 2, name="z"))
    tunnels = (TunnelPlan((_step("x"), _step("y"))), TunnelPlan((_step("z"),), whole=True))
    return graph, _plan(graph, *tunnels, output_mode=OutputMode.ROWS)


def two_inputs() -> Lowering:
    """Both images stream in, the larger one two rows per tick; names that C could not have."""
    net = NetworkBuilder()
    a, b = net.input(6, 6, 2, "image:0"), net.input(12, 12, 1, "depth map")
    x = net.conv(a, 3, 3, name="1/x")
    graph = net.build(net.add(x, net.conv(b, 3, 3, 2, name="1.x"), name="sum"))
    return graph, _plan(graph, TunnelPlan((_step("1/x"), _step("1.x"), _step("sum"))))


def sliding() -> Lowering:
    """Kernels of the tests' own: one reads the rows of a in order, so that its ring moves every two
    rows; one works in scratch memory."""
    net = NetworkBuilder()
    d = net.depthwise(net.conv(net.input(9, 8, 2), 4, 3, name="a"), name="d")
    graph = net.build(net.conv(d, 3, name="p"))
    steps = (_step("a"), _step("d", slide=2), _step("p"))
    bare = Plan(InputMode.TILES, (TunnelPlan(steps),))
    return graph, assigned(graph, bare, Machine(WITH_TWINS, (TWIN, PORTABLE)))


def _step(*outputs: str, **settings: int) -> StepPlan:
    """The nodes that make these tensors."""
    return StepPlan(tuple(f"{name}.node" for name in outputs), **settings)


def _plan(graph: Graph, *tunnels: TunnelPlan, **more: object) -> Plan:
    """With the compiler's own choice of kernels; the image comes through a callback."""
    return assigned(graph, Plan(InputMode.TILES, tunnels, **more))


LOWERINGS: dict[str, Callable[[], Lowering]] = {
    case.__name__: case
    for case in (
        layer_by_layer,
        chain,
        stripes,
        tiles,
        channel_groups,
        mean,
        skip,
        reverse,
        in_place,
        rows_handed_over,
        two_inputs,
        sliding,
    )
}
