"""Tiny networks, emitted: what the tests of the emitted C share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from patchc.codegen import EmitOptions, GoldenVectors, WeightsMode, emit
from patchc.ir import (
    AveragePool,
    ChannelConstant,
    Conv,
    Graph,
    Min,
    Padding,
    Quantization,
    Sub,
    Window,
)
from patchc.memory import Placement, place
from patchc.outdir import write_files
from patchc.plan.types import InputMode, OutputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.layer_by_layer import trivial_plan
from patchc.planner.machine import machine_of
from patchc.planner.one_order import Point
from patchc.planner.search import Search
from patchc.planner.slices import piece_prices
from patchc.programs.host import Flavour, build
from patchc.reference import run_graph
from patchc.schedule.types import Schedule
from patchc.targets.cores import core
from tests.graphs import NetworkBuilder
from tests.plans import lower
from tests.schedules import two_convolutions

CASES = 3


def pointwise() -> Graph:
    net = NetworkBuilder(1)
    return net.build(net.conv(net.input(3, 4, 5), 7))


def strided_conv() -> Graph:
    """Pads on one side only are left over where a stride does not divide the map."""
    net = NetworkBuilder(2)
    return net.build(net.conv(net.input(6, 7, 3), 5, 3, 2))


def grouped_dilated_conv() -> Graph:
    net = NetworkBuilder(3)
    x = net.input(7, 6, 4)
    op = Conv(
        window=Window((3, 2), (2, 1), (2, 3), Padding(2, 1, 1, 2)),
        groups=2,
        weights=net.random.integers(-127, 128, (6, 3, 2, 2)),
        weight_scales=np.full(6, 0.01),
        bias=net.random.integers(-500, 500, 6),
    )
    return net.build(net._node(op, (x,), None, 0.02))


def depthwise() -> Graph:
    net = NetworkBuilder(4)
    return net.build(net.depthwise(net.input(5, 5, 6), 3, 1))


def classifier() -> Graph:
    net = NetworkBuilder(5)
    x = net.conv(net.input(4, 4, 3), 8, 3)
    return net.build(net.dense(net.mean(x), 10, name="logits"))


def dense_over_a_map() -> Graph:
    net = NetworkBuilder(6)
    return net.build(net.dense(net.input(3, 3, 4), 5))


def residual() -> Graph:
    """The sum lies over one of its operands, the table's output over the sum."""
    net = NetworkBuilder(7)
    x = net.conv(net.input(4, 5, 3), 6, name="x")
    return net.build(net.relu(net.add(x, net.depthwise(x), name="sum")))


def pools() -> Graph:
    net = NetworkBuilder(8)
    x = net.max_pool(net.input(9, 9, 4), 3, 2)
    op = AveragePool(Window((2, 3), (1, 2), (1, 1), Padding(1, 1, 0, 1)))
    return net.build(net._node(op, (x,), "average", 0.02))


def two_in_two_out() -> Graph:
    """The names collide in C, are keywords, or hold what would end a comment."""
    net = NetworkBuilder(9)
    a, b = net.input(4, 4, 3, "int"), net.input(4, 4, 2, "a/b */ c")
    left = net.conv(a, 4, 3, name="sum.1")
    both = net.add(left, net.conv(b, 4, name="sum:1"), name="sum_1")
    return net.build(both, left)


def bottlenecks(side: int = 12) -> Graph:
    net = NetworkBuilder(10)
    x = net.conv(net.input(side, side, 3), 8, 3, 2)
    x = net.bottleneck(net.bottleneck(x, 8, 3, 3, 1), 12, 3, 5, 2)
    return net.build(net.dense(net.mean(net.conv(x, 16)), 10, name="logits"))


def gated(side: int = 12) -> Graph:
    """Bottlenecks whose depthwise results are squeezed and excited, as in MobileNetV3."""
    net = NetworkBuilder(15)
    x = net.conv(net.input(side, side, 3), 8, 3, 2)
    for number, stride in enumerate((1, 2)):
        y = net.depthwise(net.conv(x, 24), 3, stride)
        y = net.conv(net.gate(y, 6, name=f"gated{number}"), 8)
        x = net.add(x, y) if stride == 1 else y
    return net.build(net.dense(net.mean(x), 5, name="logits"))


def gate() -> Schedule:
    """A squeeze and excite whose product heads a tunnel."""
    net = NetworkBuilder(17)
    x = net.conv(net.input(4, 4, 2), 4, 3)
    graph = net.build(net.conv(net.gate(x, 2, name="gated"), 3))
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    before = (TunnelPlan((step,), whole=True) for step in steps[:-2])
    return lower(graph, Plan(InputMode.TILES, (*before, TunnelPlan(steps[-2:]))))


