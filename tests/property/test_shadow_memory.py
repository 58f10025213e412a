"""Random tunnels: chains of windows over rings, cut in stripes. With rings as tall as the rows that
are alive the result is that of layer by layer; with one slot less the loss is noticed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from patchc.ir import Conv, Graph, MaxPool, Node, Tensor, output_shape, verify
from patchc.memory.placement import Placement
from patchc.reference import ShadowMemoryError, run_graph, run_schedule
from patchc.reference.geometry import axes, reach
from patchc.reference.operators import reading_window
from patchc.tunnels.plan import InputMode
from patchc.tunnels.schedule import (
    Block,
    Buffer,
    BufferKind,
    RowClock,
    Schedule,
    Span,
    Step,
    Storage,
)
from tests.property.strategies import convolutions, images, quantizations, shapes, windows


@st.composite
def chains(draw: st.DrawFn) -> Graph:
    """Two or three convolutions or max pools, one after the other."""
    tensors = {"t0": Tensor("t0", draw(shapes()), draw(quantizations()))}
    nodes: list[Node] = []
    for index in range(1, draw(st.integers(2, 3)) + 1):
        x = tensors[f"t{index - 1}"]
        quant = draw(quantizations())
        op: Conv | MaxPool = draw(convolutions(x.shape))
        if draw(st.booleans()):
            op, quant = MaxPool(draw(windows(*x.shape[:2], pooling=True))), x.quant
        # Between the taps of a dilated window, or between windows, lie rows that nobody misses.
        strides = tuple(map(min, op.window.stride, op.window.kernel))
        op = replace(op, window=replace(op.window, stride=strides, dilation=(1, 1)))
        tensors[f"t{index}"] = Tensor(f"t{index}", output_shape(op, x.shape), quant)
        nodes.append(Node(f"n{index}", op, (x.name,), f"t{index}"))
    last = nodes[-1].output
    return verify(Graph("chain", ("t0",), (last,), tensors, tuple(nodes)))


@dataclass(frozen=True)
class Tunnel:
    """A schedule for a chain, and the rings it has, by tensor, with the slots that each needs."""

    schedule: Schedule
    needed: dict[str, int]


def tunnel(graph: Graph, stripes: int, fewer: str | None = None) -> Tunnel:
    """The whole chain as one tunnel, one row of the output per tick, all rings as small as can be;
    the ring `fewer` has one slot less."""
    (image,), (output,) = graph.inputs, graph.outputs
    height, width, _ = graph.tensors[output].shape
    cuts = [width * q // stripes for q in range(stripes + 1)]
    cols = {output: [Span(cuts[q], cuts[q + 1]) for q in range(stripes)]}
    clocks = {output: RowClock(1, 1, 1, height)}
    needed = {output: height}
    for node in reversed(graph.nodes):
        x, y = node.inputs[0], node.output
        tensor = graph.tensors[x]
        window = reading_window(node.op, [tensor])
        row_axis, col_axis = axes(window, *tensor.shape[:2])
        demands = [reach(col_axis, span.start, span.stop) for span in cols[y]]
        cols[x] = [Span(demand.start, demand.stop) for demand in demands]
        # Output row r reads rows up to stride * r + extent - 1 - pad.
        stride, ahead = window.stride[0], window.extent[0] - window.pads.top
        clock, rows = clocks[y], tensor.shape[0]
        offset = stride * (clock.offset - 1) + ahead
        clocks[x] = RowClock(stride * clock.num, 1, offset, rows)
        alive = 1
        for tick in range(height):
            read = reach(row_axis, clock.at(tick - 1), clock.at(tick))
            if read.start < read.stop:
                alive = max(alive, clocks[x].at(tick) - read.start)
        needed[x] = min(alive, rows)

    storages, buffers = {}, {}
    for name, spans in cols.items():
        held = [Span(0, width)] if name == output else spans
        channels = graph.tensors[name].shape[2]
        pitch = max(1, max(span.stop - span.start for span in held) * channels)
        slots = max(1, needed[name] - (name == fewer))
        kind = BufferKind.OUTPUT if name == output else BufferKind.RING
        buffers[name] = Buffer(name, kind, slots * pitch, 1, 0, 0)
        storages[name] = Storage(name, name, slots, pitch, tuple(held))
    steps = [
        Step("load", "load", None, (), image, clocks[image], 1, tuple(cols[image])),
        *(
            Step(
                node.name,
                "max_pool" if isinstance(node.op, MaxPool) else "conv2d",
                node.name,
                node.inputs,
                node.output,
                clocks[node.output],
                1,
                tuple(cols[node.output]),
            )
            for node in graph.nodes
        ),
    ]
    block = Block("tunnel", stripes, height, tuple(steps))
    schedule = Schedule(graph, InputMode.TILES, buffers, storages, (block,))
    return Tunnel(schedule, needed)


def place(schedule: Schedule) -> Placement:
    """One buffer after the other."""
    offsets, end = {}, 0
    for buffer in schedule.buffers.values():
        offsets[buffer.name] = end
        end += buffer.bytes
    return Placement(offsets, end, 0, "one after the other")


@st.composite
def cut_chains(draw: st.DrawFn) -> tuple[Graph, int]:
    """A chain and a number of stripes for it."""
    graph = draw(chains())
    return graph, draw(st.integers(1, min(3, graph.tensors[graph.outputs[0]].shape[1])))


@given(cut_chains())
@settings(max_examples=150, deadline=None)
def test_rings_as_tall_as_the_rows_alive_are_enough(cut):
    graph, stripes = cut
    schedule = tunnel(graph, stripes).schedule
    inputs = images(graph)
    found = run_schedule(schedule, place(schedule), inputs)
    (output,) = graph.outputs
    np.testing.assert_array_equal(found[output], run_graph(graph, inputs)[output])


@given(cut_chains(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_ring_with_one_slot_less_is_noticed(cut, data):
    graph, stripes = cut
    needed = tunnel(graph, stripes).needed
    rings = [x for x, slots in needed.items() if slots > 1 and x not in graph.outputs]
    assume(rings)
    schedule = tunnel(graph, stripes, fewer=data.draw(st.sampled_from(rings))).schedule
    with pytest.raises(ShadowMemoryError):
        run_schedule(schedule, place(schedule), images(graph))
