"""Which kernel computes each node of a step: the candidates, and a choice where none is made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.kernels.kernel import Kernel
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS, Registry
from patchc.plan.types import Plan, StepPlan
from patchc.schedule.sites import step_sites


def candidates(
    graph: Graph, step: StepPlan, registry: Registry, flavours: Collection[str], whole: bool
) -> list[tuple[Kernel, ...]]:
    """Per node of a step: the kernels that can compute it there, one of a flavour.

    Raises PatchcError where a node has none, with the reasons.
    """
    found = []
    for name, site in zip(step.nodes, step_sites(graph, step, whole), strict=True):
        kernels = registry.candidates(site, flavours)
        if not kernels:
            refusals = registry.refusals(site, flavours)
            reasons = "; ".join(f"{kernel}: {reason}" for kernel, reason in refusals.items())
            raise PatchcError(
                f"no kernel can {site.role.value} {name!r} ({site.op.kind}) in this step: "
                f"{reasons or 'there is none for this operator'}"
            )
        found.append(kernels)
    return found


def with_kernels(
    graph: Graph,
    step: StepPlan,
    registry: Registry = KERNELS,
    flavours: Collection[str] = (PORTABLE,),
    whole: bool = False,
) -> StepPlan:
    """The step with the first candidate for each of its nodes."""
    chosen = [kernels[0] for kernels in candidates(graph, step, registry, flavours, whole)]
    ordered = not whole and any(kernel.needs.contiguous for kernel in chosen)
    slide = max(step.slide, 1) if ordered else step.slide
    return replace(step, kernels=tuple(kernel.name for kernel in chosen), slide=slide)


def assigned(
    graph: Graph,
    plan: Plan,
    registry: Registry = KERNELS,
    flavours: Collection[str] = (PORTABLE,),
) -> Plan:
    """The plan with kernels for the steps that name none."""
    tunnels = tuple(
        replace(
            tunnel,
            steps=tuple(
                step
                if step.kernels
                else with_kernels(graph, step, registry, flavours, tunnel.whole)
                for step in tunnel.steps
            ),
        )
        for tunnel in plan.tunnels
    )
    return replace(plan, tunnels=tunnels)
