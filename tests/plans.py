"""Plans and kernels as tests write them: by hand, with the compiler's own choice of kernels."""

from __future__ import annotations

from patchc.ir import Graph, Node
from patchc.kernels.kernel import site_of
from patchc.kernels.portable import PORTABLE
from patchc.kernels.registry import KERNELS
from patchc.numerics.structs import Params
from patchc.plan.types import Plan
from patchc.planner.assign import assigned
from patchc.planner.machine import ANY_CORE, Machine
from patchc.schedule import lower as lowering
from patchc.schedule.types import Schedule


def lower(graph: Graph, plan: Plan, machine: Machine = ANY_CORE) -> Schedule:
    """The schedule of a plan whose steps may leave out their kernels."""
    return lowering.lower(graph, assigned(graph, plan, machine), machine.registry)


def chosen(graph: Graph, node: Node) -> str:
    """The portable kernel that computes a node whole."""
    return KERNELS.candidates(site_of(graph, node), {PORTABLE})[0].name


def kernel_params(graph: Graph, node: Node, kernel: str, group: int = 0) -> Params:
    """The constants that a kernel needs to compute a node, in groups of so many channels."""
    pack = KERNELS[kernel].pack
    assert pack is not None
    return pack(graph, node, group)
