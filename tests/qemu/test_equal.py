"""The firmware == the reference, byte for byte: networks x cores, the MPU on."""

from __future__ import annotations

from functools import partial
from itertools import cycle

import pytest

from patchc.codegen import WeightsMode
from patchc.kernels.dsp import DSP
from patchc.kernels.mve import MVE
from patchc.plan.types import InputMode
from patchc.programs.firmware import build
from patchc.schedule.lower import lower
from tests.c.emitted import (
    GOLDEN,
    bottlenecks,
    images,
    layerwise,
    rows_in_two_stripes,
)
from tests.c.flavour_plans import (
    MACHINES,
    bottleneck,
    classifier,
    in_groups,
    layers_plan,
    tunnel_plan,
)
from tests.qemu.boards import (
    SLICES,
    emitted,
    every_board,
    require_arm,
    run,
    run_in_slices,
    smallest,
)
from tests.schedules import two_convolutions

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("name", GOLDEN)
def test_every_kernel_and_input_mode_on_one_core(name, tmp_path):
    schedule = GOLDEN[name].schedule()
    out = emitted(schedule, tmp_path, GOLDEN[name].weights)
    run(out, schedule, "cortex-m4", "mps2-an386")


@pytest.mark.parametrize(("name", "size"), list(zip(GOLDEN, cycle(SLICES), strict=False)))
def test_slices_on_a_core(name, size, tmp_path):
    """In guarded RAM: the state lies on the stack of the caller, whose size is that of a run.
    `python -m benchmarks.slices --golden` runs every network by every size."""
    require_arm()
    run_in_slices(name, size, tmp_path, "cortex-m4", "mps2-an386")


@every_board
@pytest.mark.parametrize("name", ["grouped_extern_weights", "upwards_extern"])
def test_groups_and_reverse_on_every_core(name, core, board, tmp_path):
    schedule = GOLDEN[name].schedule()
    run(emitted(schedule, tmp_path, GOLDEN[name].weights), schedule, core, board)


@every_board
@pytest.mark.parametrize(
    "make", [partial(two_convolutions, stripes=2), rows_in_two_stripes], ids=["in", "in and out"]
)
def test_stripes_through_callbacks_on_every_core(make, core, board, tmp_path):
    """microbit faults on unaligned words, which the other boards let pass."""
    schedule = make()
    run(emitted(schedule, tmp_path), schedule, core, board)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m33"])
@pytest.mark.parametrize("mode", InputMode, ids=lambda mode: mode.value)
def test_the_smallest_tunnels_in_every_input_mode(mode, core, tmp_path):
    schedule = smallest(mode)
    board = {"cortex-m0": "mps2-an385", "cortex-m33": "mps2-an505"}[core]
    run(emitted(schedule, tmp_path, WeightsMode.EXTERN), schedule, core, board)


@pytest.mark.parametrize(
    ("core", "board", "flavour", "group"),
    [
        ("cortex-m4", "mps2-an386", DSP, 12),
        ("cortex-m7", "mps2-an500", DSP, 12),
        ("cortex-m33", "mps2-an505", DSP, 12),
        ("cortex-m55", "mps3-an547", MVE, 8),
    ],
)
def test_kernels_of_cores(core, board, flavour, group, tmp_path):
    """Layer by layer, and in rounds of channels with weights outside of the C text."""
    graph, machine = classifier(7), MACHINES[flavour]
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    run(emitted(schedule, tmp_path / "layers"), schedule, core, board)
    graph = bottleneck(5, 4, 5)
    plan = in_groups(graph, tunnel_plan(graph, 1, machine), group, machine)
    schedule = lower(graph, plan, machine.registry)
    run(emitted(schedule, tmp_path / "groups", WeightsMode.EXTERN), schedule, core, board)


@pytest.mark.parametrize("opt", ["-O0", "-Os", "-O3"])
def test_no_flag_changes_a_byte(opt, tmp_path):
    schedule = layerwise(bottlenecks(), InputMode.STREAM)
    out, inputs = emitted(schedule, tmp_path), images(schedule.graph, 2)
    wanted = build(out, "cortex-m4").run(inputs).outputs
    found = build(out, "cortex-m4", opt=opt).run(inputs).outputs
    assert {name: values.tobytes() for name, values in found.items()} == {
        name: values.tobytes() for name, values in wanted.items()
    }
