"""CMSIS-NN for tests, and networks all of whose layers it can compute exactly."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from examples.zoo import fetch
from patchc.codegen import EmitOptions, emit
from patchc.ir import Conv, Graph, Tensor
from patchc.kernels.cmsis_nn import flavours_for, form_of
from patchc.kernels.registry import Registry
from patchc.libraries.cmsis_nn import CmsisNN, checked
from patchc.outdir import write_files
from patchc.planner.kernel_choice import Numerics, registry_of, rounding_of
from patchc.planner.machine import Machine
from patchc.schedule.types import Schedule
from patchc.targets.core import Core
from tests.c.emitted import check_equal, options
from tests.c.flavour_plans import placed_and_run

WHEEL = "bakenn==1.0.0"
SHA256 = "b8251e71a8fc39252df0d308fe9a5837bd86f7a31f1596a7dd4a319196f30e56"
IN_WHEEL = "bakenn/backend/cmsis_nn/vendor/cmsis_nn"


@cache
def library() -> CmsisNN:
    """The subset of 4.0.0, fetched if need be."""
    return checked(fetch.wheel(WHEEL, SHA256) / IN_WHEEL, WHEEL, WHEEL)


def complete(folder: Path) -> CmsisNN:
    """With sums and products: the checkout that CMSIS_NN_COMPLETE names, else the subset in
    `folder`, with functions of ours in their place."""
    named = os.environ.get("CMSIS_NN_COMPLETE")
    if named:
        return checked(Path(named), named)
    root = Path(shutil.copytree(library().root, folder / "complete"))
    source = root / "Source" / "BasicMathFunctions" / "arm_elementwise_s8.c"
    source.parent.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).parent / "c" / "cmsis_elementwise.c", source)
    return checked(root, "the tests' own")


def library_options(found: CmsisNN | None = None) -> EmitOptions:
    return replace(options(), cmsis_nn=found or library())


def proved(graph: Graph) -> Graph:
    """The graph with weight scales nudged, channel by channel, until CMSIS-NN's multipliers are
    proved for all of them."""
    nodes = []
    for node in graph.nodes:
        op = node.op
        if isinstance(op, Conv):
            x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
            op = _nudged(op, x, y)
        nodes.append(replace(node, op=op))
    return replace(graph, nodes=tuple(nodes))


def _nudged(op: Conv, x: Tensor, y: Tensor) -> Conv:
    for step in range(1, 200):
        wrong = list(form_of(op, x, y, y.name).unproved)
        if not wrong:
            return op
        scales = op.weight_scales.copy()
        scales[wrong] *= np.float32(1 + step * 1e-6)
        op = replace(op, weight_scales=scales)
    raise AssertionError("no scale is proved")


def library_first(
    core: Core, numerics: Numerics = Numerics.EXACT, *, pairs: bool = False
) -> Machine:
    """The kernels of a core, those that call CMSIS-NN first, so that they are taken where nobody
    asks for a price. `pairs`: with sums and products, for a library that is `complete`."""
    own = flavours_for(core.flavours)
    registry = registry_of(numerics) if pairs else registry_of(numerics, library().functions)
    entries = registry.entries
    first = [kernel for kernel in entries if kernel.flavour == own[0]]
    rest = [kernel for kernel in entries if kernel.flavour != own[0]]
    flavours = (*own, *core.flavours)
    return Machine(Registry((*first, *rest)), flavours, rounding=rounding_of(numerics))


def write(schedule: Schedule, folder: Path, found: CmsisNN | None = None) -> Path:
    """The program, after numpy has run it over shadow memory."""
    write_files(folder, emit(schedule, placed_and_run(schedule), library_options(found)))
    return folder


def check(schedule: Schedule, folder: Path, found: CmsisNN | None = None) -> None:
    """Numpy = shadow memory = C under the sanitizers, the library's C path in it."""
    write(schedule, folder, found)
    check_equal(folder, schedule.graph, "sanitize")
