"""Kernels that run a few channels at a time, and those in two halves: the same as all at once."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchc.ir import Padding, Window
from patchc.kernels.registry import KERNELS
from patchc.numerics.structs import ConvParams
from tests.c import kernel_cases as make
from tests.c.kernel_brute_force import brute_force
from tests.c.kernel_cases import Case
from tests.c.kernel_host import PLAIN, POISON, Call, Layout, c_params, library, place, run
from tests.plans import kernel_params

many = settings(max_examples=100, deadline=None)


class Sums(ctypes.Structure):
    """patchc_sums."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("pixels", ctypes.c_int32),
        ("channels", ctypes.c_int32),
    )


def new_sums(pixels: int, channels: int) -> Sums:
    sums = Sums(None, pixels, channels)
    sums.values = np.zeros((pixels, channels), np.int32)  # kept alive
    sums.data = sums.values.ctypes.data
    return sums


def call(lib: ctypes.CDLL, function: str, *structs: ctypes.Structure) -> None:
    found = getattr(lib, function)
    found.restype = None
    found(*map(ctypes.byref, structs))


def finish(lib: ctypes.CDLL, case: Case, kernel: str, sums: Sums, layout: Layout) -> np.ndarray:
    """What the second half makes of sums, and that it writes nothing else."""
    node = case.node
    shape = case.graph.tensors[node.output].shape
    memory, out = place(np.full(shape, POISON, np.int8), layout)
    params = kernel_params(case.graph, node, kernel)
    call(lib, KERNELS[kernel].function, out, sums, c_params(kernel, params))
    assert memory.untouched_but(out)
    return memory.read(out)


def pointwise_in_halves(
    lib: ctypes.CDLL, case: Case, group: int, layout: Layout, adds: str = "pointwise_add"
) -> np.ndarray:
    """Input channels `group` at a time, each lot in a view of its own. `adds`: the kernel."""
    (values,) = case.inputs
    shape = case.graph.tensors[case.node.output].shape
    params = kernel_params(case.graph, case.node, adds, group)
    assert isinstance(params, ConvParams)
    sums = new_sums(shape[0] * shape[1], shape[2])
    for k in range(0, values.shape[2], group):
        memory, view = place(values[..., k : k + group], layout)
        before = memory.bytes.copy()
        part = replace(params, weights=params.weights[k * shape[2] :])
        call(lib, KERNELS[adds].function, sums, view, c_params(adds, part))
        assert np.array_equal(memory.bytes, before)
    ends = KERNELS[adds].finish
    assert ends is not None
    return finish(lib, case, ends, sums, layout)


def mean_in_halves(lib: ctypes.CDLL, case: Case, layout: Layout) -> np.ndarray:
    """Row by row, each row in two pieces."""
    (values,) = case.inputs
    sums = new_sums(1, values.shape[2])
    for row in values:
        for piece in np.split(row[None], [values.shape[1] // 2], axis=1):
            memory, view = place(piece, layout)
            before = memory.bytes.copy()
            call(lib, "patchc_mean_add", sums, view)
            assert np.array_equal(memory.bytes, before)
    return finish(lib, case, "mean_finish", sums, layout)


def pointwise_case(size: tuple[int, int], c_in: int, c_out: int, seed: int) -> Case:
    return make.conv_case(Window((1, 1)), 1, c_in, c_out, size, seed)


@many
@given(
    st.builds(pointwise_case, make.pairs(1, 4), st.integers(1, 20), st.integers(1, 11), make.seeds),
    st.integers(1, 21),
    make.layouts,
    st.sampled_from(["pointwise_add", "pointwise_add.narrow"]),
)
def test_pointwise_in_halves(case: Case, group: int, layout: Layout, adds: str) -> None:
    """Any group, the last one smaller; any number of output channels; wrapped biases."""
    found = pointwise_in_halves(library(), case, group, layout, adds)
    np.testing.assert_array_equal(found, brute_force(case.graph, case.node, case.inputs))


@many
@given(make.global_pools, make.layouts)
def test_mean_in_halves(case: Case, layout: Layout) -> None:
    found = mean_in_halves(library(), case, layout)
    np.testing.assert_array_equal(found, brute_force(case.graph, case.node, case.inputs))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [("-O0",), ("-O3", "-march=native", "-ffast-math"), ("-Os",)])
def test_halves_under_any_flags(compiler: str, flags: tuple[str, ...]) -> None:
    lib = library(compiler, flags)
    for seed in range(4):
        case = pointwise_case((3, 2), 13, 7, seed)
        wanted = brute_force(case.graph, case.node, case.inputs)
        np.testing.assert_array_equal(pointwise_in_halves(lib, case, 4, PLAIN), wanted)
        case = make.global_pool_case((3, 5, 6), seed)
        wanted = brute_force(case.graph, case.node, case.inputs)
        np.testing.assert_array_equal(mean_in_halves(lib, case, PLAIN), wanted)


def groups_of(case: Case, kernel: str, group: int) -> np.ndarray:
    """Output channels `group` at a time, from the constants of that packing."""
    node, (values,) = case.node, case.inputs
    rows, cols, channels = case.graph.tensors[node.output].shape
    params = kernel_params(case.graph, node, kernel, group)
    assert isinstance(params, ConvParams)
    taps = node.op.weights[0].size
    parts = []
    for k in range(0, channels, group):
        count = min(group, channels - k)
        part = replace(
            params,
            weights=params.weights[k * taps :],
            form=params.form[k:],
        )
        read = values[..., k : k + count] if kernel == "conv2d_depthwise" else values
        shape = (rows, cols, count)
        parts.append(run(library(), Call(kernel, part, (read,), shape, node.op.window.pads)))
    return np.concatenate(parts, axis=2)


@many
@given(st.integers(1, 12), st.integers(1, 12), make.seeds)
def test_output_channels_in_groups(channels: int, group: int, seed: int) -> None:
    """Constants packed for groups: regular, pointwise, depthwise; the last group smaller."""
    window = Window((3, 3), (2, 1), pads=Padding(1, 1, 1, 1))
    for case, kernel in (
        (make.conv_case(window, 1, 3, channels, (5, 4), seed), "conv2d"),
        (pointwise_case((2, 3), 5, channels, seed), "conv2d_pointwise"),
        (make.conv_case(window, channels, 1, 1, (5, 4), seed), "conv2d_depthwise"),
    ):
        wanted = brute_force(case.graph, case.node, case.inputs)
        np.testing.assert_array_equal(groups_of(case, kernel, group), wanted)