def concatenated(side: int = 12) -> Graph:
    """Two branches side by side, constant channels behind a skip, a constant per channel."""
    net = NetworkBuilder(16)
    x = net.conv(net.input(side, side, 3), 6, 3, 2)
    y = net.concat(net.depthwise(x), net.conv(x, 4, 5), x, name="branches")
    x = net.concat(2, x, 8, name="widened")
    constant = ChannelConstant(net.random.integers(-128, 128, 16), Quantization(0.0078125, 3))
    y = net._node(Sub(constant=constant, reverse=True), (y,), "difference", 0.03)
    return net.build(net.add(net.depthwise(y, 3), x, name="sum"))


def logits() -> Schedule:
    """Sums handed out of a tunnel."""
    net = NetworkBuilder(24)
    graph = net.build(net.sums(net.conv(net.input(6, 5, 3), 4, 3), 3, 3, name="logits"))
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    return lower(graph, Plan(InputMode.TILES, (TunnelPlan(steps),)))


def normalized() -> Schedule:
    """Normalised over the channels in a tunnel."""
    net = NetworkBuilder(25)
    x = net.normalize(net.conv(net.input(6, 5, 3), 4, 3), name="normalized")
    graph = net.build(net.respond(net.conv(x, 3, 3, name="last"), 3, "response"))
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    return lower(graph, Plan(InputMode.TILES, (TunnelPlan(steps),)))


def maxout() -> Schedule:
    """The larger of the two halves of a convolution, under a limit per channel."""
    net = NetworkBuilder(22)
    x = net.maxout(net.input(6, 5, 3), 4, name="larger")
    constant = ChannelConstant(net.random.integers(-128, 128, 4), Quantization(0.0078125, 3))
    x = net._node(Min(constant=constant), (x,), "capped", 0.03)
    graph = net.build(net.conv(x, 3, 3, name="last"))
    steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
    return lower(graph, Plan(InputMode.TILES, (TunnelPlan(steps),)))


def copied(side: int = 12) -> Graph:
    """Space to depth, a unit of ShuffleNetV2, a crop, depth to space."""
    net = NetworkBuilder(18)
    one = Window((1, 1))
    x = net.conv(net.space_to_depth(net.input(side, side, 3)), 8, 3)
    left, right = net.rearrange(x, one, range(4)), net.rearrange(x, one, range(4, 8))
    y = net.concat(left, net.conv(net.depthwise(net.conv(right, 4)), 4), name="halves")
    y = net.depthwise(net.rearrange(y, one, (0, 4, 1, 5, 2, 6, 3, 7), name="shuffled"))
    crop = Window((1, 1), pads=Padding(-1, -2, -1, 0))
    y = net.conv(net.rearrange(y, crop, range(1, 7), name="cropped"), 12, 3)
    return net.build(net.conv(net.depth_to_space(y, name="spread"), 4, 3, name="last"))


