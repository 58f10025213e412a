"""The chain onnx -> Graph -> Plan -> Schedule -> Placement, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from patchc.choices import InputMode, OutputMode
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.model import ImportedModel
from patchc.ir import Graph
from patchc.memory import Placement, check_placement, place
from patchc.passes import run_passes
from patchc.plan.again import repeated
from patchc.plan.json import from_json as plan_from_json
from patchc.plan.types import Plan
from patchc.planner.again import AgainChooser
from patchc.planner.assign import assigned
from patchc.planner.machine import ANY_CORE, Machine
from patchc.planner.rounded import as_computed
from patchc.planner.slices import in_slices
from patchc.reference import run_graph, run_schedule
from patchc.schedule.check import check_plan
from patchc.schedule.lower import lower
from patchc.schedule.types import Schedule
from patchc.targets.reserve import NO_RESERVE, Reserve

Progress = Callable[[str], None]  # called with a few words about what begins


def silent(_: str) -> None:
    """The progress of a call that shows none."""


@dataclass(frozen=True)
class Stages:
    """Every stage of a compilation before C is printed."""

    imported: ImportedModel
    network: Graph  # after all passes
    plan: Plan
    schedule: Schedule
    placement: Placement
    # What it costs on its target (planner/cost.py), and what no plan that the search knows and that
    # fits costs less than; None for a plan that was given.
    cost: int | None = None
    cost_bound: int | None = None
    layerwise_bytes: int | None = None  # arena of the plan layer by layer, where that was made
    chooser: AgainChooser | None = None  # where the plan was searched: answers further questions

    @property
    def graph(self) -> Graph:
        """The network, with what the plan makes again."""
        return self.schedule.graph


def run_stages(
    model: Path,
    input_shapes: Mapping[str, tuple[int, ...]] | None,
    plan: Plan | InputMode,
    limit: int | None = None,
    progress: Progress = silent,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
    cut: Sequence[str] = (),
    slack: float = 0.0,
) -> Stages:
    """Import `model` and schedule it by `plan` or, given an input mode, as cheaply as `limit` bytes
    for arena and reserve allow, or up to a share `slack` above that in less of them; where nothing
    fits, with the least total that the search reaches.

    `outputs` goes with the input mode; a plan has its own. `machine`: what is planned for.
    `cut`: nodes that are left to the host, with all that depends on them.
    Raises PatchcError for a model that cannot be compiled and for a plan that does not fit it.
    """
    progress("reading the model")
    imported = import_model(model, input_shapes, cut)
    graph = run_passes(imported.graph)
    progress("planning and placing")
    return schedule_graph(imported, graph, plan, limit, reserve, outputs, machine, slack)


def schedule_graph(
    imported: ImportedModel,
    graph: Graph,
    plan: Plan | InputMode,
    limit: int | None = None,
    reserve: Reserve = NO_RESERVE,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
    slack: float = 0.0,
) -> Stages:
    """The second half of `run_stages`: from the Graph after all passes."""
    if isinstance(plan, Plan):
        whole = repeated(graph, plan.again, plan.input_mode)
        check_plan(whole, plan)
        plan = assigned(whole, plan, machine)  # one of the first format names no kernels
        schedule = lower(whole, plan, machine.registry)
        stages = Stages(imported, graph, plan, schedule, place(schedule))
    else:
        chooser = AgainChooser(graph, plan, outputs, machine)
        found = chooser.choose(limit, reserve, slack)
        stages = Stages(
            imported,
            graph,
            found.plan,
            found.schedule,
            found.placement,
            found.cost,
            found.cost_bound,
            found.layerwise_bytes,
            chooser,
        )
    if machine.rounding is not None:
        rounded = as_computed(stages.graph, stages.plan, machine.rounding)
        schedule = lower(rounded, stages.plan, machine.registry)
        stages = replace(stages, schedule=schedule, placement=place(schedule))
    check_placement(stages.schedule, stages.placement)
    return stages


def cut_in_slices(stages: Stages, machine: Machine = ANY_CORE) -> Stages:
    """The same network with long layers cut by rows, as NAME_step asks for: every byte lies where
    it did."""
    plan = in_slices(stages.graph, stages.plan, machine.cost, machine.registry)
    schedule = lower(stages.graph, plan, machine.registry)
    check_placement(schedule, stages.placement)
    return replace(stages, plan=plan, schedule=schedule)


def read_plan(path: Path) -> Plan:
    """A plan.json. Raises PatchcError when it cannot be read as one."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PatchcError(f"{path}: cannot be read: {reason}") from error
    try:
        return plan_from_json(text)
    except PatchcError as error:
        raise PatchcError(f"{path}: not a plan that this patchc can read: {error}") from error


def random_maps(graph: Graph, cases: int, seed: int) -> dict[str, np.ndarray]:
    """int8 (cases, h, w, c) per graph input, uniform. More cases begin with the same ones."""
    return {
        name: np.random.default_rng([seed, index])
        .integers(-128, 128, (cases, *graph.tensors[name].shape))
        .astype(np.int8)
        for index, name in enumerate(graph.inputs)
    }


def check_shadow_memory(stages: Stages) -> None:
    """Run the schedule byte by byte on random inputs and compare it with the Graph.

    Raises ShadowMemoryError for a wrong read, AssertionError for a wrong output: bugs of patchc,
    never of the user's file.
    """
    maps = {name: values[0] for name, values in random_maps(stages.graph, 1, seed=0).items()}
    expected = run_graph(stages.graph, maps)
    for name, found in run_schedule(stages.schedule, stages.placement, maps).items():
        if not np.array_equal(found, expected[name]):
            raise AssertionError(f"the schedule computes another {name!r} than the graph")
