"""Schedules by hand: what the tests of the shadow memory run, and then spoil."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from patchc.geometry.clocks import RowClock, all_rows
from patchc.geometry.span import Span
from patchc.ir import Graph
from patchc.kernels.kernel import Slicing
from patchc.kernels.registry import KERNELS
from patchc.memory.placement import Placement
from patchc.plan.types import InputMode
from patchc.reference import ScheduleStats, execute, run_graph
from patchc.schedule.types import (
    Accumulate,
    Block,
    Buffer,
    BufferKind,
    Call,
    Compute,
    Finish,
    Load,
    Schedule,
    Step,
    Storage,
    Sums,
)
from tests.graphs import NetworkBuilder
from tests.plans import chosen


def pack(buffers: Mapping[str, Buffer]) -> Placement:
    """One buffer after the other, each on a multiple of four."""
    offsets, end = {}, 0
    for buffer in buffers.values():
        if buffer.kind is not BufferKind.EXTERN:
            offsets[buffer.name] = end
            end += -(-buffer.bytes // 4) * 4
    return Placement(offsets, end, 0, "one after the other")


def held(
    graph: Graph,
    tensor: str,
    slots: int,
    cols: Sequence[Span],
    kind: BufferKind = BufferKind.RING,
) -> tuple[Storage, Buffer]:
    """A storage with a buffer of its own, wide enough for the widest stripe."""
    width = max(span.stop - span.start for span in cols)
    depth = graph.tensors[tensor].shape[2]
    buffer = Buffer(f"{tensor}_buffer", kind, slots * width * depth, 1, 0, 0)
    found = Storage(tensor, buffer.name, 0, slots, width * depth, tuple(cols), width, depth)
    return found, buffer


def whole(graph: Graph, tensor: str, kind: BufferKind) -> tuple[Storage, Buffer]:
    """A storage that holds all of a tensor."""
    height, width, _ = graph.tensors[tensor].shape
    return held(graph, tensor, height, (Span(0, width),), kind)


def call(graph: Graph, tensor: str) -> Call:
    """The call that makes a tensor: its node's, or a load."""
    node = graph.producer.get(tensor)
    if node is None:
        return Load(tensor)
    return Compute(KERNELS[chosen(graph, node)], node.name, node.inputs, tensor)


def step(
    graph: Graph, tensor: str, rows: RowClock, cols: Sequence[Span], rows_per_call: int = 1
) -> Step:
    """A step of one call, named after the tensor that it makes."""
    return Step(tensor, (call(graph, tensor),), (), tensor, rows, rows_per_call, tuple(cols), 0, 0)


def whole_step(graph: Graph, tensor: str) -> Step:
    """A step that makes all of a tensor in one call."""
    height, width, _ = graph.tensors[tensor].shape
    return step(graph, tensor, all_rows(height), (Span(0, width),), height)


def schedule_of(
    graph: Graph,
    mode: InputMode,
    parts: Iterable[tuple[Storage, Buffer]],
    *blocks: Block,
    sums: Iterable[Sums] = (),
    buffers: Iterable[Buffer] = (),
) -> Schedule:
    """A schedule of these storages, with their buffers and `buffers` besides."""
    pairs = list(parts)
    return Schedule(
        graph=graph,
        input_mode=mode,
        buffers={buffer.name: buffer for buffer in (*(b for _, b in pairs), *buffers)},
        storages={found.tensor: found for found, _ in pairs},
        sums={found.tensor: found for found in sums},
        blocks=blocks,
    )


def image(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Random values for every input."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(-128, 128, graph.tensors[name].shape).astype(np.int8)
        for name in graph.inputs
    }


def check(found: Schedule, placement: Placement | None = None) -> ScheduleStats:
    """The schedule computes what its graph computes."""
    inputs = image(found.graph)
    run = execute(found, placement or pack(found.buffers), inputs)
    expected = run_graph(found.graph, inputs)
    assert set(run.outputs) == set(found.graph.outputs)
    for name, values in run.outputs.items():
        np.testing.assert_array_equal(values, expected[name])
    return run.stats


# -- changes -----------------------------------------------------------------------------------


def with_step(found: Schedule, step_name: str, **changes: object) -> Schedule:
    """The schedule with one step changed."""
    blocks = tuple(
        replace(
            block,
            steps=tuple(replace(s, **changes) if s.name == step_name else s for s in block.steps),
        )
        for block in found.blocks
    )
    return replace(found, blocks=blocks)


def with_storage(found: Schedule, tensor: str, **changes: object) -> Schedule:
    """The schedule with one storage changed."""
    storages = dict(found.storages)
    storages[tensor] = replace(storages[tensor], **changes)
    return replace(found, storages=storages)


