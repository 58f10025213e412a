"""Which kernel computes each node, and what the others that the core could run would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from patchc.geometry.span import Span
from patchc.geometry.step import reach
from patchc.ir import Graph
from patchc.kernels.kernel import Kernel, Role, Site
from patchc.plan.types import Plan, StepPlan
from patchc.planner.machine import Machine
from patchc.report.data import KernelChoice, OtherKernel
from patchc.schedule.sites import placed_kernels
from patchc.schedule.types import Load, Schedule, Step
from patchc.schedule.work import Executed, executed


def kernel_choices(plan: Plan, schedule: Schedule, machine: Machine) -> tuple[KernelChoice, ...]:
    """Per node that several of the core's flavours have kernels for: the one that the plan names,
    and the others. Their prices are for the same pieces of the same plan."""
    graph = schedule.graph
    work = {one.node: one for one in executed(schedule) if _computes(one)}
    cols = _columns(schedule)
    return tuple(
        choice
        for tunnel in plan.tunnels
        for step in tunnel.steps
        if not step.is_fetched
        for placed in placed_kernels(graph, step, machine.registry, tunnel.whole)
        for choice in _choice(
            placed.kernel, placed.site, work[_node(graph, placed.site)], cols, machine
        )
    )


def _choice(
    chosen: Kernel, site: Site, work: Executed, cols: Mapping[str, int], machine: Machine
) -> Iterator[KernelChoice]:
    """At one site; nothing where there is no other kernel."""
    site = replace(site, cols=cols[work.node])
    can = machine.registry.candidates(site, machine.flavours)
    # A flavour that can run there refuses with its other kernels only for being of another kind.
    left = set(machine.flavours) - {kernel.flavour for kernel in can}
    cannot = machine.registry.refusals(site, left)
    if len(can) + len(cannot) < 2:
        return
    extent = work.extent
    assert extent is not None

    def cost(kernel: Kernel) -> int:
        return int(machine.cost(kernel, kernel.work(replace(site, rows=0, cols=0), extent)))

    others = [
        OtherKernel(kernel.name, cost(kernel), int(kernel.scratch(site)), None)
        for kernel in can
        if kernel is not chosen
    ]
    others += [OtherKernel(name, None, None, reason) for name, reason in cannot.items()]
    yield KernelChoice(
        work.node, chosen.name, cost(chosen), int(chosen.scratch(site)), tuple(others)
    )


def _computes(one: Executed) -> bool:
    return one.extent is not None and one.kernel.role is not Role.FINISH


def _node(graph: Graph, site: Site) -> str:
    return graph.producer[site.output.name].name


def _columns(schedule: Schedule) -> dict[str, int]:
    """Node -> columns of its output that a call computes, at most."""
    found: dict[str, int] = {}
    for block in schedule.blocks:
        for step in block.steps:
            if step.nodes and not isinstance(step.calls[0], Load):
                found |= _columns_of(schedule.graph, step)
    return found


def _columns_of(graph: Graph, step: Step) -> dict[str, int]:
    plan = StepPlan(step.nodes)
    widest = dict.fromkeys(step.nodes, 0)
    for columns in step.cols:
        for name, (_, span) in zip(
            step.nodes, reach(graph, plan, Span(0, 1), columns), strict=True
        ):
            widest[name] = max(widest[name], span.stop - span.start)
    return {n: min(width, step.tile) if step.tile else width for n, width in widest.items()}
