"""Kernels that call CMSIS-NN, through every reader: lowering, shadow memory, placement, C. On the
host the library runs its plain C, with the working memory of each core."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import numpy as np
import pytest

from patchc.codegen import emit
from patchc.codegen.libraries import LibraryMode
from patchc.ir import Conv, Padding, Window
from patchc.kernels.cmsis_nn import is_library_kernel
from patchc.memory import place
from patchc.outdir import write_files
from patchc.plan.types import InputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.programs.host import FLAVOURS, build
from patchc.schedule.lower import lower
from patchc.schedule.types import KernelCall, Schedule
from patchc.targets.cores import core
from tests.c.emitted import check_equal, images
from tests.c.flavour_plans import classifier, in_tiles, layers_plan, network, tunnel_plan
from tests.cmsis_nn import check, library_first, library_options, proved, write
from tests.graphs import NetworkBuilder

CORES = ("cortex-m0", "cortex-m4", "cortex-m55")


def used(schedule: Schedule) -> set[str]:
    """The library's kernels, without their flavour."""
    calls = (call for block in schedule.blocks for step in block.steps for call in step.all_calls)
    names = (call.kernel.name for call in calls if isinstance(call, KernelCall))
    return {name.split(".")[0] for name in names if is_library_kernel(name)}


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("channels", [4, 7])
def test_layer_by_layer(name, channels, tmp_path):
    machine, graph = library_first(core(name)), proved(classifier(channels))
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    assert used(schedule) == {"dense", "conv2d", "conv2d_pointwise", "conv2d_depthwise"}
    check(schedule, tmp_path)


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize(
    ("kernel", "stride", "changes"),
    [
        (3, 1, {}),
        (3, 2, {"stripes": 3}),
        (5, 2, {"stripes": 2}),
        (7, 1, {"stripes": 4}),
        (3, 1, {"reverse": True}),
        (5, 2, {"reverse": True}),
    ],
)
def test_in_tunnels(name, kernel, stride, changes, tmp_path):
    """Rows in rings that slide, in stripes whose last one is narrower, and upwards."""
    machine, graph = library_first(core(name)), proved(network(kernel, stride))
    mode = InputMode.EXTERN if "reverse" in changes else InputMode.TILES
    plan = replace(tunnel_plan(graph, 0, machine, **changes), input_mode=mode)
    schedule = lower(graph, plan, machine.registry)
    assert used(schedule) == {"conv2d", "conv2d_pointwise", "conv2d_depthwise"}
    check(schedule, tmp_path)


@pytest.mark.parametrize("tile", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [3, 5])
def test_in_tiles(kernel, tile, tmp_path):
    """A few columns at a time: windows that reach beyond the right border are copied."""
    machine, graph = library_first(core("cortex-m4")), proved(network(kernel))
    plan = in_tiles(graph, tunnel_plan(graph, 0, machine), tile, machine)
    check(lower(graph, plan, machine.registry), tmp_path)


# The library takes no 3x3 window whose middle column is padding.
REFUSED = ((3, 3), Padding(2, 2, 2, 2))