def with_sums(found: Schedule, tensor: str, **changes: object) -> Schedule:
    """The schedule with one tensor's sums changed."""
    return replace(found, sums={**found.sums, tensor: replace(found.sums[tensor], **changes)})


# -- two convolutions --------------------------------------------------------------------------

HEIGHT, WIDTH = 12, 10
ROW_OUT, COL_OUT = 6, 5


def two_convolutions(
    image_slots: int = 4, a_slots: int = 3, rows_per_call: int = 1, stripes: int = 2
) -> Schedule:
    """image 12x10x3 -> a: 3x3 -> b: 3x3 stride 2, 6x5x5, in one tunnel: one row of b per tick,
    rings for the image and for a."""
    net = NetworkBuilder()
    a = net.conv(net.input(HEIGHT, WIDTH, 3), 4, 3, name="a")
    graph = net.build(net.conv(a, 5, 3, stride=2, name="b"))
    cols = {
        1: {"image": (Span(0, 10),), "a": (Span(0, 10),), "b": (Span(0, 5),)},
        2: {
            "image": (Span(0, 7), Span(4, 10)),
            "a": (Span(0, 6), Span(5, 10)),
            "b": (Span(0, 3), Span(3, 5)),
        },
    }[stripes]
    parts = (
        held(graph, "image", image_slots, cols["image"]),
        held(graph, "a", a_slots, cols["a"]),
        whole(graph, "b", BufferKind.OUTPUT),
    )
    # Row t of b reads rows 2t-1 .. 2t+1 of a, and those read rows 2t-2 .. 2t+2 of the image.
    clocks = {"image": RowClock(2, 1, 3, HEIGHT), "a": RowClock(2, 1, 2, HEIGHT)}
    clocks["b"] = RowClock(1, 1, 1, ROW_OUT)
    steps = tuple(step(graph, name, clocks[name], cols[name], rows_per_call) for name in clocks)
    return schedule_of(graph, InputMode.TILES, parts, Block("tunnel", stripes, ROW_OUT, steps))


# -- a bottleneck ------------------------------------------------------------------------------

SIDE_H, SIDE_W, EXPANDED, NARROW = 8, 7, 12, 3


def bottleneck() -> Graph:
    """image 8x7x3 -> e: 1x1, 12 -> d: depthwise 3x3 -> p: 1x1, 3 -> out: image + p."""
    net = NetworkBuilder()
    x = net.input(SIDE_H, SIDE_W, NARROW)
    d = net.depthwise(net.conv(x, EXPANDED, name="e"), name="d")
    return net.build(net.add(x, net.conv(d, NARROW, name="p"), name="out"))


ALL = (Span(0, SIDE_W),)


def _scratch(tensor: str, offset: int, slots: int, tile: int, depth: int) -> Storage:
    return Storage(tensor, "scratch", offset, slots, tile * depth, ALL, tile, depth)


def fused(tile: int = 2, image_slots: int = 2, e_slots: int = 3) -> Schedule:
    """The bottleneck with depthwise, projection and sum fused, `tile` columns at a time: a ring
    for the expanded tensor, the depthwise one never wider than a tile, the sum over p."""
    graph = bottleneck()
    out, buffer = whole(graph, "out", BufferKind.OUTPUT)
    scratch = Buffer("scratch", BufferKind.SCRATCH, tile * EXPANDED, 1, 0, 0)
    parts = (
        held(graph, "image", image_slots, ALL),
        held(graph, "e", e_slots, ALL),
        (out, buffer),
        (replace(out, tensor="p"), buffer),
        (_scratch("d", 0, 1, tile, EXPANDED), scratch),
    )
    ahead, now = RowClock(1, 1, 2, SIDE_H), RowClock(1, 1, 1, SIDE_H)
    steps = (
        step(graph, "image", ahead, ALL),
        step(graph, "e", ahead, ALL),
        Step(
            "out", tuple(call(graph, t) for t in ("d", "p", "out")), (), "out", now, 1, ALL, tile, 0
        ),
    )
    return schedule_of(graph, InputMode.TILES, parts, Block("fused", 1, SIDE_H, steps))


