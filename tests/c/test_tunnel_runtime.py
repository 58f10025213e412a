"""patchc_tunnel.c against the schedule's own words: clocks, pieces, reaches, places in storage."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchc.codegen.tables import clock_members
from patchc.codegen.windows import Rectangle, reach
from patchc.geometry.axis import demand
from patchc.geometry.clocks import RowClock
from patchc.geometry.span import Span
from patchc.ir import MaxPool, Padding
from patchc.ir import Window as IrWindow
from tests.c.kernel_host import ROOT, View, Window, c_params, library
from tests.graphs import NetworkBuilder
from tests.plans import kernel_params

many = settings(max_examples=300, deadline=None)


def struct(name: str, **members: type) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {"_fields_": tuple(members.items())})


def ints(*names: str) -> dict[str, type]:
    return dict.fromkeys(names, ctypes.c_int32)


Patch = struct("Patch", **ints("r0", "r1", "c0", "c1"))
Cols = struct("Cols", start=ctypes.c_uint16, stop=ctypes.c_uint16)
Clock = struct("Clock", **ints("num", "offset", "den", "mul", "add", "limit"))
Step = struct(
    "Step",
    rows=Clock,
    cols=ctypes.POINTER(Cols),
    **ints("piece_rows", "piece_cols", "reverse"),
)
Piece = struct(
    "Piece",
    patch=Patch,
    **ints("stripe", "tick", "more", "done", "until"),
    step=ctypes.POINTER(Step),
)
Frame = struct("Frame", **ints("height", "width", "top", "left"))
Reach = struct("Reach", patch=Patch, **ints("top", "left", "bottom", "right"))
Storage = struct(
    "Storage",
    **ints("offset", "pitch", "slots", "tile", "depth"),
    cols=ctypes.POINTER(Cols),
)


@cache
def lib() -> ctypes.CDLL:
    found = library(sources=(str(ROOT / "runtime_c/portable/patchc_tunnel.c"),))
    found.patchc_first.restype = Piece
    found.patchc_next.restype = None
    found.patchc_reach_of.restype = found.patchc_reach_resize.restype = Reach
    found.patchc_in_view.restype = found.patchc_out_view.restype = View
    return found


def columns(*spans: tuple[int, int]) -> ctypes.Array:
    return (Cols * len(spans))(*spans)


# -- clocks and pieces -------------------------------------------------------------------------

clocks = st.builds(
    RowClock,
    num=st.integers(0, 3),
    den=st.integers(1, 8),
    offset=st.integers(-40, 20),
    limit=st.integers(1, 12),
    mul=st.integers(1, 4),
    add=st.integers(-6, 6),
)


@many
@given(clocks)
def test_clocks(clock: RowClock) -> None:
    """Negative numerators included, where C and Python divide differently."""
    step = Step(Clock(**clock_members(clock)), columns((0, 1)), 1, 1, 0)
    for tick in range(40):
        piece = lib().patchc_first(ctypes.byref(step), 0, tick)
        assert (piece.done, piece.until) == (clock.at(tick - 1), clock.at(tick))


def pieces_in_c(step: ctypes.Structure, stripe: int, tick: int) -> Iterator[tuple[Span, Span]]:
    piece = lib().patchc_first(ctypes.byref(step), stripe, tick)
    while piece.more:
        patch = piece.patch
        yield Span(patch.r0, patch.r1), Span(patch.c0, patch.c1)
        lib().patchc_next(ctypes.byref(piece))


@many
@given(
    clocks,
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(1, 6),
    st.booleans(),
)
def test_pieces(
    clock: RowClock, spans: list[tuple[int, int]], rows: int, tile: int, reverse: bool
) -> None:
    """Every piece of every tick, in the schedule's order; stripes without columns have none."""
    spans = [(min(span), max(span)) for span in spans]
    step = Step(Clock(**clock_members(clock)), columns(*spans), rows, tile, reverse)
    for (stripe, (start, stop)), tick in product(enumerate(spans), range(6)):
        wanted = []
        done, until = clock.at(tick - 1), clock.at(tick)
        for row, col in product(range(done, until, rows), range(start, stop, tile)):
            end = min(row + rows, until)
            span = Span(clock.limit - end, clock.limit - row) if reverse else Span(row, end)
            wanted.append((span, Span(col, min(col + tile, stop))))
        assert list(pieces_in_c(step, stripe, tick)) == wanted


