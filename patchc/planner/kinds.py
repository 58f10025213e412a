"""The kind that a plan belongs to, as its reserve is measured by kind."""

from __future__ import annotations

from patchc.ir import Graph
from patchc.kernels.cmsis_nn import is_library_kernel
from patchc.plan.types import Plan
from patchc.targets.reserve import Kind, Reserve


def kind_of(plan: Plan) -> Kind:
    """The kind that a plan belongs to."""
    used = {kernel for tunnel in plan.tunnels for step in tunnel.steps for kernel in step.kernels}
    if any(map(is_library_kernel, used)):
        return Kind.LIBRARY
    steps = [step for tunnel in plan.tunnels if not tunnel.whole for step in tunnel.steps]
    if any(step.group for step in steps):
        return Kind.GROUPS
    cut = any(tunnel.rows for tunnel in plan.tunnels)  # layers by rows run as tunnels do
    return Kind.TUNNELS if steps or cut else Kind.LAYERS


def reserve_of(reserve: Reserve, graph: Graph, plan: Plan) -> int:
    """Bytes that a plan needs for stack and statics."""
    whole = (name for tunnel in plan.tunnels if tunnel.whole for name in tunnel.nodes)
    operands = max((len(graph.node(name).inputs) for name in whole), default=0)
    return reserve.of(kind_of(plan), operands)
