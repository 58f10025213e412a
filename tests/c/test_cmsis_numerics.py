"""`--numerics cmsis`: numpy rounds layers as CMSIS-NN does, and its C gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchc.codegen import emit
from patchc.ir import Graph, Mul, Quantization, Rounding, Tensor
from patchc.memory import place
from patchc.outdir import write_files
from patchc.plan.types import Plan
from patchc.planner.kernel_choice import Numerics
from patchc.planner.machine import Machine
from patchc.planner.rounded import as_computed, is_rounded
from patchc.reference import run_graph, run_schedule
from patchc.reference.operators import Patch, kernel
from patchc.schedule.lower import lower
from patchc.schedule.types import Schedule
from patchc.targets.cores import core
from tests.c.emitted import check_equal, images
from tests.c.flavour_plans import classifier, layers_plan, network, tunnel_plan
from tests.c.test_cmsis_nn_more import network as pairs_and_means
from tests.cmsis_nn import complete, library_first, library_options
from tests.graphs import NetworkBuilder

CORES = ("cortex-m0", "cortex-m4", "cortex-m55")
NUMERICS = (Numerics.CMSIS, Numerics.CMSIS_DOUBLE)


def one(graph: Graph) -> dict[str, np.ndarray]:
    """Random inputs."""
    return {name: maps[2] for name, maps in images(graph).items()}


def rounded(graph: Graph, plan: Plan, machine: Machine) -> Schedule:
    """The program, and the network that it computes: every layer of it is the library's."""
    assert machine.rounding is not None
    computed = as_computed(graph, plan, machine.rounding)
    return lower(computed, plan, machine.registry)


def program(which: str, name: str, numerics: Numerics) -> tuple[Schedule, Machine]:
    """A core's: "layers", in a "tunnel", or with sums and products in "pairs". Scales are as they
    come: few layers are proved, and all are computed."""
    machine = library_first(core(name), numerics, pairs=True)
    graph = {"layers": classifier(7), "tunnel": network(5, 2), "pairs": pairs_and_means()}[which]
    if which == "tunnel":
        plan = tunnel_plan(graph, 0, machine, stripes=2)
    else:
        plan = layers_plan(graph, machine)
    schedule = rounded(graph, plan, machine)
    assert is_rounded(schedule.graph)
    return schedule, machine


def write(schedule: Schedule, machine: Machine, folder: Path) -> None:
    """After numpy has run it over shadow memory."""
    graph, placement = schedule.graph, place(schedule)
    image = one(graph)
    wanted = run_graph(graph, image)
    for name, values in run_schedule(schedule, placement, image).items():
        np.testing.assert_array_equal(values, wanted[name])
    options = library_options(complete(folder / "library"))
    assert machine.rounding is not None
    options = replace(options, cmsis_nn_rounding=machine.rounding)
    write_files(folder / "out", emit(schedule, placement, options))


@pytest.mark.parametrize("numerics", NUMERICS)
@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("which", ["layers", "tunnel", "pairs"])
def test_c_rounds_as_numpy(which: str, name: str, numerics: Numerics, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    schedule, machine = program(which, name, numerics)
    write(schedule, machine, tmp_path)
    check_equal(tmp_path / "out", schedule.graph, "sanitize")


def test_the_two_roundings_differ() -> None:
    """From each other and from onnxruntime's: what is compared is not the same three times."""
    values = np.arange(-128, 128).astype(np.int8)
    a, b = np.broadcast_arrays(values[:, None, None], values[None, :, None])
    apart = []
    for scale, result, rounding in ((0.5, 0.5, Rounding.SINGLE), (0.0431, 0.1732, Rounding.DOUBLE)):
        inputs = [Tensor(name, a.shape, Quantization(scale, 3)) for name in "ab"]
        y = Tensor("y", a.shape, Quantization(result, -9))
        plain, single, double = (
            kernel(Mul(library=library), inputs, y)(Patch(a), Patch(b)).astype(int)
            for library in (None, *Rounding)
        )
        found = single if rounding is Rounding.SINGLE else double
        assert np.abs(found - plain).max() == 1
        apart.append(not np.array_equal(single, double))
    assert any(apart)


def test_means_of_even_numbers_are_rounded_away_from_zero(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    net = NetworkBuilder(44)
    x = net.average_pool(net.conv(net.input(8, 8, 3), 5), 2, 2)
    graph = net.build(net.mean(x, rescaled=False), x)
    machine = library_first(core("cortex-m4"), Numerics.CMSIS, pairs=True)
    schedule = rounded(graph, layers_plan(graph, machine), machine)
    inputs = one(graph)
    found, plain = run_graph(schedule.graph, inputs), run_graph(graph, inputs)
    assert any((found[name] != values).any() for name, values in plain.items())
    write(schedule, machine, tmp_path)
    check_equal(tmp_path / "out", schedule.graph, "sanitize")
