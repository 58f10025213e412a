"""Schedules by hand, for what no plan asks for yet: rings, ticks and stripes."""

from __future__ import annotations

from patchc.targets.select import choose_kernel
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
from tests.graphs import NetworkBuilder

SIDE = 8  # rows and columns of all three maps


def streamed(stripes: int, mode: InputMode) -> Schedule:
    """image -> 3x3 -> 3x3, one output row per tick, three rows of each of the first two maps.

    Each stripe holds its columns and a halo: one column per convolution behind it.
    """
    net = NetworkBuilder(11)
    middle = net.conv(net.input(SIDE, SIDE, 2), 4, 3, name="middle")
    graph = net.build(net.conv(middle, 3, 3, name="out"))
    width = SIDE // stripes
    cols = {
        tensor: tuple(
            Span(max(q * width - halo, 0), min((q + 1) * width + halo, SIDE))
            for q in range(stripes)
        )
        for tensor, halo in (("image", 2), ("middle", 1), ("out", 0))
    }
    # A row of `out` asks for one row more of `middle`, and that for one row more of `image`.
    ahead = {"image": 3, "middle": 2, "out": 1}
    steps = tuple(
        Step(
            name=f"make_{tensor}",
            kernel=choose_kernel(graph, graph.producer[tensor]) if tensor != "image" else "load",
            node=graph.producer[tensor].name if tensor != "image" else None,
            reads=graph.producer[tensor].inputs if tensor != "image" else (),
            writes=tensor,
            rows=RowClock(1, 1, ahead[tensor], SIDE),
            rows_per_call=1,
            cols=cols[tensor],
        )
        for tensor in ("image", "middle", "out")
    )
    buffers, storages = {}, {}
    for tensor, kind in (("image", BufferKind.RING), ("middle", BufferKind.RING)):
        held = max(span.stop - span.start for span in cols[tensor])
        pitch = held * graph.tensors[tensor].shape[2]
        buffers[tensor] = Buffer(tensor, kind, 3 * pitch, 4, 0, 0)
        storages[tensor] = Storage(tensor, tensor, 3, pitch, cols[tensor])
    whole = graph.tensors["out"]
    buffers["out"] = Buffer("out", BufferKind.OUTPUT, whole.bytes, 1, 0, 0)
    storages["out"] = Storage("out", "out", SIDE, SIDE * whole.shape[2], (Span(0, SIDE),))
    block = Block("streamed", stripes, SIDE, steps)
    return Schedule(graph, mode, buffers, storages, (block,))