def windows() -> list[Conv]:
    """Of every kind: strides that leave rest, pads on one side, dilation, several channels of one,
    a window of one row, one as large as the map."""
    random = np.random.default_rng(5)
    found = []
    for kernel, stride, dilation, pads, groups, channels in (
        ((3, 3), (2, 2), (1, 1), Padding(0, 0, 1, 1), 1, 5),
        ((3, 2), (2, 1), (2, 3), Padding(2, 1, 1, 2), 1, 6),
        ((1, 5), (1, 1), (1, 1), Padding(0, 2, 0, 2), 1, 4),
        ((1, 3), (1, 2), (1, 1), Padding(0, 1, 0, 0), 1, 3),
        ((5, 1), (1, 1), (1, 1), Padding(2, 0, 2, 0), 1, 3),
        ((1, 1), (2, 2), (1, 1), Padding(), 1, 7),
        ((9, 9), (3, 3), (1, 1), Padding(6, 5, 5, 6), 1, 2),
        ((3, 3), (1, 1), (1, 1), Padding(1, 1, 1, 1), 4, 8),
        ((3, 3), (2, 1), (1, 1), Padding(1, 0, 0, 1), 4, 16),
        ((3, 3), (1, 1), (1, 1), Padding(2, 2, 2, 2), 4, 4),
        ((3, 3), (1, 2), (2, 2), Padding(2, 1, 2, 3), 4, 4),
        ((2, 4), (1, 2), (1, 1), Padding(0, 1, 1, 2), 4, 4),
    ):
        fan = kernel[0] * kernel[1] * (4 // groups)
        found.append(
            Conv(
                window=Window(kernel, stride, dilation, pads),
                groups=groups,
                weights=random.integers(-127, 128, (channels, *kernel, 4 // groups)),
                weight_scales=random.uniform(0.5, 1.5, channels) / (64 * fan**0.5),
                bias=random.integers(-500, 500, channels),
            )
        )
    return found


@pytest.mark.parametrize("number", range(len(windows())))
@pytest.mark.parametrize("stripes", [0, 1, 3])
def test_windows(number, stripes, tmp_path):
    """Whole, and behind a convolution in one tunnel; the cores take turns."""
    op, name = windows()[number], CORES[number % len(CORES)]
    net = NetworkBuilder(31)
    x = net.conv(net.input(8, 11, 3), 4, 3)
    graph = proved(net.build(net._node(op, (x,), "y", 0.02)))
    machine = library_first(core(name))
    plan = layers_plan(graph, machine)
    if stripes:
        steps = tuple(StepPlan((node.name,)) for node in graph.nodes)
        tunnel = TunnelPlan(steps, stripes=min(stripes, graph.tensors["y"].shape[1]))
        plan = assigned(graph, Plan(InputMode.TILES, (tunnel,)), machine)
    schedule = lower(graph, plan, machine.registry)
    kernels = [kernel for t in plan.tunnels for step in t.steps for kernel in step.kernels]
    refused = (op.window.kernel, op.window.pads) == REFUSED
    assert all(map(is_library_kernel, kernels)) != refused
    check(schedule, tmp_path)


@pytest.mark.parametrize("stripes", [0, 1, 2])
def test_max_pools(stripes, tmp_path):
    net = NetworkBuilder(32)
    x = net.conv(net.input(9, 11, 3), 6, 3)
    x = net.max_pool(net.conv(net.max_pool(x, 3, 1, pad=1), 5), 3, 2, pad=1, name="y")
    graph, machine = proved(net.build(x)), library_first(core("cortex-m4"))
    plan = layers_plan(graph, machine)
    if stripes:
        plan = tunnel_plan(graph, 0, machine, stripes=stripes)
    schedule = lower(graph, plan, machine.registry)
    assert "max_pool" in used(schedule)
    check(schedule, tmp_path)


def test_the_depthwise_convolution_without_memory(tmp_path):
    graph, machine = proved(network(5)), library_first(core("cortex-m4"))
    plan = tunnel_plan(graph, 0, machine)

    def basic(step: StepPlan) -> StepPlan:
        names = tuple(
            "conv2d_depthwise_basic.cmsis-nn-dsp-basic" if "depthwise" in name else name
            for name in step.kernels
        )
        return replace(step, kernels=names)

    tunnels = tuple(replace(t, steps=tuple(map(basic, t.steps))) for t in plan.tunnels)
    schedule = lower(graph, replace(plan, tunnels=tunnels), machine.registry)
    assert "conv2d_depthwise_basic" in used(schedule)
    check(schedule, tmp_path)


def test_a_wrong_multiplier_is_caught(tmp_path):
    """One constant, one unit off: some byte differs."""
    graph, machine = proved(network()), library_first(core("cortex-m0"))
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    write(schedule, tmp_path)
    weights = tmp_path / "src/net_weights_0.c"
    text = weights.read_text()
    head, rest = text.split("_shift[", 1)
    declaration, values = rest.split("{", 1)
    first = values.split(",", 1)[0]
    weights.write_text(f"{head}_shift[{declaration}{{ {int(first) + 1},{values.split(',', 1)[1]}")
    with pytest.raises(AssertionError):
        check_equal(tmp_path, graph, "release")


@pytest.mark.parametrize("mode", list(LibraryMode))
def test_make_and_cmake(mode, tmp_path):
    """Both build the library's files, copied or where they are."""
    graph, machine = proved(classifier(4)), library_first(core("cortex-m4"))
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    chosen = replace(library_options(), cmsis_nn_mode=mode)
    files = emit(schedule, place(schedule), chosen)
    assert files == emit(schedule, place(schedule), chosen)
    write_files(tmp_path / "out", files)
    copied = [name for name in files if name.startswith("cmsis_nn/")]
    assert bool(copied) == (mode is LibraryMode.COPY)
    if copied:
        assert {"cmsis_nn/LICENSE.txt", "cmsis_nn/README.txt"} < set(copied)
        assert "cmsis_nn/BAKENN_PROVENANCE.md" in copied
        assert not any(str(library_options().cmsis_nn.root) in str(text) for text in files.values())
    assert "CMSIS-NN 4.0.0 (header V.11.2.0)" in files["src/net.c"]
    check_equal(tmp_path / "out", graph, "release")
    made = tmp_path / "cmake"
    for command in (
        ["cmake", "-S", str(tmp_path / "out"), "-B", str(made)],
        ["cmake", "--build", str(made)],
    ):
        subprocess.run(command, check=True, capture_output=True)
    archive = subprocess.run(
        ["ar", "t", str(made / "libnet.a")], check=True, capture_output=True, text=True
    ).stdout
    assert "arm_convolve_wrapper_s8" in archive


def test_two_compilers_agree(tmp_path):
    graph, machine = proved(network(3, 2)), library_first(core("cortex-m55"))
    schedule = lower(graph, tunnel_plan(graph, 0, machine, stripes=2), machine.registry)
    write(schedule, tmp_path)
    inputs = images(graph)
    one = build(tmp_path, "release").run(inputs)
    clang = replace(FLAVOURS["release"], cc="clang")
    two = build(tmp_path, clang).run(inputs)
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name])
