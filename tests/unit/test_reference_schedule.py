"""Schedules by hand, right and deliberately wrong, executed over shadow memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.geometry.clocks import RowClock, all_rows
from patchc.geometry.span import Span
from patchc.ir import Conv, Graph, Lut, Node, Quantization, Tensor, Window, macs, verify
from patchc.memory.placement import Placement
from patchc.plan.types import InputMode
from patchc.reference import ShadowMemoryError, run_schedule
from patchc.schedule.types import Block, Buffer, BufferKind, Storage
from tests.schedules import (
    HEIGHT,
    ROW_OUT,
    WIDTH,
    check,
    pack,
    schedule_of,
    two_convolutions,
    whole,
    whole_step,
    with_step,
    with_storage,
)


@pytest.mark.parametrize("stripes", [1, 2])
@pytest.mark.parametrize("rows_per_call", [1, 2, 3])
def test_a_tunnel_with_rings_and_stripes_equals_layer_by_layer(stripes, rows_per_call):
    # A call of 2 rows of a 3-row window holds 4 rows of its input: the image ring has them.
    check(two_convolutions(stripes=stripes, rows_per_call=rows_per_call))


def test_rings_that_are_larger_than_needed():
    check(two_convolutions(image_slots=7, a_slots=5))


def test_a_halo_is_recomputed_and_counted():
    schedules = [two_convolutions(stripes=stripes) for stripes in (1, 2)]
    graph = schedules[0].graph
    plain = sum(macs(graph, node) for node in graph.nodes)
    stats = [check(schedule) for schedule in schedules]
    assert stats[0].macs == plain
    # Stripe 1 computes 5 columns of a, stripe 0 computes 6: one column is computed twice.
    assert stats[1].macs == plain + HEIGHT * 1 * 4 * 27
    assert stats[0].input_bytes_read == HEIGHT * WIDTH * 3
    assert stats[1].input_bytes_read == HEIGHT * (7 + 6) * 3
    assert [found.input_pixels_reread for found in stats] == [0, HEIGHT * 3]
    assert [found.input_pixels_unread for found in stats] == [0, 0]
    assert [found.input_raster_order for found in stats] == [True, False]


@pytest.mark.parametrize(
    ("slots", "victim"), [({"image_slots": 3}, "image"), ({"a_slots": 2}, "a")]
)
def test_a_ring_one_row_too_small_is_caught(slots, victim):
    schedule = two_convolutions(**slots)
    with pytest.raises(ShadowMemoryError, match=f"of '{victim}'"):
        check(schedule)


def test_a_row_overwritten_before_its_last_use_is_named_with_what_took_its_place():
    schedule = two_convolutions(image_slots=2)
    with pytest.raises(ShadowMemoryError) as caught:
        check(schedule)
    # Row 0 of a reads rows -1 .. 1 of the image, but tick 0 has loaded row 2, which shares a slot
    # with row 0 once the ring has two.
    assert str(caught.value) == (
        "step 'a' (block tunnel, stripe 0, tick 0, rows 0 .. 0, columns 0 .. 5): reads row 0, "
        "column 0, channel 0 of 'image' at byte 0, which holds row 2, column 0, channel 0 of "
        "'image'"
    )


def test_live_buffers_that_overlap_are_caught():
    schedule = two_convolutions()
    placement = pack(schedule.buffers)
    offsets = dict(placement.offsets)
    offsets["b_buffer"] = offsets["a_buffer"] + schedule.buffers["a_buffer"].bytes - 1
    with pytest.raises(ShadowMemoryError, match=r"holds row \d+, column \d+, channel \d of"):
        check(schedule, replace(placement, offsets=offsets))


def test_a_stripe_without_its_halo_is_caught():
    narrow = (Span(0, 6), Span(6, 10))  # b's column 3 reads columns 5 .. 7 of a
    schedule = with_step(two_convolutions(), "a", cols=narrow)
    with pytest.raises(ShadowMemoryError, match="column 5, channel 0 of 'a'"):
        check(schedule)
    with pytest.raises(ShadowMemoryError, match=r"needs columns 5 \.\. 9 of 'a'"):
        check(with_storage(schedule, "a", cols=narrow))


def test_a_row_computed_too_late_is_an_uninitialised_read():
    schedule = with_step(two_convolutions(stripes=1), "a", rows=RowClock(2, 1, 1, HEIGHT))
    with pytest.raises(ShadowMemoryError, match="holds nothing: it was never written"):
        check(schedule)


def test_a_second_stripe_does_not_live_on_leftovers_of_the_first():
    """Stripe 1 forgets to load: the ring still holds stripe 0's columns."""
    schedule = with_step(two_convolutions(), "image", cols=(Span(0, 7), Span(4, 5)))
    with pytest.raises(ShadowMemoryError, match=r"stripe 1, tick 0.*holds row"):
        check(schedule)


