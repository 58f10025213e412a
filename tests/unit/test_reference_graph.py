"""Running a Graph: inputs that it refuses, small results by hand, and what a window reaches."""

from __future__ import annotations

import numpy as np
import pytest

from patchc.errors import PatchcError
from patchc.ir import AveragePool, Conv, MaxPool, Op, Padding, Quantization, Tensor, Window
from patchc.reference import run_graph, run_node
from patchc.reference.geometry import Axis, axes, padding, reach
from patchc.reference.operators import Patch, kernel
from tests.graphs import NetworkBuilder


def small():
    net = NetworkBuilder()
    return net, net.build(net.relu(net.conv(net.input(4, 5, 3), 2, 3, name="x"), name="y"))


def test_every_tensor_is_returned_as_int8():
    net, graph = small()
    values = run_graph(graph, net.image(graph))
    assert {name: (v.dtype, v.shape) for name, v in values.items()} == {
        name: (np.dtype(np.int8), tensor.shape) for name, tensor in graph.tensors.items()
    }


def test_one_node_alone():
    net, graph = small()
    values = run_graph(graph, net.image(graph))
    node = graph.node("y.node")
    np.testing.assert_array_equal(run_node(graph, node, [values["x"]]), values["y"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "net: no value for input 'image'"),
        (
            {"picture": np.zeros((4, 5, 3), np.int8)},
            "net has no input 'picture'; its inputs are image",
        ),
        (
            {"image": np.zeros((4, 5, 3), np.uint8)},
            "net: input 'image' takes int8 of shape (4, 5, 3), not uint8 of shape (4, 5, 3)",
        ),
        (
            {"image": np.zeros((3, 4, 5), np.int8)},
            "net: input 'image' takes int8 of shape (4, 5, 3), not int8 of shape (3, 4, 5)",
        ),
    ],
)
def test_inputs_that_a_graph_refuses(inputs, message):
    with pytest.raises(PatchcError) as caught:
        run_graph(small()[1], inputs)
    assert str(caught.value) == message


def pixels(rows):
    return np.array(rows, np.int8)[:, :, None]


def run(op: Op, patch: Patch, x: Quantization, y: Quantization) -> list[list[int]]:
    """A rectangle of one channel."""
    tensors = [Tensor("x", (9, 9, 1), x)]
    return kernel(op, tensors, Tensor("y", (9, 9, 1), y))(patch)[:, :, 0].tolist()


def test_convolution_pads_with_the_zero_point_and_rounds_half_to_even():
    op = Conv(Window((1, 3)), 1, np.ones((1, 1, 3, 1)), np.ones(1), np.ones(1))
    patch = Patch(pixels([[5, 6]]), Padding(left=1, right=1))
    # (0 + 2 + 3 + 1) / 4 = 1.5 -> 2, and (2 + 3 + 0 + 1) / 4 likewise; + 10.
    assert run(op, patch, Quantization(1.0, 3), Quantization(4.0, 10)) == [[12, 12]]
    # (0 + 0 + 1 + 1) / 4 = 0.5 -> 0.
    low = Patch(pixels([[3, 4]]), Padding(left=1, right=1))
    assert run(op, low, Quantization(1.0, 3), Quantization(4.0, 10)) == [[10, 10]]


def test_max_pool_never_sees_padding():
    patch = Patch(pixels([[-128, -127]]), Padding(left=1, right=1))
    quant = Quantization(1.0, 100)
    assert run(MaxPool(Window((1, 2))), patch, quant, quant) == [[-128, -127, -127]]


@pytest.mark.parametrize(("include", "expected"), [(False, [[4, 5, 6]]), (True, [[2, 5, 3]])])
def test_the_divisor_of_an_average(include, expected):
    patch = Patch(pixels([[4, 6]]), Padding(left=1, right=1))
    op, quant = AveragePool(Window((1, 2)), count_include_pad=include), Quantization(1.0, 0)
    assert run(op, patch, quant, quant) == expected


@pytest.mark.parametrize("taps", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("pad", [0, 1, 3])
def test_reach_against_reading_tap_by_tap(taps, stride, dilation, pad):
    size = 7
    axis = Axis(taps, stride, dilation, pad, size)
    outputs = (size + 2 * pad - (taps - 1) * dilation - 1) // stride + 1
    for first in range(outputs):
        for stop in range(first + 1, outputs + 1):
            last: dict[int, int] = {}
            for output in range(first, stop):
                for tap in range(taps):
                    last[output * stride + tap * dilation - pad] = output - first
            inside = [position for position in last if 0 <= position < size]
            found = reach(axis, first, stop)
            width = max(last) + 1 - min(last)
            assert found.before + (found.stop - found.start) + found.after == width
            if inside:
                assert found.start - found.before == min(last)
                assert found.stop + found.after == max(last) + 1
            assert [
                last.get(position, -1) for position in range(found.start, found.stop)
            ] == found.last_reader.tolist()
            assert set(inside) <= set(range(found.start, found.stop))


def test_a_window_wholly_in_padding_reaches_nothing():
    found = reach(Axis(2, 1, 1, 4, 3), 0, 1)
    assert (found.start, found.stop, found.before, found.after) == (0, 0, 2, 0)


def test_the_two_axes_of_a_window():
    window = Window((2, 3), (1, 2), (3, 1), Padding(1, 0, 2, 5))
    rows, cols = axes(window, 8, 9)
    assert rows == Axis(2, 1, 3, 1, 8)
    assert cols == Axis(3, 2, 1, 0, 9)
    assert padding(reach(rows, 0, 1), reach(cols, 3, 4)) == Padding(1, 0, 0, 0)
