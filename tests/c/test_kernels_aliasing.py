"""Each kernel keeps to the order of reads and writes that targets.kernels declares for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchc.kernels.kernel import Order
from patchc.kernels.registry import KERNELS
from tests.c import kernel_cases as make
from tests.c.kernel_brute_force import brute_force, taps
from tests.c.kernel_cases import Case
from tests.c.kernel_host import PLAIN, Layout, Memory, invoke, library, offsets, place

many = settings(max_examples=100, deadline=None)


@many
@given(st.one_of(make.binaries, make.luts, make.channel_luts), make.layouts, st.data())
def test_element_kernels_write_over_an_operand(
    case: Case, layout: Layout, data: st.DataObject
) -> None:
    """Order.ELEMENT: the output is the very memory of one operand of its shape, or of both."""
    call = case.call(data.draw(st.sampled_from(case.kernels)))
    assert KERNELS[call.kernel].order is Order.ELEMENT
    placed = [place(values, layout) for values in call.inputs]
    alike = [i for i, values in enumerate(call.inputs) if values.shape == call.out_shape]
    target = data.draw(st.sampled_from(alike))
    views = [view for _, view in placed]
    if len(alike) == 2 and data.draw(st.booleans()):
        views = [views[target]] * 2
        case = Case(case.graph, (call.inputs[target],) * 2)
    memory, out = placed[target]
    invoke(library(), call, out, views)
    expected = brute_force(case.graph, case.node, case.inputs)
    np.testing.assert_array_equal(memory.read(out), expected)


def least_distance(case: Case, in_layout: Layout, out_layout: Layout) -> int:
    """Bytes by which the output must begin before the input, so that no pixel's bytes lie in what
    that pixel or a later one reads."""
    (values,) = case.inputs
    shape = case.graph.tensors[case.node.output].shape
    reads = offsets(in_layout.view(values.shape, 0))
    writes = offsets(out_layout.view(shape, 0)).reshape(-1, shape[2])
    kernel = case.call().kernel
    whole_map = kernel in ("dense", "global_average_pool")
    first_read = []  # of each pixel
    for index in range(len(writes)):
        at = divmod(index, shape[1])
        read = [reads[place_].min() for _, place_ in taps(make.window_of(case), values.shape, at)]
        first_read.append(0 if whole_map else min(read, default=reads.max() + 1))
    from_here_on = np.minimum.accumulate(first_read[::-1])[::-1]
    return int((writes.max(axis=1) + 1 - from_here_on).max())


@many
@given(
    st.one_of(make.windowed, make.convolutions(), make.global_pools),
    st.integers(0, 5),
    st.integers(0, 5),
    st.data(),
)
def test_pixel_kernels_overlap_what_is_read_no_more(
    case: Case, gap_in: int, gap_out: int, data: st.DataObject
) -> None:
    """Order.PIXEL: the output begins as late as the declaration permits, mostly inside the input,
    and comes out the same."""
    call = case.call(data.draw(st.sampled_from(case.kernels)))
    assert KERNELS[call.kernel].order is Order.PIXEL
    layouts = Layout(spare_pitch=gap_in), Layout(spare_pitch=gap_out)
    distance = max(least_distance(case, *layouts), 0)
    source = layouts[0].view(case.inputs[0].shape, 0)
    target = layouts[1].view(call.out_shape, 0)
    memory = Memory(distance + max(source.slots * source.pitch, target.slots * target.pitch))
    source.data, target.data = memory.base + distance, memory.base
    memory.write(source, case.inputs[0])
    invoke(library(), call, target, [source])
    expected = brute_force(case.graph, case.node, case.inputs)
    np.testing.assert_array_equal(memory.read(target), expected)


@many
@given(make.concats, st.data())
def test_concat_overlaps_what_is_read_no_more(case: Case, data: st.DataObject) -> None:
    """Order.PIXEL with several inputs: the output begins as late in one of them as the declaration
    permits, and comes out the same."""
    call = case.call()
    assert KERNELS[call.kernel].order is Order.PIXEL
    target = PLAIN.view(call.out_shape, 0)
    written = offsets(target).max(axis=2) + 1
    sources = [PLAIN.view(values.shape, 0) for values in call.inputs]
    shared = data.draw(st.integers(0, len(sources) - 1))
    distance = max(int((written - offsets(sources[shared]).min(axis=2)).max()), 0)
    end = max(target.pitch * target.slots, distance + sources[shared].pitch * sources[shared].slots)
    memory = Memory(end + sum(view.pitch * view.slots for view in sources))
    target.data = memory.base
    for index, (view, values) in enumerate(zip(sources, call.inputs, strict=True)):
        view.data = memory.base + (distance if index == shared else end)
        end += 0 if index == shared else view.pitch * view.slots
        memory.write(view, values)
    invoke(library(), call, target, sources)
    expected = brute_force(case.graph, case.node, case.inputs)
    np.testing.assert_array_equal(memory.read(target), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_overlap_tested_is_a_real_one(stride: int) -> None:
    """A 3x3 depthwise layer may overwrite its input but for about two rows."""
    window = make.Window((3, 3), (stride, stride), pads=make.Padding(1, 1, 1, 1))
    case = make.conv_case(window, 8, 1, 1, (12, 12), 0)
    distance = least_distance(case, PLAIN, PLAIN)
    assert 0 < distance <= 3 * 12 * 8