def resized(side: int = 12) -> Graph:
    """A decoder: bilinear by a factor, to a size that is none, with aligned corners; nearest."""
    net = NetworkBuilder(19)
    x = net.conv(net.input(side, side, 3), 4, 3, name="a")
    y = net.conv(net.conv(x, 6, 3, 2, name="half"), 8, 3, 2, name="quarter")
    y = net.resize_linear(y, side // 2, side // 2, name="twice")
    y = net.resize_linear(net.conv(y, 4, 3), side, side, "align_corners", name="aligned")
    y = net.add(net.conv(y, 4, 3, name="b"), x, name="sum")
    y = net.resize_nearest(y, side + 3, side - 2, name="nearest")
    return net.build(net.conv(y, 3, 3, name="last"))


def signal(length: int) -> Graph:
    """One row of samples through strided convolutions."""
    net = NetworkBuilder(21)
    x = net.input(1, length, 1, "audio")
    for channels, kernel, stride in ((2, 2, 1), (4, 3, 2), (4, 3, 4)):
        c_in = net.tensors[x].shape[2]
        op = Conv(
            window=Window((1, kernel), (1, stride)),
            groups=1,
            weights=net.random.integers(-127, 128, (channels, 1, kernel, c_in)),
            weight_scales=np.full(channels, 0.01),
            bias=net.random.integers(-500, 500, channels),
        )
        x = net._node(op, (x,), None, 0.02)
    return net.build(x)


def mobilenet_v2(side: int) -> Graph:
    """MobileNetV2-1.0 for 1000 classes."""
    net = NetworkBuilder(12)
    x = net.conv(net.input(side, side, 3), 32, 3, 2)
    x = net.bottleneck(x, 16, 1, 3, 1)
    rows = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
    for channels, count, stride in rows:
        for index in range(count):
            x = net.bottleneck(x, channels, 6, 3, stride if index == 0 else 1)
    return net.build(net.dense(net.mean(net.conv(x, 1280)), 1000, name="logits"))


def grouped() -> Schedule:
    """A bottleneck 8 of its 12 expanded channels at a time, then 4, over two rows; the sum lies
    over the projection."""
    net = NetworkBuilder(13)
    x = net.input(7, 6, 3)
    d = net.depthwise(net.conv(x, 12, name="e"), name="d")
    graph = net.build(net.add(x, net.conv(d, 3, name="p"), name="out"))
    step = StepPlan(("e.node", "d.node", "p.node", "out.node"), group=8, rows=2)
    return lower(graph, Plan(InputMode.TILES, (TunnelPlan((step,)),), (("out", "p"),)))


def upwards() -> Schedule:
    """From the last row to the first: a ring, a tile of 3 columns, sums for the mean, a dense
    layer."""
    net = NetworkBuilder(14)
    x = net.conv(net.input(9, 8, 2), 6, 3, name="a")
    x = net.conv(net.depthwise(x, 3, 2, name="d"), 4, name="p")
    graph = net.build(net.conv(net.mean(net.conv(x, 5, name="c"), name="m"), 7, name="logits"))
    steps = (
        StepPlan(("a.node",)),
        StepPlan(("d.node", "p.node"), tile=3),
        StepPlan(("c.node", "m.node"), tile=2),
        StepPlan(("logits.node",)),
    )
    return lower(graph, Plan(InputMode.EXTERN, (TunnelPlan(steps, reverse=True),)))


def tables() -> Schedule:
    """Three tables in one tunnel, the last one per channel."""
    net = NetworkBuilder(15)
    x = net.hard_swish(net.conv(net.input(8, 7, 3), 4, 3, 2, name="a"), name="ha")
    x = net.hard_swish(net.depthwise(x, name="d"), name="hd")
    graph = net.build(net.prelu(net.conv(x, 5, name="p"), name="hp"))
    steps = (StepPlan(("a.node", "ha.node")), StepPlan(("d.node", "hd.node", "p.node", "hp.node")))
    return lower(graph, Plan(InputMode.TILES, (TunnelPlan(steps),)))


def segmentation(side: int = 8) -> Graph:
    """Three maps and a vector come out; one of the maps is read inside, too, and enlarged."""
    net = NetworkBuilder(20)
    x = net.conv(net.input(side, side, 3), 6, 3, 2)
    coarse = net.conv(net.depthwise(x), 4, name="coarse")
    fine = net.conv(net.upsample(coarse, 2, 2), 3, 3, name="fine")
    edges = net.depthwise(x, name="edges")
    return net.build(fine, coarse, edges, net.dense(net.mean(x), 5, name="logits"))


def attended(side: int = 7) -> Graph:
    """Self-attention between the pixels of a map, by two heads."""
    net = NetworkBuilder(21)
    x = net.attention(net.conv(net.input(side, side, 3), 8, 3), 2, 3)
    return net.build(net.dense(net.mean(x), 3))


def rows_in_two_stripes() -> Schedule:
    """Two of its maps handed over by one tunnel, from rings; the third in one go, from a map."""
    graph = segmentation()
    steps = [StepPlan((node.name,)) for node in graph.nodes]
    whole = (TunnelPlan((step,), whole=True) for step in steps[5:])
    tunnels = (TunnelPlan(tuple(steps[:5]), stripes=2), *whole)
    return lower(graph, Plan(InputMode.TILES, tunnels, output_mode=OutputMode.ROWS))


def points(graph: Graph, mode: InputMode, limit: int = 2**20) -> tuple[Point, ...]:
    """The search's plans, those that need most memory first."""
    return tuple(Search(graph, mode).frontier(limit))


def layerwise(graph: Graph, mode: InputMode) -> Schedule:
    return lower(graph, trivial_plan(graph, mode))


def smallest(graph: Graph, mode: InputMode) -> Schedule:
    """The plan that needs the least memory."""
    return lower(graph, points(graph, mode)[-1].plan(mode))


@dataclass(frozen=True)
class Case:
    """A schedule and how it is emitted."""

    schedule: Callable[[], Schedule]
    weights: WeightsMode = WeightsMode.INLINE


def _case(graph: Callable[[], Graph], mode: InputMode, *weights: WeightsMode) -> Case:
    return Case(lambda: layerwise(graph(), mode), *weights)


# The golden C files, by name; between them every kernel, every input mode and both weights modes.
GOLDEN = {
    "pointwise_tiles": _case(pointwise, InputMode.TILES),
    "strided_conv_stream": _case(strided_conv, InputMode.STREAM),
    "grouped_dilated_conv_extern": _case(grouped_dilated_conv, InputMode.EXTERN),
    "depthwise_resident": _case(depthwise, InputMode.RESIDENT),
    "classifier_tiles": _case(classifier, InputMode.TILES),
    "dense_over_a_map_resident": _case(dense_over_a_map, InputMode.RESIDENT),
    "residual_extern_weights": _case(residual, InputMode.TILES, WeightsMode.EXTERN),
    "pools_extern": _case(pools, InputMode.EXTERN),
    "two_in_two_out_stream": _case(two_in_two_out, InputMode.STREAM),
    "streamed_in_two_stripes": Case(two_convolutions),
    "grouped_extern_weights": Case(grouped, WeightsMode.EXTERN),
    "upwards_extern": Case(upwards),
    "tables_in_a_tunnel": Case(tables),
    "gate_tiles": Case(gate),
    "maxout_in_a_tunnel": Case(maxout),
    "logits_in_a_tunnel": Case(logits),
    "normalized_in_a_tunnel": Case(normalized),
    "rows_in_two_stripes": Case(rows_in_two_stripes),
    "attention_resident": _case(attended, InputMode.RESIDENT),
    "attention_in_tunnels": Case(lambda: smallest(attended(), InputMode.TILES)),
    "concatenated_stream": Case(lambda: smallest(concatenated(8), InputMode.STREAM)),
}


def options(
    name: str = "net",
    weights: WeightsMode = WeightsMode.INLINE,
    golden: GoldenVectors | None = None,
) -> EmitOptions:
    return EmitOptions(
        name=name,
        patchc_version="1.2.3",
        model_file="model.onnx",
        model_sha256="0123456789abcdef" * 4,
        command_line="patchc compile model.onnx -o OUT --budget 64k",
        target="cortex-m4",
        stack_bytes=2048,
        weights=weights,
        golden=golden,
    )


def in_slices(schedule: Schedule, weights: WeightsMode = WeightsMode.INLINE) -> EmitOptions:
    """The same options with NAME_step."""
    prices = piece_prices(schedule, machine_of(core("cortex-m4")).cost)
    return replace(options(weights=weights), pieces=prices)


def placed(schedule: Schedule) -> tuple[Schedule, Placement]:
    return schedule, place(schedule)


def images(graph: Graph, cases: int = CASES) -> dict[str, np.ndarray]:
    """Random inputs, the extremes first: all -128, then all 127."""
    random = np.random.default_rng(0)
    found = {}
    for name in graph.inputs:
        values = random.integers(-128, 128, (cases, *graph.tensors[name].shape))
        values[0], values[1] = -128, 127
        found[name] = values.astype(np.int8)
    return found


def expected(graph: Graph, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the reference makes of every case."""
    cases = len(next(iter(inputs.values())))
    runs = [run_graph(graph, {k: v[case] for k, v in inputs.items()}) for case in range(cases)]
    return {name: np.stack([run[name] for run in runs]) for name in graph.outputs}


def write(schedule: Schedule, out: Path, weights: WeightsMode = WeightsMode.INLINE) -> Path:
    write_files(out, emit(*placed(schedule), options(weights=weights)))
    return out


def write_in_slices(
    schedule: Schedule, out: Path, weights: WeightsMode = WeightsMode.INLINE
) -> Path:
    write_files(out, emit(*placed(schedule), in_slices(schedule, weights)))
    return out


def edit(out: Path, file: str, old: str, new: str) -> None:
    """Break a file of the program in `out`."""
    text = (out / file).read_text()
    assert old in text
    (out / file).write_text(text.replace(old, new))


def check_equal(out: Path, graph: Graph, flavour: str | Flavour, cases: int = CASES) -> None:
    """The program in `out` computes what the reference does, byte for byte."""
    inputs = images(graph, cases)
    found, wanted = build(out, flavour).run(inputs), expected(graph, inputs)
    assert list(found) == list(graph.outputs)
    for name in graph.outputs:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