def grouped(group: int = 4, rows: int = 2) -> Schedule:
    """The bottleneck `group` expanded channels at a time over `rows` output rows: the projection
    adds up in int32, and the sum lies over it."""
    graph = bottleneck()
    out, buffer = whole(graph, "out", BufferKind.OUTPUT)
    e_at = rows * SIDE_W * NARROW * 4
    d_at = e_at + (rows + 2) * SIDE_W * group
    size = d_at + rows * SIDE_W * group
    scratch = Buffer("scratch", BufferKind.SCRATCH, size, 4, 0, 0)
    parts = (
        held(graph, "image", rows + 2, ALL),
        (out, buffer),
        (replace(out, tensor="p"), buffer),
        (_scratch("e", e_at, rows + 2, SIDE_W, group), scratch),
        (_scratch("d", d_at, rows, SIDE_W, group), scratch),
    )
    finish = (Finish(KERNELS["pointwise_finish"], "p.node", "p"), call(graph, "out"))
    adds = Accumulate(KERNELS["pointwise_add"], "p.node", ("d",), "p", Slicing.INPUTS)
    calls = (call(graph, "e"), call(graph, "d"), adds)
    clock = RowClock(1, 1, 1, SIDE_H, mul=rows)
    steps = (
        step(graph, "image", RowClock(rows, 1, rows + 1, SIDE_H), ALL),
        Step("out", calls, finish, "out", clock, rows, ALL, 0, group),
    )
    return schedule_of(
        graph,
        InputMode.TILES,
        parts,
        Block("grouped", 1, SIDE_H // rows, steps),
        sums=(Sums("p", "scratch", 0, rows, SIDE_W, NARROW, per_piece=True),),
    )


# -- a mean ------------------------------------------------------------------------------------


def averaged(tile: int = 3) -> Schedule:
    """image 8x7x3 -> c: 1x1, 5 -> m: the mean, which adds c up `tile` columns at a time."""
    net = NetworkBuilder()
    c = net.conv(net.input(SIDE_H, SIDE_W, NARROW), 5, name="c")
    graph = net.build(net.mean(c, name="m"))
    parts = (
        held(graph, "image", 1, ALL),
        (_scratch("c", 0, 1, tile, 5), Buffer("scratch", BufferKind.SCRATCH, tile * 5, 1, 0, 0)),
        whole(graph, "m", BufferKind.OUTPUT),
    )
    rows = RowClock(1, 1, 1, SIDE_H)
    adds = (call(graph, "c"), Accumulate(KERNELS["mean_add"], "m.node", ("c",), "m"))
    end = Finish(KERNELS["mean_finish"], "m.node", "m")
    steps = (
        step(graph, "image", rows, ALL),
        Step("m", adds, (), "c", rows, 1, ALL, tile, 0),
        Step("finish", (end,), (), "m", RowClock(1, 1, 2 - SIDE_H, 1), 1, (Span(0, 1),), 0, 0),
    )
    return schedule_of(
        graph,
        InputMode.TILES,
        parts,
        Block("averaged", 1, SIDE_H, steps),
        sums=(Sums("m", "sums", 0, 1, 1, 5, per_piece=False),),
        buffers=(Buffer("sums", BufferKind.ACCUMULATOR, 20, 4, 0, 0),),
    )


# -- both directions ---------------------------------------------------------------------------

MAP_H, MAP_W = 8, 4


def growing(distance: int, reverse: bool) -> tuple[Schedule, Placement]:
    """image 8x4x2 -> out: 3x3 of stride 2, 4x2x6, a row per tick. `out` starts `distance` bytes
    below the image; in reverse, from the last row on, it ends as many above."""
    net = NetworkBuilder()
    graph = net.build(net.conv(net.input(MAP_H, MAP_W, 2), 6, 3, stride=2, name="out"))
    parts = (whole(graph, "image", BufferKind.INPUT), whole(graph, "out", BufferKind.OUTPUT))
    rows = step(graph, "out", RowClock(1, 1, 1, 4), (Span(0, 2),))
    found = schedule_of(
        graph, InputMode.RESIDENT, parts, Block("growing", 1, 4, (rows,), reverse=reverse)
    )
    base = 32
    top = graph.tensors["image"].bytes + distance - graph.tensors["out"].bytes
    offsets = {"image_buffer": base, "out_buffer": base + (top if reverse else -distance)}
    return found, Placement(offsets, 128, 0, "by hand")


def upwards(offset: int) -> Schedule:
    """image 8x4x2 -> a: 3x3 -> out: 3x3 of stride 2, from the last row to the first, a row of out
    per tick and a ring of three rows. Two more rows of `a` per tick; `offset` in the first."""
    net = NetworkBuilder()
    a = net.conv(net.input(MAP_H, MAP_W, 2), 3, 3, name="a")
    graph = net.build(net.conv(a, 4, 3, stride=2, name="out"))
    cols = (Span(0, MAP_W),)
    parts = (
        whole(graph, "image", BufferKind.INPUT),
        held(graph, "a", 3, cols),
        whole(graph, "out", BufferKind.OUTPUT),
    )
    steps = (
        step(graph, "a", RowClock(2, 1, offset, MAP_H), cols),
        step(graph, "out", RowClock(1, 1, 1, 4), (Span(0, 2),)),
    )
    block = Block("upwards", 1, 4, steps, reverse=True)
    return schedule_of(graph, InputMode.RESIDENT, parts, block)