# -- reaches -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "pad"), [*product((1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 3))]
)
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_every_tap_of_every_patch(
    kernel: int, stride: int, dilation: int, pad: int, along: str
) -> None:
    """The patch is what the schedule demands, and with the pads every tap falls on the position
    that it means; the other axis has one position, one tap."""
    size, rows = 7, along == "rows"

    def pair(value: int) -> tuple[int, int]:
        return (value, 1) if rows else (1, value)

    pads = Padding(top=pad, bottom=pad + 2) if rows else Padding(left=pad, right=pad + 2)
    op = MaxPool(IrWindow(pair(kernel), pair(stride), pair(dilation), pads))
    window = Window(*pair(kernel), *pair(stride), *pair(dilation))
    height, width = pair(size)
    frame = Frame(height, width, pads.top, pads.left)
    count = (size + 2 * pad + 2 - op.window.extent[0 if rows else 1]) // stride + 1
    one = Span(0, 1)
    for start, stop in ((a, b) for a in range(count) for b in range(a, count + 1)):
        out = (Span(start, stop), one) if rows else (one, Span(start, stop))
        patch = Patch(out[0].start, out[0].stop, out[1].start, out[1].stop)
        found = lib().patchc_reach_of(*map(ctypes.byref, (patch, window, frame)))
        inside = Span(found.patch.r0, found.patch.r1), Span(found.patch.c0, found.patch.c1)
        wanted = demand(op, *out, height, width)[0 if rows else 1]
        got = inside[0 if rows else 1]
        before, after = (found.top, found.bottom) if rows else (found.left, found.right)
        if start == stop:
            assert got.start == got.stop
            continue
        assert got == wanted
        assert min(before, after) >= 0
        for i, tap in product(range(stop - start), range(kernel)):
            position = (start + i) * stride + tap * dilation - pad
            in_view = i * stride + tap * dilation - before
            assert (0 <= position < size) == (0 <= in_view < got.stop - got.start)
            if 0 <= position < size:
                assert got.start + in_view == position


@pytest.mark.parametrize("target", [3, 7, 11, 14])
def test_every_patch_of_a_resize(target: int) -> None:
    """The same as codegen's own reading, and nothing for an empty patch."""
    size = 7
    net = NetworkBuilder()
    graph = net.build(net.resize_linear(net.input(size, size, 1), target, target + 1))
    params = kernel_params(graph, graph.nodes[0], "resize_linear")
    filled = c_params("resize_linear", params)
    rows, cols = filled.rows, filled.cols
    spans = [Span(a, b) for a in range(target) for b in range(a + 1, target + 1)]
    for down, across in product(spans, spans[::3]):
        patch = Patch(down.start, down.stop, across.start, across.stop)
        found = lib().patchc_reach_resize(*map(ctypes.byref, (patch, rows, cols)))
        wanted = reach(graph, graph.nodes[0], "image", Rectangle(down, across))
        assert Span(found.patch.r0, found.patch.r1) == wanted.inside.rows
        assert Span(found.patch.c0, found.patch.c1) == wanted.inside.cols
        pads = Padding(found.top, found.left, found.bottom, found.right)
        assert pads == wanted.pads
    empty = Patch(target, target, 0, 1)
    found = lib().patchc_reach_resize(*map(ctypes.byref, (empty, rows, cols)))
    assert found.patch.r0 == found.patch.r1


# -- places ------------------------------------------------------------------------------------


@many
@given(
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(0, 3),
    st.data(),
)
def test_views_of_a_ring(
    slots: int, tile: int, depth: int, first: int, data: st.DataObject
) -> None:
    """Row r in slot r % slots, column c at (c - first) % tile; the second stripe's first column."""
    row, rows = data.draw(st.integers(0, 20)), data.draw(st.integers(1, slots))
    position = data.draw(st.integers(0, 20))
    width = data.draw(st.integers(1, tile - position % tile))
    storage = Storage(100, tile * depth + 3, slots, tile, depth, columns((9, 99), (first, 99)))
    patch = Patch(row, row + rows, first + position, first + position + width)
    for function in (lib().patchc_in_view, lib().patchc_out_view):
        view = function(ctypes.c_void_p(1000), ctypes.byref(storage), 1, ctypes.byref(patch))
        assert view.data == 1000 + 100 + position % tile * depth
        assert (view.slot, view.slots, view.pitch) == (row % slots, slots, tile * depth + 3)
        assert (view.rows, view.cols, view.channels) == (rows, width, depth)


def test_views_of_a_whole_map_and_of_nothing() -> None:
    """Without a table columns count from 0; an empty patch stays inside whatever its columns."""
    storage = Storage(8, 30, 4, 10, 3, None)
    for patch, place in ((Patch(1, 3, 4, 6), 8 + 12), (Patch(2, 2, 40, 40), 8)):
        view = lib().patchc_in_view(
            ctypes.c_void_p(64), ctypes.byref(storage), 5, ctypes.byref(patch)
        )
        assert view.data == 64 + place
