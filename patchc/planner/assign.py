"""Which kernel computes each node of a step: the candidates, and a choice where none is made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import prod

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.kernels.kernel import Kernel, Order
from patchc.plan.types import Plan, StepPlan
from patchc.planner.machine import ANY_CORE, Machine
from patchc.schedule.sites import step_sites


def candidates(
    graph: Graph, step: StepPlan, machine: Machine, whole: bool
) -> list[tuple[Kernel, ...]]:
    """Per node of a step: the kernels that can compute it there, one of a flavour.

    Raises PatchcError where a node has none, with the reasons.
    """
    found = []
    registry, flavours = machine.registry, machine.flavours
    for name, site in zip(step.nodes, step_sites(graph, step, whole), strict=True):
        kernels = registry.candidates(site, flavours)
        if not kernels:
            refusals = registry.refusals(site, flavours)
            reasons = "; ".join(f"{kernel}: {reason}" for kernel, reason in refusals.items())
            where = f"in groups of {step.group} channels" if step.group else "in this step"
            raise PatchcError(
                f"no kernel can {site.role.value} {name!r} ({site.op.kind}) {where}: "
                f"{reasons or 'there is none for this operator'}; change the plan"
            )
        found.append(kernels)
    return found


def assignments(
    graph: Graph,
    steps: Sequence[StepPlan],
    machine: Machine,
    overwriting: Collection[str] = (),
    whole: bool = False,
) -> Iterator[tuple[StepPlan, ...]]:
    """The steps with kernels, in every way; the first one takes the first candidate of each node.

    `overwriting`: nodes whose output lies in the memory of an operand, for which a kernel has to
    promise its order. Where nodes and flavours are many, the nodes choose together: each flavour
    in turn is taken wherever it can run, and the last of the other flavours elsewhere.
    """
    choices: list[tuple[Kernel, ...]] = []
    for step in steps:
        for name, kernels in zip(step.nodes, candidates(graph, step, machine, whole), strict=True):
            ordered = tuple(one for one in kernels if one.order is Order.ELEMENT)
            choices.append(ordered if name in overwriting else kernels)
    combinations: Iterable[tuple[Kernel, ...]] = product(*choices)
    if prod(map(len, choices)) > machine.most_assignments:
        others = machine.flavours[::-1]
        combinations = (
            tuple(_of_flavour(kernels, (flavour, *others)) for kernels in choices)
            for flavour in machine.flavours
        )
    for kernels in combinations:
        rest = iter(kernels)
        chosen = tuple(
            _computed_by(step, [next(rest) for _ in step.nodes], whole) for step in steps
        )
        yield chosen
        if any(step.slide for step in chosen):
            yield tuple(_moved_seldom(graph, step) for step in chosen)


def _of_flavour(kernels: Sequence[Kernel], flavours: Sequence[str]) -> Kernel:
    """The kernel of the first of the flavours that there is one of."""
    of = {kernel.flavour: kernel for kernel in kernels}
    return next(of[flavour] for flavour in flavours if flavour in of)


def _moved_seldom(graph: Graph, step: StepPlan) -> StepPlan:
    """The step with rings that move their rows once in as many rows as its tallest window has, and
    have as many more, less one."""
    windows = (getattr(graph.node(name).op, "window", None) for name in step.nodes)
    tallest = max((window.extent[0] for window in windows if window is not None), default=1)
    return replace(step, slide=max(step.slide, tallest)) if step.slide else step


def with_kernels(
    graph: Graph, step: StepPlan, machine: Machine = ANY_CORE, whole: bool = False
) -> StepPlan:
    """The step with the first candidate for each of its nodes."""
    first = [kernels[0] for kernels in candidates(graph, step, machine, whole)]
    return _computed_by(step, first, whole)


def _computed_by(step: StepPlan, kernels: Sequence[Kernel], whole: bool) -> StepPlan:
    """The step with a kernel for each of its nodes. Where one reads rows in order, the rings that
    the step reads slide."""
    ordered = not whole and any(kernel.needs.contiguous for kernel in kernels)
    slide = max(step.slide, 1) if ordered else step.slide
    return replace(step, kernels=tuple(kernel.name for kernel in kernels), slide=slide)


def assigned(graph: Graph, plan: Plan, machine: Machine = ANY_CORE) -> Plan:
    """The plan with kernels for the steps that name none."""
    tunnels = tuple(
        replace(
            tunnel,
            steps=tuple(
                step if step.kernels else with_kernels(graph, step, machine, tunnel.whole)
                for step in tunnel.steps
            ),
        )
        for tunnel in plan.tunnels
    )
    return replace(plan, tunnels=tunnels)