def test_an_output_row_that_nobody_computes_is_caught():
    schedule = with_step(two_convolutions(stripes=1), "b", rows=RowClock(1, 1, 1, ROW_OUT - 1))
    with pytest.raises(ShadowMemoryError, match="output 'b', after the last step: reads row 5"):
        check(schedule)


def test_a_write_outside_its_buffer_is_caught():
    schedule = with_storage(two_convolutions(), "b", pitch=26)
    with pytest.raises(ShadowMemoryError, match="reaches byte 154 of buffer b_buffer of 150 bytes"):
        check(schedule)


def test_a_buffer_outside_the_arena_is_caught():
    schedule = two_convolutions()
    placement = replace(pack(schedule.buffers), arena_bytes=100)
    with pytest.raises(ShadowMemoryError, match=r"a_buffer at 84 \.\. 156 leaves the arena of 100"):
        check(schedule, placement)


def test_more_rows_in_a_call_than_the_ring_has_slots():
    schedule = with_step(
        two_convolutions(stripes=1), "a", rows=all_rows(HEIGHT), rows_per_call=HEIGHT
    )
    schedule = with_step(schedule, "image", rows=all_rows(HEIGHT))
    with pytest.raises(ShadowMemoryError, match="at once, whose storage has"):
        check(schedule)


def test_a_buffer_used_after_its_declared_life():
    schedule = two_convolutions()
    buffers = {name: replace(b, first=1, last=1) for name, b in schedule.buffers.items()}
    with pytest.raises(ShadowMemoryError, match=r"lives in blocks 1 \.\. 1"):
        check(replace(schedule, buffers=buffers))


def test_an_extern_image_is_where_the_caller_put_it_and_is_not_written():
    schedule = two_convolutions(stripes=1)
    graph = schedule.graph
    held, buffer = whole(graph, "image", BufferKind.EXTERN)
    (block,) = schedule.blocks
    schedule = replace(
        schedule,
        input_mode=InputMode.EXTERN,
        buffers=dict(schedule.buffers) | {buffer.name: buffer},
        storages=dict(schedule.storages) | {"image": held},
        blocks=(replace(block, steps=block.steps[1:]),),
    )
    check(schedule)
    with pytest.raises(ShadowMemoryError, match="writes 'a' over the caller's image"):
        check(with_storage(schedule, "a", buffer="image_buffer", slots=3))


def test_inputs_that_the_graph_does_not_take():
    schedule = two_convolutions()
    with pytest.raises(PatchcError, match="no value for input 'image'"):
        run_schedule(schedule, pack(schedule.buffers), {})


def overlapping(op, shape, distance):
    """One node whose output starts `distance` bytes below its input, both held in full."""
    node = Node("n", op, ("x",), "y")
    channels = op.channels_out if isinstance(op, Conv) else shape[2]
    quant = Quantization(0.5, 0)
    tensors = {"x": Tensor("x", shape, quant), "y": Tensor("y", (*shape[:2], channels), quant)}
    graph = verify(Graph("g", ("x",), ("y",), tensors, (node,)))
    parts = [whole(graph, "x", BufferKind.INPUT), whole(graph, "y", BufferKind.OUTPUT)]
    block = Block("b", 1, 1, (whole_step(graph, "y"),))
    schedule = schedule_of(graph, InputMode.RESIDENT, parts, block)
    return schedule, Placement({"x_buffer": 64, "y_buffer": 64 - distance}, 256, 0, "by hand")


def pointwise(c_in, c_out):
    random = np.random.default_rng(1)
    weights = random.integers(-127, 128, (c_out, 1, 1, c_in))
    return Conv(Window((1, 1)), 1, weights, np.full(c_out, 0.01), np.zeros(c_out))


