"""A Graph whose layers mean what computes them: `--numerics cmsis`."""

from __future__ import annotations

from dataclasses import replace

from patchc.choices import Rounding
from patchc.ir import Add, AveragePool, Conv, GlobalAveragePool, Graph, Mul, Node
from patchc.kernels.cmsis_nn import is_library_kernel
from patchc.plan.types import Plan

_ROUNDED = Conv | Add | Mul | AveragePool | GlobalAveragePool


def as_computed(graph: Graph, plan: Plan, rounding: Rounding | None) -> Graph:
    """Nodes whose kernels call CMSIS-NN are rounded as it rounds, all others as onnxruntime; None:
    these, too."""
    library = {
        node
        for tunnel in plan.tunnels
        for step in tunnel.steps
        for node, kernel in zip(step.nodes, step.kernels, strict=True)
        if is_library_kernel(kernel)
    }

    def one(node: Node) -> Node:
        if not isinstance(node.op, _ROUNDED):
            return node
        wanted = rounding if node.name in library else None
        return replace(node, op=replace(node.op, library=wanted))

    return replace(graph, nodes=tuple(map(one, graph.nodes)))


def is_rounded(graph: Graph) -> bool:
    """Does any node mean what CMSIS-NN makes of it?"""
    return any(getattr(node.op, "library", None) is not None for node in graph.nodes)
