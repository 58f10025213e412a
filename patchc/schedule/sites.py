"""Where the kernels of a step run: role, channels and size of each call."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.errors import PatchcError
from patchc.geometry.step import is_mean, piece_rows
from patchc.ir import Conv, Graph, Lut
from patchc.kernels.kernel import Kernel, Role, Site, Slicing, site_of
from patchc.kernels.registry import Registry
from patchc.plan.types import StepPlan


@dataclass(frozen=True, slots=True)
class Placed:
    """The kernel of a node, where it runs, and the one that finishes its sums."""

    kernel: Kernel
    site: Site
    finish: Kernel | None = None

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """Both of them."""
        return (self.kernel,) if self.finish is None else (self.kernel, self.finish)


def projection(graph: Graph, plan: StepPlan) -> int:
    """The position of the node whose sums a step in channel groups keeps: its last pointwise
    convolution; the number of its nodes where it `places` channels. Raises PatchcError where it
    does neither."""
    if places(graph, plan):
        return len(plan.nodes)
    found = _pointwise(graph, plan)
    if not found or found[-1] == 0:
        raise _refused(plan, plan.nodes[-1])
    return found[-1]


def places(graph: Graph, plan: StepPlan) -> bool:
    """Does the last node of a step in channel groups, a table, put the channels of each round among
    all of its output? The pointwise convolution that expands is then the only one."""
    last = graph.node(plan.nodes[-1]).op
    return plan.group > 0 and isinstance(last, Lut) and _pointwise(graph, plan) == [0]


def _pointwise(graph: Graph, plan: StepPlan) -> list[int]:
    """Positions of pointwise convolutions."""
    ops = [graph.node(name).op for name in plan.nodes]
    return [i for i, op in enumerate(ops) if isinstance(op, Conv) and op.is_pointwise]


def step_sites(graph: Graph, plan: StepPlan, whole: bool = False) -> tuple[Site, ...]:
    """Per node of a step, the site of the kernel that computes it or adds to its sums.

    `whole`: the step is a layer of its own, not a part of a tunnel.
    Raises PatchcError for a step in channel groups that no kernels could run.
    """
    at = projection(graph, plan) if plan.group else -1
    mean = not whole and is_mean(graph, plan)
    heights = piece_rows(graph, plan)
    inner = {graph.node(n).output: r for n, r in zip(plan.nodes, heights, strict=True)}
    found: list[Site] = []
    sliced: set[str] = set()  # tensors of which a round makes only some channels
    for position, name in enumerate(plan.nodes):
        node = graph.node(name)
        role, slicing = Role.COMPUTE, Slicing.ALL
        if position == at:
            role, slicing = Role.ACCUMULATE, Slicing.INPUTS
        elif mean and position == len(plan.nodes) - 1:
            role = Role.ACCUMULATE
        elif position < at:
            slicing = Slicing.CHANNELS if position else Slicing.OUTPUTS
            if position == len(plan.nodes) - 1:
                slicing = Slicing.PLACED
        if slicing not in (Slicing.ALL, Slicing.OUTPUTS) and not set(node.inputs) <= sliced:
            raise _refused(plan, name)
        if position < at:
            sliced.add(node.output)
        group = plan.group if slicing is not Slicing.ALL else 0
        wraps = any(inner.get(tensor, 1) > 1 for tensor in node.inputs)
        rows = graph.tensors[node.output].shape[0] if whole else heights[position]
        found.append(
            site_of(graph, node, role=role, slicing=slicing, group=group, wraps=wraps, rows=rows)
        )
    return tuple(found)


def placed_kernels(
    graph: Graph, plan: StepPlan, registry: Registry, whole: bool = False
) -> tuple[Placed, ...]:
    """Per node of a step: the kernel that the plan names, and where it runs.

    Raises PatchcError where there is no such kernel, or it cannot run there.
    """
    if len(plan.kernels) != len(plan.nodes):
        raise PatchcError(
            f"the plan names {len(plan.kernels)} kernels for {len(plan.nodes)} nodes: "
            f"{' + '.join(plan.nodes)}"
        )
    found = []
    sites = step_sites(graph, plan, whole)
    for node, name, site in zip(plan.nodes, plan.kernels, sites, strict=True):
        kernel = registry.get(name)
        if kernel is None:
            raise PatchcError(f"the plan computes {node!r} by {name!r}, a kernel that there is not")
        if kernel.operator is not type(site.op) or kernel.role is not site.role:
            reason = f"that kernel is to {kernel.role.value} {kernel.operator.__name__}"
        else:
            reason = kernel.refusal(site) or ""
        if reason:
            raise PatchcError(f"the plan computes {node!r} by {name!r}: {reason}; change the plan")
        found.append(Placed(kernel, site, registry[kernel.finish] if kernel.finish else None))
    return tuple(found)


def _refused(plan: StepPlan, node: str) -> PatchcError:
    return PatchcError(
        f"the plan runs {node!r} in groups of {plan.group} channels; only convolution, depthwise "
        "or pooling, projection (or, for it, a table of one value) can run so: change the plan"
    )