@pytest.mark.parametrize(("distance", "allowed"), [(0, False), (2, False), (3, True), (5, True)])
def test_a_pixel_kernel_may_not_write_over_the_pixel_that_it_reads(distance, allowed):
    """5 -> 3 channels: output pixel p ends where input pixel p starts from distance 3 on."""
    case = overlapping(pointwise(5, 3), (3, 4, 5), distance)
    if allowed:
        check(*case)
    else:
        with pytest.raises(ShadowMemoryError, match="writes 'y' over row 0, column 0, channel 0"):
            check(*case)


def test_an_output_that_grows_faster_than_its_input_needs_the_whole_difference():
    """2 -> 3 channels over 12 pixels: the last output pixel must end before the last input."""
    check(*overlapping(pointwise(2, 3), (3, 4, 2), 3 + 11))
    with pytest.raises(ShadowMemoryError, match="writes 'y' over row 2, column 3, channel 0"):
        check(*overlapping(pointwise(2, 3), (3, 4, 2), 3 + 10))


@pytest.mark.parametrize(("distance", "allowed"), [(0, True), (1, True), (-1, False)])
def test_an_element_kernel_may_write_over_the_element_it_has_read(distance, allowed):
    table = Lut(np.arange(-128, 128)[::-1], "Negate")
    case = overlapping(table, (3, 4, 5), distance)
    if allowed:
        check(*case)
    else:
        with pytest.raises(ShadowMemoryError, match="row 0, column 0, channel 1 of 'x' before"):
            check(*case)


def test_a_windowed_kernel_may_overwrite_rows_that_no_later_pixel_reads():
    """3x3 without padding: output row r may lie over input row r - 1, not over row r."""
    weights = np.random.default_rng(2).integers(-127, 128, (2, 3, 3, 2))
    op = Conv(Window((3, 3)), 1, weights, np.full(2, 0.01), np.zeros(2))
    quant = Quantization(0.5, 3)
    tensors = {"x": Tensor("x", (6, 4, 2), quant), "y": Tensor("y", (4, 2, 2), quant)}
    graph = verify(Graph("g", ("x",), ("y",), tensors, (Node("n", op, ("x",), "y"),)))
    rows = (  # of y 8 bytes apart, as those of x
        Storage("y", "y", 0, 4, 8, (Span(0, 2),), 2, 2),
        Buffer("y", BufferKind.OUTPUT, 28, 1, 0, 0),
    )
    map_x = (
        Storage("x", "x", 0, 6, 8, (Span(0, 4),), 4, 2),
        Buffer("x", BufferKind.INPUT, 48, 1, 0, 0),
    )
    block = Block("b", 1, 1, (whole_step(graph, "y"),))
    schedule = schedule_of(graph, InputMode.RESIDENT, (map_x, rows), block)
    check(schedule, Placement({"x": 4, "y": 0}, 52, 0, "by hand"))
    with pytest.raises(ShadowMemoryError, match="before it has read it"):
        check(schedule, Placement({"x": 0, "y": 0}, 48, 0, "by hand"))


def test_pixels_between_the_taps_of_a_dilated_window_need_not_be_there():
    """Taps at columns 0 and 2; column 1 is never loaded."""
    op = Conv(
        Window((1, 2), dilation=(1, 2)), 1, np.ones((1, 1, 2, 1)), np.full(1, 0.5), np.zeros(1)
    )
    quant = Quantization(0.5, 0)
    tensors = {"x": Tensor("x", (2, 3, 1), quant), "y": Tensor("y", (2, 1, 1), quant)}
    graph = verify(Graph("g", ("x",), ("y",), tensors, (Node("n", op, ("x",), "y"),)))
    parts = [whole(graph, "x", BufferKind.INPUT), whole(graph, "y", BufferKind.OUTPUT)]

    def loading(*columns):
        loads = [
            replace(whole_step(graph, "x"), name=f"load{c}", cols=(Span(c, c + 1),))
            for c in columns
        ]
        block = Block("b", 1, 1, (*loads, whole_step(graph, "y")))
        return schedule_of(graph, InputMode.TILES, parts, block)

    check(loading(0, 2))
    with pytest.raises(ShadowMemoryError, match="column 2, channel 0 of 'x'"):
        check(loading(0, 1))
